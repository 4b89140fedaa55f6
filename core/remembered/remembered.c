/* What is read into what is remembered, other than names. */

#include "remembered.h"

#include "array.h"
#include "caches.h"
#include "rules.h"

#define MOST_CELLS 64   /* of one function: more are no settings, but data */
#define MOST_FRAMES 128 /* looked at, from the innermost */


/* Does the function fill in a global that was None? */
static int
fills_in(const Engine *engine, const CodeInfo *info)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(info->stores); i++) {
        const Binding *binding =
            module_binding(info->module, PyTuple_GET_ITEM(info->stores, i), 0);
        if (binding != NULL && ptrmap_get(&engine->lazies, binding) != NULL) {
            return 1;
        }
    }
    return 0;
}


static int
function_remembers(const Engine *engine, CodeInfo *info)
{
    int result = info->statement != NULL && code_info_module(info) != NULL
                 && code_info_scan(info) == 0
                 && (cache_is_of(engine, (PyObject *)info->code)
                     || fills_in(engine, info));
    PyErr_Clear(); /* without memory: not */
    return result;
}


CodeInfo *
remembered_by(const Engine *engine)
{
    if ((engine->caches.live == 0 && engine->lazies.live == 0)
        || !rule(REMEMBERED_FILES)) {
        return NULL;
    }
    PyFrameObject *frame = PyEval_GetFrame();
    Py_XINCREF(frame);
    CodeInfo *found = NULL;
    for (int i = 0; frame != NULL && found == NULL && i < MOST_FRAMES; i++) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        CodeInfo *info = (code->co_flags & CO_OPTIMIZED)
                             ? code_info((PyObject *)code)
                             : NULL;
        if (info != NULL && function_remembers(engine, info)) {
            found = info;
        }
        Py_DECREF(code); /* its frame keeps it */
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
    }
    Py_XDECREF(frame);
    return found;
}


int
remembered_tell(Engine *engine)
{
    PyObject *done = engine->on_watched != NULL
                         ? PyObject_CallNoArgs(engine->on_watched)
                         : Py_NewRef(Py_None);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


int
remembered_add(CodeInfo *info, Cell *cell)
{
    for (Py_ssize_t i = 0; i < info->made_of_count; i++) {
        if (info->made_of[i] == cell) {
            return 0;
        }
    }
    if (info->made_of_count == MOST_CELLS) {
        return 0;
    }
    Cell **grown = array_reserve(info->made_of, info->made_of_count,
                                 &info->made_of_room, sizeof(*grown), 1);
    if (grown == NULL) {
        return -1;
    }
    info->made_of = grown;
    grown[info->made_of_count++] = cell_ref(cell);
    return 1;
}


void
remembered_fini(CodeInfo *info)
{
    for (Py_ssize_t i = 0; hmr_engine != NULL && i < info->made_of_count; i++) {
        cell_unref(info->made_of[i], hmr_engine);
    }
    PyMem_Free(info->made_of);
}


PyObject *
engine_on_watched(PyObject *self, PyObject *callback)
{
    Py_XSETREF(((Engine *)self)->on_watched, Py_NewRef(callback));
    Py_RETURN_NONE;
}
