/* Split and compiled statements on disk, beside Python's .pyc files. */

#include "cache.h"

#include "compat.h"
#include "files.h"

#include <fcntl.h>
#include <marshal.h>
#include <stddef.h> /* offsetof */
#include <stdio.h>  /* rename */
#include <string.h>
#include <unistd.h>

#define CACHE_FORMAT 9 /* grows with any change of what follows */

/* The file: (header, future flags, Heads as bytes, facts). The facts are one
 * flat tuple: of each statement its label, what is not empty of the rest, its
 * code. Half the start of a large program is reading these. */
typedef struct {
    SyntaxKey key;
    int32_t line, end_line;
    uint16_t kind;
    uint16_t given; /* bits: which of FACTS there are, and these: */
} Head;

enum {
    GIVEN_CODE = 1 << 13,
    GIVEN_NAMES = 1 << 14, /* binds is the code's co_names */
    GIVEN_LABEL = 1 << 15, /* binds is (label,) */
};

enum { BINDS };

static const size_t FACTS[] = {
    [BINDS] = offsetof(Syntax, binds), offsetof(Syntax, candidates),
    offsetof(Syntax, annotations),     offsetof(Syntax, annotated),
    offsetof(Syntax, own_names),       offsetof(Syntax, opaque),
    offsetof(Syntax, deferred),        offsetof(Syntax, imports),
};


static PyObject **
fact_of(const Syntax *syntax, size_t i)
{
    return (PyObject **)((char *)syntax + FACTS[i]);
}


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

/* The facts that are left. */
typedef struct {
    PyObject *facts; /* Borrowed tuple. */
    Py_ssize_t at;
    PyObject *empty; /* Borrowed; () */
} Facts;


/* Borrowed; NULL with an exception set. */
static PyObject *
facts_next(Facts *from)
{
    if (from->at >= PyTuple_GET_SIZE(from->facts)) {
        PyErr_SetString(PyExc_ValueError, "not a statement");
        return NULL;
    }
    return PyTuple_GET_ITEM(from->facts, from->at++);
}


static int
statement_take_facts(Statement *statement, const Head *head, Facts *from)
{
    Syntax *syntax = &statement->syntax;
    syntax->label = Py_XNewRef(facts_next(from));
    for (size_t i = 0; i < Py_ARRAY_LENGTH(FACTS); i++) {
        int given = head->given >> i & 1;
        *fact_of(syntax, i) =
            Py_XNewRef(given ? facts_next(from) : from->empty);
    }
    if (head->given & GIVEN_LABEL && syntax->label != NULL) {
        Py_SETREF(syntax->binds, PyTuple_Pack(1, syntax->label));
    }
    if (head->given & GIVEN_CODE) {
        statement->code = Py_XNewRef(facts_next(from));
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    if (head->given & GIVEN_NAMES && statement->code != NULL) {
        PyObject *names = ((PyCodeObject *)statement->code)->co_names;
        Py_SETREF(syntax->binds, Py_NewRef(names));
    }
    return statement->code != NULL
               ? code_tree_attach(statement->code, statement)
               : 0;
}


static Statement *
statement_from_head(const char *bytes, Facts *from, Module *module)
{
    Head head;
    memcpy(&head, bytes, sizeof(head));
    Statement *statement = statement_new(module);
    if (statement == NULL) {
        return NULL;
    }
    statement->syntax.key = head.key;
    statement->syntax.kind = (StatementKind)head.kind;
    statement->syntax.line = head.line;
    statement->syntax.end_line = head.end_line;
    if (statement_take_facts(statement, &head, from) < 0) {
        statement_free(statement, module->engine);
        return NULL;
    }
    return statement;
}


static int
split_from_stored(Split *split, Module *module, PyObject *heads,
                  PyObject *facts)
{
    Py_ssize_t count = PyBytes_GET_SIZE(heads) / (Py_ssize_t)sizeof(Head);
    Facts from = {.facts = facts, .empty = PyTuple_New(0)};
    split->statements =
        PyMem_Calloc((size_t)count + 1, sizeof(*split->statements));
    if (split->statements == NULL || from.empty == NULL) {
        Py_XDECREF(from.empty);
        PyErr_NoMemory();
        return -1;
    }
    int result = 0;
    for (; result == 0 && split->count < count; split->count++) {
        const char *head =
            PyBytes_AS_STRING(heads) + split->count * (Py_ssize_t)sizeof(Head);
        Statement *statement = statement_from_head(head, &from, module);
        if (statement == NULL) {
            result = -1;
            break;
        }
        split->statements[split->count] = statement;
    }
    Py_DECREF(from.empty);
    if (result < 0) {
        split_fini(split, module->engine);
    }
    return result;
}


/* What the file has, if that is what it should be. New reference, or NULL
 * without an exception. */
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
        && (!PyTuple_CheckExact(stored) || PyTuple_GET_SIZE(stored) != 4
            || !PyBytes_CheckExact(PyTuple_GET_ITEM(stored, 2))
            || !PyTuple_CheckExact(PyTuple_GET_ITEM(stored, 3)))) {
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
        found = split_from_stored(split, module, PyTuple_GET_ITEM(stored, 2),
                                  PyTuple_GET_ITEM(stored, 3))
                        == 0
                    ? 1
                    : -1;
    }
    Py_XDECREF(path);
    Py_XDECREF(stored);
    Py_XDECREF(header);
    return found;
}


