/* The Python type Engine. */

#include "engine_object.h"

#include "adapters.h"
#include "callbacks_object.h"
#include "class_adopt.h"
#include "class_made.h"
#include "class_members.h"
#include "compat.h"
#include "contribute.h"
#include "engine.h"
#include "entries_object.h"
#include "frame.h"
#include "hooks.h"
#include "introspect.h"
#include "library.h"
#include "loader.h"
#include "paths.h"
#include "print.h"
#include "reach.h"
#include "remembered.h"
#include "spare.h"
#include "transaction.h"
#include "undo.h"


/* ---- creation ----------------------------------------------------------- */

/* Real path of a directory with a final slash. New reference. */
static PyObject *
real_directory(PyObject *path)
{
    PyObject *real = path_real(path);
    PyObject *slashed = real != NULL ? PyUnicode_FromFormat("%U/", real) : NULL;
    Py_XDECREF(real);
    return slashed;
}


static PyObject *
real_directories(PyObject *paths)
{
    PyObject *fast = PySequence_Fast(paths, "roots must be a sequence of str");
    if (fast == NULL) {
        return NULL;
    }
    Py_ssize_t count = PySequence_Fast_GET_SIZE(fast);
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++) {
        PyObject *real = real_directory(PySequence_Fast_GET_ITEM(fast, i));
        if (real == NULL) {
            Py_CLEAR(tuple);
            break;
        }
        PyTuple_SET_ITEM(tuple, i, real);
    }
    Py_DECREF(fast);
    return tuple;
}


/* Where Python and installed packages live: never tracked. */
static PyObject *
outside_directories(void)
{
    PyObject *sysconfig = PyImport_ImportModule("sysconfig");
    PyObject *list = PyList_New(0);
    static const char *const names[] = {"stdlib", "platstdlib", "purelib",
                                        "platlib"};
    int result = sysconfig != NULL && list != NULL ? 0 : -1;
    for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *path =
            PyObject_CallMethod(sysconfig, "get_path", "s", names[i]);
        PyObject *real = path != NULL ? real_directory(path) : NULL;
        result = real != NULL ? PyList_Append(list, real) : -1;
        Py_XDECREF(path);
        Py_XDECREF(real);
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(sysconfig);
    Py_XDECREF(list);
    return tuple;
}


/* The pseudo-module that entries and lifespans are statements of. */
static int
engine_create_probes(Engine *engine)
{
    PyObject *name = PyUnicode_FromString("<hmr-serve>");
    PyObject *object = name != NULL ? PyModule_NewObject(name) : NULL;
    if (object != NULL) {
        engine->probes = module_new(engine, name, NULL, object);
    }
    Py_XDECREF(name);
    Py_XDECREF(object);
    return engine->probes != NULL ? 0 : -1;
}


static int
engine_create_tables(Engine *engine)
{
    PyObject *builtins = PyImport_ImportModule("builtins");
    PyObject *ast = PyImport_ImportModule("ast");
    if (builtins != NULL && ast != NULL) {
        engine->compile = PyObject_GetAttrString(builtins, "compile");
        engine->ast_module = PyObject_GetAttrString(ast, "Module");
    }
    Py_XDECREF(builtins);
    Py_XDECREF(ast);
    engine->name_getattr = PyUnicode_InternFromString("__getattr__");
    engine->name_dict = PyUnicode_InternFromString("__dict__");
    engine->name_name = PyUnicode_InternFromString("__name__");
    engine->name_look = PyUnicode_InternFromString("look");
    engine->patched_classes = PyList_New(0);
    engine->modules = PyDict_New();
    engine->files = PyDict_New();
    engine->slots = PyDict_New();
    engine->foreign = PyDict_New();
    engine->missing = PyDict_New();
    engine->pending = PySet_New(NULL);
    engine->written = PySet_New(NULL);
    engine->wanted = PySet_New(NULL);
    engine->log = PyList_New(0);
    engine->leftover = PyList_New(0);
    engine->arrived = PyList_New(0);
    engine->cleared = PyDict_New();
    engine->stat_functions = PyDict_New();
    engine->async_current = PyContextVar_New("hmr_serve_trace", NULL);
    engine->again = PyErr_NewException("hmr_serve._core.RunAgain",
                                       PyExc_BaseException, NULL);
    engine->syntax_types = syntax_types_new();
    if (engine->compile == NULL || engine->ast_module == NULL
        || engine->name_getattr == NULL || engine->name_dict == NULL
        || engine->name_name == NULL || engine->name_look == NULL
        || engine->patched_classes == NULL || engine->modules == NULL
        || engine->files == NULL || engine->slots == NULL
        || engine->foreign == NULL || engine->missing == NULL
        || engine->pending == NULL || engine->written == NULL
        || engine->wanted == NULL || engine->leftover == NULL
        || engine->arrived == NULL || engine->log == NULL
        || engine->cleared == NULL || engine->stat_functions == NULL
        || engine->async_current == NULL || engine->again == NULL
        || engine->syntax_types == NULL) {
        return -1;
    }
    return engine_create_probes(engine);
}


