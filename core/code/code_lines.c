/* Code objects: where their lines stand. */

#include "array.h"
#include "code.h"

#include "linetable.h"


PyObject *
code_nested(PyObject *code, Py_ssize_t n, Py_ssize_t *index)
{
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        if (PyCode_Check(PyTuple_GET_ITEM(consts, i)) && n-- == 0) {
            *index = i;
            return PyTuple_GET_ITEM(consts, i);
        }
    }
    return NULL;
}


void
code_tree_copy_positions(PyObject *target, PyObject *source)
{
    PyCodeObject *a = (PyCodeObject *)target;
    PyCodeObject *b = (PyCodeObject *)source;
    if (a == b) {
        return;
    }
    a->co_firstlineno = b->co_firstlineno;
    Py_SETREF(a->co_linetable, Py_NewRef(b->co_linetable));
    for (Py_ssize_t n = 0;; n++) {
        Py_ssize_t i, j;
        PyObject *p = code_nested(target, n, &i);
        PyObject *q = code_nested(source, n, &j);
        if (p == NULL || q == NULL) {
            return;
        }
        code_tree_copy_positions(p, q);
    }
}


/* Nested code says where it begins; its table of lines counts from there. */
static void
code_nested_shift(PyObject *code, int delta)
{
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item)) {
            ((PyCodeObject *)item)->co_firstlineno += delta;
            code_nested_shift(item, delta);
        }
    }
}


int
code_tree_shift(PyObject *code, int delta)
{
    PyCodeObject *co = (PyCodeObject *)code;
    PyObject *table = linetable_shift(co->co_linetable, delta);
    if (table == NULL) {
        return -1;
    }
    Py_SETREF(co->co_linetable, table);
    code_nested_shift(code, delta);
    return 0;
}


int
code_positions_save(CodePositions *positions, PyObject *code)
{
    CodePosition *items = array_reserve(positions->items, positions->count,
                                        &positions->room, sizeof(*items), 16);
    if (items == NULL) {
        return -1;
    }
    positions->items = items;
    PyCodeObject *co = (PyCodeObject *)code;
    positions->items[positions->count++] = (CodePosition){
        .code = Py_NewRef(code),
        .linetable = Py_NewRef(co->co_linetable),
        .firstlineno = co->co_firstlineno,
    };
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(co->co_consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(co->co_consts, i);
        if (PyCode_Check(item) && code_positions_save(positions, item) < 0) {
            return -1;
        }
    }
    return 0;
}


void
code_positions_restore(CodePositions *positions)
{
    for (Py_ssize_t i = positions->count; i-- > 0;) {
        const CodePosition *position = &positions->items[i];
        PyCodeObject *code = (PyCodeObject *)position->code;
        code->co_firstlineno = position->firstlineno;
        Py_SETREF(code->co_linetable, Py_NewRef(position->linetable));
    }
}


void
code_positions_fini(CodePositions *positions)
{
    for (Py_ssize_t i = 0; i < positions->count; i++) {
        Py_DECREF(positions->items[i].code);
        Py_DECREF(positions->items[i].linetable);
    }
    PyMem_Free(positions->items);
    *positions = (CodePositions){0};
}