/* ---- storing ------------------------------------------------------------ */

/* Does the code name what the statement binds, in that order, and no more? */
static int
binds_names(const Statement *statement)
{
    PyObject *binds = statement->syntax.binds;
    PyObject *names = statement->code != NULL
                          ? ((PyCodeObject *)statement->code)->co_names
                          : NULL;
    int same = names != NULL && PyTuple_GET_SIZE(binds) > 0
               && PyTuple_GET_SIZE(names) == PyTuple_GET_SIZE(binds);
    for (Py_ssize_t i = 0; same && i < PyTuple_GET_SIZE(binds); i++) {
        same = PyUnicode_Compare(PyTuple_GET_ITEM(binds, i),
                                 PyTuple_GET_ITEM(names, i))
               == 0;
    }
    return same;
}


/* Append the facts of a statement, and say which these are. 0 or -1. */
static int
facts_add(PyObject *facts, const Statement *statement, Head *head)
{
    const Syntax *syntax = &statement->syntax;
    if (PyList_Append(facts, syntax->label) < 0) {
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(FACTS); i++) {
        PyObject *fact = *fact_of(syntax, i);
        if (i == BINDS && binds_names(statement)) {
            head->given |= GIVEN_NAMES;
        }
        else if (i == BINDS && PyTuple_GET_SIZE(fact) == 1
                 && PyTuple_GET_ITEM(fact, 0) == syntax->label) {
            head->given |= GIVEN_LABEL;
        }
        else if (PyTuple_GET_SIZE(fact) > 0) {
            head->given |= (uint16_t)(1 << i);
            if (PyList_Append(facts, fact) < 0) {
                return -1;
            }
        }
    }
    if (statement->code != NULL) {
        head->given |= GIVEN_CODE;
        return PyList_Append(facts, statement->code);
    }
    return 0;
}


/* What cache_read() gives. New reference, or NULL with an exception set. */
static PyObject *
stored_from_split(const Split *split, PyObject *header)
{
    PyObject *list = PyList_New(0);
    PyObject *heads = PyBytes_FromStringAndSize(
        NULL, split->count * (Py_ssize_t)sizeof(Head));
    int result = list != NULL && heads != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < split->count; i++) {
        const Statement *statement = split->statements[i];
        Head head;
        memset(&head, 0, sizeof(head)); /* what is between the fields too */
        head.key = statement->syntax.key;
        head.line = statement->syntax.line;
        head.end_line = statement->syntax.end_line;
        head.kind = (uint16_t)statement->syntax.kind;
        result = facts_add(list, statement, &head);
        memcpy(PyBytes_AS_STRING(heads) + i * (Py_ssize_t)sizeof(head), &head,
               sizeof(head));
    }
    PyObject *facts = result == 0 ? PyList_AsTuple(list) : NULL;
    PyObject *stored =
        facts != NULL
            ? Py_BuildValue("(OiOO)", header, split->future_flags, heads, facts)
            : NULL;
    Py_XDECREF(list);
    Py_XDECREF(heads);
    Py_XDECREF(facts);
    return stored;
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
    PyObject *header = cache_header(module, source);
    PyObject *stored = header != NULL ? stored_from_split(split, header) : NULL;
    PyObject *bytes =
        stored != NULL
            ? PyMarshal_WriteObjectToString(stored, Py_MARSHAL_VERSION)
            : NULL;
    PyObject *path = bytes != NULL ? cache_path(module) : NULL;
    if (path != NULL) {
        make_folder(path);
        write_file(path, bytes);
    }
    Py_XDECREF(header);
    Py_XDECREF(stored);
    Py_XDECREF(bytes);
    Py_XDECREF(path);
    PyErr_Clear(); /* a cache that cannot be kept is no one's problem */
}
