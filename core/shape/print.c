/* Prints: what an object reaches, to see whether a statement changed it.
 *
 * Children are what tp_traverse visits, with four exceptions: functions show
 * closure, defaults and attributes but never their globals; classes show their
 * own containers (private ones where a statement exists to change the class),
 * functools caches, as the root, what was set on them; dicts show keys too;
 * modules, code, frames, weak references and caches show nothing. Objects that
 * hold no references show their buffer or the bytes of their struct. */

#include "array.h"
#include "print_content.h"

#include "compat.h"
#include "computed.h"
#include "rules.h"
#include "value.h"

#include <string.h>

#define KIND_SLOTS 64
#define MEMOS 32       /* of one object that are left out */
#define SEEN_SLOTS 512 /* a power of two, and room for PRINT_DEEP objects */

_Static_assert(PRINT_DEEP * 2 <= SEEN_SLOTS, "a print finds no free slot");

/* What a print does with the objects of a type. */
typedef enum {
    KIND_LEFT_OUT,
    KIND_TUPLE, /* left out if all that it holds is immutable */
    KIND_ROOT,  /* shown as the root only */
    KIND_SHOWN,
} Kind;

typedef struct {
    Print *print;
    PyObject *seen[SEEN_SLOTS]; /* by address; what `print` owns */
    Py_ssize_t budget;
    Py_ssize_t at; /* the node that is looked at */
    int failed;
    /* By address. Borrowed: no Python code runs meanwhile, so no type goes. */
    struct {
        PyTypeObject *type;
        Kind kind;
    } kinds[KIND_SLOTS];
} Printer;


/* Types that show nothing, looked up once: caches, patterns, context
 * variables. Borrowed from their modules, which live as long as Python does. */
static PyTypeObject *silent_types[3];


int
print_init(void)
{
    static const struct {
        const char *module, *name;
    } names[] = {
        {"functools", "_lru_cache_wrapper"},
        {"re", "Pattern"},
        {"contextvars", "ContextVar"},
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *module = PyImport_ImportModule(names[i].module);
        PyObject *type = module != NULL
                             ? PyObject_GetAttrString(module, names[i].name)
                             : NULL;
        Py_XDECREF(module);
        if (type == NULL) {
            return -1;
        }
        silent_types[i] = (PyTypeObject *)type; /* kept: one reference */
    }
    return 0;
}


int
print_is_cache(PyObject *object)
{
    return Py_TYPE(object) == silent_types[0];
}


PyTypeObject *
print_cache_type(void)
{
    return silent_types[0];
}


static int
type_is_silent(PyTypeObject *type)
{
    return type == &PyModule_Type || type == &PyCode_Type
           || type == &PyFrame_Type || type == &PyCoro_Type
           || type == &PyRange_Type || type == &PySlice_Type
           || type == &PyGetSetDescr_Type || type == &PyMemberDescr_Type
           || type == &PyWrapperDescr_Type || type == &PyMethodDescr_Type
           || type == &PyClassMethodDescr_Type || type == silent_types[0]
           || type == silent_types[1] || type == silent_types[2]
           || computed_is_value(type);
}


int
print_applies(PyObject *object)
{
    return !type_is_silent(Py_TYPE(object)) && !value_is_immutable(object)
           && !PyModule_Check(object) && !PyWeakref_Check(object);
}


static Kind
kind_of(PyObject *object)
{
    if (PyTuple_CheckExact(object)) {
        return KIND_TUPLE;
    }
    if (print_is_cache(object)) {
        return KIND_ROOT;
    }
    if (!print_applies(object)) {
        return KIND_LEFT_OUT;
    }
    int is_root = PyType_Check(object) || PyGen_CheckExact(object)
                  || PyAsyncGen_CheckExact(object);
    return is_root ? KIND_ROOT : KIND_SHOWN;
}


/* Most objects that a print meets are of few types: each is judged once. */
static int
printer_shows(Printer *printer, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    size_t slot = ((uintptr_t)type >> 5) % KIND_SLOTS;
    if (printer->kinds[slot].type != type) {
        printer->kinds[slot].type = type;
        printer->kinds[slot].kind = kind_of(object);
    }
    switch (printer->kinds[slot].kind) {
    case KIND_LEFT_OUT:
        return 0;
    case KIND_TUPLE:
        return !value_is_immutable(object);
    case KIND_ROOT:
        return printer->print->count == 0;
    case KIND_SHOWN:
        return 1;
    }
    Py_UNREACHABLE();
}


/* Where the object is among those seen, or would be. */
static PyObject **
printer_slot(Printer *printer, PyObject *object)
{
    size_t at = ((uintptr_t)object >> 4) * 0x9E3779B97F4A7C15u >> 32;
    while (printer->seen[at % SEEN_SLOTS] != NULL
           && printer->seen[at % SEEN_SLOTS] != object) {
        at++;
    }
    return &printer->seen[at % SEEN_SLOTS];
}


