/* Setters: calls of libraries for what they do to the process. */

#include "setters.h"

#include "adapters.h"
#include "array.h"
#include "compat.h"
#include "frame_parts.h"
#include "match.h"

/* A call that nothing explains so far. */
struct Setter {
    PyObject *label;    /* Owned str; what was called */
    PyObject *argument; /* Owned; its first one, made by the program; or NULL */
    int own;            /* the statement itself calls it, no function does */
};


/* ---- what does nothing to the process ----------------------------------- */

/* Modules whose functions and objects are about something else: values, files,
 * other processes, the program's own coroutines; variables of the environment,
 * which the engine sees itself. */
static const char *const harmless_modules[] = {
    "asyncio.runners", "asyncio.tasks", "contextlib", "dotenv",
    "hmr_serve",       "importlib",     "io",         "os",
    "pathlib",         "shutil",        "subprocess", "tempfile",
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

/* Whatever they belong to: they say something. */
static const char *const telling[] = {
    "critical", "debug",   "error", "exception", "info",    "log",
    "print",    "success", "trace", "warn",      "warning",
};


static int
is_among(PyObject *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (PyUnicode_CompareWithASCIIString(text, list[i]) == 0) {
            return 1;
        }
    }
    return 0;
}


/* Is the module the one of that name, or in it? */
static int
is_within(PyObject *module, PyObject *name)
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
        found = name != NULL ? is_within(module, name) : -1;
        Py_XDECREF(name);
    }
    return found;
}


/* Does an adapter see whatever the functions of the module do? */
static int
module_is_adapted(const Engine *engine, PyObject *module)
{
    for (Py_ssize_t i = 0; i < engine->adapter_count; i++) {
        const Adapter *adapter = &engine->adapters[i];
        if (!adapter->blind && !adapter->lasting
            && is_within(module, adapter->library)) {
            return 1;
        }
    }
    return 0;
}


/* ---- what is called ----------------------------------------------------- */

static int
is_builtin(PyObject *module)
{
    return PyUnicode_CompareWithASCIIString(module, "builtins") == 0;
}


/* The module of a function or class as programs name it: `_socket` is socket,
 * posix is os. New reference; NULL without an exception: it does not say. */
static PyObject *
home_of(PyObject *object)
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
    if (PyUnicode_CompareWithASCIIString(name, "posix") == 0
        || PyUnicode_CompareWithASCIIString(name, "nt") == 0) {
        Py_SETREF(name, PyUnicode_FromString("os"));
    }
    else if (PyUnicode_GET_LENGTH(name) > 1
             && PyUnicode_READ_CHAR(name, 0) == '_') {
        Py_SETREF(name, PyUnicode_Substring(name, 1, PY_SSIZE_T_MAX));
    }
    return name;
}


typedef struct {
    PyObject *function; /* Borrowed; a function, a class, or what else can be
                           called */
    PyObject *self;     /* Borrowed; whose method it is; or NULL */
} Called;


/* A method that is called as `object.method()` arrives as the plain function,
 * with the object for its first argument. */
static Called
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


/* Does a module of a library hold the object, or its class, where a library may
 * keep the only instance? 1, 0, -1. */
static int
library_holds(Frame *frame, PyObject *object)
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
        home_of(PyType_Check(self) ? self : (PyObject *)Py_TYPE(self));
    if (home == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int harmless = module_is_harmless(home);
    Py_DECREF(home);
    return harmless != 0        ? (harmless < 0 ? -1 : 0)
           : PyType_Check(self) ? 1 /* a class method */
                                : library_holds(frame, self);
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
    int held = library_holds(frame, function);
    return held < 0 ? -1 : !held;
}


/* Is it one of the functions that do nothing to the process, or that others
 * look after? 1, 0, -1. */
static int
is_harmless(const Engine *engine, PyObject *home, PyObject *name,
            PyObject *label)
{
    if (is_among(name, telling, Py_ARRAY_LENGTH(telling))
        || is_among(label, harmless_calls, Py_ARRAY_LENGTH(harmless_calls))
        || module_is_adapted(engine, home)
        || engine_module(engine, home) != NULL) {
        return 1;
    }
    return is_among(label, harmful_calls, Py_ARRAY_LENGTH(harmful_calls))
               ? 0
               : module_is_harmless(home);
}


/* What to call the setter: new reference; NULL without an exception when it is
 * none. */
