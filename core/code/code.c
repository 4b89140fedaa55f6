/* Code objects: what they read, and which functions run them. */

#include "array.h"
#include "code.h"

#include "called.h"
#include "compat.h"
#include "engine.h"
#include "remembered.h"
#include "result.h"

static Py_ssize_t extra_index = -1; /* the slot of PyUnstable_Code_GetExtra */


/* ---- infos -------------------------------------------------------------- */

static void
code_info_free(void *extra)
{
    CodeInfo *info = extra;
    if (info == NULL) {
        return;
    }
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        Py_DECREF(info->names[i].name);
        Py_XDECREF(info->names[i].path);
    }
    PyMem_Free(info->names);
    Py_XDECREF(info->stores);
    Py_XDECREF(info->deletes);
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


/* ---- names -------------------------------------------------------------- */

/* Add a read of names[index] with the attribute path that follows. */
static int
names_add(PyObject *reads, PyObject *name, PyObject *path)
{
    PyObject *key = PyTuple_Pack(2, name, path);
    int result = key != NULL ? PyDict_SetItem(reads, key, Py_None) : -1;
    Py_XDECREF(key);
    return result;
}


/* Append to a list that comes into being with its first item: most stay
 * empty. */
static int
list_add(PyObject **list, PyObject *item)
{
    if (*list == NULL) {
        *list = PyList_New(0);
    }
    return *list != NULL ? PyList_Append(*list, item) : -1;
}


/* Its tuple, or NULL where `result` says that something failed. Takes the list
 * over. */
static PyObject *
list_end(PyObject *list, int result)
{
    PyObject *tuple = result < 0     ? NULL
                      : list != NULL ? PyList_AsTuple(list)
                                     : PyTuple_New(0);
    Py_XDECREF(list);
    return tuple;
}


/* The attribute path that follows a load; steps past it. New tuple. */
static PyObject *
instructions_take_path(Instructions *in, PyCodeObject *code, int *more)
{
    const Opcodes *ops = in->opcodes;
    PyObject *path = NULL;
    int result = 0;
    while (result == 0 && *more && in->op == ops->load_attr
           && (in->arg & 1) == 0) {
        result =
            list_add(&path, PyTuple_GET_ITEM(code->co_names, in->arg >> 1));
        *more = instructions_next(in);
    }
    return list_end(path, result);
}


/* Attributes of what a call without arguments gives, from the instruction after
 * the called name on: steps past them. RESULT_CALL and the attributes, or an
 * empty tuple when there is no such call. */
static PyObject *
instructions_take_call(Instructions *in, PyCodeObject *code, int *more)
{
    const Opcodes *ops = in->opcodes;
    Instructions ahead = *in;
    int there = *more;
    if (there && ahead.op == ops->push_null) {
        there = instructions_next(&ahead);
    }
    PyObject *path = NULL;
    if (there && ahead.op == ops->call && ahead.arg == 0) {
        there = instructions_next(&ahead);
        path = instructions_take_path(&ahead, code, &there);
        if (path == NULL) {
            return NULL;
        }
    }
    if (path == NULL || PyTuple_GET_SIZE(path) == 0) {
        Py_XDECREF(path);
        return PyTuple_New(0);
    }
    *in = ahead;
    *more = there;
    PyObject *call = Py_BuildValue("(s)", RESULT_CALL);
    PyObject *whole = call != NULL ? PySequence_Concat(call, path) : NULL;
    Py_XDECREF(call);
    Py_DECREF(path);
    return whole;
}


/* Global names that code reads, as they are collected. */
typedef struct {
    PyObject *reads;  /* Owned dict: (name, path) -> None */
    PyObject *called; /* Owned set of those that are called */
    PyObject *shaped; /* Owned set of those in which an attribute is set */
} Names;


/* Collect every read. A call pushes NULL beside what it calls: before it in
 * 3.12, after it since 3.13, or in LOAD_GLOBAL itself. */
