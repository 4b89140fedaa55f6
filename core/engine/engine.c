/* The engine's state: its tables of modules and what paths it tracks. */

#include "array.h"
#include "engine.h"

#include "compat.h"
#include "frame.h"
#include "hooks.h"
#include "journal.h"
#include "remembered.h"

#include <stdarg.h>
#include <string.h>

#define MODULE_CAPSULE "hmr_serve._core.Module"

Engine *hmr_engine;


Module *
engine_module_by_ns(const Engine *engine, PyObject *ns)
{
    return ptrmap_get(&engine->by_namespace, ns);
}


Module *
engine_module(const Engine *engine, PyObject *name)
{
    PyObject *capsule = PyDict_GetItemWithError(engine->modules, name);
    return capsule != NULL ? PyCapsule_GetPointer(capsule, MODULE_CAPSULE)
                           : NULL;
}


Module *
module_package(Module *module)
{
    Engine *engine = module->engine;
    if (module->package_names == engine->names) {
        return module->package;
    }
    Py_ssize_t dot = PyUnicode_FindChar(module->name, '.', 0,
                                        PyUnicode_GET_LENGTH(module->name), -1);
    PyObject *head = dot > 0 ? PyUnicode_Substring(module->name, 0, dot) : NULL;
    module->package = head != NULL ? engine_module(engine, head) : NULL;
    module->package_names = PyErr_Occurred() ? 0 : engine->names;
    Py_XDECREF(head);
    return module->package;
}


static int
modules_append(Module ***list, Py_ssize_t *count, Py_ssize_t *room,
               Module *module)
{
    Module **grown = array_reserve(*list, *count, room, sizeof(*grown), 16);
    if (grown == NULL) {
        return -1;
    }
    *list = grown;
    (*list)[(*count)++] = module;
    return 0;
}


int
engine_name_module(Engine *engine, Module *module)
{
    PyObject *capsule = PyCapsule_New(module, MODULE_CAPSULE, NULL);
    int result = capsule != NULL
                     ? PyDict_SetItem(engine->modules, module->name, capsule)
                     : -1;
    Py_XDECREF(capsule);
    engine->names++;
    return result;
}


int
engine_add_module(Engine *engine, Module *module)
{
    Module *old = engine_module(engine, module->name);
    if (old != NULL && engine->transaction) {
        old->gone = 1; /* imported anew; dropped or named again at the end */
    }
    else if (old != NULL) {
        engine_drop_module(engine, old);
        engine->unsettled = 1; /* traces still name the record that is gone */
    }
    engine->generation++;
    if (ptrmap_set(&engine->by_namespace, module->ns, module) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (engine_name_module(engine, module) < 0) {
        return -1;
    }
    if (modules_append(&engine->order, &engine->module_count,
                       &engine->module_room, module)
        < 0) {
        return -1;
    }
    /* A request imports it: its next edit may come before any other's. */
    return engine->transaction ? 0 : remembered_tell(engine);
}


void
engine_drop_module(Engine *engine, Module *module)
{
    PyObject *error = PyErr_GetRaisedException();
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i] == module) {
            memmove(&engine->order[i], &engine->order[i + 1],
                    (size_t)(engine->module_count - i - 1)
                        * sizeof(*engine->order));
            engine->module_count--;
            break;
        }
    }
    engine->names++;
    hooks_remove_module(engine, module);
    ptrmap_pop(&engine->by_namespace, module->ns);
    if (engine_module(engine, module->name) == module
        && PyDict_DelItem(engine->modules, module->name) < 0) {
        PyErr_Clear(); /* cannot be: we just found it */
    }
    for (Py_ssize_t i = 0; i < module->count; i++) {
        if (!engine->transaction && frame_current(engine) == NULL) {
            journal_withdraw(module->statements[i]->trace, engine);
        } /* else who imports it has what it stored: see failure.c */
        statement_free(module->statements[i], engine);
    }
    module->count = 0;
    module->gone = 1;
    module->ns = NULL;
    Py_CLEAR(module->module);
    Py_CLEAR(module->source);
    engine->generation++;
    if (modules_append(&engine->retired, &engine->retired_count,
                       &engine->retired_room, module)
        < 0) {
        PyErr_Clear(); /* leaked: traces may still name it */
    }
    PyErr_SetRaisedException(error);
}


/* ---- paths -------------------------------------------------------------- */

static int
path_is_below(PyObject *path, PyObject *prefixes)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(prefixes); i++) {
        if (PyUnicode_Tailmatch(path, PyTuple_GET_ITEM(prefixes, i), 0,
                                PY_SSIZE_T_MAX, -1)
            == 1) {
            return 1;
        }
    }
    return 0;
}