static PyObject *
engine_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"roots", NULL};
    PyObject *roots;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Engine", names, &roots)) {
        return NULL;
    }
#ifdef Py_GIL_DISABLED
    PyErr_SetString(PyExc_RuntimeError,
                    "hmr-serve does not run on a free-threaded build of "
                    "Python; use a build with the GIL");
    return NULL;
#endif
    Engine *engine = (Engine *)type->tp_alloc(type, 0);
    if (engine == NULL) {
        return NULL;
    }
    engine->dict_watcher = engine->function_watcher = engine->tool = -1;
    engine->walk = engine->valid_from = 1;
    engine->roots = real_directories(roots);
    engine->outside = outside_directories();
    if (engine->roots == NULL || engine->outside == NULL
        || opcodes_init(&engine->opcodes) < 0 || code_extra_init() < 0
        || print_init() < 0 || engine_create_tables(engine) < 0
        || loader_init(engine) < 0 || library_init(engine) < 0) {
        Py_DECREF(engine);
        return NULL;
    }
    return (PyObject *)engine;
}


/* ---- installing --------------------------------------------------------- */

static PyObject *
meta_path(void)
{
    PyObject *list = PySys_GetObject("meta_path"); /* borrowed */
    if (list == NULL || !PyList_Check(list)) {
        PyErr_SetString(PyExc_RuntimeError, "sys.meta_path is no list");
        return NULL;
    }
    return list;
}


static PyObject *
engine_install(PyObject *self, PyObject *unused)
{
    (void)unused;
    Engine *engine = (Engine *)self;
    if (hmr_engine != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        hmr_engine == engine
                            ? "this Engine is installed already"
                            : "another Engine is installed; uninstall it "
                              "first");
        return NULL;
    }
    PyObject *path = meta_path();
    if (path == NULL) {
        return NULL;
    }
    hmr_engine = (Engine *)Py_NewRef(engine);
    if (hooks_install(engine) < 0 || PyList_Insert(path, 0, self) < 0) {
        hooks_uninstall(engine);
        hmr_engine = NULL;
        Py_DECREF(engine);
        return NULL;
    }
    engine->installed = 1;
    Py_RETURN_NONE;
}


static PyObject *
engine_uninstall(PyObject *self, PyObject *unused)
{
    (void)unused;
    Engine *engine = (Engine *)self;
    if (!engine->installed) {
        Py_RETURN_NONE;
    }
    if (engine->tracing > engine->async_count || engine->transaction) {
        PyErr_SetString(PyExc_RuntimeError,
                        "uninstall() was called while tracked code is running");
        return NULL;
    }
    while (engine->async_frames != NULL) {
        trace_free(frame_close_async(engine->async_frames, engine), engine);
        hooks_stop(engine);
    }
    PyObject *path = meta_path();
    for (Py_ssize_t i = path != NULL ? PyList_GET_SIZE(path) : 0; i-- > 0;) {
        if (PyList_GET_ITEM(path, i) == self
            && PySequence_DelItem(path, i) < 0) {
            return NULL;
        }
    }
    hooks_uninstall(engine);
    engine->installed = 0;
    introspect_detach(engine);
    hmr_engine = NULL;
    Py_DECREF(engine);
    Py_RETURN_NONE;
}


static PyObject *
engine_find_spec(PyObject *self, PyObject *args)
{
    PyObject *name, *path = Py_None, *target = Py_None;
    if (!PyArg_ParseTuple(args, "U|OO:find_spec", &name, &path, &target)) {
        return NULL;
    }
    return loader_find_spec((Engine *)self, name, path, target);
}


/* ---- updates ------------------------------------------------------------ */

static PyObject *
engine_apply(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"paths", "environ", NULL};
    Engine *engine = (Engine *)self;
    PyObject *paths, *environ = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:apply", names, &paths,
                                     &environ)
        || engine_require_installed(engine) < 0) {
        return NULL;
    }
    if (environ != Py_None && !PyDict_Check(environ)) {
        PyErr_SetString(PyExc_TypeError, "environ is a dict or None");
        return NULL;
    }
    return transaction_apply(engine, paths,
                             environ != Py_None ? environ : NULL);
}


