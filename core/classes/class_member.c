/* Members of classes: how two compare, and how a class gets others. */

#include "class_member.h"

#include "compat.h"
#include "computed.h"
#include "engine.h"
#include "text.h"
#include "value.h"


/* ---- members ------------------------------------------------------------ */

int
name_is_special(PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    return length > 4 && PyUnicode_READ_CHAR(name, 0) == '_'
           && PyUnicode_READ_CHAR(name, 1) == '_'
           && PyUnicode_READ_CHAR(name, length - 1) == '_'
           && PyUnicode_READ_CHAR(name, length - 2) == '_';
}


int
name_is_class_annotation(PyObject *name)
{
    return text_is(name, "__annotations__") || text_is(name, "__annotate__")
           || text_is(name, "__annotate_func__")
           || text_is(name, "__annotations_cache__");
}


static int
items_equal(PyObject *a, PyObject *b)
{
    if (a == b || !PyTuple_CheckExact(a) || !PyTuple_CheckExact(b)
        || PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) {
        return value_equal(a, b);
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); i++) {
        if (!items_equal(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i))) {
            return 0;
        }
    }
    return 1;
}


/* Parts of functions that somebody has asked for are there, if empty; since
 * 3.14 annotations that nobody has asked for are None. */
static int
part_is_empty(PyObject *part)
{
    return part == NULL || part == Py_None
           || (PyDict_CheckExact(part) && PyDict_GET_SIZE(part) == 0)
           || (PyTuple_CheckExact(part) && PyTuple_GET_SIZE(part) == 0);
}


int
parts_equal(PyObject *a, PyObject *b)
{
    if (part_is_empty(a) || part_is_empty(b)) {
        return part_is_empty(a) && part_is_empty(b);
    }
    if (!PyDict_CheckExact(a) || !PyDict_CheckExact(b)) {
        return items_equal(a, b);
    }
    Py_ssize_t i = 0, j = 0;
    PyObject *key, *value, *other_key, *other;
    int equal = PyDict_GET_SIZE(a) == PyDict_GET_SIZE(b);
    while (equal && PyDict_Next(a, &i, &key, &value)
           && PyDict_Next(b, &j, &other_key, &other)) {
        equal = value_equal(key, other_key) && items_equal(value, other);
    }
    return equal;
}


int
annotates_equal(PyObject *a, PyObject *b)
{
    return a == b
           || (a != NULL && b != NULL && PyFunction_Check(a)
               && PyFunction_Check(b)
               && PyFunction_GET_CODE(a) == PyFunction_GET_CODE(b));
}


static int
annotations_equal(PyObject *a, PyObject *b)
{
    PyObject *p = hmr_function_annotate(a), *q = hmr_function_annotate(b);
    if (p != NULL || q != NULL) {
        PyObject *known = ((PyFunctionObject *)a)->func_annotations;
        if (!annotates_equal(p, q) || part_is_empty(known)) {
            return annotates_equal(p, q);
        }
    } /* what somebody has asked for may be another by now */
    int equal =
        parts_equal(PyFunction_GetAnnotations(a), PyFunction_GetAnnotations(b));
    PyErr_Clear(); /* cannot be told: different, which is safe */
    return equal;
}


/* The class whose body the function stands in may be another; any other cell
 * makes a function different. */
static int
closures_equal(PyFunctionObject *a, PyFunctionObject *b)
{
    PyObject *names = PyCode_GetFreevars((PyCodeObject *)a->func_code);
    int equal = names != NULL;
    for (Py_ssize_t i = 0; equal && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        equal = text_is(name, "__class__") || text_is(name, "__classdict__");
    }
    Py_XDECREF(names);
    PyErr_Clear();
    return equal && (a->func_closure == NULL) == (b->func_closure == NULL);
}


/* Is there nothing that tells the two functions apart? Equal code has been
 * grafted, and bodies have been patched: so it is the same object. */
static int
functions_equal(PyObject *a, PyObject *b)
{
    PyFunctionObject *x = (PyFunctionObject *)a, *y = (PyFunctionObject *)b;
    return x->func_code == y->func_code && closures_equal(x, y)
           && parts_equal(x->func_defaults, y->func_defaults)
           && parts_equal(x->func_kwdefaults, y->func_kwdefaults)
           && parts_equal(x->func_typeparams, y->func_typeparams)
           && part_is_empty(x->func_dict) && part_is_empty(y->func_dict)
           && annotations_equal(a, b);
}


