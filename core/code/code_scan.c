/* What the instructions of a code object say of global names. */

#include "array.h"
#include "code.h"

#include "called.h"
#include "result.h"


void
code_info_unscan(CodeInfo *info)
{
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        Py_DECREF(info->names[i].name);
        Py_XDECREF(info->names[i].path);
    }
    PyMem_Free(info->names);
    info->names = NULL;
    info->name_count = 0;
    Py_CLEAR(info->stores);
    Py_CLEAR(info->deletes);
}


/* One walk over the instructions: each statement of a program takes it when it
 * starts. */
typedef struct {
    CodeInfo *info;
    Py_ssize_t room;  /* of info->names */
    PyObject *stores; /* Owned lists; NULL: empty */
    PyObject *deletes;
    int is_module;
    int before;       /* the instruction before; -1: none */
    PyObject *stored; /* by that one; borrowed */
} Scan;


static int
path_same(PyObject *a, PyObject *b)
{
    return a == b
           || (a != NULL && b != NULL
               && PyObject_RichCompareBool(a, b, Py_EQ) > 0);
}


/* Add a read; `read.path` is stolen and may be empty. What is done with a name
 * in one place counts for all. */
static int
names_add(Scan *scan, NameRead read)
{
    CodeInfo *info = scan->info;
    PyObject *path = read.path;
    int known = 0;
    if (PyTuple_GET_SIZE(path) == 0) {
        Py_CLEAR(path);
    }
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        NameRead *other = &info->names[i];
        if (other->name != read.name) { /* interned */
            continue;
        }
        other->called |= read.called;
        other->shaped |= read.shaped;
        read.called = other->called;
        read.shaped = other->shaped;
        known |= path_same(other->path, path);
    }
    if (known) {
        Py_XDECREF(path);
        return PyErr_Occurred() ? -1 : 0;
    }
    NameRead *names = array_reserve(info->names, info->name_count, &scan->room,
                                    sizeof(*names), 1);
    if (names == NULL) {
        Py_XDECREF(path);
        return -1;
    }
    info->names = names;
    Py_INCREF(read.name);
    read.path = path;
    names[info->name_count++] = read;
    return PyErr_Occurred() ? -1 : 0;
}


static int
names_have_whole(const CodeInfo *info, const PyObject *name)
{
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        if (info->names[i].name == name && info->names[i].path == NULL) {
            return 1;
        }
    }
    return 0;
}


/* A whole read of a name makes its paths superfluous. */
static void
names_settle(CodeInfo *info)
{
    Py_ssize_t kept = 0;
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        NameRead read = info->names[i];
        if (read.path != NULL && names_have_whole(info, read.name)) {
            info->names[i].path = NULL;
            Py_DECREF(read.name);
            Py_DECREF(read.path);
        }
        else {
            info->names[kept++] = read;
        }
    }
    info->name_count = kept;
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


/* Its tuple, or NULL where `result` says that something failed: `names` itself,
 * if that has the same, as for a `def` or `x = 1`. Takes the list over. */
static PyObject *
list_end(PyObject *list, int result, PyObject *names)
{
    Py_ssize_t count = list != NULL ? PyList_GET_SIZE(list) : 0;
    int same = count > 0 && count == PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; same && i < count; i++) {
        same = PyList_GET_ITEM(list, i) == PyTuple_GET_ITEM(names, i);
    }
    PyObject *tuple = result < 0     ? NULL
                      : same         ? Py_NewRef(names)
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
    return list_end(path, result, code->co_names);
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


/* The global read at this instruction. A call pushes NULL beside what it calls:
 * before it in 3.12, after it since 3.13, or in LOAD_GLOBAL itself. */
static int
scan_read(Scan *scan, Instructions in)
{
    const Opcodes *ops = in.opcodes;
    PyCodeObject *code = scan->info->code;
    int global = in.op == ops->load_global;
    int call = global ? (int)(in.arg & 1) : scan->before == ops->push_null;
    PyObject *name =
        PyTuple_GET_ITEM(code->co_names, global ? in.arg >> 1 : in.arg);
    int more = instructions_next(&in);
    PyObject *path = instructions_take_path(&in, code, &more);
    call |= more && in.op == ops->push_null;
    call &= path != NULL && PyTuple_GET_SIZE(path) == 0;
    int shaped = more && in.op == ops->store_attr && path != NULL
                 && PyTuple_GET_SIZE(path) == 0;
    if (call) {
        Py_SETREF(path, instructions_take_call(&in, code, &more));
    }
    NameRead read = {
        .name = name, .path = path, .called = call, .shaped = shaped};
    return path != NULL ? names_add(scan, read) : -1;
}


/* Names that the code may bind in its globals (class bodies bind elsewhere), or
 * delete from them: that reads whether they are bound. `except E as e:` ends
 * with `e = None; del e`, which cannot fail. */
static int
scan_store(Scan *scan, const Instructions *in)
{
    const Opcodes *ops = in->opcodes;
    int binds_name = in->op == ops->store_name;
    int stores = binds_name || in->op == ops->store_global;
    int deletes = in->op == ops->delete_global
                  || (scan->is_module && in->op == ops->delete_name);
    PyObject *name = stores || deletes
                         ? PyTuple_GET_ITEM(scan->info->code->co_names, in->arg)
                         : NULL;
    int result = 0;
    if (stores && (scan->is_module || !binds_name)) {
        result = list_add(&scan->stores, name);
    }
    if (deletes && name != scan->stored) {
        result = list_add(&scan->deletes, name);
    }
    scan->stored = stores ? name : NULL;
    return result;
}


static int
scan_instruction(Scan *scan, const Instructions *in)
{
    enum { INTRINSIC_IMPORT_STAR = 2 }; /* opcode._intrinsic_1_descs */
    const Opcodes *ops = in->opcodes;
    CodeInfo *info = scan->info;
    int called = scan->before >= 0 && ops->calls[scan->before];
    info->discards |= called && in->op == ops->pop_top;
    info->imports_star |=
        in->op == ops->call_intrinsic_1 && in->arg == INTRINSIC_IMPORT_STAR;
    info->invokes |= ops->calls[in->op];
    info->calls |= ops->calls[in->op] || in->op == ops->import_name;
    int reads = in->op == ops->load_global || in->op == ops->load_name
                || in->op == ops->load_from_dict;
    return (reads && scan_read(scan, *in) < 0) || scan_store(scan, in) < 0 ? -1
                                                                           : 0;
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


int
code_info_scan(CodeInfo *info)
{
    if (info->scanned) {
        return 0;
    }
    PyObject *bytes = PyCode_GetCode(info->code);
    if (bytes == NULL) {
        return -1;
    }
    Scan scan = {
        .info = info,
        .before = -1,
        .is_module = info->statement != NULL
                     && info->statement->code == (PyObject *)info->code,
    };
    info->discards = code_names_setter(info->code);
    Instructions in = instructions_of(bytes);
    int result = 0;
    while (result == 0 && instructions_next(&in)) {
        result = scan_instruction(&scan, &in);
        scan.before = in.op;
    }
    names_settle(info);
    info->stores = list_end(scan.stores, result, info->code->co_names);
    info->deletes = list_end(scan.deletes, result, info->code->co_names);
    info->scanned = info->stores != NULL && info->deletes != NULL;
    if (!info->scanned) {
        code_info_unscan(info);
    }
    Py_DECREF(bytes);
    return info->scanned ? 0 : -1;
}
