/* Prints: what an object reaches, to see whether a statement changed it.
 *
 * Children are what tp_traverse visits, with four exceptions: functions show
 * closure, defaults and attributes but never their globals; classes show their
 * own public containers; dicts show keys too; modules, code, frames, weak
 * references and caches show nothing. Objects that hold no references show
 * their buffer or the bytes of their struct. */

#include "array.h"
#include "print.h"

#include "compat.h"
#include "computed.h"
#include "value.h"

#include <string.h>

#define PRINT_BUFFER_EDGE 65536 /* bytes hashed at both ends of a buffer */

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
static PyTypeObject *silent_types[4];
static PyTypeObject *deque_type;


int
print_init(void)
{
    static const struct {
        const char *module, *name;
    } names[] = {
        {"functools", "_lru_cache_wrapper"},
        {"re", "Pattern"},
        {"contextvars", "ContextVar"},
        {"collections", "deque"},
    };
    PyTypeObject *found[Py_ARRAY_LENGTH(names)];
    for (size_t i = 0; i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *module = PyImport_ImportModule(names[i].module);
        PyObject *type = module != NULL
                             ? PyObject_GetAttrString(module, names[i].name)
                             : NULL;
        Py_XDECREF(module);
        if (type == NULL) {
            return -1;
        }
        found[i] = (PyTypeObject *)type; /* kept: one reference a process */
    }
    silent_types[0] = found[0];
    silent_types[1] = found[1];
    silent_types[2] = found[2];
    deque_type = found[3];
    return 0;
}


int
print_is_cache(PyObject *object)
{
    return Py_TYPE(object) == silent_types[0];
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


static uint64_t
bytes_hash(uint64_t h, const void *data, Py_ssize_t size)
{
    const unsigned char *p = data;
    for (Py_ssize_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, p + i, (size_t)Py_MIN(8, size - i));
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return h;
}


/* A buffer's bytes; of a large one both ends and a stride through the middle:
 * a model's weights are too many to read at every step. */
static uint64_t
buffer_hash(const Py_buffer *view)
{
    uint64_t h = (uint64_t)view->len + 1;
    if (view->len <= 2 * PRINT_BUFFER_EDGE) {
        return bytes_hash(h, view->buf, view->len);
    }
    const char *data = view->buf;
    h = bytes_hash(h, data, PRINT_BUFFER_EDGE);
    Py_ssize_t stride = view->len / 4096;
    for (Py_ssize_t at = PRINT_BUFFER_EDGE;
         at + 8 < view->len - PRINT_BUFFER_EDGE; at += stride) {
        h = bytes_hash(h, data + at, 8);
    }
    return bytes_hash(h, data + view->len - PRINT_BUFFER_EDGE,
                      PRINT_BUFFER_EDGE);
}


/* The bytes of an object's struct, without the pointers to weak references and
 * to a dict that comes into being when first looked at. */
static uint64_t
struct_hash(PyObject *object, PyTypeObject *type)
{
    Py_ssize_t size = type->tp_basicsize;
    uint64_t h = 1;
    for (Py_ssize_t at = (Py_ssize_t)sizeof(PyObject); at < size; at += 8) {
        if (at != type->tp_weaklistoffset && at != type->tp_dictoffset) {
            h = bytes_hash(h, (char *)object + at, Py_MIN(8, size - at));
        }
    }
    return h;
}


/* Does a type of C keep state where no print can see it (a hash's context)? */
static int
is_opaque(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    return !(PyDict_CheckExact(object) || PyAnySet_CheckExact(object)
             || PyList_CheckExact(object) || PyFunction_Check(object)
             || PyType_Check(object) || PyByteArray_CheckExact(object)
             || type == deque_type)
           && !(PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
                && type->tp_dictoffset != 0);
}


/* What an object holds besides references. */
static uint64_t
print_content(PyObject *object)
{
    static uint64_t unseen; /* under the GIL */
    PyTypeObject *type = Py_TYPE(object);
    if (PyGen_CheckExact(object) || PyAsyncGen_CheckExact(object)) {
        return ++unseen; /* its frame cannot be seen: always another */
    }
    if (PyObject_CheckBuffer(object) && !PyBytes_Check(object)) {
        Py_buffer view;
        if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) == 0) {
            uint64_t h = buffer_hash(&view);
            PyBuffer_Release(&view);
            return h;
        }
        PyErr_Clear(); /* not contiguous: its struct has to do */
    }
    if (PyDict_CheckExact(object) || PyAnySet_CheckExact(object)
        || PyList_CheckExact(object) || PyTuple_CheckExact(object)
        || PyFunction_Check(object) || PyType_Check(object)
        || type->tp_itemsize != 0) {
        return 0; /* what they hold tells it all */
    }
    return struct_hash(object, type);
}


static Kind
kind_of(PyObject *object)
{
    if (PyTuple_CheckExact(object)) {
        return KIND_TUPLE;
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
    PyTypeObject *type = is_dict_of(dict, holder) ? Py_TYPE(holder) : NULL;
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        if (type == NULL || !computed_is_memo(type, key)) {
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


/* A class shows what registries keep on it: public attributes. */
static void
visit_class(PyObject *object, Visit *visit)
{
    PyObject *dict = ((PyTypeObject *)object)->tp_dict;
    if (dict == NULL
        || !PyType_HasFeature((PyTypeObject *)object, Py_TPFLAGS_HEAPTYPE)) {
        return;
    }
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        Py_UCS4 first = PyUnicode_Check(key) && PyUnicode_GET_LENGTH(key) > 1
                            ? PyUnicode_READ_CHAR(key, 0)
                            : 0;
        if (first == '_' && PyUnicode_READ_CHAR(key, 1) == '_') {
            continue;
        }
        if (first == '_'
            && PyUnicode_CompareWithASCIIString(key, "_abc_impl") == 0) {
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


/* tp_traverse may visit the values of an instance's dict, not the dict. */
static void
visit_note_memos(Visit *visit, PyObject *dict, PyTypeObject *type)
{
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (dict != NULL && visit->memo_count < MEMOS
           && PyDict_Next(dict, &pos, &key, &value)) {
        if (computed_is_memo(type, key)) {
            visit->memos[visit->memo_count++] = value;
        }
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
        visit_class(object, &visit); /* the root: others are not added */
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
        (void)type->tp_traverse(object, visit_child, &visit);
    }
    return visit.content;
}


int
print_take(Print *print, PyObject *object, Py_ssize_t budget)
{
    *print = (Print){.complete = !is_opaque(object)};
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
