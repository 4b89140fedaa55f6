/* Code objects: what they read, which functions run them, how two compare. */

#include "code.h"

#include "compat.h"
#include "engine.h"
#include "linetable.h"
#include "value.h"

#include <string.h>

static Py_ssize_t extra_index = -1; /* the slot of PyUnstable_Code_GetExtra */


/* ---- opcodes ------------------------------------------------------------ */

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


/* opcode.hasname, and how far each argument is shifted. */
static int
opcodes_read_names(Opcodes *opcodes, PyObject *module, PyObject *opmap)
{
    PyObject *list = PyObject_GetAttrString(module, "hasname");
    if (list == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        long op = PyLong_AsLong(PyList_GET_ITEM(list, i));
        if (op >= 0 && op < 256) {
            opcodes->named[op] = 1;
        }
    }
    Py_DECREF(list);
    int super = opcode_number(opmap, "LOAD_SUPER_ATTR");
    opcodes->named[opcodes->load_global] = 2;
    opcodes->named[opcodes->load_attr] = 2;
    if (super >= 0 && super < 256) {
        opcodes->named[super] = 3;
    }
    return PyErr_Occurred() ? -1 : 0;
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
        .load_const = opcode_number(opmap, "LOAD_CONST"),
        .load_small_int = opcode_number(opmap, "LOAD_SMALL_INT"),
        .push_null = opcode_number(opmap, "PUSH_NULL"),
        .store_name = opcode_number(opmap, "STORE_NAME"),
        .store_global = opcode_number(opmap, "STORE_GLOBAL"),
        .extended_arg = opcode_number(opmap, "EXTENDED_ARG"),
    };
    result = opcodes_read_caches(opcodes, entries, opmap);
    if (result == 0) {
        result = opcodes_read_names(opcodes, module, opmap);
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
    PyMem_Free(info->functions);
    if (info->cell != NULL && hmr_engine != NULL) {
        cell_unref(&info->cell->cell, hmr_engine);
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


static CodeCell *
code_cell_new(Engine *engine, PyObject *name)
{
    CodeCell *cell = PyMem_Calloc(1, sizeof(*cell));
    if (cell == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    cell_init(&cell->cell, CELL_CODE, engine);
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
        info->cell = code_cell_new(hmr_engine, info->code->co_qualname);
        if (info->cell == NULL) {
            PyMem_Free(info);
            return NULL;
        }
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
    if (info->function_count == info->function_room) {
        Py_ssize_t room = info->function_room * 2 + 1;
        PyObject **functions = PyMem_Realloc(
            info->functions, (size_t)room * sizeof(*functions));
        if (functions == NULL) {
            return -1;
        }
        info->functions = functions;
        info->function_room = room;
    }
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


/* The attribute path that follows a load; steps past it. New tuple. */
static PyObject *
instructions_take_path(Instructions *in, PyCodeObject *code, int *more)
{
    const Opcodes *ops = in->opcodes;
    PyObject *path = PyList_New(0);
    int result = path != NULL ? 0 : -1;
    while (result == 0 && *more && in->op == ops->load_attr
           && (in->arg & 1) == 0) {
        result = PyList_Append(
            path, PyTuple_GET_ITEM(code->co_names, in->arg >> 1));
        *more = instructions_next(in);
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(path) : NULL;
    Py_XDECREF(path);
    return tuple;
}


/* Collect (name, path) of every global read into the dict `reads`, and the
 * names that are called into the set `called`. A call pushes NULL beside what
 * it calls: before it in 3.12, after it since 3.13, or in LOAD_GLOBAL itself.
 */
static int
code_collect_names(PyCodeObject *code, const Opcodes *ops, PyObject *bytes,
                   PyObject *reads, PyObject *called)
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
        int result = path != NULL ? names_add(reads, name, path) : -1;
        if (result == 0 && call && PyTuple_GET_SIZE(path) == 0) {
            result = PySet_Add(called, name);
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
    PyObject *names = PyList_New(0);
    Instructions in = instructions_of(bytes);
    int result = names != NULL ? 0 : -1;
    while (result == 0 && instructions_next(&in)) {
        if (in.op == ops->store_global
            || (is_module && in.op == ops->store_name)) {
            result = PyList_Append(names,
                                   PyTuple_GET_ITEM(code->co_names, in.arg));
        }
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(names) : NULL;
    Py_XDECREF(names);
    return tuple;
}


/* Move the dict's keys into info->names; a whole read of a name makes its paths
 * superfluous. */
static int
code_info_take_names(CodeInfo *info, PyObject *reads, PyObject *called,
                     PyObject *empty)
{
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
            .called = PySet_Contains(called, name) > 0,
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
    PyObject *reads = PyDict_New();
    PyObject *called = PySet_New(NULL);
    PyObject *empty = PyTuple_New(0);
    int result = -1;
    if (bytes != NULL && reads != NULL && called != NULL && empty != NULL
        && code_collect_names(info->code, &hmr_engine->opcodes, bytes, reads,
                              called)
               == 0) {
        result = code_info_take_names(info, reads, called, empty);
    }
    if (result == 0) {
        int is_module = info->statement != NULL
                        && info->statement->code == (PyObject *)info->code;
        info->stores = code_collect_stores(
            info->code, &hmr_engine->opcodes, bytes, is_module);
        result = info->stores != NULL ? 0 : -1;
    }
    info->scanned = result == 0;
    Py_XDECREF(bytes);
    Py_XDECREF(reads);
    Py_XDECREF(called);
    Py_XDECREF(empty);
    return result;
}


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


/* What a function object or class shows of its code: all but the body. */
static int
code_face_equal(PyCodeObject *a, PyCodeObject *b)
{
    return a->co_flags == b->co_flags && a->co_argcount == b->co_argcount
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
                  PyTuple_GET_ITEM(code->co_names, index), name) == 0;
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


/* Are two class bodies equal, nested code and derived names left out? */
static int
class_bodies_equal(PyCodeObject *a, PyObject *a_bytes, PyCodeObject *b,
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
        if (x.op != ops->load_const) {
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


/* Are the instructions equal, nested code and positions left out?
 * 1, 0, or -1 with an exception set. */
static int
code_own_equal(PyCodeObject *a, PyCodeObject *b)
{
    if (!code_face_equal(a, b)
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
        if (a->co_flags & CO_OPTIMIZED) {
            equal = objects_equal(x, y)
                    && constant_lists_equal(a->co_consts, b->co_consts);
        }
        else {
            equal = class_bodies_equal(a, x, b, y);
        }
    }
    Py_XDECREF(x);
    Py_XDECREF(y);
    return equal;
}


static PyObject *
code_docstring(PyCodeObject *code)
{
    return HMR_CODE_HAS_DOCSTRING(code) ? PyTuple_GET_ITEM(code->co_consts, 0)
                                        : Py_None;
}


/* May a live function of `a` be given `b`? The bodies may differ, and nothing
 * else that anyone can have looked at. */
static int
code_patchable(PyCodeObject *a, PyCodeObject *b)
{
    if (!(a->co_flags & CO_OPTIMIZED) || !code_face_equal(a, b)
        || PyUnicode_CompareWithASCIIString(a->co_name, "__annotate__") == 0
        || !objects_equal(code_docstring(a), code_docstring(b))) {
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
        if (!objects_equal(PyTuple_GET_ITEM(a->co_localsplusnames,
                                            a->co_nlocalsplus - i),
                           PyTuple_GET_ITEM(b->co_localsplusnames,
                                            b->co_nlocalsplus - i))) {
            return 0;
        }
    }
    return 1;
}


int
code_pairs_add(CodePairs *pairs, PyObject *a, PyObject *b, int changed)
{
    if (pairs->count == pairs->room) {
        Py_ssize_t room = pairs->room * 2 + 4;
        CodePair *grown =
            PyMem_Realloc(pairs->pairs, (size_t)room * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        pairs->pairs = grown;
        pairs->room = room;
    }
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


/* The nth code object among the constants, and where it stands. */
static PyObject *
nested_code(PyObject *code, Py_ssize_t n, Py_ssize_t *index)
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


/* Put the old nested code where the equal new one stands, with its lines.
 * Nobody has seen the new tree yet, so its tuple may still change. */
static void
code_graft(PyObject *new_parent, Py_ssize_t index, PyObject *old_child)
{
    PyObject **slot =
        &PyTuple_GET_ITEM(((PyCodeObject *)new_parent)->co_consts, index);
    code_tree_copy_positions(old_child, *slot);
    Py_SETREF(*slot, Py_NewRef(old_child));
}


static CodeDifference code_compare(PyObject *a, PyObject *b,
                                   CodePairs *pairs);


/* Compare what is nested in two equal bodies. */
static CodeDifference
code_compare_nested(PyObject *a, PyObject *b, CodePairs *pairs,
                    unsigned char *same)
{
    CodeDifference result = CODE_SAME;
    for (Py_ssize_t n = 0;; n++) {
        Py_ssize_t i, j;
        PyObject *p = nested_code(a, n, &i);
        PyObject *q = nested_code(b, n, &j);
        if (p == NULL || q == NULL) {
            return p == q ? result : CODE_DIFFERENT;
        }
        CodeDifference difference = code_compare(p, q, pairs);
        if (difference == CODE_ERROR || difference == CODE_DIFFERENT) {
            return difference;
        }
        same[j] = difference == CODE_SAME;
        if (difference == CODE_PATCHABLE) {
            result = CODE_PATCHABLE;
        }
    }
}


static CodeDifference
code_compare(PyObject *a, PyObject *b, CodePairs *pairs)
{
    PyCodeObject *old_code = (PyCodeObject *)a;
    PyCodeObject *new_code = (PyCodeObject *)b;
    int equal = code_own_equal(old_code, new_code);
    if (equal < 0) {
        return CODE_ERROR;
    }
    if (!equal) {
        if (!code_patchable(old_code, new_code)) {
            return CODE_DIFFERENT;
        }
        return code_pairs_add(pairs, a, b, 1) < 0 ? CODE_ERROR
                                                  : CODE_PATCHABLE;
    }
    Py_ssize_t before = pairs->count;
    Py_ssize_t size = PyTuple_GET_SIZE(new_code->co_consts);
    unsigned char *same = PyMem_Calloc((size_t)size + 1, 1);
    if (same == NULL) {
        PyErr_NoMemory();
        return CODE_ERROR;
    }
    CodeDifference result = code_compare_nested(a, b, pairs, same);
    if (result == CODE_PATCHABLE) {
        for (Py_ssize_t j = 0, n = 0; j < size; j++) {
            Py_ssize_t i;
            if (PyCode_Check(PyTuple_GET_ITEM(new_code->co_consts, j))) {
                PyObject *old_child = nested_code(a, n++, &i);
                if (same[j]) {
                    code_graft(b, j, old_child);
                }
            }
        }
        if (code_pairs_add(pairs, a, b, 0) < 0) {
            result = CODE_ERROR;
        }
    }
    else if (result == CODE_DIFFERENT && (old_code->co_flags & CO_OPTIMIZED)
             && code_patchable(old_code, new_code)) {
        /* A class body inside a function is part of the function's own. */
        code_pairs_truncate(pairs, before);
        result = code_pairs_add(pairs, a, b, 1) < 0 ? CODE_ERROR
                                                    : CODE_PATCHABLE;
    }
    PyMem_Free(same);
    return result;
}


CodeDifference
code_tree_compare(PyObject *old_code, PyObject *new_code, CodePairs *pairs)
{
    CodeDifference result = code_compare(old_code, new_code, pairs);
    if (result != CODE_PATCHABLE) {
        code_pairs_fini(pairs);
    }
    return result;
}


/* ---- positions ---------------------------------------------------------- */

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
        PyObject *p = nested_code(target, n, &i);
        PyObject *q = nested_code(source, n, &j);
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
    if (positions->count == positions->room) {
        Py_ssize_t room = positions->room * 2 + 16;
        CodePosition *items =
            PyMem_Realloc(positions->items, (size_t)room * sizeof(*items));
        if (items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        positions->items = items;
        positions->room = room;
    }
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
