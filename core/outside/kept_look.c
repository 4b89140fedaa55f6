/* Looking for objects of the program among what a library's function leads to.
 */

#include "kept_look.h"

#include "array.h"
#include "compat.h"
#include "print.h"
#include "value.h"

#define DEPTH 7 /* steps from the function */

typedef struct {
    PyObject *object; /* Borrowed: nothing runs meanwhile */
    int depth;
    int is_data; /* reached as what something holds, not by a name in code */
} Step;

typedef struct {
    PyObject *root; /* Borrowed. */
    KeptWanted wanted;
    const void *arg;
    PtrMap seen;
    Step *steps; /* Owned. */
    Py_ssize_t count, room, at;
    int found, failed;
} Look;


PyObject *
kept_home(PyObject *object)
{
    PyObject *home = NULL;
    if (PyMethod_Check(object)) {
        object = PyMethod_GET_FUNCTION(object);
    }
    if (PyModule_Check(object)) {
        home = dict_peek(PyModule_GetDict(object), "__name__");
    }
    else if (PyFunction_Check(object)) {
        home = ((PyFunctionObject *)object)->func_module;
    }
    else if (PyCFunction_Check(object)) {
        home = ((PyCFunctionObject *)object)->m_module;
    }
    else {
        PyTypeObject *type =
            PyType_Check(object) ? (PyTypeObject *)object : Py_TYPE(object);
        home = PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
                       && type->tp_dict != NULL
                   ? dict_peek(type->tp_dict, "__module__")
                   : NULL;
    }
    return home != NULL && PyUnicode_Check(home) ? home : NULL;
}


int
kept_is_of(PyObject *home, PyObject *root)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(root);
    return home != NULL
           && PyUnicode_Tailmatch(home, root, 0, PY_SSIZE_T_MAX, -1) == 1
           && (PyUnicode_GET_LENGTH(home) == length
               || PyUnicode_READ_CHAR(home, length) == '.');
}


static int
is_container(PyObject *object)
{
    return PyDict_Check(object) || PyList_Check(object) || PyTuple_Check(object)
           || PyAnySet_Check(object);
}


/* An object that does nothing but hold others: a deque, a partial, a method. */
static int
is_holder(PyObject *object)
{
    static const char *const names[] = {"collections.deque",
                                        "functools.partial"};
    const char *name = Py_TYPE(object)->tp_name;
    int found = PyMethod_Check(object) || PyCell_Check(object);
    for (size_t i = 0; !found && i < Py_ARRAY_LENGTH(names); i++) {
        found = strcmp(name, names[i]) == 0;
    }
    return found;
}


static void
look_add(Look *look, PyObject *object, int depth, int is_data)
{
    if (object == NULL || look->found || look->failed || depth > DEPTH
        || !PyObject_IS_GC(object)) {
        return;
    }
    if (is_data && look->wanted(object, look->arg)) {
        look->found = 1;
        return;
    }
    if (look->count >= KEPT_BUDGET || ptrmap_get(&look->seen, object) != NULL) {
        return;
    }
    Step *steps =
        array_grow(look->steps, look->count, &look->room, sizeof(*steps), 64);
    if (steps == NULL || ptrmap_set(&look->seen, object, object) < 0) {
        look->failed = 1;
    }
    if (steps != NULL) {
        look->steps = steps;
        steps[look->count++] =
            (Step){.object = object, .depth = depth, .is_data = is_data};
    }
}


/* ---- by names in code --------------------------------------------------- */

/* What the dict of a module or class has by the names of the code. */
static void
look_names(Look *look, PyObject *dict, PyObject *names, int depth)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value =
            PyDict_GetItemWithError(dict, PyTuple_GET_ITEM(names, i));
        look_add(look, value, depth, 1);
    }
}


static void
look_code(Look *look, PyObject *globals, PyCodeObject *code, int depth)
{
    PyObject *names = code->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value =
            PyDict_GetItemWithError(globals, PyTuple_GET_ITEM(names, i));
        if (value == NULL) {
            continue;
        }
        look_add(look, value, depth + 1, 1);
        /* `_state.hub.add`: what the names lead to, one step on */
        if (PyModule_Check(value) && kept_is_of(kept_home(value), look->root)) {
            look_names(look, PyModule_GetDict(value), names, depth + 2);
        }
        else if (PyType_Check(value)
                 && kept_is_of(kept_home(value), look->root)) {
            look_names(look, ((PyTypeObject *)value)->tp_dict, names,
                       depth + 2);
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_consts); i++) {
        PyObject *nested = PyTuple_GET_ITEM(code->co_consts, i);
        if (PyCode_Check(nested) && depth < DEPTH) {
            look_code(look, globals, (PyCodeObject *)nested, depth + 1);
        }
    }
}


/* A library's function: what its code names, and the function that it wraps.
 * Among data it may be a wrapper that the library made for a wanted one; what
 * one that is called closes over may have been made for this very call. */