PyObject *
member_functions(PyObject *member)
{
    static const char *const accessors[] = {"fget", "fset", "fdel"};
    static const char *const wrapped[] = {"__func__"};
    if (PyFunction_Check(member)) {
        return PyTuple_Pack(1, member);
    }
    if (computed_is_cached_property(Py_TYPE(member))) {
        PyObject *dict = value_dict(member);
        PyObject *function = dict != NULL ? dict_peek(dict, "func") : NULL;
        PyObject *one = function != NULL && PyFunction_Check(function)
                            ? PyTuple_Pack(1, function)
                            : NULL;
        Py_XDECREF(dict);
        return one;
    }
    int is_property = Py_IS_TYPE(member, &PyProperty_Type);
    if (!is_property && !Py_IS_TYPE(member, &PyStaticMethod_Type)
        && !Py_IS_TYPE(member, &PyClassMethod_Type)) {
        return NULL;
    }
    Py_ssize_t count = is_property ? 3 : 1;
    PyObject *functions = PyTuple_New(count);
    for (Py_ssize_t i = 0; functions != NULL && i < count; i++) {
        PyObject *function = PyObject_GetAttrString(
            member, is_property ? accessors[i] : wrapped[i]);
        if (function == NULL
            || !(PyFunction_Check(function)
                 || (is_property && function == Py_None))) {
            Py_XDECREF(function);
            Py_CLEAR(functions);
            break;
        }
        PyTuple_SET_ITEM(functions, i, function);
    }
    PyErr_Clear();
    return functions;
}


int
members_equal(PyObject *a, PyObject *b)
{
    if (a == b || value_is_immutable(a)) {
        return value_equal(a, b);
    }
    if (Py_TYPE(a) != Py_TYPE(b)) {
        return 0;
    }
    PyObject *f = member_functions(a), *g = member_functions(b);
    int equal = f != NULL && g != NULL;
    for (Py_ssize_t i = 0; equal && i < PyTuple_GET_SIZE(f); i++) {
        PyObject *x = PyTuple_GET_ITEM(f, i), *y = PyTuple_GET_ITEM(g, i);
        equal = x == y
                || (PyFunction_Check(x) && PyFunction_Check(y)
                    && functions_equal(x, y));
    }
    if (equal && PyFunction_Check(a)) {
        PyObject *x = ((PyFunctionObject *)a)->func_doc;
        PyObject *y = ((PyFunctionObject *)b)->func_doc;
        equal = x == y || (x != NULL && y != NULL && value_equal(x, y));
    }
    Py_XDECREF(f);
    Py_XDECREF(g);
    return equal;
}


int
member_is_plain(PyObject *member)
{
    PyObject *functions = member_functions(member);
    int plain = functions != NULL || value_is_immutable(member);
    Py_XDECREF(functions);
    return plain;
}


/* ---- putting members in place ------------------------------------------- */

/* The dict's keys, in the order of `members`: values stay. */
static int
dict_reorder(PyObject *dict, PyObject *members)
{
    PyObject *copy = PyDict_Copy(dict);
    if (copy == NULL) {
        return -1;
    }
    PyDict_Clear(dict); /* `copy` holds what it held */
    int result = 0;
    for (int round = 0; round < 2; round++) {
        Py_ssize_t pos = 0;
        PyObject *name, *ignored;
        while (result == 0
               && PyDict_Next(round == 0 ? members : copy, &pos, &name,
                              &ignored)) {
            PyObject *value = PyDict_GetItemWithError(copy, name);
            if (value != NULL && PyDict_Contains(dict, name) == 0) {
                result = PyDict_SetItem(dict, name, value);
            }
        }
    }
    Py_DECREF(copy);
    return result;
}


int
dicts_have_one_order(PyObject *a, PyObject *b)
{
    Py_ssize_t i = 0, j = 0;
    PyObject *x, *y, *value;
    for (;;) {
        int more = PyDict_Next(a, &i, &x, &value);
        if (more != PyDict_Next(b, &j, &y, &value)) {
            return 0;
        }
        if (!more || PyUnicode_Compare(x, y) != 0) {
            return !more;
        }
    }
}


/* As type.__setattr__ where that is more than a store: slots follow. */
static int
class_store(PyTypeObject *type, PyObject *name, PyObject *value)
{
    if (name_is_special(name) && value != NULL && PyFunction_Check(value)
        && !name_is_class_annotation(name)) {
        return PyType_Type.tp_setattro((PyObject *)type, name, value);
    }
    return value != NULL ? PyDict_SetItem(type->tp_dict, name, value)
                         : PyDict_DelItem(type->tp_dict, name);
}


int
class_put_members(PyObject *object, PyObject *members)
{
    PyTypeObject *type = (PyTypeObject *)object;
    PyObject *before = PyDict_Copy(type->tp_dict);
    int result = before != NULL ? 0 : -1;
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    hmr_engine->syncing++;
    PyType_Modified(type);
    while (result == 0 && PyDict_Next(before, &pos, &name, &value)) {
        PyObject *then = PyDict_GetItemWithError(members, name);
        if (then != value) {
            result = class_store(type, name, then);
        }
    }
    pos = 0;
    while (result == 0 && PyDict_Next(members, &pos, &name, &value)) {
        if (PyDict_GetItemWithError(before, name) == NULL) {
            result = class_store(type, name, value);
        }
    }
    if (result == 0 && !dicts_have_one_order(type->tp_dict, members)) {
        result = dict_reorder(type->tp_dict, members);
    }
    PyType_Modified(type);
    hmr_engine->syncing--;
    Py_XDECREF(before);
    return result;
}