static int
path_contains(PyObject *path, const char *part)
{
    const char *text = PyUnicode_AsUTF8(path);
    if (text == NULL) {
        PyErr_Clear(); /* undecodable names are no library's */
        return 0;
    }
    return strstr(text, part) != NULL;
}


int
engine_caller_is_tracked(const Engine *engine)
{
    PyObject *globals = PyEval_GetGlobals(); /* borrowed */
    return globals != NULL && engine_module_by_ns(engine, globals) != NULL;
}


int
engine_is_library_path(const Engine *engine, PyObject *path)
{
    return path_contains(path, "/site-packages/")
           || path_contains(path, "/dist-packages/")
           || path_contains(path, "/__pycache__/")
           || path_is_below(path, engine->outside);
}


int
engine_tracks_path(const Engine *engine, PyObject *path)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(path);
    PyObject *suffix = PyUnicode_FromString(".py");
    int is_source =
        suffix != NULL && PyUnicode_Tailmatch(path, suffix, 0, length, 1) == 1;
    Py_XDECREF(suffix);
    return is_source && path_is_below(path, engine->roots)
           && !engine_is_library_path(engine, path);
}


/* ---- imports ------------------------------------------------------------ */

/* importlib.invalidate_caches() would import importlib.metadata (50 ms); the
 * finders of folders are all that can be out of date. */
int
engine_invalidate_caches(Engine *engine)
{
    (void)engine;
    PyObject *cache = PySys_GetObject("path_importer_cache"); /* borrowed */
    PyObject *finders = cache != NULL && PyDict_Check(cache)
                            ? PyDict_Values(cache)
                            : PyList_New(0);
    int result = finders != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(finders); i++) {
        PyObject *finder = PyList_GET_ITEM(finders, i);
        if (finder == Py_None) {
            continue;
        }
        PyObject *done = PyObject_CallMethod(finder, "invalidate_caches", NULL);
        if (done == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
            PyErr_Clear(); /* optional for finders */
            continue;
        }
        result = done != NULL ? 0 : -1;
        Py_XDECREF(done);
    }
    Py_XDECREF(finders);
    return result;
}


/* Where the modules of a package are that is not loaded, since its own import
 * fails. New reference; NULL without an exception: there is no such package. */
static PyObject *
package_path(PyObject *name)
{
    PyObject *path = engine_search_path(name);
    PyObject *spec = path != NULL && hmr_engine != NULL ? PyObject_CallMethod(
                         hmr_engine->path_finder, "find_spec", "OO", name, path)
                                                        : NULL;
    PyObject *found =
        spec != NULL
            ? PyObject_GetAttrString(spec, "submodule_search_locations")
            : NULL;
    Py_XDECREF(path);
    Py_XDECREF(spec);
    if (found == Py_None) {
        Py_CLEAR(found);
    }
    PyErr_Clear();
    return found;
}


PyObject *
engine_search_path(PyObject *name)
{
    Py_ssize_t dot =
        PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), -1);
    if (dot <= 0) {
        return Py_NewRef(Py_None);
    }
    PyObject *parent = PyUnicode_Substring(name, 0, dot);
    PyObject *loaded =
        parent != NULL
            ? PyDict_GetItemWithError(PyImport_GetModuleDict(), parent)
            : NULL;
    PyObject *path = loaded != NULL ? PyObject_GetAttrString(loaded, "__path__")
                     : parent != NULL ? package_path(parent)
                                      : NULL;
    Py_XDECREF(parent);
    PyErr_Clear(); /* no package, no place */
    return path;
}


PyObject *
engine_find_file(Engine *engine, PyObject *name)
{
    if (engine_invalidate_caches(engine) < 0) {
        return NULL;
    }
    PyObject *path = engine_search_path(name);
    if (path == NULL) {
        return Py_NewRef(Py_False); /* nor is the module there */
    }
    PyObject *spec =
        PyObject_CallMethod(engine->path_finder, "find_spec", "OO", name, path);
    Py_DECREF(path);
    if (spec == NULL || spec == Py_None) {
        Py_XDECREF(spec);
        return spec != NULL ? Py_NewRef(Py_False) : NULL;
    }
    PyObject *origin = PyObject_GetAttrString(spec, "origin");
    Py_DECREF(spec);
    return origin;
}


void
engine_need_restart(Engine *engine, const char *format, ...)
{
    if (engine->restart != NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    engine->restart = PyUnicode_FromFormatV(format, args);
    va_end(args);
}
