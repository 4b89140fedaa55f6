/* Who opens, lists or looks for which files. */

#include "files.h"

#include "compat.h"
#include "frame.h"
#include "linecache.h"
#include "paths.h"
#include "remembered.h"
#include "result.h"
#include "rules.h"

#include <fcntl.h>

static int audit_installed;


/* ---- the audit hook ----------------------------------------------------- */

/* The absolute path of what was opened; NULL when it is of no interest. */
static PyObject *
interesting_path(Engine *engine, PyObject *path)
{
    PyObject *text = NULL;
    if (PyUnicode_Check(path)) {
        text = Py_NewRef(path);
    }
    else if (PyBytes_Check(path)) {
        text = PyUnicode_DecodeFSDefaultAndSize(PyBytes_AS_STRING(path),
                                                PyBytes_GET_SIZE(path));
    }
    if (text == NULL) {
        PyErr_Clear();
        return NULL;
    }
    Py_SETREF(text, path_absolute(text));
    if (text == NULL) {
        PyErr_Clear();
        return NULL;
    }
    static const char *const never[] = {"/proc/", "/dev/", "/sys/"};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(never); i++) {
        PyObject *prefix = PyUnicode_FromString(never[i]);
        Py_ssize_t match =
            prefix != NULL
                ? PyUnicode_Tailmatch(text, prefix, 0, PY_SSIZE_T_MAX, -1)
                : 0;
        Py_XDECREF(prefix);
        if (match != 0) {
            Py_CLEAR(text);
            break;
        }
    }
    if (text != NULL && engine_is_library_path(engine, text)) {
        Py_CLEAR(text);
    }
    PyErr_Clear();
    return text;
}


int
file_note(Engine *engine, Frame *frame, PyObject *path, int listed)
{
    if (!rule(READ_FILES)) {
        return 0;
    }
    PyObject *text = interesting_path(engine, path);
    if (text == NULL) {
        return 0;
    }
    FileCell *file = file_cell(engine, text, listed);
    Py_DECREF(text);
    if (file == NULL) {
        return -1;
    }
    CodeInfo *info = remembered_by(engine);
    int result = info != NULL ? remembered_add(info, &file->cell) : 0;
    if (result >= 0) {
        int taken =
            info != NULL ? result_read_file(frame, info, &file->cell) : 0;
        result = taken != 0 ? (taken < 0 ? -1 : 0)
                            : frame_read_cell(frame, &file->cell);
    }
    cell_unref(&file->cell, engine);
    return result;
}


/* The import system looks around for itself; finding is noted elsewhere. */
int
caller_is_importlib(void)
{
    PyObject *globals = PyEval_GetGlobals(); /* borrowed */
    PyObject *name =
        globals != NULL
            ? PyDict_GetItemWithError(globals, hmr_engine->name_name)
            : NULL;
    if (name == NULL) {
        PyErr_Clear(); /* a key that cannot be compared is another one */
    }
    const char *text =
        name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    return text != NULL
           && (strncmp(text, "importlib", 9) == 0
               || strncmp(text, "_frozen_importlib", 17) == 0);
}


/* A file that this process writes: its change is no edit. */
static int
note_written(Engine *engine, PyObject *path)
{
    PyObject *text = interesting_path(engine, path);
    int result = text != NULL ? PySet_Add(engine->written, text) : 0;
    Py_XDECREF(text);
    return result;
}


/* A request reads it. Never fails: the request goes on. */
static void
note_remembered(Engine *engine, PyObject *path)
{
    CodeInfo *info = remembered_by(engine);
    PyObject *text = info != NULL ? interesting_path(engine, path) : NULL;
    if (text == NULL) {
        return;
    }
    FileCell *file = file_cell(engine, text, 0);
    int added = file != NULL ? remembered_add(info, &file->cell) : -1;
    if (added < 0 || (added > 0 && remembered_tell(engine) < 0)) {
        PyErr_WriteUnraisable(text);
    }
    if (file != NULL) {
        cell_unref(&file->cell, engine);
    }
    Py_DECREF(text);
}


/* Does this open() write? Then it is no read of the file. */
static int
opens_for_writing(PyObject *mode, PyObject *flags)
{
    if (mode != NULL && PyUnicode_Check(mode)) {
        for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(mode); i++) {
            Py_UCS4 c = PyUnicode_READ_CHAR(mode, i);
            if (c == 'w' || c == 'a' || c == 'x') {
                return 1;
            }
        }
        return 0;
    }
    long bits = flags != NULL && PyLong_Check(flags) ? PyLong_AsLong(flags) : 0;
    return (bits & O_ACCMODE) == O_WRONLY;
}


