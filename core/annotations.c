/* A module's __annotations__, as the whole file would make them. */

#include "annotations.h"

#include "compat.h"


static int
statements_annotate(Statement *const *statements, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyTuple_GET_SIZE(statements[i]->syntax.annotated) > 0) {
            return 1;
        }
    }
    return 0;
}


int
annotations_prepare(Module *module)
{
    if (HMR_LAZY_ANNOTATIONS
        || !statements_annotate(module->statements, module->count)) {
        return 0;
    }
    PyObject *dict = PyDict_New();
    int result = dict != NULL ? PyDict_SetItemString(
                                    module->ns, "__annotations__", dict)
                              : -1;
    Py_XDECREF(dict);
    return result;
}


/* The entries in the order of the text; what no statement is known to annotate
 * (exec, setattr) stays at the end. */
static PyObject *
annotations_sorted(const Module *module, PyObject *old)
{
    PyObject *sorted = PyDict_New();
    int result = sorted != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < module->count; i++) {
        PyObject *names = module->statements[i]->syntax.annotated;
        for (Py_ssize_t j = 0; result == 0 && j < PyTuple_GET_SIZE(names);
             j++) {
            PyObject *value;
            result =
                PyDict_GetItemRef(old, PyTuple_GET_ITEM(names, j), &value);
            if (result > 0) {
                result = PyDict_SetItem(sorted, PyTuple_GET_ITEM(names, j),
                                        value);
                Py_DECREF(value);
            }
        }
    }
    for (Py_ssize_t i = 0; result == 0 && i < module->old_count; i++) {
        PyObject *names = module->old_statements[i]->syntax.annotated;
        for (Py_ssize_t j = 0; result == 0 && j < PyTuple_GET_SIZE(names);
             j++) {
            int gone = PyDict_Contains(old, PyTuple_GET_ITEM(names, j));
            result = gone > 0
                         ? PyDict_DelItem(old, PyTuple_GET_ITEM(names, j))
                         : gone;
        }
    }
    if (result == 0) {
        result = PyDict_Merge(sorted, old, 0);
    }
    if (result < 0) {
        Py_CLEAR(sorted);
    }
    return sorted;
}


int
annotations_settle(Engine *engine, Module *module)
{
    int annotate = statements_annotate(module->statements, module->count);
    if (HMR_LAZY_ANNOTATIONS
        || (!annotate
            && !statements_annotate(module->old_statements,
                                    module->old_count))) {
        return 0;
    }
    engine->syncing++;
    int result = 0;
    PyObject *dict = dict_peek(module->ns, "__annotations__");
    if (!annotate && dict != NULL) {
        result = PyDict_DelItemString(module->ns, "__annotations__");
    }
    else if (dict != NULL && PyDict_CheckExact(dict)) {
        PyObject *sorted = annotations_sorted(module, dict);
        result = sorted != NULL ? 0 : -1;
        if (result == 0) {
            PyDict_Clear(dict);
            result = PyDict_Update(dict, sorted);
        }
        Py_XDECREF(sorted);
    }
    engine->syncing--;
    return result;
}
