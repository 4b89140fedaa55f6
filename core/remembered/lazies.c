/* Globals that requests fill in. */

#include "lazies.h"

#include "caches.h"
#include "code.h"
#include "compat.h"
#include "frame.h"
#include "namespace.h"
#include "rules.h"


int
lazy_note(Engine *engine, Binding *binding)
{
    if (ptrmap_set(&engine->lazies, binding, binding) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}


/* Call `visit` for each function's code below. Stops at the first result that
 * is not 0. */
static int
code_visit_functions(PyObject *code, int (*visit)(CodeInfo *, void *),
                     void *arg)
{
    CodeInfo *info = code_info(code);
    if (info != NULL && (info->code->co_flags & CO_OPTIMIZED)) {
        int result = code_info_scan(info) < 0 ? -1 : visit(info, arg);
        if (result != 0) {
            return result;
        }
    }
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        int result =
            PyCode_Check(item) ? code_visit_functions(item, visit, arg) : 0;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}


static int
module_visit_functions(const Module *module, int (*visit)(CodeInfo *, void *),
                       void *arg)
{
    for (Py_ssize_t i = 0; i < module->count; i++) {
        PyObject *code = module->statements[i]->code;
        int result = code != NULL ? code_visit_functions(code, visit, arg) : 0;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}


static int
code_reads(const CodeInfo *info, PyObject *name)
{
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        if (PyUnicode_Compare(info->names[i].name, name) == 0) {
            return 1;
        }
    }
    return 0;
}


typedef struct {
    Binding *binding;
    const CodeInfo *maker; /* which functions to look for readers of; or NULL */
} Lazy;


/* Does the function look at the global that it fills in itself, or has filled
 * in by the function that does? */
static int
visit_reader(CodeInfo *info, void *arg)
{
    const Lazy *lazy = arg;
    return code_reads(info, lazy->binding->name)
           && (info == lazy->maker
               || code_reads(info, lazy->maker->code->co_name));
}


/* Does the function fill the global in, and has anything changed that it is
 * made of? */
static int
visit_maker(CodeInfo *info, void *arg)
{
    Lazy *lazy = arg;
    const Module *module = lazy->binding->module;
    if (info->function_count == 0
        || !name_is_among(info->stores, lazy->binding->name)) {
        return 0;
    }
    lazy->maker = info;
    int lazily = module_visit_functions(module, visit_reader, lazy);
    if (lazily <= 0) {
        return lazily;
    }
    uint64_t state;
    if (cache_read_function(NULL, info->functions[0], &state) < 0) {
        return -1;
    }
    return state != 0 || (info->statement != NULL && info->statement->ran != 0);
}


/* The name holds what a request has put there: None again, if that is of the
 * past. */
static int
lazy_settle(Engine *engine, Undo *undo, Binding *binding, PyObject *value)
{
    Lazy lazy = {.binding = binding};
    int stale = module_visit_functions(binding->module, visit_maker, &lazy);
    if (stale <= 0) {
        return stale;
    }
    Version *stray = version_new(value, NULL);
    Version *none = cell_now(&binding->cell, engine);
    int result =
        stray != NULL ? undo_add_name(undo, &binding->cell, stray, none) : -1;
    if (result == 0) {
        version_set(&binding->actual, stray);
        result = binding_sync(binding, none);
    }
    version_unref(stray);
    return result;
}


int
lazies_settle(Engine *engine, Undo *undo)
{
    size_t pos = 0;
    const void *key;
    void *item;
    while (rule(LAZIES) && ptrmap_next(&engine->lazies, &pos, &key, &item)) {
        Binding *binding = item;
        const Version *now = cell_now(&binding->cell, engine);
        if (now == NULL || now->value != Py_None
            || binding->module->ns == NULL) {
            continue;
        }
        PyObject *value;
        int found =
            PyDict_GetItemRef(binding->module->ns, binding->name, &value);
        int result = found;
        if (found > 0) {
            result = value != Py_None && binding->actual == now
                         ? lazy_settle(engine, undo, binding, value)
                         : 0;
            Py_DECREF(value);
        }
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}