static int
on_audit(const char *event, PyObject *args, void *data)
{
    (void)data;
    Engine *engine = hmr_engine;
    if (engine == NULL || event[0] != 'o') {
        return 0;
    }
    int opened = strcmp(event, "open") == 0;
    int listed = !opened
                 && (strcmp(event, "os.listdir") == 0
                     || strcmp(event, "os.scandir") == 0);
    if ((!opened && !listed) || !PyTuple_Check(args)
        || PyTuple_GET_SIZE(args) < 1) {
        return 0;
    }
    PyObject *path = PyTuple_GET_ITEM(args, 0);
    if (opened && PyTuple_GET_SIZE(args) >= 3
        && opens_for_writing(PyTuple_GET_ITEM(args, 1),
                             PyTuple_GET_ITEM(args, 2))) {
        return note_written(engine, path);
    }
    Frame *frame = engine->tracing > 0 ? frame_current(engine) : NULL;
    if ((frame == NULL && (listed || engine->tracing > 0))
        || caller_is_importlib()) {
        return 0;
    }
    if (frame == NULL) {
        note_remembered(engine, path);
        return 0;
    }
    return linecache_for_warning() ? 0 : file_note(engine, frame, path, listed);
}


int
files_install(void)
{
    if (audit_installed) {
        return 0;
    }
    if (PySys_AddAuditHook(on_audit, NULL) < 0) {
        return -1;
    }
    audit_installed = 1;
    return 0;
}


/* ---- os.stat, os.lstat, os.access --------------------------------------- */

/* They raise no audit event, and a failed look-up is a read too. While tracing,
 * the os module holds wrappers; importlib uses posix directly and is not seen.
 */
static PyObject *
traced_call(const char *name, PyObject *const *args, Py_ssize_t nargs,
            PyObject *kwnames)
{
    Engine *engine = hmr_engine;
    PyObject *original = dict_peek(engine->stat_functions, name);
    if (original == NULL) {
        PyErr_Format(PyExc_RuntimeError, "os.%s is not available", name);
        return NULL;
    }
    Frame *frame = engine->tracing ? frame_current(engine) : NULL;
    if (frame != NULL && nargs > 0) {
        PyObject *path = PyLong_Check(args[0]) ? NULL : PyOS_FSPath(args[0]);
        /* Debuggers and coverage look for source files; that is no read. */
        int counts =
            path != NULL
            && !(PyUnicode_Check(path) && engine_tracks_path(engine, path));
        int result = counts ? file_note(engine, frame, path, 0) : 0;
        Py_XDECREF(path);
        if (result < 0) {
            return NULL;
        }
        PyErr_Clear(); /* no path: the call itself will say so */
    }
    return PyObject_Vectorcall(original, args, (size_t)nargs, kwnames);
}


#define TRACED(name) \
    static PyObject *traced_##name(PyObject *self, PyObject *const *args, \
                                   Py_ssize_t nargs, PyObject *kwnames) \
    { \
        (void)self; \
        return traced_call(#name, args, nargs, kwnames); \
    }

TRACED(stat)
TRACED(lstat)
TRACED(access)

static PyMethodDef traced_defs[] = {
    {"stat", (PyCFunction)(void (*)(void))traced_stat,
     METH_FASTCALL | METH_KEYWORDS, NULL},
    {"lstat", (PyCFunction)(void (*)(void))traced_lstat,
     METH_FASTCALL | METH_KEYWORDS, NULL},
    {"access", (PyCFunction)(void (*)(void))traced_access,
     METH_FASTCALL | METH_KEYWORDS, NULL},
};


static int
traced_swap(Engine *engine, PyObject *os, PyMethodDef *def, int on)
{
    if (!on) {
        PyObject *original = dict_peek(engine->stat_functions, def->ml_name);
        return original != NULL
                   ? PyObject_SetAttrString(os, def->ml_name, original)
                   : 0;
    }
    PyObject *original = PyObject_GetAttrString(os, def->ml_name);
    PyObject *wrapper = PyCFunction_New(def, NULL);
    int result = -1;
    if (original != NULL && wrapper != NULL
        && PyDict_SetItemString(engine->stat_functions, def->ml_name, original)
               == 0) {
        result = PyObject_SetAttrString(os, def->ml_name, wrapper);
    }
    Py_XDECREF(original);
    Py_XDECREF(wrapper);
    return result;
}


void
files_trace(Engine *engine, int on)
{
    PyObject *os = PyImport_ImportModule("os");
    for (size_t i = 0; os != NULL && i < Py_ARRAY_LENGTH(traced_defs); i++) {
        if (traced_swap(engine, os, &traced_defs[i], on) < 0) {
            PyErr_WriteUnraisable(os);
        }
    }
    Py_XDECREF(os);
}