static PyObject *
judge_called(Frame *frame, const Called *called)
{
    PyObject *name = NULL, *label = NULL, *self = called->self;
    PyObject *home = home_of(called->function);
    if (home == NULL && self != NULL && !PyErr_Occurred()) {
        home = home_of((PyObject *)Py_TYPE(self));
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


/* ---- calls -------------------------------------------------------------- */

static int
note(Frame *frame, PyObject *label, PyObject *first, int own)
{
    Group *group = first != NULL ? group_of(hmr_engine, first) : NULL;
    struct Setter *grown =
        array_reserve(frame->setters, frame->setter_count, &frame->setter_room,
                      sizeof(*grown), 4);
    if (grown == NULL) {
        return -1;
    }
    frame->setters = grown;
    frame->setters[frame->setter_count++] = (struct Setter){
        .label = Py_NewRef(label),
        .argument = group != NULL && !group->outside ? Py_NewRef(first) : NULL,
        .own = own,
    };
    return 0;
}


/* The same call of the same function, with nothing of the program for its first
 * argument, is known already? 1, 0, -1. */
static int
is_known(Frame *frame, PyObject *function, PyObject *first)
{
    Group *group = first != NULL ? group_of(hmr_engine, first) : NULL;
    const void *key = group != NULL ? (const void *)&group->must_be_fresh
                                    : (const char *)function + 2;
    int seen = frame_first(frame, key);
    return seen < 0 ? -1 : !seen;
}


static int
note_call(Frame *frame, PyObject *code, PyObject *callable, PyObject *first)
{
    const Engine *engine = hmr_engine;
    Called called = called_of(callable, first);
    if (is_inside(engine, called.function)
        || closes_over_inside(engine, called.function)) {
        return 0;
    }
    PyObject *label = judge_called(frame, &called);
    if (label == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *argument = first == called.self ? NULL : first;
    int known = is_known(frame, called.function, argument);
    int result = known != 0 ? (known < 0 ? -1 : 0)
                            : note(frame, label, argument,
                                   code == frame->statement->code);
    Py_DECREF(label);
    return result;
}


/* Does the code throw away what the call at `offset` gives? 1, 0, -1. */
static int
is_thrown_away(PyObject *code, Py_ssize_t offset)
{
    PyObject *bytes = PyCode_GetCode((PyCodeObject *)code);
    if (bytes == NULL) {
        return -1;
    }
    Instructions in = instructions_of(bytes);
    in.at = offset;
    int found = instructions_next(&in) && instructions_next(&in)
                && in.op == in.opcodes->pop_top;
    Py_DECREF(bytes);
    return found;
}


/* CALL: (code, offset, callable, first argument or MISSING). */
static PyObject *
on_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL && nargs == 4 ? frame_current(engine) : NULL;
    if (frame == NULL || frame->number != 0 || frame->scratch) {
        Py_RETURN_NONE;
    }
    Py_ssize_t offset = PyLong_AsSsize_t(args[1]);
    int wanted = offset >= 0 ? is_thrown_away(args[0], offset) : -1;
    if (wanted == 0) {
        return Py_NewRef(engine->disable); /* it will never be */
    }
    PyObject *first = args[3] != self ? args[3] : NULL;
    if (wanted < 0 || note_call(frame, args[0], args[2], first) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}


static PyMethodDef on_call_def = {
    "on_call", (PyCFunction)(void (*)(void))on_call, METH_FASTCALL, NULL};


/* ---- what is looked at -------------------------------------------------- */

int
setters_install(Engine *engine)
{
    PyObject *missing = PyObject_GetAttrString(engine->monitoring, "MISSING");
    PyObject *callback =
        missing != NULL ? PyCFunction_New(&on_call_def, missing) : NULL;
    PyObject *events = PyObject_GetAttrString(engine->monitoring, "events");
    engine->call_event =
        events != NULL ? PyObject_GetAttrString(events, "CALL") : NULL;
    PyObject *old = callback != NULL && engine->call_event != NULL
                        ? PyObject_CallMethod(
                            engine->monitoring, "register_callback", "iOO",
                            engine->tool, engine->call_event, callback)
                        : NULL;
    engine->calling = PyList_New(0);
    int result = old != NULL && engine->calling != NULL ? 0 : -1;
    Py_XDECREF(old);
    Py_XDECREF(events);
    Py_XDECREF(callback);
    Py_XDECREF(missing);
    return result;
}


int
setters_watch(Engine *engine, CodeInfo *info)
{
    if (!info->discards || info->calls_watched) {
        return 0;
    }
    PyObject *done = PyObject_CallMethod(
        engine->monitoring, "set_local_events", "iOO", engine->tool,
        (PyObject *)info->code, engine->call_event);
    if (done == NULL
        || PyList_Append(engine->calling, (PyObject *)info->code) < 0) {
        Py_XDECREF(done);
        return -1;
    }
    Py_DECREF(done);
    info->calls_watched = 1;
    return 0;
}


void
setters_stop(Engine *engine)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(engine->calling); i++) {
        PyObject *code = PyList_GET_ITEM(engine->calling, i);
        CodeInfo *info = code_info(code);
        if (info != NULL) {
            info->calls_watched = 0;
        }
        PyObject *done =
            PyObject_CallMethod(engine->monitoring, "set_local_events", "iOi",
                                engine->tool, code, 0);
        if (done == NULL) {
            PyErr_WriteUnraisable(code);
        }
        Py_XDECREF(done);
    }
    if (PyList_SetSlice(engine->calling, 0, PY_SSIZE_T_MAX, NULL) < 0) {
        PyErr_WriteUnraisable(engine->calling);
    }
}


/* ---- judgement ---------------------------------------------------------- */

/* Has the statement changed the object, or is it too large to tell? */
static int
has_changed(const Frame *frame, PyObject *object)
{
    const Group *group = group_of(hmr_engine, object);
    const Trace *trace = frame->trace;
    for (Py_ssize_t i = 0; group != NULL && i < trace->write_count; i++) {
        if (trace->writes[i].cell == &group->cell) {
            return 1;
        }
    }
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        if (frame->candidates[i].object == object) {
            return !frame->candidates[i].before.complete;
        }
    }
    return 0;
}