static void
printer_add(Printer *printer, PyObject *object)
{
    Print *print = printer->print;
    if (object == NULL || printer->failed || !printer_shows(printer, object)) {
        return;
    }
    PyObject **slot = printer_slot(printer, object);
    if (*slot != NULL) {
        return;
    }
    if (print->count >= printer->budget) {
        print->complete = 0;
        return;
    }
    PrintNode *nodes = array_grow(print->nodes, print->count, &print->room,
                                  sizeof(*nodes), 32);
    if (nodes == NULL) {
        printer->failed = 1;
        return;
    }
    print->nodes = nodes;
    *slot = object;
    print->nodes[print->count++] =
        (PrintNode){.object = Py_NewRef(object), .from = printer->at};
}


/* References that the print does not follow still tell one state from another:
 * mix the address of whatever a container holds into its content. */
typedef struct {
    Printer *printer; /* NULL: only the content is asked for */
    uint64_t content;
    PyObject *memos[MEMOS]; /* attributes to leave out, each once */
    Py_ssize_t memo_count;
} Visit;


static int
visit_child(PyObject *child, void *arg)
{
    Visit *visit = arg;
    for (Py_ssize_t i = 0; i < visit->memo_count; i++) {
        if (visit->memos[i] == child) {
            visit->memos[i] = visit->memos[--visit->memo_count];
            return 0;
        }
    }
    visit->content =
        (visit->content ^ (uint64_t)(uintptr_t)child) * 0x9E3779B97F4A7C15u;
    visit->content ^= visit->content >> 31;
    if (visit->printer != NULL) {
        printer_add(visit->printer, child);
    }
    return 0;
}


/* Is it the dict of this instance? */
static int
is_dict_of(PyObject *dict, PyObject *object)
{
    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE)
        || PyType_Check(object) || PyModule_Check(object)) {
        return 0;
    }
    PyObject *own = value_dict(object);
    Py_XDECREF(own);
    return own == dict;
}


/* `holder`: what led to the dict. */
static void
visit_dict(PyObject *dict, PyObject *holder, Visit *visit)
{
    PyTypeObject *type =
        is_dict_of(dict, holder) && computed_has_memos(Py_TYPE(holder))
            ? Py_TYPE(holder)
            : NULL;
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        if (type == NULL || !computed_is_memo(type, dict, key)) {
            visit_child(key, visit);
            visit_child(value, visit);
        }
    }
}


static void
visit_function(PyObject *object, Visit *visit)
{
    PyFunctionObject *function = (PyFunctionObject *)object;
    PyObject *parts[] = {function->func_defaults, function->func_kwdefaults,
                         function->func_dict};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(parts); i++) {
        /* an empty dict comes into being when somebody looks */
        if (parts[i] != NULL
            && !(PyDict_CheckExact(parts[i])
                 && PyDict_GET_SIZE(parts[i]) == 0)) {
            visit_child(parts[i], visit);
        }
    }
    PyObject *closure = function->func_closure;
    for (Py_ssize_t i = 0; closure != NULL && i < PyTuple_GET_SIZE(closure);
         i++) {
        PyObject *held = PyCell_GET(PyTuple_GET_ITEM(closure, i));
        if (held != NULL) {
            visit_child(held, visit);
        }
    }
}


/* Of a class, is that what it or the interpreter works out when it is asked, or
 * what is not looked at unless the class itself is to be changed? */
static int
is_hidden(PyObject *key, int private)
{
    Py_ssize_t length = PyUnicode_Check(key) ? PyUnicode_GET_LENGTH(key) : 0;
    const char *name = length > 1 ? PyUnicode_AsUTF8(key) : NULL;
    PyErr_Clear(); /* a name that is no UTF-8 */
    if (name == NULL || name[0] != '_') {
        return 0;
    }
    if (name[1] == '_') {
        return !private || strncmp(name, "__annot", 7) == 0
               || strcmp(name, "__signature__") == 0;
    }
    return strcmp(name, "_abc_impl") == 0;
}


/* A class shows what registries keep on it: public attributes; where it is to
 * be changed also its private ones (`Model.model_rebuild()`). */
static void
visit_class(PyObject *object, Visit *visit, int private)
{
    PyObject *dict = ((PyTypeObject *)object)->tp_dict;
    if (dict == NULL
        || !PyType_HasFeature((PyTypeObject *)object, Py_TPFLAGS_HEAPTYPE)) {
        return;
    }
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        if (is_hidden(key, private)) {
            continue;
        }
        visit->content =
            (visit->content ^ (uint64_t)(uintptr_t)value) * 0x9E3779B97F4A7C15u;
        if (visit->printer != NULL && !PyFunction_Check(value)
            && !PyType_Check(value) && Py_TYPE(value)->tp_descr_get == NULL) {
            printer_add(visit->printer, value);
        }
    }
}


