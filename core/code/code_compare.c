/* Code objects: how two compare. */

#include "array.h"
#include "code.h"

#include "compat.h"
#include "docstring.h"
#include "engine.h"
#include "value.h"


/* ---- comparing ---------------------------------------------------------- */

static int
objects_equal(PyObject *a, PyObject *b)
{
    int equal = PyObject_RichCompareBool(a, b, Py_EQ);
    if (equal < 0) {
        PyErr_Clear(); /* "different" makes the statement rerun: always safe */
    }
    return equal > 0;
}


/* What a function object or class shows of its code: all but the body and the
 * docstring. */
static int
code_face_equal(PyCodeObject *a, PyCodeObject *b)
{
    return ((a->co_flags ^ b->co_flags) & ~HMR_DOCSTRING_FLAG) == 0
           && a->co_argcount == b->co_argcount
           && a->co_posonlyargcount == b->co_posonlyargcount
           && a->co_kwonlyargcount == b->co_kwonlyargcount
           && a->co_nfreevars == b->co_nfreevars
           && objects_equal(a->co_name, b->co_name)
           && objects_equal(a->co_qualname, b->co_qualname);
}


/* Constants of frozen sets (`x in {1, 2}`) and slices are compared by value;
 * their order cannot be seen. */
static int
consts_equal(PyObject *a, PyObject *b)
{
    if (value_equal(a, b)) {
        return 1;
    }
    if (Py_TYPE(a) != Py_TYPE(b)) {
        return 0;
    }
    return (PyFrozenSet_CheckExact(a) || PySlice_Check(a))
           && objects_equal(a, b);
}


static int
is_name(PyCodeObject *code, unsigned int index, const char *name)
{
    return (Py_ssize_t)index < PyTuple_GET_SIZE(code->co_names)
           && PyUnicode_CompareWithASCIIString(
                  PyTuple_GET_ITEM(code->co_names, index), name)
                  == 0;
}


/* A class body that stores its line (CPython 3.13 and later). */
static int
holds_line(PyCodeObject *code)
{
    int found = 0;
    for (Py_ssize_t i = 0; !(code->co_flags & CO_OPTIMIZED) && !found
                           && i < PyTuple_GET_SIZE(code->co_names);
         i++) {
        found = is_name(code, (unsigned int)i, "__firstlineno__");
    }
    return found;
}


/* Inside of a function, code that is not itself one is a class body. */
static int
tree_holds_lines(PyObject *code, int inside)
{
    PyCodeObject *co = (PyCodeObject *)code;
    inside |= (co->co_flags & CO_OPTIMIZED) && !code_makes_parameters(co);
    int found = inside && holds_line(co);
    for (Py_ssize_t i = 0; !found && i < PyTuple_GET_SIZE(co->co_consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(co->co_consts, i);
        found = PyCode_Check(item) && tree_holds_lines(item, inside);
    }
    return found;
}


int
code_tree_holds_lines(PyObject *code)
{
    return tree_holds_lines(code, 0);
}


/* Does the instruction after `in` store a name that tells a position or follows
 * from method bodies (PEP: none; class attributes set by the 3.13 compiler)? */
static int
stores_derived_name(const Instructions *in, PyCodeObject *code)
{
    Instructions next = *in;
    return instructions_next(&next) && next.op == next.opcodes->store_name
           && (is_name(code, next.arg, "__firstlineno__")
               || is_name(code, next.arg, "__static_attributes__"));
}


/* Do the instructions' arguments mean the same? Names are compared as such: the
 * file's imports may follow those that the statement uses. */
static int
arguments_equal(const Instructions *x, PyCodeObject *a, const Instructions *y,
                PyCodeObject *b)
{
    unsigned char named = x->opcodes->named[x->op];
    if (x->arg != y->arg) {
        return 0;
    }
    if (named == 0) {
        return 1;
    }
    Py_ssize_t i = (Py_ssize_t)(x->arg >> (named - 1));
    return i < PyTuple_GET_SIZE(a->co_names)
           && i < PyTuple_GET_SIZE(b->co_names)
           && objects_equal(PyTuple_GET_ITEM(a->co_names, i),
                            PyTuple_GET_ITEM(b->co_names, i));
}


/* Are two bodies equal, nested code and names that classes derive left out?
 * Constants count where they are used. */
static int
bodies_equal(PyCodeObject *a, PyObject *a_bytes, PyCodeObject *b,
             PyObject *b_bytes)
{
    const Opcodes *ops = &hmr_engine->opcodes;
    Instructions x = instructions_of(a_bytes);
    Instructions y = instructions_of(b_bytes);
    for (;;) {
        int more = instructions_next(&x);
        if (more != instructions_next(&y)) {
            return 0;
        }
        if (!more) {
            return 1;
        }
        if (stores_derived_name(&x, a) && stores_derived_name(&y, b)) {
            continue;
        }
        if (x.op != y.op) {
            return 0;
        }
        if (!ops->constant[x.op]) {
            if (!arguments_equal(&x, a, &y, b)) {
                return 0;
            }
            continue;
        }
        PyObject *p = PyTuple_GET_ITEM(a->co_consts, x.arg);
        PyObject *q = PyTuple_GET_ITEM(b->co_consts, y.arg);
        if (PyCode_Check(p) ? !PyCode_Check(q) : !consts_equal(p, q)) {
            return 0;
        }
    }
}


/* The docstring is the first. */
static int
constant_lists_equal(PyObject *a, PyObject *b)
{
    if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); i++) {
        PyObject *p = PyTuple_GET_ITEM(a, i);
        PyObject *q = PyTuple_GET_ITEM(b, i);
        if (PyCode_Check(p) ? !PyCode_Check(q) : !consts_equal(p, q)) {
            return 0;
        }
    }
    return 1;
}


