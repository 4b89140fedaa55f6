/* Split and compiled statements on disk, beside Python's .pyc files. */

#include "cache.h"

#include "compat.h"
#include "files.h"

#include <fcntl.h>
#include <marshal.h>
#include <stdio.h> /* rename */
#include <string.h>
#include <unistd.h>

#define CACHE_FORMAT 8 /* grows with any change of the records below */

enum {
    RECORD_KEY,
    RECORD_KIND,
    RECORD_LINE,
    RECORD_END_LINE,
    RECORD_LABEL,
    RECORD_CANDIDATES,
    RECORD_ANNOTATIONS,
    RECORD_ANNOTATED,
    RECORD_OWN_NAMES,
    RECORD_BINDS,
    RECORD_OPAQUE,
    RECORD_DEFERRED,
    RECORD_IMPORTS,
    RECORD_CODE,
    RECORD_SIZE,
};


/* What the file is valid for: (format, Python, optimization, path, source). */
static PyObject *
cache_header(const Module *module, PyObject *source)
{
    PyObject *flags = PySys_GetObject("flags"); /* borrowed */
    PyObject *optimize =
        flags != NULL ? PyObject_GetAttrString(flags, "optimize") : NULL;
    if (optimize == NULL) {
        return NULL;
    }
    return Py_BuildValue("(iiNOO)", CACHE_FORMAT, PY_VERSION_HEX, optimize,
                         module->path, source);
}


/* `__pycache__/name.cpython-313.hmr`: importlib has worked out where the .pyc
 * would be. New reference, or NULL without an exception. */
static PyObject *
cache_path(const Module *module)
{
    PyObject *spec = dict_peek(module->ns, "__spec__"); /* borrowed */
    PyObject *pyc =
        spec != NULL ? PyObject_GetAttrString(spec, "cached") : NULL;
    PyObject *path = NULL;
    if (pyc != NULL && PyUnicode_Check(pyc) && PyUnicode_GET_LENGTH(pyc) > 4) {
        Py_ssize_t length = PyUnicode_GET_LENGTH(pyc);
        PyObject *stem = PyUnicode_Substring(pyc, 0, length - 4);
        path = stem != NULL ? PyUnicode_FromFormat("%U.hmr", stem) : NULL;
        Py_XDECREF(stem);
    }
    Py_XDECREF(pyc);
    PyErr_Clear(); /* no place for caches: none is kept */
    return path;
}


/* ---- loading ------------------------------------------------------------ */

static Statement *
statement_from_record(PyObject *record, Module *module)
{
    if (!PyTuple_CheckExact(record)
        || PyTuple_GET_SIZE(record) != RECORD_SIZE) {
        PyErr_SetString(PyExc_ValueError, "not a statement");
        return NULL;
    }
    Statement *statement = statement_new(module);
    if (statement == NULL) {
        return NULL;
    }
#define ITEM(i) PyTuple_GET_ITEM(record, i)
    PyObject *key = ITEM(RECORD_KEY);
    memcpy(&statement->syntax.key, PyBytes_AS_STRING(key),
           sizeof(statement->syntax.key));
    statement->syntax.kind = (StatementKind)PyLong_AsLong(ITEM(RECORD_KIND));
    statement->syntax.line = (int)PyLong_AsLong(ITEM(RECORD_LINE));
    statement->syntax.end_line = (int)PyLong_AsLong(ITEM(RECORD_END_LINE));
    statement->syntax.label = Py_NewRef(ITEM(RECORD_LABEL));
    statement->syntax.candidates = Py_NewRef(ITEM(RECORD_CANDIDATES));
    statement->syntax.annotations = Py_NewRef(ITEM(RECORD_ANNOTATIONS));
    statement->syntax.annotated = Py_NewRef(ITEM(RECORD_ANNOTATED));
    statement->syntax.own_names = Py_NewRef(ITEM(RECORD_OWN_NAMES));
    statement->syntax.binds = Py_NewRef(ITEM(RECORD_BINDS));
    statement->syntax.opaque = Py_NewRef(ITEM(RECORD_OPAQUE));
    statement->syntax.deferred = Py_NewRef(ITEM(RECORD_DEFERRED));
    statement->syntax.imports = Py_NewRef(ITEM(RECORD_IMPORTS));
    if (ITEM(RECORD_CODE) != Py_None) {
        statement->code = Py_NewRef(ITEM(RECORD_CODE));
    }
#undef ITEM
    if (PyErr_Occurred()
        || (statement->code != NULL
            && code_tree_attach(statement->code, statement) < 0)) {
        statement_free(statement, module->engine);
        return NULL;
    }
    return statement;
}


static int
split_from_records(Split *split, Module *module, PyObject *records)
{
    Py_ssize_t count = PyTuple_GET_SIZE(records);
    split->statements =
        PyMem_Calloc((size_t)count + 1, sizeof(*split->statements));
    if (split->statements == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; split->count < count; split->count++) {
        Statement *statement = statement_from_record(
            PyTuple_GET_ITEM(records, split->count), module);
        if (statement == NULL) {
            split_fini(split, module->engine);
            return -1;
        }
        split->statements[split->count] = statement;
    }
    return 0;
}


/* The stored (header, future flags, records). New reference, or NULL without an
 * exception. */