/* What was set on a functools cache: who gets it sees that, too. */
static void
visit_cache(PyObject *object, Visit *visit)
{
    PyObject *dict = value_dict(object);
    if (dict != NULL) {
        visit_dict(dict, object, visit);
    }
    Py_XDECREF(dict);
}


/* tp_traverse may visit the values of an instance's dict, not the dict. */
static void
visit_note_memos(Visit *visit, PyObject *dict, PyTypeObject *type)
{
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    if (dict == NULL || !computed_has_memos(type)) {
        return;
    }
    while (visit->memo_count < MEMOS && PyDict_Next(dict, &pos, &key, &value)) {
        if (computed_is_memo(type, dict, key)) {
            visit->memos[visit->memo_count++] = value;
        }
    }
}


static void
visit_note_slot(PyObject *value, void *arg)
{
    Visit *visit = arg;
    if (visit->memo_count < MEMOS) {
        visit->memos[visit->memo_count++] = value;
    }
}


/* What a node's object holds; its children are added to the print, if the
 * printer is there. */
static uint64_t
visit_node(const Print *print, Py_ssize_t at, Printer *printer)
{
    PyObject *object = print->nodes[at].object;
    Visit visit = {.printer = printer, .content = print_content(object)};
    PyTypeObject *type = Py_TYPE(object);
    if (PyDict_CheckExact(object)) {
        visit_dict(object, print->nodes[print->nodes[at].from].object, &visit);
    }
    else if (PyFunction_Check(object)) {
        visit_function(object, &visit);
    }
    else if (PyType_Check(object)) {
        /* the root: others are not added */
        visit_class(object, &visit, print->private);
    }
    else if (print_is_cache(object)) {
        visit_cache(object, &visit);
    }
    else if (PyType_IS_GC(type) && type->tp_traverse != NULL
             && !PyGen_CheckExact(object) && !PyAsyncGen_CheckExact(object)) {
        if (PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT)) {
            /* The dict of an instance comes into being when somebody looks,
             * and tp_traverse then shows another picture: look first. */
            PyObject *dict = PyObject_GenericGetDict(object, NULL);
            visit_note_memos(&visit, dict, type);
            Py_XDECREF(dict);
            PyErr_Clear(); /* without memory the print is merely different */
        }
        else if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
            computed_each_slot(object, visit_note_slot, &visit);
        }
        (void)type->tp_traverse(object, visit_child, &visit);
    }
    return visit.content;
}


int
print_take(Print *print, PyObject *object, Py_ssize_t budget)
{
    *print = (Print){.complete = !print_is_opaque(object),
                     .private = budget == PRINT_GLANCE && rule(CLASS_PRIVATE)};
    Printer printer = {.print = print, .budget = Py_MIN(budget, PRINT_DEEP)};
    printer_add(&printer, object);
    for (Py_ssize_t at = 0; at < print->count && !printer.failed; at++) {
        printer.at = at;
        uint64_t content = visit_node(print, at, &printer);
        print->nodes[at].content = content; /* the array may have moved */
    }
    if (printer.failed) {
        print_fini(print);
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}


void
print_fini(Print *print)
{
    PrintNode *nodes = print->nodes;
    Py_ssize_t count = print->count;
    *print = (Print){0};
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_DECREF(nodes[i].object);
    }
    PyMem_Free(nodes);
}


int
print_holds(const Print *print)
{
    for (Py_ssize_t i = 0; i < print->count; i++) {
        if (visit_node(print, i, NULL) != print->nodes[i].content) {
            return 0;
        }
    }
    return 1;
}


int
print_node_changed(const Print *before, const Print *now, Py_ssize_t at)
{
    const PrintNode *node = &before->nodes[at];
    if (at < now->count && now->nodes[at].object == node->object) {
        return now->nodes[at].content != node->content;
    }
    for (Py_ssize_t i = 0; i < now->count; i++) {
        if (now->nodes[i].object == node->object) {
            return now->nodes[i].content != node->content;
        }
    }
    return 0; /* out of reach now: whoever let go of it has changed */
}


int
print_reaches(PyObject *root, PyObject *target, Py_ssize_t budget)
{
    Print print;
    if (print_take(&print, root, budget) < 0) {
        return -1;
    }
    int found = 0;
    for (Py_ssize_t i = 1; !found && i < print.count; i++) {
        found = print.nodes[i].object == target;
    }
    print_fini(&print);
    return found;
}