/* Are the instructions equal, nested code and positions left out? `docstring`:
 * of functions, that too. 1, 0, or -1 with an exception set. */
static int
code_own_equal(PyCodeObject *a, PyCodeObject *b, int docstring)
{
    if (!code_face_equal(a, b) || (docstring && a->co_flags != b->co_flags)
        || ((a->co_flags & CO_OPTIMIZED)
            && !objects_equal(a->co_names, b->co_names))
        || !objects_equal(a->co_localsplusnames, b->co_localsplusnames)
        || !objects_equal(a->co_localspluskinds, b->co_localspluskinds)
        || !objects_equal(a->co_exceptiontable, b->co_exceptiontable)) {
        return 0;
    }
    PyObject *x = PyCode_GetCode(a);
    PyObject *y = PyCode_GetCode(b);
    int equal = -1;
    if (x != NULL && y != NULL) {
        if (docstring && (a->co_flags & CO_OPTIMIZED)) {
            equal = objects_equal(x, y)
                    && constant_lists_equal(a->co_consts, b->co_consts);
        }
        else {
            equal = bodies_equal(a, x, b, y);
        }
    }
    Py_XDECREF(x);
    Py_XDECREF(y);
    return equal;
}


int
code_makes_parameters(const PyCodeObject *code)
{
    const char *name = PyUnicode_AsUTF8(code->co_name);
    PyErr_Clear(); /* no UTF-8: no such name */
    return name != NULL && strncmp(name, "<generic parameters of ", 23) == 0;
}


/* May a live function of `a` be given `b`? The bodies may differ, the docstring
 * where it can follow, and nothing else that anyone can have looked at. */
static int
code_patchable(PyCodeObject *a, PyCodeObject *b)
{
    if (!(a->co_flags & CO_OPTIMIZED) || !code_face_equal(a, b)
        || code_makes_parameters(a)
        || PyUnicode_CompareWithASCIIString(a->co_name, "__annotate__") == 0
        || (!objects_equal(docstring_of(a), docstring_of(b))
            && !docstring_may_follow(a))) {
        return 0;
    }
    Py_ssize_t args = a->co_argcount + a->co_kwonlyargcount
                      + ((a->co_flags & CO_VARARGS) != 0)
                      + ((a->co_flags & CO_VARKEYWORDS) != 0);
    for (Py_ssize_t i = 0; i < args; i++) {
        if (!objects_equal(PyTuple_GET_ITEM(a->co_localsplusnames, i),
                           PyTuple_GET_ITEM(b->co_localsplusnames, i))) {
            return 0;
        }
    }
    for (int i = 1; i <= a->co_nfreevars; i++) { /* free variables come last */
        if (!objects_equal(
                PyTuple_GET_ITEM(a->co_localsplusnames, a->co_nlocalsplus - i),
                PyTuple_GET_ITEM(b->co_localsplusnames,
                                 b->co_nlocalsplus - i))) {
            return 0;
        }
    }
    return 1;
}


int
code_pairs_add(CodePairs *pairs, PyObject *a, PyObject *b, CodeChange changed)
{
    CodePair *grown = array_reserve(pairs->pairs, pairs->count, &pairs->room,
                                    sizeof(*grown), 4);
    if (grown == NULL) {
        return -1;
    }
    pairs->pairs = grown;
    pairs->pairs[pairs->count++] = (CodePair){
        .old_code = Py_NewRef(a),
        .new_code = Py_NewRef(b),
        .changed = changed,
    };
    return 0;
}


static void
code_pairs_truncate(CodePairs *pairs, Py_ssize_t count)
{
    while (pairs->count > count) {
        pairs->count--;
        Py_DECREF(pairs->pairs[pairs->count].old_code);
        Py_DECREF(pairs->pairs[pairs->count].new_code);
    }
}


