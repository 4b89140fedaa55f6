/* What an edit changed: sources, files that were read, new modules. */

#include "transaction_parts.h"

#include "compat.h"
#include "files.h"
#include "linecache.h"
#include "paths.h"

#include <string.h>


/* ---- what changed ------------------------------------------------------- */

static int
transaction_add_file(Transaction *tx, PyObject *path)
{
    PyObject *roots = tx->engine->roots;
    if (linecache_forget(path) < 0) {
        return -1;
    }
    PyObject *shown = Py_NewRef(path);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(roots); i++) {
        PyObject *root = PyTuple_GET_ITEM(roots, i);
        if (PyUnicode_Tailmatch(path, root, 0, PY_SSIZE_T_MAX, -1) == 1) {
            Py_SETREF(shown,
                      PyUnicode_Substring(path, PyUnicode_GET_LENGTH(root),
                                          PyUnicode_GET_LENGTH(path)));
            break;
        }
    }
    int found =
        shown != NULL ? PySequence_Contains(tx->report.files, shown) : -1;
    int result = found != 0 ? found : PyList_Append(tx->report.files, shown);
    Py_XDECREF(shown);
    return result < 0 ? -1 : 0;
}


/* A namespace package with an __init__.py is another package. */
static int
transaction_read_portions(Transaction *tx, Module *module)
{
    PyObject *source = file_read(module->path);
    if (source == NULL) {
        int absent = PyErr_ExceptionMatches(PyExc_OSError);
        if (absent) {
            PyErr_Clear();
        }
        return absent ? 0 : -1;
    }
    Py_DECREF(source);
    module->gone = 1;
    tx->changed = 1;
    return transaction_add_file(tx, module->path);
}


/* The file cannot be compiled: whoever imports the module meets the error, if
 * anybody still does. 0; or -1 where it is not the source's fault. */
static int
transaction_defer_error(Transaction *tx, Module *module)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception)
        || PyErr_ExceptionMatches(PyExc_MemoryError)) {
        return -1;
    }
    module->unreadable = PyErr_GetRaisedException();
    tx->engine->walk_whole = 1; /* the import fails, or is no more */
    tx->changed = 1;
    return 0;
}


/* The module has this text now. */
static int
transaction_match(Transaction *tx, Module *module, PyObject *source)
{
    if (!module->gone
        && PyBytes_GET_SIZE(source) == PyBytes_GET_SIZE(module->source)
        && memcmp(PyBytes_AS_STRING(source), PyBytes_AS_STRING(module->source),
                  (size_t)PyBytes_GET_SIZE(source))
               == 0) {
        return 0;
    }
    module->gone = 0;
    int result = transaction_add_file(tx, module->path);
    if (result == 0) {
        result = match_module(module, source, &tx->patches);
        tx->touched = 1;
    }
    return result < 0 ? transaction_defer_error(tx, module) : result;
}


/* The module's file may have new text, or be gone. */
static int
transaction_read_module(Transaction *tx, Module *module)
{
    if (module->portions) {
        return transaction_read_portions(tx, module);
    }
    PyObject *source = file_read(module->path);
    if (source == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OSError)) {
            return -1;
        }
        PyErr_Clear();
        if (!module->gone) {
            module->gone = 1;
            tx->changed = 1;
            return transaction_add_file(tx, module->path);
        }
        return 0;
    }
    int result = transaction_match(tx, module, source);
    Py_DECREF(source);
    return result;
}


static int
transaction_refresh_file(Transaction *tx, FileCell *file)
{
    int own = PySet_Contains(tx->engine->written, file->path);
    if (own < 0) {
        return -1;
    }
    if (own) {
        /* What this process wrote is no edit; the next change may be one. */
        file_accept(file);
        return PySet_Discard(tx->engine->written, file->path) < 0 ? -1 : 0;
    }
    int changed = file_refresh(file);
    if (changed <= 0) {
        return changed;
    }
    if (file->cell.readers > 0) {
        tx->changed = 1;
    }
    return transaction_add_file(tx, file->path);
}


/* Files that were opened, listed or looked for. */
static int
transaction_read_files(Transaction *tx)
{
    Engine *engine = tx->engine;
    PyObject *capsules = PyDict_Values(engine->files);
    if (capsules == NULL) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(capsules); i++) {
        FileCell *file =
            PyCapsule_GetPointer(PyList_GET_ITEM(capsules, i), FILE_CAPSULE);
        int named = PySet_Contains(tx->paths, file->path);
        if (named == 0 && file->listed) {
            named = paths_have_child(tx->named, file->path);
        }
        result = named > 0 ? transaction_refresh_file(tx, file) : named;
    }
    Py_DECREF(capsules);
    return result;
}


/* Modules that were looked for in vain may be there now. */
static int
transaction_find_missing(Transaction *tx)
{
    Engine *engine = tx->engine;
    PyObject *names = PyDict_Keys(engine->missing);
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        int found = paths_may_hold(tx->named, name, NULL);
        if (found > 0) {
            PyObject *origin = engine_find_file(engine, name);
            found = origin != NULL ? origin != Py_False : -1;
            Py_XDECREF(origin);
        }
        if (found > 0) {
            engine->walk_whole = 1; /* another module takes part */
            FileCell *file = file_missing_module(engine, name);
            Version *version = file != NULL ? version_new(NULL, NULL) : NULL;
            if (version != NULL) {
                cell_touch(&file->cell, engine);
                version_set(&file->cell.base, version);
                tx->changed |= file->cell.readers > 0;
            }
            else {
                result = -1;
            }
            version_unref(version);
            if (file != NULL) {
                cell_unref(&file->cell, engine);
            }
        }
        else if (found < 0) {
            result = -1;
        }
    }
    Py_XDECREF(names);
    return result;
}


