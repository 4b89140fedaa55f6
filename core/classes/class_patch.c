/* Class patch: a class gets the members that its statement gives now. */

#include "class_patch.h"

#include "class_made.h"
#include "class_member.h"
#include "class_members.h"
#include "class_text.h"
#include "compat.h"
#include "computed.h"
#include "needed.h"
#include "text.h"
#include "undo.h"
#include "value.h"


/* ---- which classes ------------------------------------------------------ */

/* Has a class in its line something to say when a class is made, or its own way
 * to look up attributes? */
static int
class_has_hooks(PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        PyObject *dict = PyType_GetDict(base);
        int hooks =
            base != &PyBaseObject_Type
            && (dict == NULL || dict_peek(dict, "__init_subclass__") != NULL
                || dict_peek(dict, "__getattr__") != NULL
                || dict_peek(dict, "__getattribute__") != NULL);
        Py_XDECREF(dict);
        if (hooks) {
            return 1;
        }
    }
    return 0;
}


static int
bases_equal(PyTypeObject *a, PyTypeObject *b)
{
    Py_ssize_t count = PyTuple_GET_SIZE(a->tp_bases);
    int equal = count == PyTuple_GET_SIZE(b->tp_bases);
    for (Py_ssize_t i = 0; equal && i < count; i++) {
        equal = PyTuple_GET_ITEM(a->tp_bases, i)
                == PyTuple_GET_ITEM(b->tp_bases, i);
    }
    return equal;
}


static int
classes_are_alike(PyObject *old, PyObject *fresh)
{
    PyTypeObject *a = (PyTypeObject *)old, *b = (PyTypeObject *)fresh;
    return Py_IS_TYPE(old, &PyType_Type) && Py_IS_TYPE(fresh, &PyType_Type)
           && PyType_HasFeature(a, Py_TPFLAGS_HEAPTYPE) && bases_equal(a, b)
           && a->tp_basicsize == b->tp_basicsize
           && a->tp_itemsize == b->tp_itemsize
           && a->tp_dictoffset == b->tp_dictoffset
           && a->tp_weaklistoffset == b->tp_weaklistoffset
           && PyUnicode_Compare(((PyHeapTypeObject *)a)->ht_qualname,
                                ((PyHeapTypeObject *)b)->ht_qualname)
                  == 0
           && dict_peek(a->tp_dict, "__slots__") == NULL
           && dict_peek(b->tp_dict, "__slots__") == NULL && !class_has_hooks(b);
}


/* Did this statement, or the one that it replaces, make the class, and has
 * nobody else changed it? */
static int
class_is_own(const Statement *statement, const Version *old)
{
    const Statement *before = statement->replaces;
    const Group *group = group_of(hmr_engine, old->value);
    if (old->producer == NULL
        || (old->producer != statement && old->producer != before)
        || group == NULL || group->outside || group->must_be_fresh) {
        return 0;
    }
    const Statement *shaper = group->actual->producer;
    return (group->creator == statement || group->creator == before)
           && (shaper == statement || shaper == before);
}


/* ---- names ------------------------------------------------------------- */

/* Follows from where the text stands, and from the code of methods. */
static int
name_is_derived(PyObject *name)
{
    return text_is(name, "__firstlineno__")
           || text_is(name, "__static_attributes__");
}


/* What type() adds for the class itself. */
static int
name_is_own(PyObject *name)
{
    return text_is(name, "__dict__") || text_is(name, "__weakref__");
}


/* ---- the merge ---------------------------------------------------------- */

typedef struct {
    PyTypeObject *type, *fresh; /* Borrowed. */
    PyObject *merged;           /* Owned dict: what the class will have */
    PyObject *changed;          /* Owned set of names */
} Merge;

typedef enum { MEMBER_REFUSED, MEMBER_KEPT, MEMBER_CHANGED } MemberFate;


/* Instances hold values of it, which nothing else may take for its own. */
static int
member_is_memo(PyObject *member)
{
    return computed_is_cached_property(Py_TYPE(member));
}


