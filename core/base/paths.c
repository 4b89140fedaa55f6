/* Names of files. Asked for each module and each file of the program in each
 * update: nothing is allocated where the answer is no. */

#include "paths.h"

#include "compat.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>


/* Leave out `.` and empty parts of a list, and each `..` with the part before.
 * 0, or -1 with an exception set. */
static int
parts_settle(PyObject *parts)
{
    Py_ssize_t i = 0;
    while (i < PyList_GET_SIZE(parts)) {
        PyObject *part = PyList_GET_ITEM(parts, i);
        int up = PyUnicode_CompareWithASCIIString(part, "..") == 0;
        if (!up && PyUnicode_GET_LENGTH(part) > 0
            && PyUnicode_CompareWithASCIIString(part, ".") != 0) {
            i++;
            continue;
        }
        Py_ssize_t from = up && i > 0 ? i - 1 : i;
        if (PyList_SetSlice(parts, from, i + 1, NULL) < 0) {
            return -1;
        }
        i = from;
    }
    return 0;
}


/* Is there nothing that parts_settle() would leave out? Absolute paths. */
static int
path_is_settled(PyObject *path)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(path);
    Py_ssize_t begin = 1; /* of the part */
    for (Py_ssize_t i = 1; i <= length; i++) {
        if (i < length && PyUnicode_READ_CHAR(path, i) != '/') {
            continue;
        }
        Py_ssize_t size = i - begin;
        int dots = size <= 2;
        for (Py_ssize_t j = begin; dots && j < i; j++) {
            dots = PyUnicode_READ_CHAR(path, j) == '.';
        }
        if (dots) {
            return 0;
        }
        begin = i + 1;
    }
    return 1;
}


/* The path below the current folder. New reference. */
static PyObject *
path_from_here(PyObject *path)
{
    char cwd[4096];
    if (getcwd(cwd, sizeof(cwd)) == NULL) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *folder = PyUnicode_DecodeFSDefault(cwd);
    PyObject *full =
        folder != NULL ? PyUnicode_FromFormat("%U/%U", folder, path) : NULL;
    Py_XDECREF(folder);
    return full;
}


PyObject *
path_absolute(PyObject *path)
{
    int absolute =
        PyUnicode_GET_LENGTH(path) > 0 && PyUnicode_READ_CHAR(path, 0) == '/';
    if (absolute && path_is_settled(path)) {
        return Py_NewRef(path);
    }
    PyObject *slash = PyUnicode_FromString("/");
    PyObject *full = absolute ? Py_NewRef(path) : path_from_here(path);
    PyObject *parts =
        full != NULL && slash != NULL ? PyUnicode_Split(full, slash, -1) : NULL;
    PyObject *joined = parts != NULL && parts_settle(parts) == 0
                           ? PyUnicode_Join(slash, parts)
                           : NULL;
    PyObject *result =
        joined != NULL ? PyUnicode_FromFormat("/%U", joined) : NULL;
    Py_XDECREF(joined);
    Py_XDECREF(parts);
    Py_XDECREF(full);
    Py_XDECREF(slash);
    return result;
}


PyObject *
path_real(PyObject *path)
{
    PyObject *bytes = PyUnicode_EncodeFSDefault(path);
    if (bytes == NULL) {
        return NULL;
    }
    char *found = realpath(PyBytes_AS_STRING(bytes), NULL);
    PyObject *real = NULL;
    if (found != NULL) {
        real = strcmp(found, PyBytes_AS_STRING(bytes)) == 0
                   ? Py_NewRef(path)
                   : PyUnicode_DecodeFSDefault(found);
        free(found);
    }
    else { /* what is not there yet has a real path too */
        PyObject *os_path = PyImport_ImportModule("os.path");
        real = os_path != NULL
                   ? PyObject_CallMethod(os_path, "realpath", "O", path)
                   : NULL;
        Py_XDECREF(os_path);
    }
    Py_DECREF(bytes);
    return real;
}


int
paths_have_child(PyObject *paths, PyObject *directory)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(directory);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(paths); i++) {
        PyObject *path = PyList_GET_ITEM(paths, i);
        Py_ssize_t slash =
            PyUnicode_FindChar(path, '/', 0, PyUnicode_GET_LENGTH(path), -1);
        if (slash == length
            && PyUnicode_Tailmatch(path, directory, 0, length, -1) == 1) {
            return 1;
        }
    }
    return 0;
}


/* Do the `length` characters of two strings agree? */
static int
text_same(PyObject *a, Py_ssize_t from_a, PyObject *b, Py_ssize_t from_b,
          Py_ssize_t length)
{
    for (Py_ssize_t i = length; i-- > 0;) { /* ends differ sooner */
        if (PyUnicode_READ_CHAR(a, from_a + i)
            != PyUnicode_READ_CHAR(b, from_b + i)) {
            return 0;
        }
    }
    return 1;
}


/* Does the path end in a slash, what follows `dot` in the name, and the suffix?
 */
static int
path_ends(PyObject *path, PyObject *name, Py_ssize_t dot, const char *suffix)
{
    Py_ssize_t end = PyUnicode_GET_LENGTH(path) - (Py_ssize_t)strlen(suffix);
    Py_ssize_t length = PyUnicode_GET_LENGTH(name) - dot - 1;
    if (end <= length || PyUnicode_READ_CHAR(path, end - length - 1) != '/'
        || !text_same(path, end - length, name, dot + 1, length)) {
        return 0;
    }
    for (Py_ssize_t i = 0; suffix[i] != '\0'; i++) {
        if (PyUnicode_READ_CHAR(path, end + i) != (Py_UCS4)suffix[i]) {
            return 0;
        }
    }
    return 1;
}


/* Is it below a folder that may be the module, a namespace package? 1, 0, -1 */
static int
path_is_below(PyObject *path, PyObject *module, Py_ssize_t dot)
{
    PyObject *tail =
        PyUnicode_Substring(module, dot + 1, PyUnicode_GET_LENGTH(module));
    PyObject *folder = tail != NULL ? PyUnicode_FromFormat("/%U/", tail) : NULL;
    int found = folder != NULL ? PyUnicode_Contains(path, folder) : -1;
    Py_XDECREF(tail);
    Py_XDECREF(folder);
    return found;
}


int
paths_may_hold(PyObject *paths, PyObject *module, PyObject *known)
{
    static const char *const suffixes[] = {".py", "", "/__init__.py"};
    Py_ssize_t dot =
        PyUnicode_FindChar(module, '.', 0, PyUnicode_GET_LENGTH(module), -1);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(paths); i++) {
        PyObject *path = PyList_GET_ITEM(paths, i);
        int other = known == NULL || PyUnicode_Compare(path, known) != 0;
        for (size_t j = 0; other && j < Py_ARRAY_LENGTH(suffixes); j++) {
            if (path_ends(path, module, dot, suffixes[j])) {
                return 1;
            }
        }
        int below = known == NULL ? path_is_below(path, module, dot) : 0;
        if (below != 0) {
            return below;
        }
    }
    return 0;
}
