/* The import hook: tracked source files are run statement by statement. */

#include "loader.h"

#include "annotations.h"
#include "cache.h"
#include "compat.h"
#include "files.h"
#include "frame.h"
#include "hooks.h"
#include "split.h"
#include "walk.h"


/* ---- running a module for the first time -------------------------------- */

/* Split the source and take its statements over. */
static int
module_load_source(Module *module)
{
    Engine *engine = module->engine;
    module->source = file_read(module->path);
    if (module->source == NULL) {
        return -1;
    }
    Split split;
    int cached = cache_load(&split, module, module->source);
    if (cached < 0
        || (cached == 0 && split_source(&split, module, module->source) < 0)) {
        return -1;
    }
    for (Py_ssize_t i = 0; !cached && i < split.count; i++) {
        if (split_compile(&split, module, i) < 0) {
            split_fini(&split, engine);
            return -1;
        }
    }
    if (!cached) {
        cache_store(&split, module, module->source);
    }
    module->statements = split.statements;
    module->count = split.count;
    module->future_flags = split.future_flags;
    split.statements = NULL;
    split.count = 0;
    split_fini(&split, engine);
    return 0;
}


/* exec() would put __builtins__ there; so do we. */
static int
module_add_builtins(Module *module)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    return PyDict_SetItemString(module->ns, "__builtins__", builtins);
}


/* A module without a docstring has the __doc__ that importlib gave it. */
static int
module_add_doc(Module *module)
{
    PyObject *name = PyUnicode_InternFromString("__doc__");
    Binding *binding = name != NULL ? module_binding(module, name, 1) : NULL;
    Py_XDECREF(name);
    if (binding == NULL) {
        return -1;
    }
    binding->unordered = 1;
    binding->cell.base = version_new(Py_None, NULL);
    version_set(&binding->actual, binding->cell.base);
    return binding->cell.base != NULL ? 0 : -1;
}


/* Who imports it: a statement, or nobody that we trace. */
static int
module_note_importer(Module *module)
{
    Engine *engine = module->engine;
    Frame *frame = frame_current(engine);
    if (frame != NULL) {
        return trace_add_import(frame->trace, module);
    }
    module->root = engine->probes->count == 0 ? ROOT_EARLY : ROOT_LATE;
    return 0;
}


/* A failed import: whoever tried depends on the file. */
static void
module_note_failure(Module *module)
{
    PyObject *error = PyErr_GetRaisedException();
    module->engine->unsettled = 1;
    Frame *frame = frame_current(module->engine);
    if (frame != NULL && module->file != NULL
        && frame_read_cell(frame, &module->file->cell) < 0) {
        PyErr_Clear(); /* without memory: the error itself matters more */
    }
    PyErr_SetRaisedException(error);
}


/* Where a symlink leads: that is the file whose change is seen. New reference.
 */
static PyObject *
real_path(PyObject *path)
{
    PyObject *os_path = PyImport_ImportModule("os.path");
    PyObject *real = os_path != NULL
                         ? PyObject_CallMethod(os_path, "realpath", "O", path)
                         : NULL;
    Py_XDECREF(os_path);
    return real;
}


static int
module_exec(Engine *engine, PyObject *object, PyObject *name, PyObject *path)
{
    Module *module = module_new(engine, name, path, object);
    if (module == NULL) {
        return -1;
    }
    module->newborn = module->needed = engine->transaction;
    engine->walk_whole |= engine->transaction;
    module->real = real_path(path);
    if (module->real == NULL) {
        module_free(module);
        return -1;
    }
    if (engine_add_module(engine, module) < 0) {
        module_free(module);
        return -1;
    }
    module->file = file_cell(engine, path, 0);
    if (module->file == NULL || module_note_importer(module) < 0
        || hooks_start(engine) < 0) {
        engine_drop_module(engine, module);
        return -1;
    }
    int result = hooks_add_module(engine, module);
    if (result == 0) {
        result = module_add_builtins(module);
    }
    if (result == 0) {
        result = module_add_doc(module);
    }
    if (result == 0) {
        result = module_load_source(module);
    }
    if (result == 0) {
        result = annotations_prepare(module);
    }
    if (result == 0) {
        result = walk_module(module);
    }
    if (result < 0) {
        module_note_failure(module);
    }
    hooks_stop(engine);
    if (result < 0) {
        engine_drop_module(engine, module);
    }
    return result;
}


