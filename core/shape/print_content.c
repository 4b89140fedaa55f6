/* Prints: what an object holds besides references. */

#include "print_content.h"

#include "compat.h"

#include <string.h>

#define PRINT_BUFFER_EDGE 65536 /* bytes hashed at both ends of a buffer */


static uint64_t
bytes_hash(uint64_t h, const void *data, Py_ssize_t size)
{
    const unsigned char *p = data;
    for (Py_ssize_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, p + i, (size_t)Py_MIN(8, size - i));
        h = (h ^ word) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return h;
}


/* A buffer's bytes; of a large one both ends and a stride through the middle:
 * a model's weights are too many to read at every step. */
static uint64_t
buffer_hash(const Py_buffer *view)
{
    uint64_t h = (uint64_t)view->len + 1;
    if (view->len <= 2 * PRINT_BUFFER_EDGE) {
        return bytes_hash(h, view->buf, view->len);
    }
    const char *data = view->buf;
    h = bytes_hash(h, data, PRINT_BUFFER_EDGE);
    Py_ssize_t stride = view->len / 4096;
    for (Py_ssize_t at = PRINT_BUFFER_EDGE;
         at + 8 < view->len - PRINT_BUFFER_EDGE; at += stride) {
        h = bytes_hash(h, data + at, 8);
    }
    return bytes_hash(h, data + view->len - PRINT_BUFFER_EDGE,
                      PRINT_BUFFER_EDGE);
}


/* The bytes of an object's struct, without the pointers to weak references and
 * to a dict that comes into being when first looked at. */
static uint64_t
struct_hash(PyObject *object, PyTypeObject *type)
{
    Py_ssize_t size = type->tp_basicsize;
    uint64_t h = 1;
    for (Py_ssize_t at = (Py_ssize_t)sizeof(PyObject); at < size; at += 8) {
        if (at != type->tp_weaklistoffset && at != type->tp_dictoffset) {
            h = bytes_hash(h, (char *)object + at, Py_MIN(8, size - at));
        }
    }
    return h;
}


int
print_is_opaque(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    return !(PyDict_CheckExact(object) || PyAnySet_CheckExact(object)
             || PyList_CheckExact(object) || PyFunction_Check(object)
             || PyType_Check(object) || PyByteArray_CheckExact(object)
             || print_is_cache(object)
             || strcmp(type->tp_name, "collections.deque") == 0)
           && !(PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
                && type->tp_dictoffset != 0);
}


uint64_t
print_content(PyObject *object)
{
    static uint64_t unseen; /* under the GIL */
    PyTypeObject *type = Py_TYPE(object);
    if (PyGen_CheckExact(object) || PyAsyncGen_CheckExact(object)) {
        return ++unseen; /* its frame cannot be seen: always another */
    }
    if (PyObject_CheckBuffer(object) && !PyBytes_Check(object)) {
        Py_buffer view;
        if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) == 0) {
            uint64_t h = buffer_hash(&view);
            PyBuffer_Release(&view);
            return h;
        }
        PyErr_Clear(); /* not contiguous: its struct has to do */
    }
    if (PyDict_CheckExact(object) || PyAnySet_CheckExact(object)
        || PyList_CheckExact(object) || PyTuple_CheckExact(object)
        || PyFunction_Check(object) || PyType_Check(object)
        || print_is_cache(object) || type->tp_itemsize != 0) {
        return 0; /* what they hold tells it all */
    }
    return struct_hash(object, type);
}
