/* The type that modules of the program are of while tracing: who reads which
 * names through a module. */

#include "module_type.h"

#include "compat.h"
#include "files.h"
#include "frame.h"
#include "namespace.h"
#include "rules.h"
#include "text.h"
#include "walk.h"


int
module_is_submodule_bind(const Engine *engine, const Module *module,
                         PyObject *key, PyObject *value)
{
    if (value == NULL || !PyModule_Check(value)) {
        return 0;
    }
    Module *child = engine_module_by_ns(engine, PyModule_GetDict(value));
    if (child == NULL) {
        return 0;
    }
    PyObject *name = text_dotted(module->name, key);
    int same = name != NULL && PyUnicode_Compare(name, child->name) == 0;
    Py_XDECREF(name);
    return same;
}


/* A name that is not there is asked of the module's own __getattr__: whether it
 * has one is a read too, but where the import system asks (it asks any module
 * for __path__). */
static int
module_fall_back(Engine *engine, Frame *frame, Module *module, PyObject *name,
                 int importing)
{
    int found = PyDict_Contains(module->ns, name);
    if (found != 0) {
        return found < 0 ? -1 : 0;
    }
    return importing || name_is_system(name)
               ? frame_show_name(frame, module, engine->name_getattr)
               : frame_read_name(frame, module, engine->name_getattr, NULL, 1);
}


/* `from pkg import a, b`: importlib looks in this order for what it has to
 * import. A submodule that is there already takes its place among the others,
 * where a cold start may import it. */
static int
frame_note_loaded(Frame *frame, Module *package, PyObject *name)
{
    PyObject *value;
    if (PyDict_GetItemRef(package->ns, name, &value) <= 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    const Engine *engine = package->engine;
    Module *module = module_is_submodule_bind(engine, package, name, value)
                         ? engine_module_by_ns(engine, PyModule_GetDict(value))
                         : NULL;
    Py_DECREF(value);
    if (PyErr_Occurred()) {
        return -1;
    }
    return module != NULL ? trace_add_import(frame->trace, module) : 0;
}


/* ---- who looks at all names --------------------------------------------- */

static int
holds(PyObject *argument, PyObject *module)
{
    if (argument == module) {
        return 1;
    }
    if (!PyList_CheckExact(argument) && !PyTuple_CheckExact(argument)) {
        return 0;
    }
    PyObject *const *items = PySequence_Fast_ITEMS(argument);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(argument); i++) {
        if (items[i] == module) {
            return 1;
        }
    }
    return 0;
}


/* Was the module, alone or among others, given to the call of that frame? */
static int
is_given(PyFrameObject *called, PyObject *module)
{
    PyCodeObject *code = PyFrame_GetCode(called);
    PyObject *names = PyCode_GetVarnames(code);
    int count = code->co_argcount + code->co_kwonlyargcount
                + ((code->co_flags & CO_VARARGS) != 0);
    Py_DECREF(code);
    int given = names != NULL ? 0 : -1;
    for (int i = 0; given == 0 && i < count; i++) {
        PyObject *argument = PyFrame_GetVar(called, PyTuple_GET_ITEM(names, i));
        if (argument == NULL) {
            PyErr_Clear(); /* deleted since */
            continue;
        }
        given = holds(argument, module);
        Py_DECREF(argument);
    }
    Py_XDECREF(names);
    return given;
}


/* Does tracked code look, or a library that it has given the module to
 * (pluggy's register(module))? Others have purposes of their own (pydantic). */
static int
asked_for(const Engine *engine, PyObject *module)
{
    PyFrameObject *called = NULL;
    PyFrameObject *frame = PyEval_GetFrame(); /* borrowed */
    Py_XINCREF(frame);
    while (frame != NULL) {
        PyObject *globals = PyFrame_GetGlobals(frame);
        int tracked = engine_module_by_ns(engine, globals) != NULL;
        Py_DECREF(globals);
        if (tracked) {
            break;
        }
        Py_XSETREF(called, frame);
        frame = PyFrame_GetBack(called);
    }
    int asked = frame != NULL;
    if (frame != NULL && called != NULL) {
        asked = rule(GIVEN_MODULES) ? is_given(called, module) : 0;
    }
    Py_XDECREF(frame);
    Py_XDECREF(called);
    return asked;
}


static int
read_dict(Engine *engine, Frame *frame, Module *module)
{
    int asked = asked_for(engine, module->module);
    return asked > 0 ? frame_read_namespace(frame, module) : asked;
}


/* The module of the program that is looked at while tracing; NULL: no such. */
static Module *
looked_at(PyObject *self)
{
    Engine *engine = hmr_engine;
    return engine != NULL && frame_current(engine) != NULL
               ? engine_module_by_ns(engine, PyModule_GetDict(self))
               : NULL;
}


