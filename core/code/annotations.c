/* A module's __annotations__, as the whole file would make them. */

#include "annotations.h"

#include "compat.h"
#include "namespace.h"


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
        const Trace *trace = statement_trace(statement);
        PyObject *own = trace != NULL ? trace->annotated : NULL;
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


/* Since 3.14 the statement, compiled alone, has set the names by which a module
 * computes its annotations, for itself alone: put back the file's. */
static int
annotations_note_lazy(Module *module, Trace *trace)
{
    PyObject *own = dict_peek(module->ns, "__conditional_annotations__");
    trace->annotated = own != NULL && PyAnySet_Check(own)
                           ? PySequence_Tuple(own)
                           : PyTuple_New(0);
    if (trace->annotated == NULL) {
        return -1;
    }
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


/* The module's dict of annotations, where statements that run fill it.
 * Borrowed, or NULL. */
static PyObject *
annotations_dict(const Module *module)
{
    PyObject *dict = annotations_lazy(module)
                         ? NULL
                         : dict_peek(module->ns, "__annotations__");
    return dict != NULL && PyDict_CheckExact(dict) ? dict : NULL;
}


static int
annotations_note_eager(const Module *module, const Statement *statement,
                       Trace *trace)
{
    PyObject *dict = annotations_dict(module);
    PyObject *names = statement->syntax.annotated;
    trace->annotated = PyDict_New();
    int result = trace->annotated != NULL ? 0 : -1;
    for (Py_ssize_t i = 0;
         dict != NULL && result == 0 && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value;
        result = PyDict_GetItemRef(dict, PyTuple_GET_ITEM(names, i), &value);
        if (result > 0) {
            result = PyDict_SetItem(trace->annotated,
                                    PyTuple_GET_ITEM(names, i), value);
            Py_DECREF(value);
        }
    }
    return result;
}


int
annotations_enter(Frame *frame)
{
    const Statement *statement = frame->statement;
    PyObject *names = statement->syntax.annotated;
    PyObject *dict = PyTuple_GET_SIZE(names) > 0
                         ? annotations_dict(statement->module)
                         : NULL;
    int result = 0;
    for (Py_ssize_t i = 0;
         dict != NULL && result >= 0 && i < PyTuple_GET_SIZE(names); i++) {
        result = PyDict_Contains(dict, PyTuple_GET_ITEM(names, i));
        if (result > 0) {
            frame->annotates_again = 1;
            result = PyDict_DelItem(dict, PyTuple_GET_ITEM(names, i));
        }
    }
    return result < 0 ? -1 : 0;
}


/* Is it a name that the text of one of the statements annotates? */
static int
statements_annotate_name(Statement *const *statements, Py_ssize_t count,
                         PyObject *name)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (name_is_among(statements[i]->syntax.annotated, name)) {
            return 1;
        }
    }
    return 0;
}


/* What no statement is known to annotate (exec, setattr) stays, at the end. */
static int
annotations_add_others(const Module *module, PyObject *sorted, PyObject *old)
{
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (PyDict_Next(old, &pos, &name, &value)) {
        if (PyUnicode_Check(name)
            && (statements_annotate_name(module->statements, module->count,
                                         name)
                || statements_annotate_name(module->old_statements,
                                            module->old_count, name))) {
            continue;
        }
        if (PyDict_SetItem(sorted, name, value) < 0) {
            return -1;
        }
    }
    return 0;
}


/* The entries as the statements of the file have set them, in order. */
static int
annotations_arrange(const Module *module, PyObject *dict)
{
    PyObject *sorted = PyDict_New();
    int result = sorted != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < module->count; i++) {
        const Trace *trace = statement_trace(module->statements[i]);
        if (trace != NULL && trace->annotated != NULL
            && PyDict_Check(trace->annotated)) {
            result = PyDict_Update(sorted, trace->annotated);
        }
    }
    if (result == 0) {
        result = annotations_add_others(module, sorted, dict);
    }
    if (result == 0) {
        PyDict_Clear(dict);
        result = PyDict_Update(dict, sorted);
    }
    Py_XDECREF(sorted);
    return result;
}


int
annotations_note(const Frame *frame)
{
    const Statement *statement = frame->statement;
    Module *module = statement->module;
    Trace *trace = statement_trace(statement);
    PyObject *names = statement->syntax.annotated; /* a probe has none */
    if (names == NULL || PyTuple_GET_SIZE(names) == 0) {
        return 0;
    }
    if (annotations_lazy(module)) {
        return annotations_note_lazy(module, trace);
    }
    if (annotations_note_eager(module, statement, trace) < 0) {
        return -1;
    }
    PyObject *dict = annotations_dict(module);
    return frame->annotates_again && dict != NULL
               ? annotations_arrange(module, dict)
               : 0;
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
    PyObject *dict = annotations_dict(module);
    if (!annotate && dict_peek(module->ns, "__annotations__") != NULL) {
        result = PyDict_DelItemString(module->ns, "__annotations__");
    }
    else if (dict != NULL) {
        result = annotations_arrange(module, dict);
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