/* loader.exec_module(module) */
static PyObject *
exec_module(PyObject *self, PyObject *object)
{
    (void)self;
    Engine *engine = hmr_engine;
    PyObject *spec = PyObject_GetAttrString(object, "__spec__");
    PyObject *name = spec != NULL ? PyObject_GetAttrString(spec, "name") : NULL;
    PyObject *path =
        spec != NULL ? PyObject_GetAttrString(spec, "origin") : NULL;
    int result = -1;
    if (name != NULL && path != NULL) {
        if (engine == NULL) {
            PyErr_SetString(PyExc_ImportError,
                            "hmr-serve no longer tracks imports");
        }
        else {
            result = module_exec(engine, object, name, path);
        }
    }
    Py_XDECREF(spec);
    Py_XDECREF(name);
    Py_XDECREF(path);
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}


static PyMethodDef exec_module_def = {"exec_module", exec_module, METH_O,
                                      "Run a tracked module."};


int
loader_init(Engine *engine)
{
    PyObject *machinery = PyImport_ImportModule("importlib.machinery");
    PyObject *base = NULL, *method = NULL;
    int result = -1;
    if (machinery == NULL) {
        return -1;
    }
    engine->path_finder = PyObject_GetAttrString(machinery, "PathFinder");
    base = PyObject_GetAttrString(machinery, "SourceFileLoader");
    method = PyCFunction_New(&exec_module_def, NULL);
    if (engine->path_finder != NULL && base != NULL && method != NULL) {
        engine->loader_type = PyObject_CallFunction(
            (PyObject *)&PyType_Type, "s(O){sOss}", "TrackedLoader", base,
            "exec_module", method, "__module__", "hmr_serve._core");
        result = engine->loader_type != NULL ? 0 : -1;
    }
    Py_XDECREF(machinery);
    Py_XDECREF(base);
    Py_XDECREF(method);
    return result;
}


/* ---- finding ------------------------------------------------------------ */

/* Exchange the loader of a spec whose source file we track. */
static int
spec_take_over(Engine *engine, PyObject *spec, PyObject *name)
{
    PyObject *origin = PyObject_GetAttrString(spec, "origin");
    PyObject *loader = NULL;
    int result = origin != NULL ? 0 : -1;
    if (result == 0 && PyUnicode_Check(origin)
        && engine_tracks_path(engine, origin)) {
        loader = PyObject_CallFunctionObjArgs(engine->loader_type, name, origin,
                                              NULL);
        result = loader != NULL ? PyObject_SetAttrString(spec, "loader", loader)
                                : -1;
    }
    Py_XDECREF(origin);
    Py_XDECREF(loader);
    return result;
}


/* Looking for a.b comes after importing a. */
static int
loader_reach_parent(Engine *engine, PyObject *name)
{
    Py_ssize_t dot =
        PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), -1);
    PyObject *head = dot > 0 ? PyUnicode_Substring(name, 0, dot) : NULL;
    Module *parent = head != NULL ? engine_module(engine, head) : NULL;
    Py_XDECREF(head);
    if (PyErr_Occurred()) {
        return -1;
    }
    return parent != NULL ? walk_reach(parent) : 0;
}


PyObject *
loader_find_spec(Engine *engine, PyObject *name, PyObject *path,
                 PyObject *target)
{
    if (engine->transaction && loader_reach_parent(engine, name) < 0) {
        return NULL;
    }
    PyObject *spec = PyObject_CallMethod(engine->path_finder, "find_spec",
                                         "OOO", name, path, target);
    if (spec == NULL) {
        return NULL;
    }
    if (spec != Py_None) {
        if (spec_take_over(engine, spec, name) < 0) {
            Py_CLEAR(spec);
        }
        return spec;
    }
    Frame *frame = frame_current(engine);
    if (frame != NULL) {
        FileCell *file = file_missing_module(engine, name);
        if (file == NULL || frame_read_cell(frame, &file->cell) < 0) {
            Py_CLEAR(spec);
        }
        if (file != NULL) {
            cell_unref(&file->cell, engine);
        }
    }
    return spec;
}