static PyObject *
engine_settle(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    Engine *engine = (Engine *)self;
    if (engine->undo != NULL && engine->undo->swapped) {
        PyErr_SetString(PyExc_RuntimeError, "the old world stands");
        return NULL;
    }
    int result =
        engine->undo != NULL ? class_adopt_instances(engine->undo, engine) : 0;
    undo_free(engine->undo, engine);
    engine->undo = NULL;
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}


static PyObject *
swap(Engine *engine, int back)
{
    if (engine->undo == NULL || engine->undo->swapped == back) {
        PyErr_SetString(PyExc_RuntimeError,
                        back ? "there is no revision to go back over"
                             : "swap_back() was not called");
        return NULL;
    }
    if (undo_swap(engine->undo, engine, back) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}


static PyObject *
engine_swap_back(PyObject *self, PyObject *unused)
{
    (void)unused;
    return swap((Engine *)self, 1);
}


static PyObject *
engine_swap_forward(PyObject *self, PyObject *unused)
{
    (void)unused;
    return swap((Engine *)self, 0);
}


/* Stay in the old world until the next edit applies, or make it again. */
static PyObject *
engine_revert(PyObject *self, PyObject *unused)
{
    (void)unused;
    Engine *engine = (Engine *)self;
    if (engine->undo == NULL || !engine->undo->swapped) {
        PyErr_SetString(PyExc_RuntimeError, "swap_back() was not called");
        return NULL;
    }
    return transaction_revert(engine);
}


static PyObject *
engine_reaches_rebound(PyObject *self, PyObject *coroutine)
{
    return reach_rebound((Engine *)self, coroutine);
}


/* ---- views -------------------------------------------------------------- */

static PyObject *
engine_watched(PyObject *self, PyObject *unused)
{
    (void)unused;
    return introspect_watched((Engine *)self);
}


static PyObject *
engine_written(PyObject *self, PyObject *unused)
{
    (void)unused;
    return introspect_written((Engine *)self);
}


static PyObject *
engine_generation(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(((Engine *)self)->generation);
}


static PyObject *
engine_modules(PyObject *self, PyObject *unused)
{
    (void)unused;
    return introspect_modules((Engine *)self);
}


static PyObject *
engine_statements(PyObject *self, PyObject *name)
{
    Engine *engine = (Engine *)self;
    Module *module = PyUnicode_Check(name) ? engine_module(engine, name) : NULL;
    if (module == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_KeyError, "%R is no tracked module", name);
        }
        return NULL;
    }
    return introspect_statements(module);
}


static int
engine_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Engine *engine = (Engine *)self;
    Py_VISIT(engine->library_loader_type);
    Py_VISIT(engine->loader_type);
    return 0;
}


/* An engine is dropped only when the process ends or a test is over: what the
 * graph holds goes with it. */
static void
engine_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Engine *engine = (Engine *)self;
    PyObject_GC_UnTrack(self);
    introspect_free_graph(engine);
    adapters_fini(engine);
    Py_CLEAR(engine->contributions);
    Py_CLEAR(engine->contributed_types);
    Py_CLEAR(engine->contributing);
    undo_free(engine->undo, engine);
    syntax_types_free(engine->syntax_types);
    ptrmap_fini(&engine->by_namespace);
    ptrmap_fini(&engine->groups);
    ptrmap_fini(&engine->caches);
    ptrmap_fini(&engine->lazies);
    ptrmap_fini(&engine->results);
    ptrmap_fini(&engine->fills);
    Py_XDECREF(engine->cleared);
    class_made_fini(engine);
    class_members_fini(engine);
    Py_XDECREF(engine->patched_classes);
    Py_XDECREF(engine->name_dict);
    Py_XDECREF(engine->name_name);
    Py_XDECREF(engine->name_look);
    Py_XDECREF(engine->roots);
    Py_XDECREF(engine->outside);
    Py_XDECREF(engine->library_loader_type);
    Py_XDECREF(engine->loader_type);
    Py_XDECREF(engine->portions_loader_type);
    Py_XDECREF(engine->path_finder);
    Py_XDECREF(engine->compile);
    Py_XDECREF(engine->ast_module);
    Py_XDECREF(engine->name_getattr);
    Py_XDECREF(engine->modules);
    Py_XDECREF(engine->files);
    Py_XDECREF(engine->slots);
    PyMem_Free(engine->slot_list);
    ptrmap_fini(&engine->containers);
    Py_XDECREF(engine->environ_type);
    Py_XDECREF(engine->missing);
    Py_XDECREF(engine->pending);
    Py_XDECREF(engine->written);
    Py_XDECREF(engine->wanted);
    Py_XDECREF(engine->log);
    Py_XDECREF(engine->on_watched);
    Py_XDECREF(engine->leftover);
    Py_XDECREF(engine->arrived);
    Py_XDECREF(engine->stat_functions);
    Py_XDECREF(engine->module_type);
    Py_XDECREF(engine->disable);
    Py_XDECREF(engine->monitoring);
    Py_XDECREF(engine->call_event);
    Py_XDECREF(engine->calling);
    Py_XDECREF(engine->foreign);
    Py_XDECREF(engine->async_current);
    Py_XDECREF(engine->conflict_reason);
    Py_XDECREF(engine->again);
    Py_XDECREF(engine->restart);
    Py_XDECREF(engine->spared_in);
    type->tp_free(self);
    Py_DECREF(type);
}


