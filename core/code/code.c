/* Code objects: what they read, and which functions run them. */

#include "array.h"
#include "code.h"

#include "compat.h"
#include "engine.h"
#include "remembered.h"

static Py_ssize_t extra_index = -1; /* the slot of PyUnstable_Code_GetExtra */


/* ---- infos -------------------------------------------------------------- */

static void
code_info_free(void *extra)
{
    CodeInfo *info = extra;
    if (info == NULL) {
        return;
    }
    code_info_unscan(info);
    PyMem_Free(info->functions);
    remembered_fini(info);
    if (info->cell != NULL && hmr_engine != NULL) {
        if (info->cell->code == (PyObject *)info->code) {
            info->cell->code = NULL;
        }
        cell_unref(&info->cell->cell, hmr_engine);
    }
    if (info->doc != NULL && hmr_engine != NULL) {
        cell_unref(&info->doc->cell, hmr_engine);
    }
    PyMem_Free(info);
}


int
code_extra_init(void)
{
    if (extra_index >= 0) {
        return 0;
    }
    extra_index = PyUnstable_Eval_RequestCodeExtraIndex(code_info_free);
    if (extra_index < 0) {
        PyErr_SetString(PyExc_RuntimeError,
                        "hmr-serve: no slot for code data is free (other "
                        "tools took them all); start without these tools");
        return -1;
    }
    return 0;
}


CodeInfo *
code_info(PyObject *code)
{
    void *extra = NULL;
    if (PyUnstable_Code_GetExtra(code, extra_index, &extra) < 0) {
        PyErr_Clear();
    }
    return extra;
}


CodeCell *
code_cell_new(Engine *engine, CellKind kind, PyObject *name)
{
    CodeCell *cell = PyMem_Calloc(1, sizeof(*cell));
    if (cell == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    cell_init(&cell->cell, kind, engine);
    cell->name = Py_NewRef(name);
    cell->cell.base = version_new(NULL, NULL);
    if (cell->cell.base == NULL) {
        cell_unref(&cell->cell, engine);
        return NULL;
    }
    return cell;
}


static CodeInfo *
code_attach(PyObject *code, Module *module, Statement *statement)
{
    CodeInfo *info = PyMem_Calloc(1, sizeof(*info));
    if (info == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    info->code = (PyCodeObject *)code;
    info->module = module;
    info->statement = statement;
    if ((info->code->co_flags & CO_OPTIMIZED) && statement != NULL) {
        info->cell =
            code_cell_new(hmr_engine, CELL_CODE, info->code->co_qualname);
        if (info->cell == NULL) {
            PyMem_Free(info);
            return NULL;
        }
        info->cell->code = code;
    }
    if (PyUnstable_Code_SetExtra(code, extra_index, info) < 0) {
        code_info_free(info);
        return NULL;
    }
    return info;
}


CodeInfo *
code_attach_dynamic(PyObject *code, Module *module)
{
    return code_attach(code, module, NULL);
}


int
code_tree_attach(PyObject *code, Statement *statement)
{
    CodeInfo *info = code_info(code);
    if (info != NULL) {
        info->statement = statement; /* grafted from the statement before */
    }
    else if (code_attach(code, statement->module, statement) == NULL) {
        return -1;
    }
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item) && code_tree_attach(item, statement) < 0) {
            return -1;
        }
    }
    return 0;
}


Module *
code_info_module(const CodeInfo *info)
{
    return info->module != NULL && info->module->ns != NULL ? info->module
                                                            : NULL;
}


void
code_tree_forget(PyObject *code, const Statement *statement)
{
    CodeInfo *info = code_info(code);
    if (info != NULL && info->statement == statement) {
        info->statement = NULL;
    }
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item)) {
            code_tree_forget(item, statement);
        }
    }
}


int
code_info_add_function(CodeInfo *info, PyObject *function)
{
    PyObject **functions =
        array_grow(info->functions, info->function_count, &info->function_room,
                   sizeof(*functions), 1);
    if (functions == NULL) {
        return -1;
    }
    info->functions = functions;
    info->functions[info->function_count++] = function;
    return 0;
}


void
code_info_remove_function(CodeInfo *info, PyObject *function)
{
    for (Py_ssize_t i = info->function_count; i-- > 0;) {
        if (info->functions[i] == function) {
            info->functions[i] = info->functions[--info->function_count];
            return;
        }
    }
}


int
code_imports(PyObject *code)
{
    PyObject *bytes = PyCode_GetCode((PyCodeObject *)code);
    if (bytes == NULL) {
        return -1;
    }
    Instructions in = instructions_of(bytes);
    int found = 0;
    while (!found && instructions_next(&in)) {
        found = in.op == in.opcodes->import_name;
    }
    Py_DECREF(bytes);
    return found;
}
