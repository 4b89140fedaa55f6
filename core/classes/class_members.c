/* Who looks up which attributes of the program's classes. */

#include "class_members.h"

#include "class_made.h"
#include "class_members_parts.h"
#include "class_super.h"
#include "compat.h"
#include "frame_parts.h"
#include "needed.h"
#include "rules.h"


#define ALL_NAMES "__dict__" /* whoever reads it may look at anything */

/* ---- records ------------------------------------------------------------ */

static void
members_free(Members *members)
{
    Py_XDECREF(members->ref);
    Py_XDECREF(members->cells);
    Py_XDECREF(members->supers);
    PyMem_Free(members);
}


int
members_are_of(const Members *members, const void *type)
{
    return weakref_is_of(members->ref, type);
}


Members *
members_find(const Engine *engine, const void *type)
{
    Members *members = ptrmap_get(&engine->members, type);
    return members != NULL && members_are_of(members, type) ? members : NULL;
}


/* Does the interpreter ask a function of the program for attributes? */
static int
class_asks(PyTypeObject *type)
{
    static const char *const names[] = {"__getattr__", "__getattribute__"};
    int asks = 0;
    for (size_t i = 0; !asks && i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]);
        PyObject *found = name != NULL ? _PyType_Lookup(type, name) : NULL;
        asks = found != NULL && PyFunction_Check(found);
        Py_XDECREF(name);
    }
    PyErr_Clear(); /* without memory: it is left alone */
    return asks;
}


/* The class's record, which is made where there is none. NULL with MemoryError
 * set. */
static Members *
members_of(Engine *engine, PyObject *type)
{
    Members *members = ptrmap_get(&engine->members, type);
    if (members != NULL && members_are_of(members, type)) {
        return members;
    }
    if (members != NULL) {
        ptrmap_pop(&engine->members, type); /* another had the address */
        members_free(members);
    }
    members = PyMem_Calloc(1, sizeof(*members));
    if (members == NULL || ptrmap_set(&engine->members, type, members) < 0) {
        PyMem_Free(members);
        PyErr_NoMemory();
        return NULL;
    }
    members->ref = PyWeakref_NewRef(type, NULL);
    members->cells = PyDict_New();
    if (members->ref == NULL || members->cells == NULL) {
        ptrmap_pop(&engine->members, type);
        members_free(members);
        return NULL;
    }
    return members;
}


int
class_members_add(Engine *engine, PyObject *object)
{
    PyTypeObject *type = (PyTypeObject *)object;
    int plain = class_members_plain(type);
    if (!Py_IS_TYPE(object, &PyType_Type) || !class_hooks_ready()
        || (!plain && !class_asks(type)) || group_is_outside(engine, object)) {
        return 0;
    }
    Members *members = members_of(engine, object);
    if (members == NULL) {
        return -1;
    }
    if (plain) {
        members->hooked = 1;
    }
    else if (members->asks == NULL) {
        members->asks = type->tp_getattro;
    }
    class_hook(type, members);
    return 0;
}


void
class_members_sweep(Engine *engine)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->members, &pos, &type, &item)) {
        if (!members_are_of(item, type)) {
            ptrmap_pop(&engine->members, type);
            members_free(item);
        }
    }
}


void
class_members_fini(Engine *engine)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->members, &pos, &type, &item)) {
        members_free(item);
    }
    ptrmap_fini(&engine->members);
    Py_CLEAR(engine->super_members);
}


int
class_members_complete(Engine *engine, PyObject *type)
{
    const Members *members = members_find(engine, type);
    if (members == NULL || !members->hooked) {
        return 0;
    }
    PyObject *list = class_made_subclasses(type);
    int complete = list != NULL;
    for (Py_ssize_t i = 0; complete && i < PyList_GET_SIZE(list); i++) {
        PyObject *sub = PyList_GET_ITEM(list, i);
        complete = class_made_is_retired(engine, sub)
                   || class_members_complete(engine, sub);
    }
    Py_XDECREF(list);
    PyErr_Clear(); /* without memory: not, which is safe */
    return complete;
}


/* ---- cells -------------------------------------------------------------- */

/* The cell of a name in a table of them. New reference; NULL with an exception
 * set, or without where there is none and `create` is 0. */
static MemberCell *
member_cell(Engine *engine, PyObject *table, PyObject *owner, PyObject *name,
            int create)
{
    PyObject *capsule = PyDict_GetItemWithError(table, name);
    if (capsule != NULL) {
        MemberCell *found = PyCapsule_GetPointer(capsule, MEMBER_CAPSULE);
        return (MemberCell *)cell_ref(&found->cell);
    }
    if (PyErr_Occurred() || !create) {
        return NULL;
    }
    MemberCell *cell = PyMem_Calloc(1, sizeof(*cell));
    capsule = cell != NULL ? PyCapsule_New(cell, MEMBER_CAPSULE, NULL) : NULL;
    if (capsule == NULL || PyDict_SetItem(table, name, capsule) < 0) {
        Py_XDECREF(capsule);
        PyMem_Free(cell);
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return NULL;
    }
    Py_DECREF(capsule);
    cell_init(&cell->cell, CELL_MEMBER, engine);
    cell->table = Py_NewRef(table);
    cell->name = Py_NewRef(name);
    cell->owner = Py_NewRef(owner);
    return cell;
}