/* A file that the import system now finds before the module's own is another
 * module. */
static int
transaction_find_rival(Transaction *tx, Module *module)
{
    if (module->gone
        || !paths_may_hold(tx->named, module->name, module->path)) {
        return 0;
    }
    PyObject *origin = engine_find_file(tx->engine, module->name);
    int rival = origin != NULL && PyUnicode_Check(origin)
                && PyUnicode_Compare(origin, module->path) != 0;
    int result = origin != NULL ? 0 : -1;
    if (rival) {
        module->gone = 1;
        tx->changed = 1;
        result = transaction_add_file(tx, origin);
    }
    Py_XDECREF(origin);
    return result;
}


/* The file of a loaded module that we do not track; NULL without an exception:
 * there is no such module, or it has none. New reference. */
static PyObject *
loaded_library_file(Engine *engine, PyObject *name)
{
    PyObject *module = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    if (module == NULL || !PyModule_Check(module)
        || engine_module_by_ns(engine, PyModule_GetDict(module)) != NULL) {
        return NULL;
    }
    PyObject *spec = dict_peek(PyModule_GetDict(module), "__spec__");
    PyObject *origin = spec != NULL && spec != Py_None
                           ? PyObject_GetAttrString(spec, "origin")
                           : NULL;
    if (origin != NULL
        && (!PyUnicode_Check(origin) || PyUnicode_GET_LENGTH(origin) == 0
            || PyUnicode_READ_CHAR(origin, 0) != '/')) {
        Py_CLEAR(origin); /* "frozen", "built-in": found before any file */
    }
    return origin;
}


/* The top-level module that the file would be: name.py, name/__init__.py. New
 * reference; NULL without an exception: it is no such file. */
static PyObject *
path_module_name(PyObject *path)
{
    static const char *const ends[] = {"/__init__.py", ".py"};
    Py_ssize_t length = PyUnicode_GET_LENGTH(path);
    for (size_t i = 0; i < Py_ARRAY_LENGTH(ends); i++) {
        Py_ssize_t end = length - (Py_ssize_t)strlen(ends[i]);
        PyObject *tail =
            end > 0 ? PyUnicode_Substring(path, end, length) : NULL;
        int is = tail != NULL
                 && PyUnicode_CompareWithASCIIString(tail, ends[i]) == 0;
        Py_XDECREF(tail);
        if (is) {
            Py_ssize_t slash = PyUnicode_FindChar(path, '/', 0, end, -1);
            return PyUnicode_Substring(path, slash + 1, end);
        }
    }
    return NULL;
}


/* Is it the source of a module that we have? */
static int
path_is_known(const Engine *engine, PyObject *path)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (PyUnicode_Compare(engine->order[i]->path, path) == 0
            || PyUnicode_Compare(engine->order[i]->real, path) == 0) {
            return 1;
        }
    }
    return 0;
}


/* A new file that an import would find in place of a library that is loaded:
 * whoever holds the library, libraries among them, would get the file. */
static int
transaction_find_shadow(Transaction *tx, PyObject *path)
{
    Engine *engine = tx->engine;
    PyObject *name = path_module_name(path);
    PyObject *library = name != NULL ? loaded_library_file(engine, name) : NULL;
    PyObject *found = NULL;
    if (library != NULL && !path_is_known(engine, path)
        && engine_tracks_path(engine, path)) {
        found = engine_find_file(engine, name);
    }
    if (found != NULL && PyUnicode_Check(found)
        && PyUnicode_Compare(found, path) == 0
        && PyUnicode_Compare(found, library) != 0) {
        engine_need_restart(engine, "%U now stands before the library %U", path,
                            name);
    }
    Py_XDECREF(found);
    Py_XDECREF(library);
    Py_XDECREF(name);
    return PyErr_Occurred() ? -1 : 0;
}


static int
transaction_find_shadows(Transaction *tx)
{
    Engine *engine = tx->engine;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (transaction_find_rival(tx, engine->order[i]) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(tx->named); i++) {
        if (transaction_find_shadow(tx, PyList_GET_ITEM(tx->named, i)) < 0) {
            return -1;
        }
    }
    return 0;
}


static void
files_remember(Engine *engine)
{
    Py_ssize_t pos = 0;
    PyObject *path, *capsule;
    while (PyDict_Next(engine->files, &pos, &path, &capsule)) {
        FileCell *file = PyCapsule_GetPointer(capsule, FILE_CAPSULE);
        file->content_before = file->content;
    }
}


int
transaction_read_changes(Transaction *tx)
{
    Engine *engine = tx->engine;
    files_remember(engine);
    tx->named = PySequence_List(tx->paths);
    if (tx->named == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        int named = PySet_Contains(tx->paths, module->path);
        if (named == 0 && module->real != module->path) {
            named = PySet_Contains(tx->paths, module->real);
        }
        if (named < 0
            || (named > 0 && transaction_read_module(tx, module) < 0)) {
            return -1;
        }
    }
    return transaction_read_files(tx) < 0 || transaction_find_missing(tx) < 0
               ? -1
               : transaction_find_shadows(tx);
}


int
transaction_read_back(Transaction *tx)
{
    Engine *engine = tx->engine;
    files_remember(engine);
    tx->named = PyList_New(0);
    int result = tx->named != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < tx->back->source_count; i++) {
        const UndoSource *old = &tx->back->sources[i];
        result = PySet_Add(tx->paths, old->path);
        for (Py_ssize_t j = 0; result == 0 && j < engine->module_count; j++) {
            Module *module = engine->order[j];
            if (PyUnicode_Compare(module->path, old->path) == 0) {
                result = transaction_match(tx, module, old->source);
            }
        }
    }
    return result;
}
