/* How the engine sees what tracked code does: CPython's watchers and hooks. */

#include "hooks.h"

#include "adapters.h"
#include "class_made.h"
#include "class_members.h"
#include "compat.h"
#include "docstring.h"
#include "environ.h"
#include "files.h"
#include "frame.h"
#include "journal.h"
#include "linecache.h"
#include "member_caches.h"
#include "module_type.h"
#include "namespace.h"
#include "result.h"
#include "rules.h"
#include "setters.h"
#include "walk.h"

#define TOOL_NAME "hmr-serve"


/* ---- sys.monitoring ----------------------------------------------------- */

/* The tracked module on whose names the starting code runs: its globals, or for
 * eval() and exec() its locals (typing evaluates annotations of classes so). */
static Module *
starting_module(const Engine *engine, PyObject *code)
{
    PyObject *globals = PyEval_GetGlobals(); /* borrowed */
    Module *module =
        globals != NULL ? engine_module_by_ns(engine, globals) : NULL;
    if (module == NULL && !(((PyCodeObject *)code)->co_flags & CO_OPTIMIZED)) {
        PyObject *locals = PyEval_GetLocals(); /* borrowed */
        module = locals != NULL ? engine_module_by_ns(engine, locals) : NULL;
        PyErr_Clear();
    }
    return module;
}


/* PY_START and PY_RESUME: (code, offset). The frame is the starting one, so its
 * globals are PyEval_GetGlobals(). */
static PyObject *
on_code_start(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    (void)self;
    Engine *engine = hmr_engine;
    if (engine == NULL || nargs < 1) {
        Py_RETURN_NONE;
    }
    PyObject *code = args[0];
    CodeInfo *info = code_info(code);
    if (info == NULL) {
        Module *module = starting_module(engine, code);
        if (module == NULL && linecache_starts(code)) {
            return linecache_read(engine, frame_current(engine)) < 0
                       ? NULL
                       : Py_NewRef(Py_None);
        }
        if (module == NULL) {
            return Py_NewRef(engine->disable);
        }
        info = code_attach_dynamic(code, module);
        if (info == NULL) {
            return NULL;
        }
    }
    Frame *frame = frame_current(engine);
    if (frame != NULL && code != frame->statement->code) {
        if (engine->transaction && member_cache_computes(engine, info) < 0) {
            return NULL;
        }
        int known = result_enter(frame, info);
        if (known < 0 || (!known && frame_read_code(frame, info) < 0)) {
            return NULL;
        }
    }
    if (frame != NULL && setters_watch(engine, info) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}


static PyMethodDef on_code_start_def = {
    "on_code_start", (PyCFunction)(void (*)(void))on_code_start, METH_FASTCALL,
    NULL};


/* Take tool id 4, else 3, else say so. */
static int
monitoring_take_tool(Engine *engine)
{
    for (int tool = 4; tool >= 3; tool--) {
        PyObject *done = PyObject_CallMethod(engine->monitoring, "use_tool_id",
                                             "is", tool, TOOL_NAME);
        if (done != NULL) {
            Py_DECREF(done);
            engine->tool = tool;
            return 0;
        }
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) {
            return -1;
        }
        PyErr_Clear(); /* in use */
    }
    PyErr_SetString(PyExc_RuntimeError,
                    "hmr-serve: the sys.monitoring tool ids 3 and 4 are both "
                    "taken by other tools; start without one of them");
    return -1;
}


static int
monitoring_event(Engine *engine, const char *name)
{
    PyObject *events = PyObject_GetAttrString(engine->monitoring, "events");
    PyObject *value =
        events != NULL ? PyObject_GetAttrString(events, name) : NULL;
    int event = value != NULL ? (int)PyLong_AsLong(value) : -1;
    Py_XDECREF(events);
    Py_XDECREF(value);
    return event;
}


static int
monitoring_install(Engine *engine)
{
    engine->monitoring = PySys_GetObject("monitoring"); /* borrowed */
    if (engine->monitoring == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "hmr-serve: no sys.monitoring");
        return -1;
    }
    Py_INCREF(engine->monitoring);
    engine->disable = PyObject_GetAttrString(engine->monitoring, "DISABLE");
    if (engine->disable == NULL || monitoring_take_tool(engine) < 0) {
        return -1;
    }
    PyObject *callback = PyCFunction_New(&on_code_start_def, NULL);
    if (callback == NULL) {
        return -1;
    }
    static const char *const names[] = {"PY_START", "PY_RESUME"};
    int result = 0;
    for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(names); i++) {
        int event = monitoring_event(engine, names[i]);
        PyObject *old =
            event < 0
                ? NULL
                : PyObject_CallMethod(engine->monitoring, "register_callback",
                                      "iiO", engine->tool, event, callback);
        result = old != NULL ? 0 : -1;
        Py_XDECREF(old);
    }
    Py_DECREF(callback);
    return result == 0 ? setters_install(engine) : -1;
}