void
class_member_clear(MemberCell *cell)
{
    PyObject *error = PyErr_GetRaisedException();
    if (PyDict_DelItem(cell->table, cell->name) < 0) {
        PyErr_Clear(); /* it was never entered */
    }
    PyErr_SetRaisedException(error);
    Py_CLEAR(cell->table);
    Py_CLEAR(cell->name);
    Py_CLEAR(cell->owner);
}


int
class_member_read(Frame *frame, PyObject *table, PyObject *owner,
                  PyObject *name)
{
    MemberCell *cell = member_cell(hmr_engine, table, owner, name, 1);
    if (cell == NULL) {
        return -1;
    }
    int result = rule(READ_MEMBERS) ? frame_read_cell(frame, &cell->cell) : 0;
    cell_unref(&cell->cell, hmr_engine); /* the trace holds it */
    return result;
}


static PyObject *
type_name(PyTypeObject *type)
{
    return ((PyHeapTypeObject *)type)->ht_name;
}


int
class_members_look_up(Frame *frame, PyTypeObject *type, PyTypeObject *after,
                      PyObject *name, int all)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (after != NULL) {
            after = base == after ? NULL : after;
            continue;
        }
        const Members *members = members_find(hmr_engine, base);
        if (members != NULL && members->hooked
            && (frame_need_class(frame, base) < 0
                || class_member_read(frame, members->cells, type_name(base),
                                     name)
                       < 0)) {
            return -1;
        }
        PyObject *dict = base->tp_dict; /* NULL: a class of the interpreter */
        int found = all || dict == NULL ? 0 : PyDict_Contains(dict, name);
        if (found != 0) {
            return found < 0 ? -1 : 0;
        }
    }
    return 0;
}


Frame *
class_members_looking(PyObject *name)
{
    Engine *engine = hmr_engine;
    return engine != NULL && engine->tracing > 0 && engine->members.live > 0
                   && PyUnicode_CheckExact(name)
               ? frame_current(engine)
               : NULL;
}


/* ---- what a patch changes ----------------------------------------------- */

int
class_member_change(Engine *engine, PyObject *table, PyObject *owner,
                    PyObject *name)
{
    /* who looks for classes that were patched finds it, read or not */
    int create = owner != NULL && name == engine->name_dict;
    MemberCell *cell = member_cell(engine, table, owner, name, create);
    if (cell == NULL) {
        return PyErr_Occurred() ? -1 : 0; /* nobody has looked it up */
    }
    Version *version = version_new(NULL, NULL);
    if (version != NULL) {
        cell_touch(&cell->cell, engine);
        version_set(&cell->cell.base, version);
        cell_need_readers(&cell->cell, engine);
        version_unref(version);
    }
    cell_unref(&cell->cell, engine);
    return version != NULL ? 0 : -1;
}


int
class_members_change(Engine *engine, PyObject *type, PyObject *name)
{
    const Members *members = members_find(engine, type);
    if (members != NULL
        && class_member_change(engine, members->cells,
                               type_name((PyTypeObject *)type), name)
               < 0) {
        return -1;
    }
    return class_super_change(engine, type, name);
}


PyObject *
class_members_supers(Engine *engine, PyObject *type, int create)
{
    Members *members =
        create ? members_of(engine, type) : members_find(engine, type);
    if (members != NULL && members->supers == NULL && create) {
        members->supers = PyDict_New();
    }
    return members != NULL ? members->supers : NULL;
}


/* ---- reads without a look-up -------------------------------------------- */

static int
read_all_of(Frame *frame, PyTypeObject *type,
            void (*note)(const Cell *cell, void *arg), void *arg)
{
    Engine *engine = hmr_engine;
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        const Members *members = members_find(engine, base);
        if (members == NULL || !members->hooked) {
            continue;
        }
        MemberCell *cell = member_cell(engine, members->cells, type_name(base),
                                       engine->name_dict, 1);
        if (cell == NULL) {
            return -1;
        }
        note(&cell->cell, arg);
        int result = frame != NULL ? frame_read_cell(frame, &cell->cell) : 0;
        cell_unref(&cell->cell, engine);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


int
class_members_read_all(Frame *frame, PyObject *object,
                       void (*note)(const Cell *cell, void *arg), void *arg)
{
    int idle =
        frame == NULL && PyList_GET_SIZE(hmr_engine->patched_classes) == 0;
    if (idle || hmr_engine->members.live == 0 || !print_applies(object)) {
        return 0;
    }
    Print print;
    if (print_take(&print, object, PRINT_DEEP) < 0) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < print.count; i++) {
        PyObject *node = print.nodes[i].object;
        result = read_all_of(
            frame, PyType_Check(node) ? (PyTypeObject *)node : Py_TYPE(node),
            note, arg);
    }
    print_fini(&print);
    return result;
}
