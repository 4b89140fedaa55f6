/* The instructions of the running Python. */

#include "instructions.h"

#include "compat.h"
#include "engine.h"

#include <string.h>


/* The opcode of that name, or -1 when this Python has none. */
static int
opcode_number(PyObject *opmap, const char *name)
{
    PyObject *number = dict_peek(opmap, name);
    return number != NULL ? (int)PyLong_AsLong(number) : -1;
}


/* opcode._inline_cache_entries is a list by number in 3.12 and a dict by name
 * since 3.13. */
static int
opcodes_read_caches(Opcodes *opcodes, PyObject *entries, PyObject *opmap)
{
    if (PyList_Check(entries)) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(entries) && i < 256; i++) {
            opcodes->caches[i] =
                (unsigned char)PyLong_AsLong(PyList_GET_ITEM(entries, i));
        }
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_ssize_t pos = 0;
    PyObject *name, *count;
    while (PyDict_Next(entries, &pos, &name, &count)) {
        PyObject *number = PyDict_GetItemWithError(opmap, name);
        long op = number != NULL ? PyLong_AsLong(number) : -1;
        if (op >= 0 && op < 256) {
            opcodes->caches[op] = (unsigned char)PyLong_AsLong(count);
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}


/* Mark the opcodes that a list of the opcode module holds. */
static int
opcodes_read_list(PyObject *module, const char *name, unsigned char *marks)
{
    PyObject *list = PyObject_GetAttrString(module, name);
    if (list == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        long op = PyLong_AsLong(PyList_GET_ITEM(list, i));
        if (op >= 0 && op < 256) {
            marks[op] = 1;
        }
    }
    Py_DECREF(list);
    return PyErr_Occurred() ? -1 : 0;
}


/* opcode.hasconst, opcode.hasname, and how far each name's index is shifted. */
static int
opcodes_read_arguments(Opcodes *opcodes, PyObject *module)
{
    if (opcodes_read_list(module, "hasconst", opcodes->constant) < 0
        || opcodes_read_list(module, "hasname", opcodes->named) < 0) {
        return -1;
    }
    int super = opcodes->load_super_attr;
    opcodes->named[opcodes->load_global] = 2;
    opcodes->named[opcodes->load_attr] = 2;
    if (super >= 0 && super < 256) {
        opcodes->named[super] = 3;
    }
    return PyErr_Occurred() ? -1 : 0;
}


static int
opcodes_read_calls(Opcodes *opcodes, PyObject *opmap)
{
    Py_ssize_t pos = 0;
    PyObject *name, *number;
    while (PyDict_Next(opmap, &pos, &name, &number)) {
        const char *text = PyUnicode_AsUTF8(name);
        long op = PyLong_AsLong(number);
        if (text == NULL || PyErr_Occurred()) {
            return -1;
        }
        if (op >= 0 && op < 256) {
            opcodes->calls[op] = strncmp(text, "CALL", 4) == 0;
            opcodes->stores[op] = strncmp(text, "STORE_", 6) == 0
                                  || strncmp(text, "DELETE_", 7) == 0;
        }
    }
    return 0;
}


int
opcodes_init(Opcodes *opcodes)
{
    int result = -1;
    PyObject *entries = NULL, *opmap = NULL;
    PyObject *module = PyImport_ImportModule("opcode");
    if (module == NULL) {
        return -1;
    }
    opmap = PyObject_GetAttrString(module, "opmap");
    entries = PyObject_GetAttrString(module, "_inline_cache_entries");
    if (opmap == NULL || entries == NULL) {
        goto done;
    }
    *opcodes = (Opcodes){
        .load_name = opcode_number(opmap, "LOAD_NAME"),
        .load_global = opcode_number(opmap, "LOAD_GLOBAL"),
        .load_from_dict = opcode_number(opmap, "LOAD_FROM_DICT_OR_GLOBALS"),
        .load_attr = opcode_number(opmap, "LOAD_ATTR"),
        .store_attr = opcode_number(opmap, "STORE_ATTR"),
        .load_const = opcode_number(opmap, "LOAD_CONST"),
        .call = opcode_number(opmap, "CALL"),
        .pop_top = opcode_number(opmap, "POP_TOP"),
        .load_small_int = opcode_number(opmap, "LOAD_SMALL_INT"),
        .push_null = opcode_number(opmap, "PUSH_NULL"),
        .store_name = opcode_number(opmap, "STORE_NAME"),
        .store_global = opcode_number(opmap, "STORE_GLOBAL"),
        .delete_name = opcode_number(opmap, "DELETE_NAME"),
        .delete_global = opcode_number(opmap, "DELETE_GLOBAL"),
        .load_super_attr = opcode_number(opmap, "LOAD_SUPER_ATTR"),
        .extended_arg = opcode_number(opmap, "EXTENDED_ARG"),
        .call_intrinsic_1 = opcode_number(opmap, "CALL_INTRINSIC_1"),
        .import_name = opcode_number(opmap, "IMPORT_NAME"),
    };
    result = opcodes_read_caches(opcodes, entries, opmap);
    if (result == 0) {
        result = opcodes_read_arguments(opcodes, module);
    }
    if (result == 0) {
        result = opcodes_read_calls(opcodes, opmap);
    }

done:
    Py_XDECREF(opmap);
    Py_XDECREF(entries);
    Py_DECREF(module);
    return result;
}


int
instructions_next(Instructions *in)
{
    unsigned int arg = 0;
    while (in->at + 1 < in->size) {
        in->op = in->bytes[in->at];
        arg = (arg << 8) | in->bytes[in->at + 1];
        in->at += 2;
        if (in->op != in->opcodes->extended_arg) {
            in->arg = arg;
            in->at += 2 * in->opcodes->caches[in->op];
            return 1;
        }
    }
    return 0;
}


Instructions
instructions_of(PyObject *bytes)
{
    return (Instructions){
        .opcodes = &hmr_engine->opcodes,
        .bytes = (const unsigned char *)PyBytes_AS_STRING(bytes),
        .size = PyBytes_GET_SIZE(bytes),
    };
}
