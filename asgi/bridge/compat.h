/* Differences between CPython 3.12 and 3.15, as backports of the newest API.
 * The only file of asgi/ that looks at PY_VERSION_HEX. */

#ifndef HMR_ASGI_COMPAT_H
#define HMR_ASGI_COMPAT_H

#include <Python.h>

#include <limits.h>

#if PY_VERSION_HEX < 0x030D0000
/* The value, or -1 with an exception set. */
static inline int
PyLong_AsInt(PyObject *obj)
{
    int overflow;
    long value = PyLong_AsLongAndOverflow(obj, &overflow);
    if (overflow != 0 || value > INT_MAX || value < INT_MIN) {
        PyErr_SetString(PyExc_OverflowError,
                        "Python int too large to convert to C int");
        return -1;
    }
    return (int)value;
}
#endif

#endif
