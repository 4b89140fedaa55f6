/* Differences between CPython 3.12 and 3.15, as backports of the newest API.
 * The only file of core/ that looks at PY_VERSION_HEX. */

#ifndef HMR_CORE_COMPAT_H
#define HMR_CORE_COMPAT_H

#include <Python.h>

#if PY_VERSION_HEX < 0x030C0000
#error "hmr-serve needs CPython 3.12 or newer"
#endif

/* A function's docstring is its first constant; since 3.14 a flag says so. */
#if PY_VERSION_HEX >= 0x030E0000
#define HMR_CODE_HAS_DOCSTRING(co) (((co)->co_flags & CO_HAS_DOCSTRING) != 0)
#define HMR_DOCSTRING_FLAG CO_HAS_DOCSTRING
#define HMR_LAZY_ANNOTATIONS 1 /* PEP 649 */
#else
#define HMR_CODE_HAS_DOCSTRING(co) \
    (((co)->co_flags & CO_OPTIMIZED) && PyTuple_GET_SIZE((co)->co_consts) > 0 \
     && PyUnicode_Check(PyTuple_GET_ITEM((co)->co_consts, 0)))
#define HMR_DOCSTRING_FLAG 0
#define HMR_LAZY_ANNOTATIONS 0
#endif


/* What makes a function's annotations (3.14 on). Borrowed, or NULL. */
static inline PyObject *
hmr_function_annotate(PyObject *function)
{
#if HMR_LAZY_ANNOTATIONS
    return ((PyFunctionObject *)function)->func_annotate;
#else
    (void)function;
    return NULL;
#endif
}


/* No instruction remembers what it found in the class. Since 3.13 a class may
 * be forgotten a thousand times only, which this does not count for. */
static inline void
type_forget_lookups(PyTypeObject *type)
{
    PyType_Modified(type);
#if PY_VERSION_HEX >= 0x030D0000
    type->tp_versions_used = 0;
#endif
}


/* The value or NULL, borrowed; no exception either way. For namespaces: their
 * keys are strings, so that only memory can fail, and then it is absent. */
static inline PyObject *
dict_peek(PyObject *dict, const char *key)
{
    return PyDict_GetItemString(dict, key); /* LINT_OK: see above */
}


#if PY_VERSION_HEX < 0x030D0000
/* 1 and a new reference, 0 and NULL when missing, -1 and NULL on error. */
static inline int
PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **result)
{
    PyObject *value = PyDict_GetItemWithError(dict, key);
    *result = Py_XNewRef(value);
    return value != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}


/* 1 and a new reference, 0 and NULL when the object is no more. */
static inline int
PyWeakref_GetRef(PyObject *ref, PyObject **result)
{
    PyObject *object = PyWeakref_GetObject(ref); /* LINT_OK: borrowed */
    *result = object != Py_None ? Py_NewRef(object) : NULL;
    return *result != NULL;
}


static inline int
PyObject_GetOptionalAttr(PyObject *obj, PyObject *name, PyObject **result)
{
    *result = PyObject_GetAttr(obj, name);
    if (*result != NULL) {
        return 1;
    }
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}


static inline int
PyObject_GetOptionalAttrString(PyObject *obj, const char *name,
                               PyObject **result)
{
    PyObject *text = PyUnicode_FromString(name);
    int found = text != NULL ? PyObject_GetOptionalAttr(obj, text, result) : -1;
    Py_XDECREF(text);
    return found;
}
#endif


/* Is the object that lived at this address still what the weak reference is to?
 * */
static inline int
weakref_is_of(PyObject *ref, const void *address)
{
    /* Asked of each class whenever tracing begins and ends. */
    return ((PyWeakReference *)ref)->wr_object == address;
}

#endif
