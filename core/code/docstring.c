/* Docstrings of functions: who looks at them, and how they follow an edit. */

#include "docstring.h"

#include "compat.h"
#include "frame.h"
#include "frame_parts.h"
#include "rules.h"

/* How functions look attributes up and store them without us. Of the process.
 */
static getattrofunc function_getattro;
static setattrofunc function_setattro;


PyObject *
docstring_of(PyCodeObject *code)
{
    return HMR_CODE_HAS_DOCSTRING(code) ? PyTuple_GET_ITEM(code->co_consts, 0)
                                        : Py_None;
}


static int
docstrings_equal(PyObject *a, PyObject *b)
{
    return a == b
           || (PyUnicode_Check(a) && PyUnicode_Check(b)
               && PyUnicode_Compare(a, b) == 0);
}


/* ---- who looks ---------------------------------------------------------- */

/* The info of a function of the program, where a statement asks for its
 * docstring. NULL: none of our business. */
static CodeInfo *
info_looked_at(PyObject *function, PyObject *name, Frame **frame)
{
    Engine *engine = hmr_engine;
    if (engine == NULL || engine->tracing == 0 || !PyUnicode_CheckExact(name)
        || PyUnicode_CompareWithASCIIString(name, "__doc__") != 0) {
        return NULL;
    }
    CodeInfo *info = code_info(PyFunction_GET_CODE(function));
    *frame = info != NULL && info->cell != NULL ? frame_current(engine) : NULL;
    return *frame != NULL ? info : NULL;
}


static PyObject *
our_function_getattro(PyObject *self, PyObject *name)
{
    Frame *frame;
    CodeInfo *info = info_looked_at(self, name, &frame);
    if (info != NULL) {
        if (info->doc == NULL) {
            info->doc = code_cell_new(hmr_engine, CELL_DOC, info->cell->name);
        }
        if (info->doc == NULL
            || (rule(READ_DOCSTRINGS)
                && frame_read_cell(frame, &info->doc->cell) < 0)) {
            return NULL;
        }
    }
    return function_getattro(self, name);
}


static int
our_function_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    Frame *frame;
    CodeInfo *info = info_looked_at(self, name, &frame);
    if (info != NULL) {
        info->doc_set = 1;
    }
    return function_setattro(self, name, value);
}


void
docstrings_start(void)
{
    if (function_getattro == NULL) {
        function_getattro = PyFunction_Type.tp_getattro;
        function_setattro = PyFunction_Type.tp_setattro;
    }
    PyFunction_Type.tp_getattro = our_function_getattro;
    PyFunction_Type.tp_setattro = our_function_setattro;
    type_forget_lookups(&PyFunction_Type);
}


void
docstrings_stop(void)
{
    PyFunction_Type.tp_getattro = function_getattro;
    PyFunction_Type.tp_setattro = function_setattro;
}


/* ---- an edit ------------------------------------------------------------ */

typedef enum { DOC_CODES, DOC_REPLACED, DOC_UNKNOWN } DocOrigin;


/* Is the function's docstring the one that its code gave it? functools.wraps()
 * replaces the name along with it. */
static DocOrigin
docstring_origin(PyObject *function, const CodeInfo *info)
{
    PyFunctionObject *f = (PyFunctionObject *)function;
    PyObject *now = f->func_doc != NULL ? f->func_doc : Py_None;
    if (!docstrings_equal(now, docstring_of(info->code))) {
        return DOC_REPLACED;
    }
    if (f->func_dict != NULL
        && dict_peek(f->func_dict, "__wrapped__") != NULL) {
        return docstrings_equal(f->func_qualname, info->code->co_qualname)
                   ? DOC_UNKNOWN
                   : DOC_REPLACED;
    }
    return info->doc_set ? DOC_UNKNOWN : DOC_CODES;
}


int
docstring_may_follow(PyCodeObject *code)
{
    const CodeInfo *info = code_info((PyObject *)code);
    const Statement *statement = info != NULL ? info->statement : NULL;
    if (statement == NULL || statement->trace == NULL
        || (info->doc != NULL
            && trace_has_read(statement->trace, &info->doc->cell))) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < info->function_count; i++) {
        if (docstring_origin(info->functions[i], info) == DOC_UNKNOWN) {
            return 0;
        }
    }
    return 1;
}


PyObject *
docstring_next(PyObject *function, PyObject *old_code, PyObject *new_code)
{
    const CodeInfo *info = code_info(old_code);
    PyObject *next = docstring_of((PyCodeObject *)new_code);
    return info == NULL
                   || docstrings_equal(docstring_of((PyCodeObject *)old_code),
                                       next)
                   || docstring_origin(function, info) != DOC_CODES
               ? NULL
               : next;
}


int
docstring_change(Engine *engine, const CodeInfo *old, CodeInfo *new,
                 int *readers)
{
    new->doc_set |= old->doc_set;
    *readers = 0;
    if (old->doc == NULL) {
        return 0;
    }
    Cell *cell = cell_ref(&old->doc->cell);
    if (new->doc != NULL) {
        cell_unref(&new->doc->cell, engine);
    }
    new->doc = (CodeCell *)cell;
    if (docstrings_equal(docstring_of(old->code), docstring_of(new->code))) {
        return 0;
    }
    Version *version = version_new(NULL, NULL);
    if (version == NULL) {
        return -1;
    }
    *readers = cell->readers > 0;
    cell_touch(cell, engine);
    version_set(&cell->base, version);
    version_unref(version);
    return 0;
}