static MemberFate
member_fate(PyObject *name, PyObject *now, PyObject *value)
{
    if (name_is_own(name)) {
        return now != NULL ? MEMBER_KEPT : MEMBER_REFUSED;
    }
    if (name_is_class_annotation(name)) {
        return now != NULL
                       && (PyFunction_Check(value) ? annotates_equal(now, value)
                                                   : parts_equal(now, value))
                   ? MEMBER_KEPT
                   : MEMBER_CHANGED;
    }
    if (now != NULL && members_equal(now, value)) {
        return MEMBER_KEPT;
    }
    if (!member_is_plain(value)
        || (now != NULL
            && (!member_is_plain(now)
                || member_is_memo(now) != member_is_memo(value)))) {
        return MEMBER_REFUSED;
    }
    if (name_is_special(name) && !text_is(name, "__doc__")
        && (now == NULL || !PyFunction_Check(now)
            || !PyFunction_Check(value))) {
        return MEMBER_REFUSED;
    }
    return MEMBER_CHANGED;
}


/* A member of the fresh class. 1, 0: it does not allow a patch, -1. */
static int
merge_take(Merge *merge, PyObject *name, PyObject *value)
{
    PyObject *now = PyDict_GetItemWithError(merge->type->tp_dict, name);
    if (now == NULL && PyErr_Occurred()) {
        return -1;
    }
    if (name_is_derived(name)) {
        return PyDict_SetItem(merge->merged, name, value) < 0 ? -1 : 1;
    }
    MemberFate fate = member_fate(name, now, value);
    if (fate == MEMBER_REFUSED
        || (fate == MEMBER_CHANGED && PySet_Add(merge->changed, name) < 0)
        || PyDict_SetItem(merge->merged, name,
                          fate == MEMBER_KEPT ? now : value)
               < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return 1;
}


/* A member of the class that the fresh one does not have. 1, 0, -1. */
static int
merge_leave(Merge *merge, PyObject *name, PyObject *value)
{
    if (text_is(name, "__annotations_cache__")) {
        return 1; /* whoever asks for annotations is told those of now */
    }
    if (!name_is_class_annotation(name)
        && (name_is_special(name) || !member_is_plain(value)
            || member_is_memo(value))) {
        return 0;
    }
    return PySet_Add(merge->changed, name) < 0 ? -1 : 1;
}


static int
merge_members(Merge *merge)
{
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    int result = 1;
    while (result > 0
           && PyDict_Next(merge->fresh->tp_dict, &pos, &name, &value)) {
        result =
            PyUnicode_CheckExact(name) ? merge_take(merge, name, value) : 0;
    }
    pos = 0;
    while (result > 0
           && PyDict_Next(merge->type->tp_dict, &pos, &name, &value)) {
        int there = PyDict_Contains(merge->merged, name);
        result = there != 0 ? there : merge_leave(merge, name, value);
    }
    return result;
}


/* A function's cell of that name gets another value. 0, or -1. */
static int
function_set_cell(PyObject *function, const char *name, PyObject *value)
{
    PyObject *closure = PyFunction_GET_CLOSURE(function);
    PyObject *names =
        PyCode_GetFreevars((PyCodeObject *)PyFunction_GET_CODE(function));
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0;
         result == 0 && closure != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (text_is(PyTuple_GET_ITEM(names, i), name)) {
            result = PyCell_Set(PyTuple_GET_ITEM(closure, i), value);
        }
    }
    Py_XDECREF(names);
    return result;
}


/* The functions know the class that they stand in. */
static int
function_move(PyObject *function, PyTypeObject *type)
{
    PyObject *annotate = hmr_function_annotate(function);
    if (function_set_cell(function, "__class__", (PyObject *)type) < 0
        || function_set_cell(function, "__classdict__", type->tp_dict) < 0) {
        return -1;
    }
    return annotate != NULL && PyFunction_Check(annotate)
               ? function_set_cell(annotate, "__classdict__", type->tp_dict)
               : 0;
}


static int
merge_move_functions(const Merge *merge)
{
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    int result = 0;
    while (result == 0 && PyDict_Next(merge->merged, &pos, &name, &value)) {
        int moves = PySet_Contains(merge->changed, name);
        PyObject *functions = moves > 0 ? member_functions(value) : NULL;
        result = moves < 0 ? -1 : 0;
        for (Py_ssize_t i = 0; result == 0 && functions != NULL
                               && i < PyTuple_GET_SIZE(functions);
             i++) {
            PyObject *function = PyTuple_GET_ITEM(functions, i);
            result = PyFunction_Check(function)
                         ? function_move(function, merge->type)
                         : 0;
        }
        Py_XDECREF(functions);
    }
    return result;
}


