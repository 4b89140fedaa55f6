/* What a call calls. */

#include "called.h"

#include "adapters.h"
#include "compat.h"
#include "frame_parts.h"
#include "text.h"


/* ---- what does nothing to the process ----------------------------------- */

/* Modules whose functions and objects are about something else: values, files,
 * other processes, the program's own coroutines; variables of the environment,
 * which the engine sees itself. */
static const char *const harmless_modules[] = {
    "asyncio.runners",
    "asyncio.tasks",
    "bisect",
    "contextlib",
    "copy",
    "dotenv",
    "functools",
    "heapq",
    "hmr_serve",
    "importlib",
    "io",
    "operator",
    "os",
    "pathlib",
    "shutil",
    "subprocess",
    "tempfile",
};

/* The exceptions among them. */
static const char *const harmful_calls[] = {
    "os.chdir",
    "os.chroot",
    "os.fchdir",
    "os.nice",
    "os.putenv",
    "os.setegid",
    "os.seteuid",
    "os.setgid",
    "os.setpgid",
    "os.setpriority",
    "os.setsid",
    "os.setuid",
    "os.umask",
    "os.unsetenv",
    "os.register_at_fork",
    "os.sched_setaffinity",
};

static const char *const harmless_calls[] = {
    "gc.collect",
    "sys.exit",
    "time.sleep",
};

/* Whatever they belong to: they say something, to people or to files. */
static const char *const telling[] = {
    "critical", "debug", "dump",  "error",   "exception",
    "info",     "log",   "print", "savefig", "save",
    "success",  "trace", "warn",  "warning", "write",
};


int
called_is_within(PyObject *module, PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    return PyUnicode_Tailmatch(module, name, 0, PY_SSIZE_T_MAX, -1) == 1
           && (PyUnicode_GET_LENGTH(module) == length
               || PyUnicode_READ_CHAR(module, length) == '.');
}


/* 1, 0, -1. */
static int
module_is_harmless(PyObject *module)
{
    int found = 0;
    for (size_t i = 0; found == 0 && i < Py_ARRAY_LENGTH(harmless_modules);
         i++) {
        PyObject *name = PyUnicode_FromString(harmless_modules[i]);
        found = name != NULL ? called_is_within(module, name) : -1;
        Py_XDECREF(name);
    }
    return found;
}


int
called_is_adapted(const Engine *engine, PyObject *module)
{
    for (Py_ssize_t i = 0; i < engine->adapter_count; i++) {
        const Adapter *adapter = &engine->adapters[i];
        if (!adapter->blind && !adapter->lasting
            && called_is_within(module, adapter->library)) {
            return 1;
        }
    }
    return 0;
}


/* ---- what is called ----------------------------------------------------- */

static int
is_builtin(PyObject *module)
{
    return text_is(module, "builtins");
}


PyObject *
called_home(PyObject *object)
{
    PyObject *name;
    if (PyObject_GetOptionalAttrString(object, "__module__", &name) < 0) {
        PyErr_Clear(); /* a property that is not for us */
        return NULL;
    }
    if (name == NULL || !PyUnicode_Check(name)) {
        Py_XDECREF(name);
        return NULL;
    }
    if (text_is(name, "posix") || text_is(name, "nt")) {
        Py_SETREF(name, PyUnicode_FromString("os"));
    }
    else if (PyUnicode_GET_LENGTH(name) > 1
             && PyUnicode_READ_CHAR(name, 0) == '_') {
        Py_SETREF(name, PyUnicode_Substring(name, 1, PY_SSIZE_T_MAX));
    }
    return name;
}


Called
called_of(PyObject *callable, PyObject *first)
{
    if (PyMethod_Check(callable)) {
        return (Called){PyMethod_GET_FUNCTION(callable),
                        PyMethod_GET_SELF(callable)};
    }
    if (PyCFunction_Check(callable)) {
        PyObject *self = PyCFunction_GET_SELF(callable);
        return (Called){callable,
                        self != NULL && PyModule_Check(self) ? NULL : self};
    }
    if (PyFunction_Check(callable)) {
        PyObject *name = ((PyFunctionObject *)callable)->func_name;
        int method =
            first != NULL && _PyType_Lookup(Py_TYPE(first), name) == callable;
        return (Called){callable, method ? first : NULL};
    }
    if (PyType_Check(callable)) {
        return (Called){callable, NULL};
    }
    if (Py_TYPE(callable) == &PyMethodDescr_Type
        || Py_TYPE(callable) == &PyWrapperDescr_Type) {
        return (Called){callable, first};
    }
    return (Called){callable, callable};
}


