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


/* PEP 649, unless the file says otherwise. */
static int
annotations_lazy(const Module *module)
{
    return HMR_LAZY_ANNOTATIONS
           && !(module->future_flags & CO_FUTURE_ANNOTATIONS);
}


/* The code of the whole file's __annotate__. New reference; NULL with an
 * exception set. */
static PyObject *
annotate_code(const Module *module)
{
    PyObject *code =
        PyObject_CallFunction(module->engine->compile, "OOsii", module->source,
                              module->path, "exec", 0, 1);
    if (code == NULL) {
        return NULL;
    }
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    PyObject *found = NULL;
    /* Those of annotated functions come before it, under the same name. */
    for (Py_ssize_t i = PyTuple_GET_SIZE(consts); found == NULL && i-- > 0;) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item)
            && PyUnicode_CompareWithASCIIString(((PyCodeObject *)item)->co_name,
                                                "__annotate__")
                   == 0) {
            found = Py_NewRef(item);
        }
    }
    Py_DECREF(code);
    if (found == NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "hmr-serve: the file has annotations but no "
                        "__annotate__");
    }
    return found;
}


/* The numbers of the annotations that have been reached, as the whole file
 * counts them: each statement's own, after those of the statements before. */
static int
conditional_fill(const Module *module, PyObject *numbers)
{
    long offset = 0;
    int result = PySet_Clear(numbers);
    for (Py_ssize_t i = 0; result == 0 && i < module->count; i++) {
        const Statement *statement = module->statements[i];
        PyObject *own = statement->reached;
        for (Py_ssize_t j = 0;
             result == 0 && own != NULL && j < PyTuple_GET_SIZE(own); j++) {
            PyObject *number = PyLong_FromLong(
                offset + PyLong_AsLong(PyTuple_GET_ITEM(own, j)));
            result = number != NULL ? PySet_Add(numbers, number) : -1;
            Py_XDECREF(number);
        }
        offset += PyTuple_GET_SIZE(statement->syntax.annotated);
    }
    return result;
}


/* Put __conditional_annotations__ and __annotate__ of the whole file in place.
 */
static int
annotations_set_lazy(Module *module)
{
    PyObject *numbers = PySet_New(NULL);
    PyObject *code = numbers != NULL ? annotate_code(module) : NULL;
    PyObject *function = code != NULL ? PyFunction_New(code, module->ns) : NULL;
    int result = -1;
    if (function != NULL && conditional_fill(module, numbers) == 0
        && PyDict_SetItemString(module->ns, "__conditional_annotations__",
                                numbers)
               == 0) {
        result = PyDict_SetItemString(module->ns, "__annotate__", function);
    }
    Py_XSETREF(module->annotate, Py_XNewRef(function));
    Py_XDECREF(numbers);
    Py_XDECREF(code);
    Py_XDECREF(function);
    return result;
}


/* Forget what was computed from the annotations before. */
static int
annotations_drop(Module *module, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    int found = key != NULL ? PyDict_Contains(module->ns, key) : -1;
    if (found > 0) {
        found = PyDict_DelItem(module->ns, key);
    }
    Py_XDECREF(key);
    return found < 0 ? -1 : 0;
}


int
annotations_note(Statement *statement)
{
    Module *module = statement->module;
    if (!annotations_lazy(module)
        || PyTuple_GET_SIZE(statement->syntax.annotated) == 0) {
        return 0;
    }
    /* The statement, compiled alone, has set both names for itself. */
    PyObject *own = dict_peek(module->ns, "__conditional_annotations__");
    PyObject *reached = own != NULL && PyAnySet_Check(own)
                            ? PySequence_Tuple(own)
                            : PyTuple_New(0);
    if (reached == NULL) {
        return -1;
    }
    Py_XSETREF(statement->reached, reached);
    if (module->annotate == NULL) {
        return 0; /* the file's first annotation: set when all has run */
    }
    PyObject *numbers = PySet_New(NULL);
    int result = -1;
    if (numbers != NULL && conditional_fill(module, numbers) == 0
        && PyDict_SetItemString(module->ns, "__conditional_annotations__",
                                numbers)
               == 0) {
        result =
            PyDict_SetItemString(module->ns, "__annotate__", module->annotate);
    }
    Py_XDECREF(numbers);
    return result;
}