/* ---- who is concerned --------------------------------------------------- */

/* Whoever called the function in any other way. */
static int
function_retire(PyObject *function)
{
    CodeInfo *info = code_info(PyFunction_GET_CODE(function));
    if (info == NULL || info->cell == NULL) {
        return 0;
    }
    Version *version = version_new(NULL, NULL);
    if (version == NULL) {
        return -1;
    }
    cell_touch(&info->cell->cell, hmr_engine);
    version_set(&info->cell->cell.base, version);
    cell_need_readers(&info->cell->cell, hmr_engine);
    version_unref(version);
    return 0;
}


static int
member_retire(PyTypeObject *type, PyObject *name)
{
    PyObject *value = PyDict_GetItemWithError(type->tp_dict, name);
    PyObject *functions = value != NULL ? member_functions(value) : NULL;
    int result = PyErr_Occurred() ? -1 : 0;
    for (Py_ssize_t i = 0;
         result == 0 && functions != NULL && i < PyTuple_GET_SIZE(functions);
         i++) {
        PyObject *function = PyTuple_GET_ITEM(functions, i);
        result = PyFunction_Check(function) ? function_retire(function) : 0;
    }
    Py_XDECREF(functions);
    return result;
}


static int
merge_tell(const Merge *merge)
{
    static const char *const annotations[] = {"__annotations__", "__annotate__",
                                              NULL};
    Engine *engine = hmr_engine;
    PyObject *type = (PyObject *)merge->type;
    int moved = !dicts_have_one_order(merge->type->tp_dict, merge->merged);
    PyObject *names = PySequence_List(merge->changed);
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        result = member_retire(merge->type, name);
        if (result == 0) {
            result = class_members_change(engine, type, name);
        }
        for (int j = 0; result == 0 && name_is_class_annotation(name)
                        && annotations[j] != NULL;
             j++) {
            PyObject *key = PyUnicode_FromString(annotations[j]);
            result = key != NULL ? class_members_change(engine, type, key) : -1;
            Py_XDECREF(key);
        }
    }
    if (result == 0 && (moved || PySet_GET_SIZE(merge->changed) > 0)) {
        result = class_members_change(engine, type, engine->name_dict);
    }
    Py_XDECREF(names);
    return result;
}


static int
merge_apply(Merge *merge, Frame *frame)
{
    PyObject *type = (PyObject *)merge->type;
    Engine *engine = hmr_engine;
    if (merge_tell(merge) < 0 || merge_move_functions(merge) < 0
        || undo_add_class(engine->undoing, type, merge->merged) < 0
        || class_put_members(type, merge->merged) < 0) {
        return -1;
    }
    class_made_replace(frame, (PyObject *)merge->fresh, type);
    frame->patched_class = 1;
    return 1;
}


int
class_patch_take(Frame *frame, const Binding *binding, const Version *old,
                 PyObject *fresh)
{
    const Statement *statement = frame->statement;
    PyObject *type = old->value;
    if (statement->syntax.kind != STATEMENT_CLASS || hmr_engine->undoing == NULL
        || type == fresh || binding->module != statement->module
        || !PyType_Check(type) || !PyType_Check(fresh)
        || !class_is_own(statement, old) || !classes_are_alike(type, fresh)
        || !class_text_is_plain(statement, (PyTypeObject *)fresh)
        || !class_members_complete(hmr_engine, type)) {
        return 0;
    }
    Merge merge = {
        .type = (PyTypeObject *)type,
        .fresh = (PyTypeObject *)fresh,
        .merged = PyDict_New(),
        .changed = PySet_New(NULL),
    };
    int result = merge.merged != NULL && merge.changed != NULL ? 0 : -1;
    if (result == 0) {
        result = merge_members(&merge);
    }
    if (result > 0) {
        result = merge_apply(&merge, frame);
    }
    Py_XDECREF(merge.merged);
    Py_XDECREF(merge.changed);
    return result;
}
