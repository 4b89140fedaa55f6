/* What objects work out when they are asked. */

#include "computed.h"

#include "compat.h"
#include "engine.h"

#include <string.h>


/* The module's name begins with `package`. */
static int
module_is_of(PyObject *name, const char *package, size_t length)
{
    const char *text =
        name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    if (text == NULL) {
        PyErr_Clear();
        return 0;
    }
    return strncmp(text, package, length) == 0
           && (text[length] == '\0' || text[length] == '.');
}


int
computed_is_value(const PyTypeObject *type)
{
    /* Classes with their module; types of C (NULL) have it in their name. */
    static const struct {
        const char *name, *module;
    } values[] = {
        {"PosixPath", "pathlib"},
        {"PurePosixPath", "pathlib"},
        {"WindowsPath", "pathlib"},
        {"PureWindowsPath", "pathlib"},
        {"IPv4Address", "ipaddress"},
        {"IPv6Address", "ipaddress"},
        {"IPv4Network", "ipaddress"},
        {"IPv6Network", "ipaddress"},
        {"IPv4Interface", "ipaddress"},
        {"IPv6Interface", "ipaddress"},
        {"UUID", "uuid"},
        {"Fraction", "fractions"},
        {"datetime.datetime", NULL},
        {"datetime.date", NULL},
        {"datetime.time", NULL},
        {"datetime.timedelta", NULL},
        {"datetime.timezone", NULL},
        {"decimal.Decimal", NULL},
        {"zoneinfo.ZoneInfo", NULL},
        {"types.UnionType", NULL},
        {"types.GenericAlias", NULL},
        {"typing.Union", NULL},
    };
    if (type == &PyFunction_Type || type == &PyType_Type) {
        return 0; /* most of what a program binds */
    }
    int is_heap = PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(values); i++) {
        const char *name = values[i].name, *module = values[i].module;
        /* each print asks for many types: most differ here */
        if (type->tp_name[0] != name[0] || strcmp(type->tp_name, name) != 0) {
            continue;
        }
        if (module != NULL) {
            return is_heap
                   && module_is_of(dict_peek(type->tp_dict, "__module__"),
                                   module, strlen(module));
        }
        return !(is_heap && type->tp_dictoffset != 0);
    }
    return 0;
}


int
computed_is_cached_property(const PyTypeObject *type)
{
    return PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE)
           && strcmp(type->tp_name, "cached_property") == 0
           && module_is_of(dict_peek(type->tp_dict, "__module__"), "functools",
                           strlen("functools"));
}


/* The class among a type's bases that has the name in its own dict; NULL: a
 * type of C. */
static PyTypeObject *
class_with(const PyTypeObject *type, PyObject *name)
{
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; order != NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyTypeObject *at = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        PyObject *dict =
            PyType_HasFeature(at, Py_TPFLAGS_HEAPTYPE) ? at->tp_dict : NULL;
        if (dict != NULL && PyDict_GetItemWithError(dict, name) != NULL) {
            return at;
        }
    }
    PyErr_Clear();
    return NULL;
}


/* Of a tracked module? */
static int
class_is_ours(const PyTypeObject *type)
{
    PyObject *module =
        type != NULL ? dict_peek(type->tp_dict, "__module__") : NULL;
    return module != NULL && PyUnicode_Check(module) && hmr_engine != NULL
           && engine_module(hmr_engine, module) != NULL;
}


/* Its objects note what they have memoized. */
static int
class_is_of_sqlalchemy(const PyTypeObject *type)
{
    return PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE)
           && module_is_of(dict_peek(type->tp_dict, "__module__"), "sqlalchemy",
                           strlen("sqlalchemy"));
}


/* SQLAlchemy's list of what it has memoized in the object; or on that list: a
 * method, which the instance then has in its dict. */
static int
is_note_of_sqlalchemy(PyObject *dict, PyObject *key, PyTypeObject *type)
{
    static const char list[] = "_memoized_keys";
    PyObject *keys = dict_peek(dict, list);
    return keys != NULL
           && (PyUnicode_CompareWithASCIIString(key, list) == 0
               || (PyFrozenSet_CheckExact(keys)
                   && PySet_Contains(keys, key) > 0))
           && class_is_of_sqlalchemy(type);
}


/* Written in Python: functions, methods and properties are types of C. */
static int
is_own_descriptor(PyObject *found)
{
    PyTypeObject *kind = Py_TYPE(found);
    return kind->tp_descr_get != NULL
           && PyType_HasFeature(kind, Py_TPFLAGS_HEAPTYPE);
}


/* What an instance's dict hides: functools.cached_property and the like. */
static int
is_memoizing(PyObject *found)
{
    return is_own_descriptor(found) && Py_TYPE(found)->tp_descr_set == NULL;
}


