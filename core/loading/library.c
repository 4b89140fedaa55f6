/* Imports of libraries in the midst of a statement. */

#include "library.h"

#include "adapters.h"
#include "compat.h"
#include "frame.h"

#include <stddef.h>


/* Stands in a spec for another loader until the module is run. */
typedef struct {
    PyObject ob_base;
    PyObject *loader; /* Owned; the library's */
    PyObject *spec;   /* Owned until the module is run. */
} LibraryLoader;


static int
library_traverse(PyObject *self, visitproc visit, void *arg)
{
    LibraryLoader *library = (LibraryLoader *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(library->loader);
    Py_VISIT(library->spec);
    return 0;
}


static int
library_clear(PyObject *self)
{
    LibraryLoader *library = (LibraryLoader *)self;
    Py_CLEAR(library->loader);
    Py_CLEAR(library->spec);
    return 0;
}


static void
library_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)library_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}


/* Whoever looks at the loader of a spec that he has looked for sees the other
 * one's attributes. */
static PyObject *
library_getattro(PyObject *self, PyObject *name)
{
    PyObject *value = PyObject_GenericGetAttr(self, name);
    if (value != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return value;
    }
    PyErr_Clear();
    return PyObject_GetAttr(((LibraryLoader *)self)->loader, name);
}


/* What the module and its spec show afterwards is the library's own loader. 0,
 * or -1 with an exception set. */
static int
library_step_back(LibraryLoader *self, PyObject *module)
{
    PyObject *shown = PyObject_GetAttrString(module, "__loader__");
    int result = shown != NULL ? 0 : -1;
    if (shown == (PyObject *)self) {
        result = PyObject_SetAttrString(module, "__loader__", self->loader);
    }
    Py_XDECREF(shown);
    if (result == 0 && self->spec != NULL) {
        result = PyObject_SetAttrString(self->spec, "loader", self->loader);
        Py_CLEAR(self->spec);
    }
    return result;
}


static PyObject *
library_exec(PyObject *self, PyObject *module)
{
    PyObject *loader = ((LibraryLoader *)self)->loader;
    if (library_step_back((LibraryLoader *)self, module) < 0) {
        return NULL;
    }
    const Engine *engine = hmr_engine;
    Frame *frame = engine != NULL ? frame_current(hmr_engine) : NULL;
    if (frame == NULL || frame->within_library) {
        return PyObject_CallMethod(loader, "exec_module", "O", module);
    }
    if (adapters_judge(frame) < 0) {
        return NULL; /* what the statement has done so far */
    }
    frame->within_library = 1;
    PyObject *done = PyObject_CallMethod(loader, "exec_module", "O", module);
    if (done != NULL && adapters_judge(frame) < 0) {
        Py_CLEAR(done);
    }
    frame->within_library = 0; /* an import that failed is tried again */
    return done;
}


static PyMethodDef library_methods[] = {
    {"exec_module", library_exec, METH_O, "Run a library's module."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot library_slots[] = {
    {Py_tp_traverse, library_traverse}, {Py_tp_clear, library_clear},
    {Py_tp_dealloc, library_dealloc},   {Py_tp_getattro, library_getattro},
    {Py_tp_methods, library_methods},   {0, NULL},
};

static PyType_Spec library_spec = {
    .name = "hmr_serve._core.LibraryLoader",
    .basicsize = sizeof(LibraryLoader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC
             | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = library_slots,
};


int
library_init(Engine *engine)
{
    engine->library_loader_type = PyType_FromSpec(&library_spec);
    return engine->library_loader_type != NULL ? 0 : -1;
}


int
library_watch(Engine *engine, PyObject *spec)
{
    const Frame *frame = frame_current(engine);
    if (frame == NULL || frame->within_library
        || frame->statement->syntax.kind == STATEMENT_IMPORT) {
        return 0;
    }
    PyObject *loader = PyObject_GetAttrString(spec, "loader");
    PyObject *exec = NULL;
    if (loader == NULL
        || PyObject_GetOptionalAttrString(loader, "exec_module", &exec) <= 0) {
        Py_XDECREF(loader);
        return PyErr_Occurred() ? -1 : 0; /* no loader of today's kind */
    }
    Py_DECREF(exec);
    PyTypeObject *type = (PyTypeObject *)engine->library_loader_type;
    LibraryLoader *library = (LibraryLoader *)type->tp_alloc(type, 0);
    if (library == NULL) {
        Py_DECREF(loader);
        return -1;
    }
    library->loader = loader;
    library->spec = Py_NewRef(spec);
    int result = PyObject_SetAttrString(spec, "loader", (PyObject *)library);
    Py_DECREF(library);
    return result;
}
