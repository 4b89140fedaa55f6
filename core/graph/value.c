/* Equality for cutoff: may a new value stand in for an old one? */

#include "value.h"

#include "compat.h"
#include "rules.h"

#include <string.h>

#define VALUE_DEPTH 32 /* nested tuples; deeper data counts as different */


static int
value_immutable_at(PyObject *value, int depth)
{
    if (value == Py_None || value == Py_Ellipsis || value == Py_NotImplemented
        || PyBool_Check(value) || PyLong_CheckExact(value)
        || PyFloat_CheckExact(value) || PyComplex_CheckExact(value)
        || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value)) {
        return 1;
    }
    if (depth == 0) {
        return 0;
    }
    if (PyTuple_CheckExact(value)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
            if (!value_immutable_at(PyTuple_GET_ITEM(value, i), depth - 1)) {
                return 0;
            }
        }
        return 1;
    }
    return 0;
}


int
value_is_immutable(PyObject *value)
{
    return value_immutable_at(value, VALUE_DEPTH);
}


PyObject *
value_dict(PyObject *value)
{
    if (!PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_MANAGED_DICT)) {
        PyObject **dict = _PyObject_GetDictPtr(value);
        return dict != NULL ? Py_XNewRef(*dict) : NULL;
    }
    PyObject *dict = PyObject_GenericGetDict(value, NULL);
    PyErr_Clear(); /* without memory: none */
    return dict;
}


static int
float_same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof(a)) == 0;
}


static int
value_equal_at(PyObject *a, PyObject *b, int depth)
{
    if (a == b) {
        return 1;
    }
    if (!rule(EQUAL_TYPES)) {
        int equal = PyObject_RichCompareBool(a, b, Py_EQ);
        PyErr_Clear(); /* a mutant may be wrong */
        return equal > 0;
    }
    if (Py_TYPE(a) != Py_TYPE(b) || depth == 0) {
        return 0;
    }
    if (PyLong_CheckExact(a) || PyUnicode_CheckExact(a)
        || PyBytes_CheckExact(a)) {
        int equal = PyObject_RichCompareBool(a, b, Py_EQ);
        if (equal < 0) {
            PyErr_Clear(); /* out of memory: different is the safe answer */
        }
        return equal > 0;
    }
    if (PyFloat_CheckExact(a)) {
        return float_same_bits(PyFloat_AS_DOUBLE(a), PyFloat_AS_DOUBLE(b));
    }
    if (PyComplex_CheckExact(a)) {
        Py_complex x = PyComplex_AsCComplex(a);
        Py_complex y = PyComplex_AsCComplex(b);
        return float_same_bits(x.real, y.real)
               && float_same_bits(x.imag, y.imag);
    }
    if (PyTuple_CheckExact(a)) {
        if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) {
            return 0;
        }
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); i++) {
            if (!value_equal_at(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i),
                                depth - 1)) {
                return 0;
            }
        }
        return 1;
    }
    return 0; /* sets: equal ones may iterate in another order */
}


int
value_equal(PyObject *a, PyObject *b)
{
    return value_equal_at(a, b, VALUE_DEPTH);
}


int
value_is_record(PyObject *value)
{
    static const char *const marks[] = {"__dataclass_fields__",
                                        "__pydantic_fields__", "_fields"};
    PyTypeObject *type = Py_TYPE(value);
    int found = 0;
    for (size_t i = 0; !found && i < Py_ARRAY_LENGTH(marks); i++) {
        PyObject *mark = PyUnicode_InternFromString(marks[i]);
        found = mark != NULL && _PyType_Lookup(type, mark) != NULL
                && (i < 2 || PyTuple_Check(value));
        Py_XDECREF(mark);
    }
    PyErr_Clear(); /* without memory: no record */
    return found;
}


/* A field that a slot or a named tuple's descriptor leads to, without running
 * code. New reference, or NULL without an exception. */
static PyObject *
value_field(PyObject *value, PyObject *descriptor, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(value);
    PyObject *found = NULL;
    if (Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)descriptor)->d_member;
        if (member->type == Py_T_OBJECT_EX
            && PyObject_TypeCheck(value, PyDescr_TYPE(descriptor))) {
            found = PyMember_GetOne((char *)value, member);
        }
    }
    else if (PyTuple_Check(value)
             && strcmp(Py_TYPE(descriptor)->tp_name, "collections._tuplegetter")
                    == 0) {
        PyObject *key = PyUnicode_InternFromString("_fields");
        PyObject *fields = key != NULL ? _PyType_Lookup(type, key) : NULL;
        Py_XDECREF(key);
        Py_ssize_t at = fields != NULL && PyTuple_Check(fields)
                            ? PySequence_Index(fields, name)
                            : -1;
        found = at >= 0 && at < PyTuple_GET_SIZE(value)
                    ? Py_NewRef(PyTuple_GET_ITEM(value, at))
                    : NULL;
    }
    PyErr_Clear(); /* not set: its class has to say so */
    return found;
}


PyObject *
value_attribute(PyObject *value, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(value);
    if (PyType_Check(value) || type->tp_getattro == NULL) {
        return NULL;
    }
    PyObject *on_class = _PyType_Lookup(type, name); /* borrowed */
    if (on_class != NULL && Py_TYPE(on_class)->tp_descr_get != NULL
        && !PyFunction_Check(on_class)) {
        /* a property, cached_property: would run code */
        return value_field(value, on_class, name);
    }
    if (type->tp_dictoffset == 0) {
        return NULL;
    }
    PyObject *dict = value_dict(value);
    PyObject *found = NULL;
    if (dict != NULL && PyDict_CheckExact(dict)
        && PyDict_GetItemRef(dict, name, &found) < 0) {
        PyErr_Clear();
    }
    Py_XDECREF(dict);
    if (found == NULL && on_class != NULL && !PyFunction_Check(on_class)) {
        found = Py_NewRef(on_class);
    }
    return found;
}


PyObject *
value_follow(PyObject *value, PyObject *path)
{
    PyObject *at = Py_NewRef(value);
    for (Py_ssize_t i = 0; at != NULL && i < PyTuple_GET_SIZE(path); i++) {
        PyObject *next = value_attribute(at, PyTuple_GET_ITEM(path, i));
        Py_SETREF(at, next);
    }
    return at;
}