/* Does any class of the type's bases hold one? */
static int
type_memoizes(const PyTypeObject *type)
{
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; order != NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyTypeObject *at = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        PyObject *dict = at->tp_dict; /* NULL: a class of the interpreter */
        Py_ssize_t pos = 0;
        PyObject *name, *value;
        while (dict != NULL && PyDict_Next(dict, &pos, &name, &value)) {
            if (is_memoizing(value)) {
                return 1;
            }
        }
    }
    return 0;
}


int
computed_has_memos(PyTypeObject *type)
{
    /* Most types have none: their versions. The interpreter gives a class
     * another one whenever something changes that a look-up may find, and
     * none to two classes. */
    static unsigned int without[512]; /* under the GIL */
    unsigned int version = type->tp_version_tag;
    unsigned int *slot = &without[version % Py_ARRAY_LENGTH(without)];
    if (version != 0 && *slot == version) {
        return 0;
    }
    if (class_is_of_sqlalchemy(type) || type_memoizes(type)) {
        return 1;
    }
    *slot = version;
    return 0;
}


int
computed_is_memo(PyTypeObject *type, PyObject *dict, PyObject *key)
{
    if (!PyUnicode_Check(key)) {
        return 0;
    }
    PyObject *found = _PyType_Lookup(type, key);
    /* A function in an instance's dict is somebody's replacement for the
     * class's. */
    return found != NULL && is_memoizing(found)
               ? !class_is_ours(class_with(type, key))
               : is_note_of_sqlalchemy(dict, key, type);
}


/* ---- SQLAlchemy's objects with slots ------------------------------------ */

/* Such a class says with a method what is worked out for which slot. */
static const char *const memoizing[] = {"_memoized_attr_", "_memoized_method_"};


static int
has_memoized_slots(const PyTypeObject *type)
{
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; order != NULL && i < PyTuple_GET_SIZE(order); i++) {
        const PyTypeObject *at = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        if (strcmp(at->tp_name, "MemoizedSlots") == 0
            && module_is_of(dict_peek(at->tp_dict, "__module__"), "sqlalchemy",
                            strlen("sqlalchemy"))) {
            return 1;
        }
    }
    return 0;
}


/* The value of the slot that the method named `key` fills. New reference, or
 * NULL without an exception. */
static PyObject *
memoized_slot(PyObject *object, PyObject *key)
{
    const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : NULL;
    PyObject *value = NULL;
    for (size_t i = 0; text != NULL && i < Py_ARRAY_LENGTH(memoizing); i++) {
        size_t length = strlen(memoizing[i]);
        PyObject *slot = strncmp(text, memoizing[i], length) == 0
                             ? PyUnicode_FromString(text + length)
                             : NULL;
        PyObject *found =
            slot != NULL ? _PyType_Lookup(Py_TYPE(object), slot) : NULL;
        if (found != NULL && Py_IS_TYPE(found, &PyMemberDescr_Type)) {
            value = PyMember_GetOne((const char *)object,
                                    ((PyMemberDescrObject *)found)->d_member);
        }
        Py_XDECREF(slot);
    }
    PyErr_Clear(); /* nobody has asked for it yet */
    return value;
}


void
computed_each_slot(PyObject *object, void (*visit)(PyObject *value, void *arg),
                   void *arg)
{
    if (!has_memoized_slots(Py_TYPE(object))) {
        return;
    }
    PyObject *order = Py_TYPE(object)->tp_mro;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); i++) {
        PyTypeObject *at = (PyTypeObject *)PyTuple_GET_ITEM(order, i);
        PyObject *dict =
            PyType_HasFeature(at, Py_TPFLAGS_HEAPTYPE) ? at->tp_dict : NULL;
        Py_ssize_t pos = 0;
        PyObject *key, *ignored;
        while (dict != NULL && PyDict_Next(dict, &pos, &key, &ignored)) {
            PyObject *value = memoized_slot(object, key);
            if (value != NULL) {
                visit(value, arg);
                Py_DECREF(value); /* the slot holds it */
            }
        }
    }
}


int
computed_by_program(PyTypeObject *type, PyObject *name)
{
    PyObject *found = _PyType_Lookup(type, name);
    if (found != NULL) {
        return (Py_IS_TYPE(found, &PyProperty_Type) || is_own_descriptor(found))
               && class_is_ours(class_with(type, name));
    }
    PyObject *fallback = PyUnicode_InternFromString("__getattr__");
    int ours = fallback != NULL && _PyType_Lookup(type, fallback) != NULL
               && class_is_ours(class_with(type, fallback));
    PyErr_Clear(); /* without memory */
    Py_XDECREF(fallback);
    return ours;
}