/* Did tracked statements make it, or are they what it runs? */
static int
is_inside(const Engine *engine, PyObject *object)
{
    Group *group = group_of(engine, object);
    if (group != NULL && !group->outside) {
        return 1;
    }
    return PyFunction_Check(object)
           && code_info(PyFunction_GET_CODE(object)) != NULL;
}


/* Functions that a library made for the program: what `app.get(path)` gives. */
static int
closes_over_inside(const Engine *engine, PyObject *function)
{
    PyObject *cells =
        PyFunction_Check(function) ? PyFunction_GET_CLOSURE(function) : NULL;
    for (Py_ssize_t i = 0; cells != NULL && i < PyTuple_GET_SIZE(cells); i++) {
        PyObject *value = PyCell_GET(PyTuple_GET_ITEM(cells, i));
        if (value != NULL
            && (is_inside(engine, value) || adapters_own(engine, value))) {
            return 1;
        }
    }
    return 0;
}


/* Is the object among the dict's values? *others: objects of its type are. */
static int
dict_holds(PyObject *dict, PyObject *object, int *others)
{
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (PyDict_Next(dict, &pos, &name, &value)) {
        if (value == object) {
            return 1;
        }
        *others |= Py_TYPE(value) == Py_TYPE(object);
    }
    return 0;
}


/* ... or its class, where a library may keep the only instance. */
int
called_is_held(Frame *frame, PyObject *object)
{
    const Engine *engine = hmr_engine;
    /* Most types have no such instances: asked once a statement. */
    const char *key = (const char *)Py_TYPE(object) + 1;
    if (ptrmap_get(&frame->seen, key) != NULL) {
        return 0;
    }
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    int others = 0;
    PyObject *own = Py_TYPE(object)->tp_dict;
    if (own != NULL && dict_holds(own, object, &others)) {
        return 1;
    }
    Py_ssize_t pos = 0;
    PyObject *name, *module;
    while (PyDict_Next(modules, &pos, &name, &module)) {
        PyObject *dict =
            PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
        if (dict != NULL && engine_module_by_ns(engine, dict) == NULL
            && dict_holds(dict, object, &others)) {
            return 1;
        }
    }
    return others ? 0 : frame_first(frame, key) < 0 ? -1 : 0;
}


/* Is the object of a method call the library's, so that nothing else sees what
 * the call does to it? Lists and dicts are the journal's. 1, 0, -1. */
