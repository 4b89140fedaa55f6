/* linecache, which keeps the lines of files that it has read. */

#include "linecache.h"

#include "compat.h"
#include "files.h"
#include "paths.h"

#include <string.h>

static PyObject *lines_code; /* linecache.getlines()'s. Of the process. */


static int
frame_is_of(PyFrameObject *frame, const char *const *modules)
{
    PyObject *globals = PyFrame_GetGlobals(frame);
    PyObject *name = dict_peek(globals, "__name__");
    int found = 0;
    for (; name != NULL && PyUnicode_Check(name) && !found && *modules != NULL;
         modules++) {
        found = PyUnicode_CompareWithASCIIString(name, *modules) == 0;
    }
    Py_DECREF(globals);
    return found;
}


int
linecache_start(void)
{
    PyObject *module = PyImport_ImportModule("linecache");
    PyObject *function =
        module != NULL ? PyObject_GetAttrString(module, "getlines") : NULL;
    PyObject *code = function != NULL && PyFunction_Check(function)
                         ? Py_NewRef(PyFunction_GET_CODE(function))
                         : NULL;
    Py_XDECREF(module);
    int result = function != NULL ? 0 : -1;
    Py_XDECREF(function);
    Py_XSETREF(lines_code, code);
    return result;
}


int
linecache_starts(PyObject *code)
{
    return code == lines_code;
}


int
linecache_for_warning(void)
{
    static const char *const between[] = {"linecache", "tokenize", NULL};
    static const char *const warnings[] = {"warnings", "_py_warnings", NULL};
    PyFrameObject *frame = PyEval_GetFrame();
    Py_XINCREF(frame);
    while (frame != NULL && frame_is_of(frame, between)) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_SETREF(frame, back);
    }
    int found = frame != NULL && frame_is_of(frame, warnings);
    Py_XDECREF(frame);
    return found;
}


int
linecache_read(Engine *engine, Frame *frame)
{
    PyFrameObject *now = PyEval_GetFrame(); /* borrowed */
    PyObject *path = frame != NULL && now != NULL && !linecache_for_warning()
                         ? PyFrame_GetVarString(now, "filename")
                         : NULL;
    int result = 0;
    if (path != NULL && PyUnicode_Check(path)) {
        result = file_note(engine, frame, path, 0);
    }
    else {
        PyErr_Clear(); /* not as we know it */
    }
    Py_XDECREF(path);
    return result;
}


/* Is it what linecache keeps of the file? An entry ends with the name that it
 * was found by; one that was not read yet has none. */
static int
entry_is_of(PyObject *name, PyObject *entry, PyObject *path)
{
    Py_ssize_t size = PyTuple_Check(entry) ? PyTuple_GET_SIZE(entry) : 0;
    PyObject *full = size == 4 ? PyTuple_GET_ITEM(entry, 3) : name;
    PyObject *absolute = PyUnicode_Check(full) ? path_absolute(full) : NULL;
    int same = absolute != NULL && PyUnicode_Compare(absolute, path) == 0;
    Py_XDECREF(absolute);
    PyErr_Clear(); /* no path: of no file */
    return same;
}


int
linecache_forget(PyObject *path)
{
    PyObject *module = dict_peek(PyImport_GetModuleDict(), "linecache");
    PyObject *cache = module != NULL && PyModule_Check(module)
                          ? dict_peek(PyModule_GetDict(module), "cache")
                          : NULL;
    if (cache == NULL || !PyDict_Check(cache)) {
        return 0;
    }
    PyObject *copy = PyDict_Copy(cache);
    int result = copy != NULL ? 0 : -1;
    Py_ssize_t pos = 0;
    PyObject *name, *entry;
    while (result == 0 && PyDict_Next(copy, &pos, &name, &entry)) {
        if (entry_is_of(name, entry, path)) {
            result = PyDict_DelItem(cache, name);
        }
    }
    Py_XDECREF(copy);
    return result;
}
