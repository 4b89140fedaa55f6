/* Members of an enum stay the same objects. */

#include "class_enum.h"

#include "compat.h"
#include "value.h"


/* ---- which -------------------------------------------------------------- */

static PyObject *
enum_table(PyObject *type, const char *name)
{
    PyObject *dict =
        PyType_Check(type) ? ((PyTypeObject *)type)->tp_dict : NULL;
    PyObject *table = dict != NULL ? dict_peek(dict, name) : NULL;
    return table != NULL && PyDict_CheckExact(table) ? table : NULL;
}


int
class_enum_is(PyObject *type)
{
    return enum_table(type, "_member_map_") != NULL;
}


/* Two makes of one enum? */
static int
enums_match(PyObject *old, PyObject *fresh)
{
    return class_enum_is(old) && class_enum_is(fresh)
           && enum_table(fresh, "_value2member_map_") != NULL
           && Py_TYPE(old) == Py_TYPE(fresh)
           && PyUnicode_Compare(((PyHeapTypeObject *)old)->ht_qualname,
                                ((PyHeapTypeObject *)fresh)->ht_qualname)
                  == 0;
}


/* Is what the member is besides its attributes the same? Numbers and strings
 * are their values. */
static int
members_match(PyObject *member, PyObject *fresh)
{
    PyTypeObject *a = Py_TYPE(member), *b = Py_TYPE(fresh);
    if (a->tp_basicsize != b->tp_basicsize || a->tp_itemsize != b->tp_itemsize
        || a->tp_dictoffset != b->tp_dictoffset) {
        return 0;
    }
    PyObject *same = Py_False;
    if (PyLong_Check(member) && PyLong_Check(fresh)) {
        same = PyLong_Type.tp_richcompare(member, fresh, Py_EQ);
    }
    else if (PyUnicode_Check(member) && PyUnicode_Check(fresh)) {
        same = PyUnicode_Type.tp_richcompare(member, fresh, Py_EQ);
    }
    else if (b->tp_itemsize == 0 && b->tp_base != NULL
             && PyType_HasFeature(b, Py_TPFLAGS_HEAPTYPE)) {
        /* with no state of its own: an object, but for the attributes */
        PyTypeObject *at = b;
        while (at != NULL && PyType_HasFeature(at, Py_TPFLAGS_HEAPTYPE)) {
            at = at->tp_base;
        }
        return at == &PyBaseObject_Type;
    }
    int match = same == Py_True;
    Py_XDECREF(same);
    PyErr_Clear(); /* without memory: not, which is safe */
    return match;
}


/* The name that the member itself bears. Borrowed, or NULL. */
static PyObject *
member_name(PyObject *member)
{
    PyObject *dict = PyObject_GenericGetDict(member, NULL);
    PyObject *name = dict != NULL ? dict_peek(dict, "_name_") : NULL;
    Py_XDECREF(dict); /* the member holds it */
    PyErr_Clear();
    return name;
}


/* ---- put in place ------------------------------------------------------- */

int
class_enum_put(PyObject *member, PyObject *type, PyObject *attributes)
{
    PyObject *name = PyUnicode_InternFromString("__class__");
    PyObject *dict =
        name != NULL ? PyObject_GenericGetDict(member, NULL) : NULL;
    int result = -1;
    if (dict != NULL
        && ((PyObject *)Py_TYPE(member) == type
            || PyObject_GenericSetAttr(member, name, type) == 0)) {
        PyDict_Clear(dict);
        result = PyDict_Update(dict, attributes);
    }
    Py_XDECREF(dict);
    Py_XDECREF(name);
    return result;
}


/* Values of the dict that are `from` become `to`. 0, or -1. */
static int
dict_replace(PyObject *dict, PyObject *from, PyObject *to)
{
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        /* storing at a key that is there does not move the others */
        if (value == from && PyDict_SetItem(dict, key, to) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Where a base has an attribute of that name, a property leads to the member.
 */
static int
properties_replace(PyObject *dict, PyObject *from, PyObject *to)
{
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        PyObject *own =
            Py_TYPE(value)->tp_dictoffset != 0 && !PyType_Check(value)
                ? PyObject_GenericGetDict(value, NULL)
                : NULL;
        PyErr_Clear(); /* it has none */
        int leads = own != NULL && dict_peek(own, "member") == from;
        int result = leads ? PyDict_SetItemString(own, "member", to) : 0;
        Py_XDECREF(own);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


static int
enum_replace(PyObject *fresh, PyObject *from, PyObject *to)
{
    PyTypeObject *type = (PyTypeObject *)fresh;
    int result = dict_replace(enum_table(fresh, "_member_map_"), from, to);
    if (result == 0) {
        result =
            dict_replace(enum_table(fresh, "_value2member_map_"), from, to);
    }
    if (result == 0) {
        result = properties_replace(type->tp_dict, from, to);
    }
    if (result == 0) {
        hmr_engine->syncing++;
        result = dict_replace(type->tp_dict, from, to);
        hmr_engine->syncing--;
        PyType_Modified(type);
    }
    return result;
}


/* ---- keep --------------------------------------------------------------- */

static int
member_keep(PyObject *fresh, PyObject *made, PyObject *member)
{
    PyObject *dict = PyObject_GenericGetDict(made, NULL);
    PyObject *attributes = dict != NULL ? PyDict_Copy(dict) : NULL;
    int result = -1;
    if (attributes != NULL
        && undo_add_member(hmr_engine->undoing, member, fresh, attributes) == 0
        && class_enum_put(member, fresh, attributes) == 0) {
        result = enum_replace(fresh, made, member);
    }
    Py_XDECREF(attributes);
    Py_XDECREF(dict);
    return result;
}


int
class_enum_keep(Frame *frame, const Version *old, PyObject *fresh)
{
    const Statement *statement = frame->statement;
    if (hmr_engine->undoing == NULL || old->value == fresh
        || statement->syntax.kind != STATEMENT_CLASS || old->producer == NULL
        || (old->producer != statement && old->producer != statement->replaces)
        || !PyType_Check(old->value) || !PyType_Check(fresh)
        || !enums_match(old->value, fresh)) {
        return 0;
    }
    PyObject *before = enum_table(old->value, "_member_map_");
    PyObject *items = PyDict_Items(enum_table(fresh, "_member_map_"));
    int result = items != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        PyObject *name = PyTuple_GET_ITEM(item, 0);
        PyObject *made = PyTuple_GET_ITEM(item, 1);
        PyObject *member = PyDict_GetItemWithError(before, name);
        PyObject *called = member_name(made);
        PyObject *was = member != NULL ? member_name(member) : NULL;
        if (member != NULL && called != NULL && was != NULL && member != made
            && PyUnicode_Compare(called, name) == 0
            && PyUnicode_Compare(was, name) == 0
            && members_match(member, made)) {
            result = member_keep(fresh, made, member);
        }
    }
    Py_XDECREF(items);
    return result;
}
