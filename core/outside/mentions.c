/* Places outside that code may look at by their names. */

#include "mentions.h"

#include "code.h"
#include "journal.h"
#include "needed.h"


/* ---- what code mentions ------------------------------------------------- */

static int
is_string(PyObject *item, PyObject *name)
{
    return item == name
           || (PyUnicode_CheckExact(item)
               && PyUnicode_Compare(item, name) == 0);
}


int
tuple_has_string(PyObject *tuple, PyObject *name)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (is_string(PyTuple_GET_ITEM(tuple, i), name)) {
            return 1;
        }
    }
    return 0;
}


int
code_has_string(PyObject *code, PyObject *name)
{
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (is_string(item, name)
            || (PyTuple_CheckExact(item) && tuple_has_string(item, name))
            || (PyFrozenSet_CheckExact(item)
                && PySet_Contains(item, name) > 0)) {
            return 1;
        }
    }
    return 0;
}


/* Does it load the attribute, of whatever? 1, 0, -1. */
static int
code_loads_attribute(PyObject *code, PyObject *name)
{
    PyObject *names = ((PyCodeObject *)code)->co_names;
    if (!tuple_has_string(names, name)) {
        return 0;
    }
    PyObject *bytes = PyCode_GetCode((PyCodeObject *)code);
    if (bytes == NULL) {
        return -1;
    }
    Instructions in = instructions_of(bytes);
    int found = 0;
    while (!found && instructions_next(&in)) {
        found = in.op == in.opcodes->load_attr
                && is_string(PyTuple_GET_ITEM(names, in.arg >> 1), name);
    }
    Py_DECREF(bytes);
    return found;
}


/* Does the code have one of the names? 1, 0, -1. */
static int
code_mentions(PyObject *code, PyObject *names)
{
    int found = 0;
    for (Py_ssize_t i = 0; found == 0 && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        found =
            code_has_string(code, name) ? 1 : code_loads_attribute(code, name);
    }
    return found;
}


/* The same for a statement's code and what runs with it: class bodies. Of
 * functions, its trace says which were called. */
static int
code_tree_mentions(PyObject *code, PyObject *names)
{
    int found = code_mentions(code, names);
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; found == 0 && i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item)
            && !(((PyCodeObject *)item)->co_flags & CO_OPTIMIZED)) {
            found = code_tree_mentions(item, names);
        }
    }
    return found;
}


static int
trace_mentions(const Statement *statement, const Trace *trace, PyObject *names)
{
    int found = statement->code != NULL
                    ? code_tree_mentions(statement->code, names)
                    : 0;
    for (Py_ssize_t i = 0; found == 0 && i < trace->read_count; i++) {
        const Cell *cell = trace->reads[i].cell;
        if (cell->kind == CELL_CODE) {
            PyObject *code = ((const CodeCell *)cell)->code;
            found = code != NULL ? code_mentions(code, names) : 1;
        }
    }
    return found;
}


/* ---- reads -------------------------------------------------------------- */

int
mentions_read(Frame *frame, PyObject *code)
{
    Engine *engine = hmr_engine;
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        Slot *slot = engine->slot_list[i];
        int found = code_mentions(code, slot->names);
        if (found < 0 || (found > 0 && journal_read(frame, &slot->cell) < 0)) {
            return -1;
        }
    }
    return 0;
}


int
mentions_clean(Statement *statement, const Trace *trace)
{
    const Engine *engine = statement->module->engine;
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        const Slot *slot = engine->slot_list[i];
        if (PyTuple_GET_SIZE(slot->names) == 0
            || cell_here(&slot->cell, engine) == slot->cell.base
            || trace_has_read(trace, &slot->cell)) {
            continue;
        }
        int found = trace_mentions(statement, trace, slot->names);
        if (found > 0) {
            statement_set_reason(statement,
                                 "uses what was stored outside as %U",
                                 PyTuple_GET_ITEM(slot->names, 0));
        }
        if (found != 0) {
            return found < 0 ? -1 : 0;
        }
    }
    return 1;
}