static int
note_look(PyObject *self)
{
    Module *module = looked_at(self);
    if (module == NULL) {
        return 0;
    }
    Engine *engine = module->engine;
    if (engine->transaction && walk_reach(module) < 0) {
        return -1;
    }
    return read_dict(engine, frame_current(engine), module);
}


/* dir(m). */
static PyObject *
tracked_module_dir(PyObject *self, PyObject *none)
{
    (void)none;
    if (note_look(self) < 0) {
        return NULL;
    }
    PyObject *dir =
        PyObject_GetAttrString((PyObject *)&PyModule_Type, "__dir__");
    PyObject *names = dir != NULL ? PyObject_CallOneArg(dir, self) : NULL;
    Py_XDECREF(dir);
    return names;
}


/* m.__dict__ past tp_getattro: inspect.getattr_static. */
static PyObject *
tracked_module_dict(PyObject *self, void *closure)
{
    (void)closure;
    return note_look(self) < 0 ? NULL : Py_NewRef(PyModule_GetDict(self));
}


/* ---- the type ----------------------------------------------------------- */

/* `from m import x` asks whether m is a package. Of its own modules the
 * interpreter wants no exception then; we have to raise one, and that of
 * PyModule_Type takes longer than all the rest. 1 if it was raised. */
static int
is_asked_for_path(const Module *module, PyObject *name)
{
    if (!text_is(name, "__path__") || PyDict_Contains(module->ns, name) != 0
        || PyDict_Contains(module->ns, module->engine->name_getattr) != 0) {
        return 0;
    }
    PyErr_SetString(PyExc_AttributeError, "a module without a __path__");
    return 1;
}


/* A read through the module object: `m.x`, `from m import x`, getattr. */
static PyObject *
tracked_module_getattro(PyObject *self, PyObject *name)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL ? frame_current(engine) : NULL;
    Module *module = frame != NULL
                         ? engine_module_by_ns(engine, PyModule_GetDict(self))
                         : NULL;
    if (module != NULL && frame->number == 0
        && frame_note_import(frame, module) < 0) {
        return NULL; /* whoever looks into a module has imported it */
    }
    int importing = module != NULL && caller_is_importlib();
    if (importing
        && (frame_show_name(frame, module, name) < 0
            || (frame->number == 0
                && frame_note_loaded(frame, module, name) < 0))) {
        return NULL;
    }
    if (module != NULL && !importing) {
        if (engine->transaction && walk_reach(module) < 0) {
            return NULL;
        }
        int result = text_is(name, "__dict__")
                         ? read_dict(engine, frame, module)
                         : frame_read_name(frame, module, name, NULL, 1);
        if (result < 0) {
            return NULL;
        }
    }
    if (module != NULL
        && module_fall_back(engine, frame, module, name, importing) < 0) {
        return NULL;
    }
    if (module != NULL && text_is(name, "__dict__")) {
        return Py_NewRef(PyModule_GetDict(self));
    }
    return module != NULL && is_asked_for_path(module, name)
               ? NULL
               : PyModule_Type.tp_getattro(self, name);
}


/* `m.x = value`: storing the object that is there already raises no event. */
static int
tracked_module_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL ? frame_current(engine) : NULL;
    Module *module = frame != NULL && value != NULL
                         ? engine_module_by_ns(engine, PyModule_GetDict(self))
                         : NULL;
    if (PyModule_Type.tp_setattro(self, name, value) < 0) {
        return -1;
    }
    return module == NULL || !rule(STORE_BINDS)
                   || module_is_submodule_bind(engine, module, name, value)
               ? 0
               : frame_bind(frame, module, name);
}


static PyMethodDef tracked_module_methods[] = {
    {"__dir__", tracked_module_dir, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef tracked_module_getset[] = {
    {"__dict__", tracked_module_dict, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot tracked_module_slots[] = {
    {Py_tp_methods, tracked_module_methods},
    {Py_tp_getset, tracked_module_getset},
    {Py_tp_getattro, tracked_module_getattro},
    {Py_tp_setattro, tracked_module_setattro},
    {0, NULL},
};

static PyType_Spec tracked_module_spec = {
    .name = "hmr_serve._core.TrackedModule",
    .flags = Py_TPFLAGS_DEFAULT, /* GC comes from the base */
    .slots = tracked_module_slots,
};


int
module_type_install(Engine *engine)
{
    engine->module_type = (PyTypeObject *)PyType_FromSpecWithBases(
        &tracked_module_spec, (PyObject *)&PyModule_Type);
    return engine->module_type != NULL ? 0 : -1;
}
