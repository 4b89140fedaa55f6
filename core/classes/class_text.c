/* What the text of a class statement tells. */

#include "class_text.h"

#include "class_member.h"
#include "code.h"
#include "compat.h"
#include "engine.h"
#include "instructions.h"
#include "text.h"


static int
name_is_one_of(PyObject *name, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (text_is(name, *texts)) {
            return 1;
        }
    }
    return 0;
}


/* ---- methods that stay -------------------------------------------------- */

/* The class body, which stands alone in the statement's code. Borrowed, or
 * NULL. */
static PyCodeObject *
class_body(PyObject *code)
{
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    PyObject *body = NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item)) {
            if (body != NULL) {
                return NULL;
            }
            body = item;
        }
    }
    return body != NULL && !(((PyCodeObject *)body)->co_flags & CO_OPTIMIZED)
               ? (PyCodeObject *)body
               : NULL;
}


/* Calls in the code; *wraps: how often it names property() and the like. -1
 * with an exception set. */
static int
code_calls(PyCodeObject *code, int *wraps)
{
    static const char *const names[] = {"property", "staticmethod",
                                        "classmethod", "cached_property", NULL};
    static const char *const attributes[] = {"getter", "setter", "deleter",
                                             "cached_property", NULL};
    const Opcodes *ops = &hmr_engine->opcodes;
    PyObject *bytes = PyCode_GetCode(code);
    if (bytes == NULL) {
        return -1;
    }
    Instructions in = instructions_of(bytes);
    int calls = 0;
    while (instructions_next(&in)) {
        calls += ops->calls[in.op];
        unsigned char named = ops->named[in.op];
        if (in.op == ops->load_name || in.op == ops->load_attr) {
            PyObject *name =
                PyTuple_GET_ITEM(code->co_names, in.arg >> (named - 1));
            *wraps += name_is_one_of(
                name, in.op == ops->load_name ? names : attributes);
        }
    }
    Py_DECREF(bytes);
    return calls;
}


/* The nth code of that qualified name in a class body; *count: how many there
 * are. Borrowed, or NULL. */
static PyObject *
body_find_code(PyCodeObject *body, PyObject *qualname, Py_ssize_t n,
               Py_ssize_t *count)
{
    PyObject *found = NULL;
    *count = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(body->co_consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(body->co_consts, i);
        if (PyCode_Check(item)
            && PyUnicode_Compare(((PyCodeObject *)item)->co_qualname, qualname)
                   == 0
            && (*count)++ == n) {
            found = item;
        }
    }
    return found;
}


/* How many of that name come before consts[index]? */
static Py_ssize_t
body_rank_code(PyCodeObject *body, Py_ssize_t index)
{
    PyObject *qualname =
        ((PyCodeObject *)PyTuple_GET_ITEM(body->co_consts, index))->co_qualname;
    Py_ssize_t rank = 0;
    for (Py_ssize_t i = 0; i < index; i++) {
        PyObject *item = PyTuple_GET_ITEM(body->co_consts, i);
        rank +=
            PyCode_Check(item)
            && PyUnicode_Compare(((PyCodeObject *)item)->co_qualname, qualname)
                   == 0;
    }
    return rank;
}


static int
graft_one(PyCodeObject *new_body, Py_ssize_t index, PyObject *before,
          CodePairs *all)
{
    PyObject *code = PyTuple_GET_ITEM(new_body->co_consts, index);
    CodePairs pairs = {0};
    CodeDifference difference = code_tree_compare(before, code, &pairs);
    int result = difference == CODE_ERROR ? -1 : 0;
    for (Py_ssize_t i = 0; result == 0 && i < pairs.count; i++) {
        const CodePair *pair = &pairs.pairs[i];
        result =
            code_pairs_add(all, pair->old_code, pair->new_code, pair->changed);
    }
    code_pairs_fini(&pairs);
    if (difference == CODE_SAME) {
        code_graft((PyObject *)new_body, index, before);
    }
    return result;
}


int
class_text_graft(PyObject *old_code, PyObject *new_code, CodePairs *pairs)
{
    PyCodeObject *before = class_body(old_code), *after = class_body(new_code);
    if (before == NULL || after == NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(after->co_consts); i++) {
        PyObject *code = PyTuple_GET_ITEM(after->co_consts, i);
        if (!PyCode_Check(code)) {
            continue;
        }
        PyObject *name = ((PyCodeObject *)code)->co_qualname;
        Py_ssize_t rank = body_rank_code(after, i), had, have;
        PyObject *old = body_find_code(before, name, rank, &had);
        (void)body_find_code(after, name, rank, &have);
        if (old != NULL && had == have && graft_one(after, i, old, pairs) < 0) {
            return -1;
        }
    }
    return 0;
}


/* ---- is it plain? ------------------------------------------------------- */

/* How many functions stand behind property() and the like? -1 with an exception
 * set. */
static int
class_wraps(PyTypeObject *type)
{
    int wraps = 0;
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (PyDict_Next(type->tp_dict, &pos, &name, &value)) {
        PyObject *functions =
            PyFunction_Check(value) ? NULL : member_functions(value);
        for (Py_ssize_t i = 0;
             functions != NULL && i < PyTuple_GET_SIZE(functions); i++) {
            wraps += PyTuple_GET_ITEM(functions, i) != Py_None;
        }
        Py_XDECREF(functions);
    }
    return wraps;
}


int
class_text_is_plain(const Statement *statement, PyTypeObject *fresh)
{
    PyCodeObject *body = class_body(statement->code);
    int ignored = 0, wraps = 0;
    int own = code_calls((PyCodeObject *)statement->code, &ignored);
    int inner = body != NULL && own >= 0 ? code_calls(body, &wraps) : -1;
    PyErr_Clear(); /* without memory: not, which is safe */
    return own == 1 && inner >= 0 && inner <= wraps
           && inner == class_wraps(fresh);
}