static int
self_is_outside(Frame *frame, PyObject *self)
{
    const Engine *engine = hmr_engine;
    if (is_inside(engine, self) || adapters_own(engine, self)
        || PyList_CheckExact(self) || PyDict_CheckExact(self)) {
        return 0;
    }
    PyObject *home =
        called_home(PyType_Check(self) ? self : (PyObject *)Py_TYPE(self));
    if (home == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int harmless = engine_module(engine, home) != NULL
                       ? 1 /* a class that is being made, one of its objects */
                       : module_is_harmless(home);
    Py_DECREF(home);
    return harmless != 0        ? (harmless < 0 ? -1 : 0)
           : PyType_Check(self) ? 1 /* a class method */
                                : called_is_held(frame, self);
}


/* A function that a call of a library gave, `app.get(path)`: it is about what
 * that call was, unless the library keeps it. 1, 0, -1. */
static int
is_given(Frame *frame, PyObject *function)
{
    if (!PyFunction_Check(function)
        || PyFunction_GET_CLOSURE(function) == NULL) {
        return 0;
    }
    PyObject *path = ((PyFunctionObject *)function)->func_qualname;
    PyObject *local = PyUnicode_FromString("<locals>");
    int nested = local != NULL ? PyUnicode_Contains(path, local) : -1;
    Py_XDECREF(local);
    if (nested <= 0) {
        return nested;
    }
    int held = called_is_held(frame, function);
    return held < 0 ? -1 : !held;
}


/* Is it one of the functions that do nothing to the process, or that others
 * look after? 1, 0, -1. */
static int
is_harmless(const Engine *engine, PyObject *home, PyObject *name,
            PyObject *label)
{
    if (text_is_among(name, telling, Py_ARRAY_LENGTH(telling))
        || text_is_among(label, harmless_calls, Py_ARRAY_LENGTH(harmless_calls))
        || called_is_adapted(engine, home)
        || engine_module(engine, home) != NULL) {
        return 1;
    }
    return text_is_among(label, harmful_calls, Py_ARRAY_LENGTH(harmful_calls))
               ? 0
               : module_is_harmless(home);
}


int
called_is_about(Frame *frame, PyObject *argument)
{
    if (!PyObject_IS_GC(argument) || PyType_Check(argument)
        || PyModule_Check(argument) || PyFunction_Check(argument)
        || PyMethod_Check(argument) || PyCFunction_Check(argument)
        || PyTuple_CheckExact(argument)
        || group_of(hmr_engine, argument) != NULL) {
        return 0;
    }
    int held = called_is_held(frame, argument);
    return held < 0 ? -1 : !held;
}


int
called_is_inside(const Engine *engine, const Called *called)
{
    return is_inside(engine, called->function)
           || closes_over_inside(engine, called->function)
           || (called->self != NULL && is_inside(engine, called->self));
}


PyObject *
called_label(const Called *called)
{
    PyObject *path = NULL, *home = called_home(called->function);
    if (home == NULL && !PyErr_Occurred()) {
        home = PyUnicode_FromString(Py_TYPE(called->function)->tp_name);
    }
    if (home == NULL
        || PyObject_GetOptionalAttrString(called->function, "__qualname__",
                                          &path)
               < 0) {
        Py_XDECREF(home);
        return NULL;
    }
    PyObject *label =
        path != NULL ? PyUnicode_FromFormat("%U.%S", home, path)
                     : PyUnicode_FromFormat("%U.%s", home,
                                            Py_TYPE(called->function)->tp_name);
    Py_XDECREF(home);
    Py_XDECREF(path);
    return label;
}


int
called_name_sets(PyObject *name)
{
    static const char *const others[] = {"seterr", "seterrcall"};
    if (PyUnicode_GET_LENGTH(name) < 4 || PyUnicode_READ_CHAR(name, 0) != 's'
        || PyUnicode_READ_CHAR(name, 1) != 'e'
        || PyUnicode_READ_CHAR(name, 2) != 't') {
        return 0;
    }
    Py_UCS4 next = PyUnicode_READ_CHAR(name, 3);
    return next == '_' || Py_UNICODE_ISUPPER(next)
           || text_is_among(name, others, Py_ARRAY_LENGTH(others));
}


int
called_sets(const Called *called)
{
    PyObject *name;
    if (called->self != NULL || PyType_Check(called->function)
        || PyObject_GetOptionalAttrString(called->function, "__name__", &name)
               < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int sets = name != NULL && PyUnicode_Check(name) && called_name_sets(name);
    Py_XDECREF(name);
    return sets;
}


PyObject *
called_setter(Frame *frame, const Called *called)
{
    if (is_inside(hmr_engine, called->function)
        || closes_over_inside(hmr_engine, called->function)) {
        return NULL;
    }
    PyObject *name = NULL, *label = NULL, *self = called->self;
    PyObject *home = called_home(called->function);
    if (home == NULL && self != NULL && !PyErr_Occurred()) {
        home = called_home((PyObject *)Py_TYPE(self));
    }
    if (home == NULL || (is_builtin(home) && self == NULL)
        || PyObject_GetOptionalAttrString(called->function, "__name__", &name)
               < 0) {
        goto done;
    }
    if (name == NULL) { /* an object that can be called */
        name = PyUnicode_FromString(Py_TYPE(called->function)->tp_name);
    }
    PyObject *path;
    if (name == NULL || !PyUnicode_Check(name)
        || PyObject_GetOptionalAttrString(called->function, "__qualname__",
                                          &path)
               < 0) {
        goto done;
    }
    label = is_builtin(home) && path != NULL
                ? PyUnicode_FromFormat("%S", path)
                : PyUnicode_FromFormat("%U.%S", home, path ? path : name);
    Py_XDECREF(path);
    int harmless =
        label != NULL ? is_harmless(hmr_engine, home, name, label) : -1;
    if (harmless == 0 && self != NULL) {
        int outside = self_is_outside(frame, self);
        harmless = outside < 0 ? -1 : !outside;
    }
    else if (harmless == 0) {
        harmless = is_given(frame, called->function);
    }
    if (harmless != 0) {
        Py_CLEAR(label);
    }

done:
    Py_XDECREF(home);
    Py_XDECREF(name);
    return label;
}