static PyObject *
cache_read(PyObject *path)
{
    PyObject *bytes = file_read(path);
    PyObject *stored = bytes != NULL ? PyMarshal_ReadObjectFromString(
                           PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes))
                                     : NULL;
    Py_XDECREF(bytes);
    PyErr_Clear(); /* none, or damaged: made anew */
    if (stored != NULL
        && (!PyTuple_CheckExact(stored) || PyTuple_GET_SIZE(stored) != 3
            || !PyTuple_CheckExact(PyTuple_GET_ITEM(stored, 2)))) {
        Py_CLEAR(stored);
    }
    return stored;
}


int
cache_load(Split *split, Module *module, PyObject *source)
{
    *split = (Split){0};
    PyObject *path = cache_path(module);
    PyObject *stored = path != NULL ? cache_read(path) : NULL;
    PyObject *header = stored != NULL ? cache_header(module, source) : NULL;
    int found = 0;
    if (header != NULL) {
        found = PyObject_RichCompareBool(PyTuple_GET_ITEM(stored, 0), header,
                                         Py_EQ);
    }
    if (found > 0) {
        split->future_flags = (int)PyLong_AsLong(PyTuple_GET_ITEM(stored, 1));
        found =
            split_from_records(split, module, PyTuple_GET_ITEM(stored, 2)) == 0
                ? 1
                : -1;
    }
    Py_XDECREF(path);
    Py_XDECREF(stored);
    Py_XDECREF(header);
    return found;
}


/* ---- storing ------------------------------------------------------------ */

static PyObject *
record_from_statement(const Statement *statement)
{
    const Syntax *syntax = &statement->syntax;
    return Py_BuildValue("(y#iiiOOOOOOOOOO)", (const char *)&syntax->key,
                         (Py_ssize_t)sizeof(syntax->key), (int)syntax->kind,
                         syntax->line, syntax->end_line, syntax->label,
                         syntax->candidates, syntax->annotations,
                         syntax->annotated, syntax->own_names, syntax->binds,
                         syntax->opaque, syntax->deferred, syntax->imports,
                         statement->code != NULL ? statement->code : Py_None);
}


/* Write beside and rename: a reader sees the old file or the new one. */
static void
write_file(PyObject *path, PyObject *bytes)
{
    PyObject *encoded = PyUnicode_EncodeFSDefault(path);
    PyObject *beside = encoded != NULL ? PyBytes_FromFormat(
                           "%s.%ld", PyBytes_AS_STRING(encoded), (long)getpid())
                                       : NULL;
    if (beside != NULL) {
        const char *name = PyBytes_AS_STRING(beside);
        int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd >= 0) {
            ssize_t size = (ssize_t)PyBytes_GET_SIZE(bytes);
            int whole =
                write(fd, PyBytes_AS_STRING(bytes), (size_t)size) == size;
            if (close(fd) < 0 || !whole
                || rename(name, PyBytes_AS_STRING(encoded)) < 0) {
                (void)unlink(name); /* as if it had never been */
            }
        }
    }
    Py_XDECREF(encoded);
    Py_XDECREF(beside);
}


/* Python makes __pycache__ when it writes a .pyc; we may come first. */
static void
make_folder(PyObject *path)
{
    Py_ssize_t slash =
        PyUnicode_FindChar(path, '/', 0, PyUnicode_GET_LENGTH(path), -1);
    PyObject *folder = PyUnicode_Substring(path, 0, slash);
    PyObject *os = PyImport_ImportModule("os");
    PyObject *done =
        folder != NULL && os != NULL
            ? PyObject_CallMethod(os, "makedirs", "OiO", folder, 0777, Py_True)
            : NULL;
    Py_XDECREF(folder);
    Py_XDECREF(os);
    Py_XDECREF(done);
    PyErr_Clear(); /* then opening the file fails, and no cache is kept */
}


void
cache_store(const Split *split, const Module *module, PyObject *source)
{
    PyObject *off = PySys_GetObject("dont_write_bytecode"); /* borrowed */
    if (off != NULL && PyObject_IsTrue(off) != 0) {
        return;
    }
    PyObject *records = PyTuple_New(split->count);
    for (Py_ssize_t i = 0; records != NULL && i < split->count; i++) {
        PyObject *record = record_from_statement(split->statements[i]);
        if (record == NULL) {
            Py_CLEAR(records);
            break;
        }
        PyTuple_SET_ITEM(records, i, record);
    }
    PyObject *header = cache_header(module, source);
    PyObject *stored =
        records != NULL && header != NULL
            ? Py_BuildValue("(OiO)", header, split->future_flags, records)
            : NULL;
    PyObject *bytes =
        stored != NULL
            ? PyMarshal_WriteObjectToString(stored, Py_MARSHAL_VERSION)
            : NULL;
    PyObject *path = bytes != NULL ? cache_path(module) : NULL;
    if (path != NULL) {
        make_folder(path);
        write_file(path, bytes);
    }
    Py_XDECREF(records);
    Py_XDECREF(header);
    Py_XDECREF(stored);
    Py_XDECREF(bytes);
    Py_XDECREF(path);
    PyErr_Clear(); /* a cache that cannot be kept is no one's problem */
}