/* Is it known what the statement has changed, so that its only call did that?
 */
static int
has_changed_something(const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        CellKind kind = trace->writes[i].cell->kind;
        if (kind == CELL_GROUP || kind == CELL_SLOT) {
            return 1;
        }
    }
    return 0;
}


int
setters_judge(Frame *frame)
{
    int alone = frame->setter_count == 1 && frame->setters[0].own;
    if (frame->setter_count == 0
        || (alone && has_changed_something(frame->trace))) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < frame->setter_count; i++) {
        const struct Setter *setter = &frame->setters[i];
        if (setter->argument != NULL && has_changed(frame, setter->argument)) {
            continue;
        }
        Py_XSETREF(frame->trace->setter, Py_NewRef(setter->label));
        hmr_engine->setters_made = 1;
        if (hmr_engine->transaction) {
            engine_need_restart(hmr_engine,
                                "%U calls %U(), which is there for good",
                                frame->statement->syntax.label, setter->label);
        }
        break;
    }
    return 0;
}


void
setters_fini(Frame *frame)
{
    for (Py_ssize_t i = 0; i < frame->setter_count; i++) {
        Py_DECREF(frame->setters[i].label);
        Py_XDECREF(frame->setters[i].argument);
    }
    PyMem_Free(frame->setters);
    frame->setters = NULL;
    frame->setter_count = 0;
}


void
setters_end(const Statement *statement)
{
    const Trace *traces[] = {statement->trace, statement->attempt};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(traces); i++) {
        if (traces[i] != NULL && traces[i]->setter != NULL) {
            engine_need_restart(
                statement->module->engine,
                "%U called %U(), which only a new process can undo",
                statement->syntax.label, traces[i]->setter);
            return;
        }
    }
}


void
setters_end_dead(const Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->old_count; j++) {
            const Statement *old = match_dead(module, j);
            if (old != NULL) {
                setters_end(old);
            }
        }
    }
}


/* ---- order -------------------------------------------------------------- */

/* Is what a name holds of the package that the label begins with? */
static int
value_is_of(PyObject *value, PyObject *label)
{
    PyObject *home =
        PyModule_Check(value)
            ? Py_XNewRef(dict_peek(PyModule_GetDict(value), "__name__"))
            : home_of(value);
    if (home == NULL || !PyUnicode_Check(home)) {
        Py_XDECREF(home);
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(home);
    Py_ssize_t dot = PyUnicode_FindChar(home, '.', 0, length, 1);
    PyObject *root = PyUnicode_Substring(home, 0, dot < 0 ? length : dot);
    int result = root != NULL ? is_within(label, root) : -1;
    Py_XDECREF(root);
    Py_DECREF(home);
    return result;
}


/* Does it use what the label begins with? An import alone uses nothing. */
static int
trace_uses(const Trace *trace, PyObject *label)
{
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        if (read->cell->kind == CELL_BINDING && read->version != NULL
            && read->version->value != NULL) {
            result = value_is_of(read->version->value, label);
        }
    }
    return result;
}


/* May it have seen a setting of a library? A definition uses that when it is
 * called. */
static int
may_have_seen(const Statement *statement, const Engine *engine)
{
    return statement->attempt != NULL && statement->fresh_walk == engine->walk
           && statement->syntax.kind != STATEMENT_CLASS
           && statement->syntax.kind != STATEMENT_FUNCTION;
}


/* Does a statement that ran, and stands before the setter, use its library?
 * Asks for a new process then. 0 or -1. */
static int
check_before(const Engine *engine, const Statement *setter)
{
    PyObject *label = setter->trace->setter;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            const Statement *other = module->statements[j];
            int uses =
                other->place < setter->place && may_have_seen(other, engine)
                    ? trace_uses(other->attempt, label)
                    : 0;
            if (uses < 0) {
                return -1;
            }
            if (uses) {
                engine_need_restart(module->engine,
                                    "%U ran again after %U(), which a new "
                                    "process calls later",
                                    other->syntax.label, label);
                return 0;
            }
        }
    }
    return 0;
}


int
setters_check_order(const Engine *engine)
{
    for (Py_ssize_t i = 0; engine->setters_made && i < engine->module_count;
         i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            const Statement *statement = module->statements[j];
            if (statement->trace != NULL && statement->trace->setter != NULL
                && check_before(engine, statement) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
