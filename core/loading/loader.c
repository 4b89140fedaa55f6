/* The import hook: tracked source files are run statement by statement. */

#include "loader.h"

#include "annotations.h"
#include "cache.h"
#include "compat.h"
#include "failure.h"
#include "files.h"
#include "frame.h"
#include "hooks.h"
#include "library.h"
#include "loaded.h"
#include "paths.h"
#include "rules.h"
#include "split.h"
#include "walk.h"


/* ---- running a module for the first time -------------------------------- */

/* Split the source and take its statements over. */
static int
module_load_source(Module *module)
{
    Engine *engine = module->engine;
    if (module->source == NULL) { /* reading it failed: say why */
        module->source = file_read(module->path);
    }
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
        return frame_note_import(frame, module);
    }
    module->root = engine->probes->count == 0 ? ROOT_EARLY : ROOT_LATE;
    return 0;
}


/* The import failed: it is no module of the program, unless the walk starts
 * over and gets further. */
static void
module_fail(Module *module)
{
    Engine *engine = module->engine;
    if (engine->conflict != NULL && module->statements != NULL) {
        return;
    }
    failure_give(module, frame_current(engine));
    engine_drop_module(engine, module);
}


/* A record for a module that importlib imports. NULL with an exception. */
static Module *
module_create(Engine *engine, PyObject *object, PyObject *name, PyObject *path,
              int portions)
{
    Module *module = module_new(engine, name, path, object);
    if (module == NULL) {
        return NULL;
    }
    module->newborn = module->needed = engine->transaction;
    engine->walk_whole |= engine->transaction;
    module->real = path_real(path);
    if (module->real == NULL || engine_add_module(engine, module) < 0) {
        module_free(module);
        return NULL;
    }
    if (!portions) {
        module->source = file_read(path);
        PyErr_Clear(); /* see module_load_source() */
    }
    module->file = file_cell_read(engine, path, module->source);
    if (module->file != NULL) {
        module->file->module = module;
    }
    if (module->file == NULL || module_note_importer(module) < 0) {
        engine_drop_module(engine, module);
        return NULL;
    }
    return module;
}


/* What a source file gives. */
static int
module_fill(Module *module)
{
    return module_add_builtins(module) < 0 || module_add_doc(module) < 0
                   || module_load_source(module) < 0
                   || annotations_prepare(module) < 0
               ? -1
               : 0;
}


/* A namespace package has no file, says importlib. */
static int
module_fill_portions(Module *module)
{
    module->portions = 1;
    return PyDict_SetItemString(module->ns, "__file__", Py_None) < 0
                   || module_add_doc(module) < 0
               ? -1
               : 0;
}


static int
module_exec(Engine *engine, PyObject *object, PyObject *name, PyObject *path,
            int portions)
{
    Module *module = module_create(engine, object, name, path, portions);
    if (module == NULL) {
        return -1;
    }
    if (hooks_start(engine) < 0) {
        engine_drop_module(engine, module);
        return -1;
    }
    int result = hooks_add_module(engine, module);
    if (result == 0) {
        result = portions ? module_fill_portions(module) : module_fill(module);
    }
    if (result == 0) {
        result = walk_enter(module);
    }
    if (result < 0) {
        module_fail(module);
    }
    hooks_stop(engine);
    return result;
}


/* ---- importing it again in a walk --------------------------------------- */

/* The module that the running walk has yet to come to, under that name.
 * Borrowed; NULL: none. */
static Module *
module_awaited(Engine *engine, PyObject *name)
{
    if (!engine->transaction) {
        return NULL;
    }
    Module *module = engine_module(engine, name);
    return module != NULL && !module->gone
                   && (module->walk != engine->walk || module->withheld
                       || failure_is_held(module))
               ? module
               : NULL;
}


/* A running statement imports it: importlib has put it into sys.modules. */
static int
module_exec_awaited(Module *module)
{
    Engine *engine = module->engine;
    Frame *frame = frame_current(engine);
    if (frame == NULL) {
        return 0; /* another thread: the walk will come by itself */
    }
    if (frame_note_import(frame, module) < 0
        || failure_meet(module, frame) < 0) {
        return -1;
    }
    if (module->withheld) {
        return walk_rejoin(module) < 0 ? -1 : loaded_end(module);
    }
    if (walk_enter(module) == 0) {
        return loaded_end(module);
    }
    if (engine->conflict == NULL) {
        failure_give(module, frame);
    }
    return -1;
}


/* ---- the loader --------------------------------------------------------- */

/* loader.create_module(spec): the same object again in a walk, else None. */
static PyObject *
create_module(PyObject *self, PyObject *spec)
{
    (void)self;
    Engine *engine = hmr_engine;
    PyObject *name = PyObject_GetAttrString(spec, "name");
    if (name == NULL) {
        return NULL;
    }
    Module *module = engine != NULL ? module_awaited(engine, name) : NULL;
    Py_DECREF(name);
    if (module != NULL && dict_peek(module->ns, "__spec__") == spec) {
        return Py_NewRef(module->module);
    }
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}


/* The __init__.py that would be the file of a namespace package, in its first
 * folder. New reference. */
