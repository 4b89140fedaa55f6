/* What classes keep of their text. */

#include "class_lines.h"

#include "class_made.h"
#include "code.h"
#include "compat.h"
#include "rules.h"


/* What is left of a qualified name from `start` on, inside of a class. New
 * reference, or NULL without an exception when there is none
 * (`f.<locals>.C`). */
static PyObject *
find_inside(PyObject *class, PyObject *qualname, Py_ssize_t start)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(qualname);
    PyObject *at = Py_NewRef(class);
    while (start < length && at != NULL && PyType_Check(at)) {
        Py_ssize_t dot = PyUnicode_FindChar(qualname, '.', start, length, 1);
        Py_ssize_t end = dot < 0 ? length : dot;
        PyObject *part = PyUnicode_Substring(qualname, start, end);
        PyObject *next = NULL;
        PyObject *dict = ((PyTypeObject *)at)->tp_dict;
        if (part != NULL && dict != NULL
            && PyDict_GetItemRef(dict, part, &next) < 0) {
            PyErr_Clear();
        }
        Py_XDECREF(part);
        Py_SETREF(at, next);
        start = end + 1;
    }
    PyErr_Clear(); /* without memory: an old line */
    return at;
}


/* The constant that a class body stores under that name. Borrowed, or NULL. */
static PyObject *
stored_constant(PyCodeObject *code, const char *name)
{
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) {
        PyErr_Clear();
        return NULL;
    }
    Instructions in = instructions_of(bytes);
    PyObject *constant = NULL, *found = NULL;
    while (found == NULL && instructions_next(&in)) {
        if (in.op == in.opcodes->load_const) {
            constant = PyTuple_GET_ITEM(code->co_consts, in.arg);
        }
        else if (in.op == in.opcodes->store_name && constant != NULL
                 && PyUnicode_CompareWithASCIIString(
                        PyTuple_GET_ITEM(code->co_names, in.arg), name)
                        == 0) {
            found = constant;
        }
        else {
            constant = NULL;
        }
    }
    Py_DECREF(bytes);
    return found;
}


/* Set a class attribute, if the class has one of its own that differs. */
static int
class_set(PyObject *type, const char *name, PyObject *value)
{
    PyObject *now = dict_peek(((PyTypeObject *)type)->tp_dict, name);
    if (now == NULL || value == NULL) {
        return 0;
    }
    int equal = PyObject_RichCompareBool(now, value, Py_EQ);
    if (equal != 0) {
        return equal < 0 ? -1 : 0;
    }
    PyObject *key = PyUnicode_FromString(name);
    /* as type.__setattr__: a metaclass has no say in this */
    int result = key != NULL ? PyType_Type.tp_setattro(type, key, value) : -1;
    Py_XDECREF(key);
    return result;
}


/* A later statement may have bound the name anew. */
PyObject *
class_find_bound(const Statement *statement, PyObject *qualname)
{
    const Trace *trace = statement_trace(statement);
    Py_ssize_t length = PyUnicode_GET_LENGTH(qualname);
    Py_ssize_t dot = PyUnicode_FindChar(qualname, '.', 0, length, 1);
    Py_ssize_t end = dot < 0 ? length : dot;
    PyObject *name = PyUnicode_Substring(qualname, 0, end);
    PyObject *found = NULL;
    for (Py_ssize_t i = 0; name != NULL && trace != NULL && found == NULL
                           && i < trace->write_count;
         i++) {
        const Write *write = &trace->writes[i];
        const Binding *binding = (const Binding *)write->cell;
        if (write->cell->kind == CELL_BINDING && write->version != NULL
            && write->version->value != NULL
            && PyUnicode_Compare(binding->name, name) == 0) {
            found = find_inside(write->version->value, qualname, end + 1);
        }
    }
    Py_XDECREF(name);
    PyErr_Clear(); /* without memory: an old line */
    return found;
}


static int
class_fix(PyObject *type, PyCodeObject *code)
{
    if (!PyType_Check(type) || ((PyTypeObject *)type)->tp_dict == NULL
        || PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_IMMUTABLETYPE)) {
        return 0;
    }
    PyObject *line = PyLong_FromLong(code->co_firstlineno);
    int result = line != NULL ? class_set(type, "__firstlineno__", line) : -1;
    if (result == 0) {
        result = class_set(type, "__static_attributes__",
                           stored_constant(code, "__static_attributes__"));
    }
    Py_XDECREF(line);
    return result;
}


/* The class is of that name. */
static int
visit_made(PyObject *type, void *code)
{
    PyObject *name = dict_peek(((PyTypeObject *)type)->tp_dict, "__qualname__");
    name = name != NULL ? name : ((PyHeapTypeObject *)type)->ht_qualname;
    return PyUnicode_Check(name)
                   && PyUnicode_Compare(name,
                                        ((PyCodeObject *)code)->co_qualname)
                          == 0
               ? class_fix(type, code)
               : 0;
}


/* The class that the statement has bound (a decorator may have made another of
 * it), and those that it has made (later statements may have bound the name
 * anew). */
static int
classes_fix(const Statement *statement, PyCodeObject *code)
{
    PyObject *type = class_find_bound(statement, code->co_qualname);
    int result = type != NULL ? class_fix(type, code) : 0;
    Py_XDECREF(type);
    return result == 0 ? class_made_visit(statement, visit_made, code) : result;
}


/* The body of a class in a function, and its module. */
typedef struct {
    PyCodeObject *body;
    const Module *module;
} Inner;


/* Has the class a function that is not of that body? Another function of the
 * same name may have the same class. */
static int
is_of_other_text(PyTypeObject *type, PyCodeObject *body)
{
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    int functions = 0, found = 0;
    while (PyDict_Next(type->tp_dict, &pos, &name, &value)) {
        if (!PyFunction_Check(value)) {
            continue;
        }
        functions = 1;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(body->co_consts); i++) {
            found |= PyTuple_GET_ITEM(body->co_consts, i)
                     == PyFunction_GET_CODE(value);
        }
    }
    return functions && !found;
}


/* Statements that have called the function have made it. */
static int
visit_inner(PyObject *type, void *arg)
{
    const Inner *inner = arg;
    PyObject *module = dict_peek(((PyTypeObject *)type)->tp_dict, "__module__");
    return module != NULL && PyUnicode_Check(module)
                   && PyUnicode_Compare(module, inner->module->name) == 0
                   && !is_of_other_text((PyTypeObject *)type, inner->body)
               ? visit_made(type, inner->body)
               : 0;
}


/* Classes in functions. */
static int
inner_classes_fix(const Statement *statement, PyObject *code)
{
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (!PyCode_Check(item)) {
            continue;
        }
        Inner inner = {(PyCodeObject *)item, statement->module};
        if (!(inner.body->co_flags & CO_OPTIMIZED)) {
            result = class_made_visit_all(statement->module->engine,
                                          visit_inner, &inner);
        }
        if (result == 0) {
            result = inner_classes_fix(statement, item);
        }
    }
    return result;
}


int
class_fix_lines(const Statement *statement, PyObject *code)
{
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (!PyCode_Check(item) || !rule(CLASS_LINES)) {
            continue;
        }
        if (((PyCodeObject *)item)->co_flags & CO_OPTIMIZED) {
            int outer = code_makes_parameters((PyCodeObject *)item);
            if ((outer ? class_fix_lines(statement, item)
                       : inner_classes_fix(statement, item))
                < 0) {
                return -1;
            }
            continue;
        }
        if (classes_fix(statement, (PyCodeObject *)item) < 0
            || class_fix_lines(statement, item) < 0) {
            return -1;
        }
    }
    return 0;
}