static int
monitoring_set(Engine *engine, int on)
{
    int events = 0;
    if (on) {
        int start = monitoring_event(engine, "PY_START");
        int resume = monitoring_event(engine, "PY_RESUME");
        if (start < 0 || resume < 0) {
            return -1;
        }
        events = start | resume;
    }
    PyObject *done = PyObject_CallMethod(engine->monitoring, "set_events", "ii",
                                         engine->tool, events);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


/* ---- namespaces --------------------------------------------------------- */

static int
on_namespace_event(PyDict_WatchEvent event, PyObject *dict, PyObject *key,
                   PyObject *value)
{
    Engine *engine = hmr_engine;
    int cleared = event == PyDict_EVENT_CLEARED;
    if (engine != NULL && journal_note_arrival(engine, dict, value) < 0) {
        return -1;
    }
    if (engine == NULL || engine->syncing || (key == NULL && !cleared)
        || (event != PyDict_EVENT_ADDED && event != PyDict_EVENT_MODIFIED
            && event != PyDict_EVENT_DELETED && !cleared)) {
        return 0;
    }
    Frame *frame = frame_current(engine);
    Module *module = engine_module_by_ns(engine, dict);
    if (frame != NULL && module == NULL) {
        return journal_event(engine, frame, event, dict, key, value);
    }
    if (frame == NULL || cleared || !PyUnicode_Check(key)
        || module_is_submodule_bind(engine, module, key, value)) {
        return 0;
    }
    return frame_bind(frame, module, key);
}


/* ---- functions ---------------------------------------------------------- */

static int
on_function_event(PyFunction_WatchEvent event, PyFunctionObject *function,
                  PyObject *value)
{
    if (hmr_engine == NULL
        || (event != PyFunction_EVENT_CREATE
            && event != PyFunction_EVENT_DESTROY
            && event != PyFunction_EVENT_MODIFY_CODE)) {
        return 0;
    }
    CodeInfo *info = code_info(function->func_code);
    if (info != NULL && event == PyFunction_EVENT_CREATE) {
        return code_info_add_function(info, (PyObject *)function);
    }
    if (info != NULL) {
        code_info_remove_function(info, (PyObject *)function);
    }
    if (event == PyFunction_EVENT_MODIFY_CODE && value != NULL) {
        CodeInfo *next = code_info(value);
        if (next != NULL) {
            return code_info_add_function(next, (PyObject *)function);
        }
    }
    return 0;
}


/* ---- modules ------------------------------------------------------------ */

int
hooks_add_module(Engine *engine, Module *module)
{
    if (engine->tracing == 0) {
        return 0;
    }
    object_set_type(module->module, &PyModule_Type, engine->module_type);
    return PyDict_Watch(engine->dict_watcher, module->ns);
}


void
hooks_remove_module(Engine *engine, Module *module)
{
    object_set_type(module->module, engine->module_type, &PyModule_Type);
    if (PyDict_Unwatch(engine->dict_watcher, module->ns) < 0) {
        PyErr_Clear(); /* was not watched */
    }
}


/* ---- on and off --------------------------------------------------------- */

int
hooks_start(Engine *engine)
{
    if (engine->tracing++ > 0) {
        return 0;
    }
    engine->traced++;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (hooks_add_module(engine, engine->order[i]) < 0) {
            engine->tracing--;
            return -1;
        }
    }
    if (adapters_refresh(engine) < 0 || journal_start(engine) < 0
        || class_made_start(engine) < 0 || linecache_start() < 0
        || monitoring_set(engine, 1) < 0) {
        engine->tracing--;
        return -1;
    }
    class_members_start(engine);
    member_caches_start();
    docstrings_start();
    environ_start(engine);
    files_trace(engine, 1);
    return 0;
}


void
hooks_stop(Engine *engine)
{
    if (--engine->tracing > 0) {
        return;
    }
    PyObject *error = PyErr_GetRaisedException();
    files_trace(engine, 0);
    environ_stop(engine);
    class_members_stop(engine);
    member_caches_stop();
    docstrings_stop();
    class_made_stop(engine);
    journal_stop(engine);
    setters_stop(engine);
    if (monitoring_set(engine, 0) < 0) {
        PyErr_WriteUnraisable(engine->monitoring);
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        hooks_remove_module(engine, engine->order[i]);
    }
    PyErr_SetRaisedException(error);
}


int
hooks_install(Engine *engine)
{
    if (module_type_install(engine) < 0 || monitoring_install(engine) < 0) {
        return -1;
    }
    engine->dict_watcher = PyDict_AddWatcher(on_namespace_event);
    engine->function_watcher = PyFunction_AddWatcher(on_function_event);
    if (engine->dict_watcher < 0 || engine->function_watcher < 0) {
        return -1;
    }
    if (class_made_install() < 0 || environ_install(engine) < 0) {
        return -1;
    }
    return files_install();
}


void
hooks_uninstall(Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    if (engine->tool >= 0) {
        PyObject *done = PyObject_CallMethod(engine->monitoring, "free_tool_id",
                                             "i", engine->tool);
        Py_XDECREF(done);
        engine->tool = -1;
    }
    if (engine->dict_watcher >= 0) {
        (void)PyDict_ClearWatcher(engine->dict_watcher); /* ours: cannot fail */
        engine->dict_watcher = -1;
    }
    if (engine->function_watcher >= 0) {
        (void)PyFunction_ClearWatcher(engine->function_watcher);
        engine->function_watcher = -1;
    }
    class_made_uninstall();
    PyErr_Clear();
    PyErr_SetRaisedException(error);
}