void
code_pairs_fini(CodePairs *pairs)
{
    code_pairs_truncate(pairs, 0);
    PyMem_Free(pairs->pairs);
    *pairs = (CodePairs){0};
}


void
code_graft(PyObject *new_parent, Py_ssize_t index, PyObject *old_child)
{
    PyObject **slot =
        &PyTuple_GET_ITEM(((PyCodeObject *)new_parent)->co_consts, index);
    code_tree_copy_positions(old_child, *slot);
    Py_SETREF(*slot, Py_NewRef(old_child));
}


static CodeDifference
code_compare(PyObject *a, PyObject *b, CodePairs *pairs, int inside);


/* Frames that run the old code go on with it: suspended generators. */
static void
copy_own_lines(PyCodeObject *target, PyCodeObject *source)
{
    if (Py_SIZE(target) == Py_SIZE(source)) {
        target->co_firstlineno = source->co_firstlineno;
        Py_SETREF(target->co_linetable, Py_NewRef(source->co_linetable));
    }
}


/* Compare what is nested in two equal bodies. */
static CodeDifference
code_compare_nested(PyObject *a, PyObject *b, CodePairs *pairs,
                    unsigned char *same, int inside)
{
    PyCodeObject *co = (PyCodeObject *)b;
    inside |= (co->co_flags & CO_OPTIMIZED) && !code_makes_parameters(co);
    CodeDifference result = CODE_SAME;
    for (Py_ssize_t n = 0;; n++) {
        Py_ssize_t i, j;
        PyObject *p = code_nested(a, n, &i);
        PyObject *q = code_nested(b, n, &j);
        if (p == NULL || q == NULL) {
            return p == q ? result : CODE_DIFFERENT;
        }
        CodeDifference difference = code_compare(p, q, pairs, inside);
        if (difference == CODE_ERROR || difference == CODE_DIFFERENT) {
            return difference;
        }
        same[j] = difference == CODE_SAME;
        if (difference == CODE_PATCHABLE) {
            result = CODE_PATCHABLE;
        }
    }
}


/* `inside`: of a function, whose code has to say where a class in it stands. */
static CodeDifference
code_compare(PyObject *a, PyObject *b, CodePairs *pairs, int inside)
{
    PyCodeObject *old_code = (PyCodeObject *)a;
    PyCodeObject *new_code = (PyCodeObject *)b;
    CodeChange change = CHANGED_NOT;
    int equal = code_own_equal(old_code, new_code, 1);
    if (equal == 0) {
        if (!code_patchable(old_code, new_code)) {
            return CODE_DIFFERENT;
        }
        change = CHANGED_DOCSTRING;
        equal = code_own_equal(old_code, new_code, 0);
    }
    if (equal < 0) {
        return CODE_ERROR;
    }
    if (!equal) {
        return code_pairs_add(pairs, a, b, CHANGED_BODY) < 0 ? CODE_ERROR
                                                             : CODE_PATCHABLE;
    }
    Py_ssize_t before = pairs->count;
    Py_ssize_t size = PyTuple_GET_SIZE(new_code->co_consts);
    unsigned char *same = PyMem_Calloc((size_t)size + 1, 1);
    if (same == NULL) {
        PyErr_NoMemory();
        return CODE_ERROR;
    }
    CodeDifference result = code_compare_nested(a, b, pairs, same, inside);
    int moved = inside && old_code->co_firstlineno != new_code->co_firstlineno
                && holds_line(new_code);
    if (result == CODE_SAME && (change != CHANGED_NOT || moved)) {
        result = CODE_PATCHABLE;
    }
    if (result == CODE_PATCHABLE) {
        for (Py_ssize_t j = 0, n = 0; j < size; j++) {
            Py_ssize_t i;
            if (PyCode_Check(PyTuple_GET_ITEM(new_code->co_consts, j))) {
                PyObject *old_child = code_nested(a, n++, &i);
                if (same[j]) {
                    code_graft(b, j, old_child);
                }
            }
        }
        copy_own_lines(old_code, new_code);
        if (code_pairs_add(pairs, a, b, change) < 0) {
            result = CODE_ERROR;
        }
    }
    else if (result == CODE_DIFFERENT && (old_code->co_flags & CO_OPTIMIZED)
             && code_patchable(old_code, new_code)) {
        /* A class body inside a function is part of the function's own. */
        code_pairs_truncate(pairs, before);
        result = code_pairs_add(pairs, a, b, CHANGED_BODY) < 0 ? CODE_ERROR
                                                               : CODE_PATCHABLE;
    }
    PyMem_Free(same);
    return result;
}


CodeDifference
code_tree_compare(PyObject *old_code, PyObject *new_code, CodePairs *pairs)
{
    CodeDifference result = code_compare(old_code, new_code, pairs, 0);
    if (result != CODE_PATCHABLE) {
        code_pairs_fini(pairs);
    }
    return result;
}