int
annotations_prepare(Module *module)
{
    if (!statements_annotate(module->statements, module->count)) {
        return 0;
    }
    if (annotations_lazy(module)) {
        return annotations_set_lazy(module);
    }
    PyObject *dict = PyDict_New();
    int result = dict != NULL
                     ? PyDict_SetItemString(module->ns, "__annotations__", dict)
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
            result = PyDict_GetItemRef(old, PyTuple_GET_ITEM(names, j), &value);
            if (result > 0) {
                result =
                    PyDict_SetItem(sorted, PyTuple_GET_ITEM(names, j), value);
                Py_DECREF(value);
            }
        }
    }
    for (Py_ssize_t i = 0; result == 0 && i < module->old_count; i++) {
        PyObject *names = module->old_statements[i]->syntax.annotated;
        for (Py_ssize_t j = 0; result == 0 && j < PyTuple_GET_SIZE(names);
             j++) {
            int gone = PyDict_Contains(old, PyTuple_GET_ITEM(names, j));
            result = gone > 0 ? PyDict_DelItem(old, PyTuple_GET_ITEM(names, j))
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
    if (!annotate
        && !statements_annotate(module->old_statements, module->old_count)) {
        return 0;
    }
    engine->syncing++;
    int result = 0;
    if (HMR_LAZY_ANNOTATIONS && !(annotations_lazy(module) && annotate)) {
        Py_CLEAR(module->annotate);
        if (annotations_drop(module, "__annotate__") < 0
            || annotations_drop(module, "__conditional_annotations__") < 0) {
            engine->syncing--;
            return -1;
        }
    }
    if (annotations_lazy(module)) {
        result = annotations_drop(module, "__annotations__");
        if (result == 0 && annotate) {
            result = annotations_set_lazy(module);
        }
        engine->syncing--;
        return result;
    }
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


/* ---- rollback ----------------------------------------------------------- */

static const char *const annotation_names[] = {
    "__annotations__", "__annotate__", "__conditional_annotations__"};


int
annotations_remember(Module *module)
{
    Py_XSETREF(module->annotations_before, PyDict_New());
    PyObject *before = module->annotations_before;
    int result = before != NULL ? 0 : -1;
    for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(annotation_names);
         i++) {
        PyObject *value = dict_peek(module->ns, annotation_names[i]);
        if (value != NULL) {
            result = PyDict_SetItemString(before, annotation_names[i], value);
        }
    }
    PyObject *entries =
        result == 0 ? dict_peek(before, "__annotations__") : NULL;
    if (entries != NULL && PyDict_CheckExact(entries)) {
        PyObject *copy = PyDict_Copy(entries);
        result = copy != NULL ? PyDict_SetItemString(before, "", copy) : -1;
        Py_XDECREF(copy);
    }
    return result;
}


int
annotations_restore(Module *module)
{
    PyObject *before = module->annotations_before;
    int result = 0;
    for (size_t i = 0;
         before != NULL && result == 0 && i < Py_ARRAY_LENGTH(annotation_names);
         i++) {
        PyObject *value = dict_peek(before, annotation_names[i]);
        if (value == NULL) {
            result = annotations_drop(module, annotation_names[i]);
        }
        else if (dict_peek(module->ns, annotation_names[i]) != value) {
            result =
                PyDict_SetItemString(module->ns, annotation_names[i], value);
        }
    }
    PyObject *entries =
        before != NULL && result == 0 ? dict_peek(before, "") : NULL;
    PyObject *dict =
        entries != NULL ? dict_peek(before, "__annotations__") : NULL;
    if (dict != NULL) {
        PyDict_Clear(dict);
        result = PyDict_Update(dict, entries);
    }
    PyObject *function =
        before != NULL ? dict_peek(before, "__annotate__") : NULL;
    Py_XSETREF(module->annotate, Py_XNewRef(function));
    return result;
}
