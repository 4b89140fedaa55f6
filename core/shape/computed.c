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
    /* As `tp_name` has them: types of C with their module before a dot. */
    static const char *const values[] = {
        "pathlib PosixPath",
        "pathlib PurePosixPath",
        "pathlib WindowsPath",
        "pathlib PureWindowsPath",
        "ipaddress IPv4Address",
        "ipaddress IPv6Address",
        "ipaddress IPv4Network",
        "ipaddress IPv6Network",
        "ipaddress IPv4Interface",
        "ipaddress IPv6Interface",
        "uuid UUID",
        "fractions Fraction",
        "datetime.datetime",
        "datetime.date",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "decimal.Decimal",
        "zoneinfo.ZoneInfo",
        "types.UnionType",
        "types.GenericAlias",
        "typing.Union",
    };
    int is_heap = PyType_HasFeature((PyTypeObject *)type, Py_TPFLAGS_HEAPTYPE);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(values); i++) {
        const char *blank = strchr(values[i], ' ');
        if (blank == NULL) {
            if (strcmp(type->tp_name, values[i]) == 0
                && !(is_heap && type->tp_dictoffset != 0)) {
                return 1;
            }
        }
        else if (is_heap && strcmp(type->tp_name, blank + 1) == 0) {
            size_t length = (size_t)(blank - values[i]);
            return module_is_of(dict_peek(type->tp_dict, "__module__"),
                                values[i], length);
        }
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


/* SQLAlchemy's list of what it has memoized in the object. */
static int
is_note_of_sqlalchemy(PyObject *key, PyTypeObject *type)
{
    return PyUnicode_CompareWithASCIIString(key, "_memoized_keys") == 0
           && PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
           && module_is_of(dict_peek(type->tp_dict, "__module__"), "sqlalchemy",
                           strlen("sqlalchemy"));
}


/* Written in Python: functions, methods and properties are types of C. */
static int
is_own_descriptor(PyObject *found)
{
    PyTypeObject *kind = Py_TYPE(found);
    return kind->tp_descr_get != NULL
           && PyType_HasFeature(kind, Py_TPFLAGS_HEAPTYPE);
}


int
computed_is_memo(PyTypeObject *type, PyObject *key)
{
    if (!PyUnicode_Check(key)) {
        return 0;
    }
    PyObject *found = _PyType_Lookup(type, key);
    /* A function in an instance's dict is somebody's replacement for the
     * class's. */
    int is_memo = found != NULL && is_own_descriptor(found)
                  && Py_TYPE(found)->tp_descr_set == NULL;
    return is_memo ? !class_is_ours(class_with(type, key))
                   : is_note_of_sqlalchemy(key, type);
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