static PyMethodDef engine_methods[] = {
    {"install", engine_install, METH_NOARGS, "Begin to track imports."},
    {"uninstall", engine_uninstall, METH_NOARGS, "Stop tracking."},
    {"find_spec", engine_find_spec, METH_VARARGS,
     "importlib.abc.MetaPathFinder.find_spec."},
    {"run", engine_run, METH_VARARGS,
     "Call func() traced, as the last statement of the program."},
    {"result", engine_result, METH_O, "What run(name, ...) returned last."},
    {"begin", engine_begin, METH_O, "Trace the current context from now on."},
    {"end", engine_end, METH_O, "Close a trace opened by begin."},
    {"drop", engine_drop, METH_O, "Forget an entry or trace."},
    {"apply", (PyCFunction)(void (*)(void))engine_apply,
     METH_VARARGS | METH_KEYWORDS, "Apply the changed files among paths."},
    {"settle", engine_settle, METH_NOARGS,
     "The last revision stays: kept instances get its classes, and what it "
     "replaced is freed."},
    {"swap_back", engine_swap_back, METH_NOARGS,
     "Go back to the world before the last revision."},
    {"swap_forward", engine_swap_forward, METH_NOARGS, "Undo swap_back."},
    {"revert", engine_revert, METH_NOARGS,
     "While swapped back: give the last revision up."},
    {"reaches_rebound", engine_reaches_rebound, METH_O,
     "What the last revision replaced and a coroutine still uses, or None."},
    {"adapt", engine_adapt, METH_O,
     "Use an adapter for what statements put into a library."},
    {"contribute", engine_contribute, METH_O,
     "Add again what statements added, instead of running them."},
    {"on_dispose", engine_on_dispose, METH_O,
     "Call it before the running statement runs again or goes."},
    {"before_reload", engine_before_reload, METH_O,
     "Call it before an edit is applied."},
    {"after_reload", engine_after_reload, METH_O, "Call it with reloaded()."},
    {"reloaded", engine_reloaded, METH_NOARGS,
     "An edit was applied: call what after_reload() was given."},
    {"dispose", engine_dispose, METH_VARARGS,
     "Call what on_dispose() was given by an entry or lifespan, or by all."},
    {"release", engine_release, METH_VARARGS,
     "Whose old values go before their statements run again."},
    {"undone", engine_undone, METH_NOARGS,
     "Whether an edit that failed has disposed of something."},
    {"disposed", engine_disposed, METH_NOARGS,
     "Whether the last revision has disposed of something."},
    {"redo", engine_redo, METH_NOARGS, "Run that again."},
    {"watched", engine_watched, METH_NOARGS,
     "(files, directories) whose change may matter."},
    {"written", engine_written, METH_NOARGS,
     "Files that this process wrote since their change was looked at."},
    {"on_watched", engine_on_watched, METH_O,
     "Call it, in any thread, when a request makes a file or a module matter."},
    {"generation", engine_generation, METH_NOARGS,
     "Changes whenever watched() may have changed."},
    {"spare", engine_spare, METH_VARARGS,
     "Leave a statement as it is: for measurements."},
    {"modules", engine_modules, METH_NOARGS, "Tracked modules in cold order."},
    {"statements", engine_statements, METH_O,
     "The statements of a tracked module."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot engine_slots[] = {
    {Py_tp_doc, "Tracks modules below roots and applies edits to them."},
    {Py_tp_new, engine_new},
    {Py_tp_dealloc, engine_dealloc},
    {Py_tp_traverse, engine_traverse},
    {Py_tp_methods, engine_methods},
    {0, NULL},
};

static PyType_Spec engine_spec = {
    .name = "hmr_serve._core.Engine",
    .basicsize = sizeof(Engine),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = engine_slots,
};


int
engine_object_init(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &engine_spec, NULL);
    if (type == NULL) {
        return -1;
    }
    int result = PyModule_AddObjectRef(module, "Engine", type);
    Py_DECREF(type);
    return result;
}