static void
look_function(Look *look, const Step *step)
{
    PyFunctionObject *function = (PyFunctionObject *)step->object;
    PyObject *cells = function->func_closure;
    for (Py_ssize_t i = 0; cells != NULL && i < PyTuple_GET_SIZE(cells); i++) {
        PyObject *value = PyCell_GET(PyTuple_GET_ITEM(cells, i));
        if (step->is_data
            || (value != NULL
                && (PyFunction_Check(value) || PyType_Check(value)))) {
            look_add(look, value, step->depth + 1, step->is_data);
        }
    }
    if (kept_is_of(function->func_module, look->root)) {
        look_code(look, function->func_globals,
                  (PyCodeObject *)function->func_code, step->depth);
    }
}


/* A class that is called or derived from: what it keeps itself, and what runs
 * then. */
static void
look_class(Look *look, PyTypeObject *type, int depth)
{
    static const char *const running[] = {"__init__", "__new__", "__call__",
                                          "__init_subclass__"};
    if (!kept_is_of(kept_home((PyObject *)type), look->root)) {
        return;
    }
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (PyDict_Next(type->tp_dict, &pos, &name, &value)) {
        int holds =
            is_container(value) || kept_is_of(kept_home(value), look->root);
        if (holds && !PyFunction_Check(value) && !PyType_Check(value)) {
            look_add(look, value, depth + 1, 1);
        }
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(running); i++) {
        value = dict_peek(type->tp_dict, running[i]);
        PyObject *held =
            value != NULL && Py_IS_TYPE(value, &PyClassMethod_Type)
                ? PyObject_GetAttrString(value, "__func__") /* a member */
                : Py_XNewRef(value);
        if (held != NULL && PyFunction_Check(held)) {
            look_add(look, held, depth + 1, 0);
        }
        Py_XDECREF(held); /* the class holds it */
    }
}


/* The class as it is called: its bases and its metaclass too. */
static void
look_class_tree(Look *look, PyTypeObject *type, int depth)
{
    PyObject *line[] = {type->tp_mro, Py_TYPE(type)->tp_mro};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(line); i++) {
        for (Py_ssize_t j = 0; line[i] != NULL && j < PyTuple_GET_SIZE(line[i]);
             j++) {
            look_class(look, (PyTypeObject *)PyTuple_GET_ITEM(line[i], j),
                       depth);
        }
    }
}


/* ---- data --------------------------------------------------------------- */

typedef struct {
    Look *look;
    int depth;
} Visit;


static int
visit_child(PyObject *child, void *arg)
{
    const Visit *visit = arg;
    look_add(visit->look, child, visit->depth, 1);
    return visit->look->found || visit->look->failed;
}


static void
look_dict(Look *look, PyObject *dict, int depth)
{
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (!look->found && PyDict_Next(dict, &pos, &key, &value)) {
        look_add(look, value, depth, 1);
        look_add(look, key, depth, 1);
    }
}


/* Lists from their end: what came last is there. */
static void
look_list(Look *look, PyObject *list, int depth)
{
    for (Py_ssize_t i = PyList_GET_SIZE(list); !look->found && i-- > 0;) {
        look_add(look, PyList_GET_ITEM(list, i), depth, 1);
    }
}


static void
look_data(Look *look, const Step *step)
{
    PyObject *object = step->object;
    PyTypeObject *type = Py_TYPE(object);
    if (PyDict_Check(object)) {
        look_dict(look, object, step->depth + 1);
    }
    else if (PyList_Check(object)) {
        look_list(look, object, step->depth + 1);
    }
    else if (!PyWeakref_Check(object) && !PyCode_Check(object)
             && !PyFrame_Check(object) && !print_is_cache(object)
             && type->tp_traverse != NULL
             && (is_container(object) || is_holder(object)
                 || kept_is_of(kept_home(object), look->root))) {
        Visit visit = {look, step->depth + 1};
        PyObject *dict = value_dict(object); /* tp_traverse may not show it */
        if (dict != NULL) {
            look_dict(look, dict, step->depth + 1);
            Py_DECREF(dict);
        }
        (void)type->tp_traverse(object, visit_child, &visit);
    }
}


static void
look_step(Look *look, const Step *step)
{
    PyObject *object = step->object;
    if (PyFunction_Check(object)) {
        look_function(look, step);
    }
    else if (PyModule_Check(object)) {
        return; /* by names only */
    }
    else if (PyType_Check(object)) {
        look_class(look, (PyTypeObject *)object, step->depth);
    }
    else {
        look_data(look, step);
    }
}


int
kept_look(PyObject *from, PyObject *root, KeptWanted wanted, const void *arg)
{
    Look look = {.root = root, .wanted = wanted, .arg = arg};
    PyObject *error = PyErr_GetRaisedException();
    if (PyType_Check(from)) {
        look_class_tree(&look, (PyTypeObject *)from, 0);
    }
    else {
        look_add(&look, from, 0, 0);
    }
    while (look.at < look.count && !look.found && !look.failed) {
        const Step step = look.steps[look.at++]; /* the array may move */
        look_step(&look, &step);
    }
    PyErr_Clear(); /* a key whose comparison fails is not there */
    PyErr_SetRaisedException(error);
    ptrmap_fini(&look.seen);
    PyMem_Free(look.steps);
    if (look.failed) {
        PyErr_NoMemory();
        return -1;
    }
    return look.found;
}