static PyObject *
portions_path(PyObject *spec)
{
    PyObject *places =
        PyObject_GetAttrString(spec, "submodule_search_locations");
    PyObject *list =
        places != NULL && places != Py_None ? PySequence_List(places) : NULL;
    PyObject *path = NULL;
    if (list != NULL && PyList_GET_SIZE(list) > 0) {
        path = PyUnicode_FromFormat("%S/__init__.py", PyList_GET_ITEM(list, 0));
    }
    else if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_ImportError, "a package without a folder");
    }
    Py_XDECREF(list);
    Py_XDECREF(places);
    return path;
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
    int portions = path == Py_None;
    if (portions) {
        Py_SETREF(path, portions_path(spec));
    }
    int result = -1;
    if (name != NULL && path != NULL) {
        if (engine == NULL) {
            PyErr_SetString(PyExc_ImportError,
                            "hmr-serve no longer tracks imports");
        }
        else {
            Module *module = module_awaited(engine, name);
            result = module != NULL && module->module == object
                         ? module_exec_awaited(module)
                     : PyErr_Occurred()
                         ? -1
                         : module_exec(engine, object, name, path, portions);
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


static PyMethodDef create_module_def = {"create_module", create_module, METH_O,
                                        "Module to import into."};
static PyMethodDef exec_module_def = {"exec_module", exec_module, METH_O,
                                      "Run a tracked module."};


/* A subclass of importlib's loader that imports as we do. */
static PyObject *
loader_type_new(const char *name, PyObject *base)
{
    PyObject *create = PyCFunction_New(&create_module_def, NULL);
    PyObject *exec = PyCFunction_New(&exec_module_def, NULL);
    PyObject *type = base != NULL && create != NULL && exec != NULL
                         ? PyObject_CallFunction(
                             (PyObject *)&PyType_Type, "s(O){sOsOss}", name,
                             base, "create_module", create, "exec_module", exec,
                             "__module__", "hmr_serve._core")
                         : NULL;
    Py_XDECREF(create);
    Py_XDECREF(exec);
    return type;
}


int
loader_init(Engine *engine)
{
    PyObject *machinery = PyImport_ImportModule("importlib.machinery");
    if (machinery == NULL) {
        return -1;
    }
    PyObject *files = PyObject_GetAttrString(machinery, "SourceFileLoader");
    PyObject *spaces = PyObject_GetAttrString(machinery, "NamespaceLoader");
    engine->path_finder = PyObject_GetAttrString(machinery, "PathFinder");
    engine->loader_type = loader_type_new("TrackedLoader", files);
    engine->portions_loader_type =
        loader_type_new("TrackedNamespaceLoader", spaces);
    Py_DECREF(machinery);
    Py_XDECREF(files);
    Py_XDECREF(spaces);
    return engine->path_finder != NULL && engine->loader_type != NULL
                   && engine->portions_loader_type != NULL
               ? 0
               : -1;
}


/* ---- finding ------------------------------------------------------------ */

/* The loader of a namespace package that we track, as importlib makes its own:
 * without a call of __init__. New reference; NULL without an exception: not
 * ours. */
static PyObject *
loader_for_portions(Engine *engine, PyObject *spec)
{
    PyObject *path = portions_path(spec);
    int ours = path != NULL && engine_tracks_path(engine, path);
    Py_XDECREF(path);
    if (!ours) {
        return NULL;
    }
    PyObject *type = engine->portions_loader_type;
    PyObject *loader = PyObject_CallMethod(type, "__new__", "O", type);
    PyObject *places =
        loader != NULL
            ? PyObject_GetAttrString(spec, "submodule_search_locations")
            : NULL;
    if (places == NULL || PyObject_SetAttrString(loader, "_path", places) < 0) {
        Py_CLEAR(loader);
    }
    Py_XDECREF(places);
    return loader;
}


/* Exchange the loader of a spec whose source file, or folder, we track. 1; 0:
 * we do not; -1 with an exception set. */
static int
spec_take_over(Engine *engine, PyObject *spec, PyObject *name)
{
    PyObject *origin = PyObject_GetAttrString(spec, "origin");
    PyObject *before = PyObject_GetAttrString(spec, "loader");
    PyObject *loader = NULL;
    if (origin != NULL && PyUnicode_Check(origin)
        && engine_tracks_path(engine, origin)) {
        loader = PyObject_CallFunctionObjArgs(engine->loader_type, name, origin,
                                              NULL);
    }
    else if (before == Py_None) {
        loader = loader_for_portions(engine, spec);
    }
    int ours = loader != NULL;
    if (PyErr_Occurred()
        || (ours && PyObject_SetAttrString(spec, "loader", loader) < 0)) {
        ours = -1;
    }
    Py_XDECREF(origin);
    Py_XDECREF(before);
    Py_XDECREF(loader);
    return ours;
}


PyObject *
loader_find_spec(Engine *engine, PyObject *name, PyObject *path,
                 PyObject *target)
{
    Module *module = module_awaited(engine, name);
    PyObject *known = module != NULL ? dict_peek(module->ns, "__spec__") : NULL;
    if (known != NULL && known != Py_None) {
        return Py_NewRef(known);
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *spec = PyObject_CallMethod(engine->path_finder, "find_spec",
                                         "OOO", name, path, target);
    if (spec == NULL) {
        return NULL;
    }
    if (spec != Py_None) {
        int ours = spec_take_over(engine, spec, name);
        if (ours < 0 || (!ours && library_watch(engine, spec) < 0)) {
            Py_CLEAR(spec);
        }
        return spec;
    }
    Frame *frame = frame_current(engine);
    if (frame != NULL && rule(READ_MISSING)) {
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
