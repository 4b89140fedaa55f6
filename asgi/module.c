/* Module initialisation of hmr_serve._asgi, and nothing else. */

#include "awaitable.h"
#include "exchange.h"
#include "filesystem.h"
#include "server.h"
#include "state.h"

#include <llhttp.h>
#include <uv.h>


static PyObject *
versions(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("{sssN}", "libuv", uv_version_string(), "llhttp",
                         PyUnicode_FromFormat("%d.%d.%d", LLHTTP_VERSION_MAJOR,
                                              LLHTTP_VERSION_MINOR,
                                              LLHTTP_VERSION_PATCH));
}


static int
state_init_strings(struct module_state *state)
{
#define STATE_INTERN(field, text) \
    if ((state->str.field = PyUnicode_InternFromString(text)) == NULL) { \
        return -1; \
    }
    STATE_STRINGS(STATE_INTERN)
#undef STATE_INTERN
    state->task_keywords = PyTuple_Pack(
        3, state->str.loop, state->str.eager_start, state->str.context);
    return state->task_keywords == NULL ? -1 : 0;
}


static PyTypeObject *
type_new(PyObject *module, PyType_Spec *spec)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
}


static int
state_init_types(PyObject *module, struct module_state *state)
{
    state->server_type = type_new(module, &server_spec);
    state->exchange_type = type_new(module, &exchange_spec);
    state->wait_type = type_new(module, &wait_spec);
    state->done_type = type_new(module, &done_spec);
    if (state->server_type == NULL || state->exchange_type == NULL
        || state->wait_type == NULL || state->done_type == NULL) {
        return -1;
    }
    state->done = PyObject_New(PyObject, state->done_type);
    return state->done == NULL ? -1 : 0;
}


static int
state_init_asyncio(struct module_state *state)
{
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    if (asyncio == NULL) {
        return -1;
    }
    state->task_type = PyObject_GetAttrString(asyncio, "Task");
    state->cancelled_error = PyObject_GetAttrString(asyncio, "CancelledError");
    Py_DECREF(asyncio);
    return state->task_type == NULL || state->cancelled_error == NULL ? -1 : 0;
}


/* A Task wants a coroutine; what an application returns need only be awaitable
 * (an instance of a class with __await__, as Starlette's HTTPEndpoint). */
static int
state_init_coroutine(struct module_state *state)
{
    static const char SOURCE[] =
        "async def coroutine_of(awaitable):\n    return await awaitable\n";
    PyObject *names = PyDict_New();
    PyObject *ran = NULL;
    if (names != NULL) {
        ran = PyRun_String(SOURCE, Py_file_input, names, names);
    }
    if (ran != NULL) {
        state->coroutine_of = PyMapping_GetItemString(names, "coroutine_of");
    }
    Py_XDECREF(ran);
    Py_XDECREF(names);
    return state->coroutine_of == NULL ? -1 : 0;
}


static int
module_exec(PyObject *module)
{
    struct module_state *state = state_of(module);
    if (state_init_strings(state) < 0 || state_init_types(module, state) < 0
        || state_init_asyncio(state) < 0 || state_init_coroutine(state) < 0) {
        return -1;
    }
    state->client_disconnected = PyErr_NewExceptionWithDoc(
        "hmr_serve._asgi.ClientDisconnected",
        "Raised by send() on a WebSocket that the client has closed.",
        PyExc_OSError, NULL);
    if (state->client_disconnected == NULL
        || PyModule_AddObjectRef(module, "ClientDisconnected",
                                 state->client_disconnected)
               < 0
        || PyModule_AddStringConstant(module, "WATCHER", HMR_WATCHER) < 0) {
        return -1;
    }
    return PyModule_AddType(module, state->server_type);
}


static int
module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct module_state *state = state_of(module);
    Py_VISIT(state->server_type);
    Py_VISIT(state->exchange_type);
    Py_VISIT(state->wait_type);
    Py_VISIT(state->done_type);
    Py_VISIT(state->done);
    Py_VISIT(state->task_type);
    Py_VISIT(state->cancelled_error);
    Py_VISIT(state->coroutine_of);
    Py_VISIT(state->client_disconnected);
    return 0;
}


static int
module_clear(PyObject *module)
{
    struct module_state *state = state_of(module);
    Py_CLEAR(state->server_type);
    Py_CLEAR(state->exchange_type);
    Py_CLEAR(state->wait_type);
    Py_CLEAR(state->done);
    Py_CLEAR(state->done_type);
    Py_CLEAR(state->task_type);
    Py_CLEAR(state->cancelled_error);
    Py_CLEAR(state->coroutine_of);
    Py_CLEAR(state->client_disconnected);
    Py_CLEAR(state->task_keywords);
#define STATE_CLEAR(field, text) Py_CLEAR(state->str.field);
    STATE_STRINGS(STATE_CLEAR)
#undef STATE_CLEAR
    return 0;
}


static void
module_free(void *module)
{
    (void)module_clear(module);
}


static PyObject *
filesystem_of(PyObject *module, PyObject *path)
{
    (void)module;
    PyObject *bytes = NULL;
    if (!PyUnicode_FSConverter(path, &bytes)) {
        return NULL;
    }
    const char *name;
    Py_BEGIN_ALLOW_THREADS
    name = filesystem_without_events(PyBytes_AS_STRING(bytes),
                                     (size_t)PyBytes_GET_SIZE(bytes));
    Py_END_ALLOW_THREADS
    Py_DECREF(bytes);
    return name == NULL ? Py_NewRef(Py_None) : PyUnicode_FromString(name);
}


static PyMethodDef module_methods[] = {
    {"versions", versions, METH_NOARGS,
     PyDoc_STR("The versions of the libraries in use.")},
    {"filesystem_without_events", filesystem_of, METH_O,
     PyDoc_STR("The file system of a path, if it tells of no changes.")},
    {"check_tls", check_tls, METH_O,
     PyDoc_STR(
         "Whether these files can be used for TLS: OSError says why not.")},
    {NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hmr_serve._asgi",
    .m_doc = "The network of hmr-serve: an I/O thread and its ASGI bridge.",
    .m_size = sizeof(struct module_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};


PyMODINIT_FUNC
PyInit__asgi(void)
{
    return PyModuleDef_Init(&module_def);
}
