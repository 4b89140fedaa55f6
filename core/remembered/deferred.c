/* Functions that a library calls once, later. */

#include "deferred.h"

#include "caches.h"
#include "code.h"
#include "compat.h"
#include "rules.h"
#include "value.h"


/* Functions of that name in the code, at any depth. */
static int
read_nested(Frame *frame, PyObject *code, PyObject *name)
{
    PyObject *nested;
    Py_ssize_t index;
    for (Py_ssize_t n = 0; (nested = code_nested(code, n, &index)) != NULL;
         n++) {
        int is_it =
            PyUnicode_Compare(((PyCodeObject *)nested)->co_name, name) == 0;
        if ((is_it && cache_read_code(frame, nested) < 0)
            || read_nested(frame, nested, name) < 0) {
            return -1;
        }
    }
    return 0;
}


/* What the global is, or an attribute of it. New reference, or NULL. */
static PyObject *
find_global(const Frame *frame, PyObject *path)
{
    const Module *module = frame->statement->module;
    PyObject *value = Py_XNewRef(
        PyDict_GetItemWithError(module->ns, PyTuple_GET_ITEM(path, 0)));
    PyObject *rest = PyTuple_GetSlice(path, 1, PyTuple_GET_SIZE(path));
    if (value != NULL && rest != NULL && PyTuple_GET_SIZE(rest) > 0) {
        Py_SETREF(value, value_follow(value, rest));
    }
    Py_XDECREF(rest);
    return value;
}


/* The names are looked for in the module of who has the model rebuilt. */
static int
read_annotations(Frame *frame, PyObject *model)
{
    const Group *group = group_of(hmr_engine, model);
    PyObject *names = group != NULL && group_has_creator(group)
                          ? group->creator->syntax.annotations
                          : NULL;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (frame_read_name(frame, frame->statement->module,
                            PyTuple_GET_ITEM(names, i), NULL, 0)
            < 0) {
            return -1;
        }
    }
    return 0;
}


static int
read_deferred(Frame *frame, PyObject *path)
{
    PyObject *value = find_global(frame, path);
    PyObject *function = value != NULL ? cache_behind_partials(value) : NULL;
    int result = PyErr_Occurred() ? -1 : 0;
    if (result == 0 && function != NULL && PyFunction_Check(function)) {
        result = cache_read_code(frame, PyFunction_GET_CODE(function));
    }
    Py_XDECREF(value);
    return result < 0 ? -1
                      : read_nested(frame, frame->statement->code,
                                    PyTuple_GET_ITEM(path, 0));
}


/* A library looks into the namespace itself: what it finds there has to be what
 * the names are at this place. */
int
deferred_prepare(Frame *frame)
{
    PyObject *deferred = frame->statement->syntax.deferred;
    int result = 0;
    for (Py_ssize_t i = 0; rule(DEFERRED) && result == 0 && deferred != NULL
                           && i < PyTuple_GET_SIZE(deferred);
         i++) {
        PyObject *path = PyTuple_GET_ITEM(deferred, i);
        PyObject *name = PyTuple_GET_ITEM(path, 0);
        if (!PyUnicode_IsIdentifier(name)) {
            continue; /* a lambda */
        }
        result =
            frame_read_name(frame, frame->statement->module, name, NULL, 0);
        PyObject *value = result == 0 ? find_global(frame, path) : NULL;
        if (value != NULL && PyType_Check(value)) {
            result = read_annotations(frame, value);
        }
        Py_XDECREF(value);
    }
    return result;
}


int
deferred_read(Frame *frame)
{
    PyObject *deferred = frame->statement->syntax.deferred;
    for (Py_ssize_t i = 0;
         rule(DEFERRED) && deferred != NULL && i < PyTuple_GET_SIZE(deferred);
         i++) {
        if (read_deferred(frame, PyTuple_GET_ITEM(deferred, i)) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Does the statement bind a model that is, or is not, complete? */
static int
binds_model(const Trace *trace, const PyObject *complete)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        const Version *version = trace->writes[i].version;
        PyObject *value = version != NULL ? version->value : NULL;
        if (trace->writes[i].cell->kind == CELL_BINDING && value != NULL
            && PyType_Check(value) && ((PyTypeObject *)value)->tp_dict != NULL
            && dict_peek(((PyTypeObject *)value)->tp_dict,
                         "__pydantic_complete__")
                   == complete) {
            return 1;
        }
    }
    return 0;
}


void
deferred_note_models(Trace *trace)
{
    trace->incomplete = trace->makes_classes && binds_model(trace, Py_False);
}


int
deferred_is_complete(const Trace *trace)
{
    return trace != NULL && trace->incomplete && binds_model(trace, Py_True);
}