static int
code_collect_names(PyCodeObject *code, const Opcodes *ops, PyObject *bytes,
                   const Names *names)
{
    Instructions in = instructions_of(bytes);
    int before = -1;
    int more = instructions_next(&in);
    while (more) {
        int global = in.op == ops->load_global;
        if (!global && in.op != ops->load_name
            && in.op != ops->load_from_dict) {
            before = in.op;
            more = instructions_next(&in);
            continue;
        }
        int call = global ? (int)(in.arg & 1) : before == ops->push_null;
        PyObject *name =
            PyTuple_GET_ITEM(code->co_names, global ? in.arg >> 1 : in.arg);
        before = in.op;
        more = instructions_next(&in);
        PyObject *path = instructions_take_path(&in, code, &more);
        call |= more && in.op == ops->push_null;
        call &= path != NULL && PyTuple_GET_SIZE(path) == 0;
        if (call) {
            Py_SETREF(path, instructions_take_call(&in, code, &more));
        }
        int result = path != NULL ? names_add(names->reads, name, path) : -1;
        if (result == 0 && call) {
            result = PySet_Add(names->called, name);
        }
        else if (result == 0 && more && in.op == ops->store_attr
                 && PyTuple_GET_SIZE(path) == 0) {
            result = PySet_Add(names->shaped, name);
        }
        Py_XDECREF(path);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* Names that the code may bind in its globals. Class bodies bind elsewhere. */
static PyObject *
code_collect_stores(PyCodeObject *code, const Opcodes *ops, PyObject *bytes,
                    int is_module)
{
    PyObject *names = NULL;
    Instructions in = instructions_of(bytes);
    int result = 0;
    while (result == 0 && instructions_next(&in)) {
        if (in.op == ops->store_global
            || (is_module && in.op == ops->store_name)) {
            result = list_add(&names, PyTuple_GET_ITEM(code->co_names, in.arg));
        }
    }
    return list_end(names, result);
}


/* Names that the code may delete from its globals: that reads whether they are
 * bound. `except E as e:` ends with `e = None; del e`, which cannot fail. */
static PyObject *
code_collect_deletes(PyCodeObject *code, const Opcodes *ops, PyObject *bytes,
                     int is_module)
{
    PyObject *names = NULL;
    PyObject *stored = NULL; /* by the instruction before; borrowed */
    Instructions in = instructions_of(bytes);
    int result = 0;
    while (result == 0 && instructions_next(&in)) {
        int stores = in.op == ops->store_name || in.op == ops->store_global;
        int deletes = in.op == ops->delete_global
                      || (is_module && in.op == ops->delete_name);
        PyObject *name =
            stores || deletes ? PyTuple_GET_ITEM(code->co_names, in.arg) : NULL;
        if (deletes && name != stored) {
            result = list_add(&names, name);
        }
        stored = stores ? name : NULL;
    }
    return list_end(names, result);
}


/* Does it name a function that sets something? */
static int
code_names_setter(const PyCodeObject *code)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names); i++) {
        if (called_name_sets(PyTuple_GET_ITEM(code->co_names, i))) {
            return 1;
        }
    }
    return 0;
}


/* Fill info->imports_star, info->calls and info->discards. */
static void
code_info_scan_calls(CodeInfo *info, PyObject *bytes)
{
    enum { INTRINSIC_IMPORT_STAR = 2 }; /* opcode._intrinsic_1_descs */
    Instructions in = instructions_of(bytes);
    int called = 0;
    info->discards = code_names_setter(info->code);
    while (instructions_next(&in)) {
        info->discards |= called && in.op == in.opcodes->pop_top;
        called = in.opcodes->calls[in.op];
        info->imports_star |= in.op == in.opcodes->call_intrinsic_1
                              && in.arg == INTRINSIC_IMPORT_STAR;
        info->calls |= called || in.op == in.opcodes->import_name;
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


/* Move the dict's keys into info->names; a whole read of a name makes its paths
 * superfluous. */
static int
code_info_take_names(CodeInfo *info, const Names *names, PyObject *empty)
{
    PyObject *reads = names->reads;
    info->names =
        PyMem_Calloc((size_t)PyDict_GET_SIZE(reads) + 1, sizeof(NameRead));
    if (info->names == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t pos = 0;
    PyObject *key, *none;
    while (PyDict_Next(reads, &pos, &key, &none)) {
        PyObject *name = PyTuple_GET_ITEM(key, 0);
        PyObject *path = PyTuple_GET_ITEM(key, 1);
        if (PyTuple_GET_SIZE(path) > 0) {
            PyObject *whole = PyTuple_Pack(2, name, empty);
            int found = whole != NULL ? PyDict_Contains(reads, whole) : -1;
            Py_XDECREF(whole);
            if (found < 0) {
                return -1;
            }
            if (found) {
                continue;
            }
        }
        info->names[info->name_count++] = (NameRead){
            .called = PySet_Contains(names->called, name) > 0,
            .shaped = PySet_Contains(names->shaped, name) > 0,
            .name = Py_NewRef(name),
            .path = PyTuple_GET_SIZE(path) > 0 ? Py_NewRef(path) : NULL,
        };
    }
    return 0;
}


int
code_info_scan(CodeInfo *info)
{
    if (info->scanned) {
        return 0;
    }
    PyObject *bytes = PyCode_GetCode(info->code);
    Names names = {PyDict_New(), PySet_New(NULL), PySet_New(NULL)};
    PyObject *empty = PyTuple_New(0);
    int result = -1;
    if (bytes != NULL && names.reads != NULL && names.called != NULL
        && names.shaped != NULL && empty != NULL
        && code_collect_names(info->code, &hmr_engine->opcodes, bytes, &names)
               == 0) {
        result = code_info_take_names(info, &names, empty);
    }
    if (result == 0) {
        int is_module = info->statement != NULL
                        && info->statement->code == (PyObject *)info->code;
        code_info_scan_calls(info, bytes);
        info->stores = code_collect_stores(info->code, &hmr_engine->opcodes,
                                           bytes, is_module);
        info->deletes = code_collect_deletes(info->code, &hmr_engine->opcodes,
                                             bytes, is_module);
        result = info->stores != NULL && info->deletes != NULL ? 0 : -1;
    }
    info->scanned = result == 0;
    Py_XDECREF(bytes);
    Py_XDECREF(names.reads);
    Py_XDECREF(names.called);
    Py_XDECREF(names.shaped);
    Py_XDECREF(empty);
    return result;
}
