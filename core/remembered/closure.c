/* What a function may read, by its code. */

#include "caches.h"

#include "class_member.h"
#include "class_members.h"
#include "code.h"
#include "compat.h"
#include "environ.h"
#include "journal.h"
#include "text.h"

#define CLOSURE_DEPTH 16 /* calls of tracked functions followed from a cache */
#define MODULE_STEPS 4   /* a.b.c.d.name */

/* What a function's code reads, and the functions it may call, depth first. */
typedef struct {
    Engine *engine;
    Frame *frame;   /* note reads here; NULL: only look */
    PtrMap seen;    /* CodeInfo */
    int changed;    /* something is not what it was before the transaction */
    uint64_t state; /* which versions were met */
    const Cell *wanted;
    int met;            /* the wanted one was */
    PyTypeObject *type; /* whose methods it may call; NULL: of none */
    int environ;        /* it may look at environment variables */
} Closure;


static int
closure_add_function(Closure *closure, PyObject *function, int depth);


static void
closure_note(Closure *closure, const Cell *cell)
{
    const Version *now = cell_now(cell, closure->engine);
    closure->changed |= cell_changed(cell, closure->engine);
    closure->met |= cell == closure->wanted;
    closure->state = (closure->state ^ (now != NULL ? now->number + 1u : 1))
                     * 0x100000001B3u; /* FNV-1a, by words */
}


/* Does the code ask for environment variables? */
static int
code_may_ask(const PyCodeObject *code)
{
    static const char *const names[] = {"environ", "environb", "getenv",
                                        "getenvb"};
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names); i++) {
        if (text_is_among(PyTuple_GET_ITEM(code->co_names, i), names,
                          Py_ARRAY_LENGTH(names))) {
            return 1;
        }
    }
    return 0;
}


/* Is the class made by a library's that is not the interpreter's? What that
 * looks at when an instance is made, nobody sees in requests. */
static int
class_may_ask(const PyTypeObject *type)
{
    static const char *const harmless[] = {"abc", "enum", "typing"};
    PyTypeObject *meta = Py_TYPE(type);
    PyObject *module = meta != &PyType_Type && meta->tp_dict != NULL
                           ? dict_peek(meta->tp_dict, "__module__")
                           : NULL;
    return meta != &PyType_Type
           && !(module != NULL && PyUnicode_Check(module)
                && text_is_among(module, harmless, Py_ARRAY_LENGTH(harmless)));
}


/* Classes that were not patched leave the state as it is. */
static void
closure_note_member(const Cell *cell, void *closure)
{
    if (cell_changed(cell, ((const Closure *)closure)->engine)) {
        closure_note(closure, cell);
    }
}


/* Whoever names a class may make an instance. */
static int
closure_add_class(Closure *closure, PyTypeObject *type, int depth)
{
    static const char *const names[] = {"__init__", "__post_init__"};
    int result = 0;
    closure->environ |= class_may_ask(type);
    for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(names); i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        PyObject *function =
            name != NULL ? Py_XNewRef(_PyType_Lookup(type, name)) : NULL;
        result = name != NULL ? 0 : -1;
        Py_XDECREF(name);
        if (function != NULL && PyFunction_Check(function)) {
            result = closure_add_function(closure, function, depth - 1);
        }
        Py_XDECREF(function);
    }
    return result;
}


/* A global of the module that the code names. What it names may also be an
 * attribute of a module: of these, all that bear a name in the code count. */
static int
closure_add_name(Closure *closure, Module *module, PyObject *name,
                 PyCodeObject *code, int depth, int steps)
{
    Engine *engine = closure->engine;
    Binding *binding = module_binding(module, name, 0);
    if (binding == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    const Cell *cell = &binding->cell;
    Version *now = closure->wanted != NULL && cell->touched
                       ? cell->live /* what the applied revision reads */
                       : cell_now(cell, engine);
    closure_note(closure, cell);
    PyObject *value = now != NULL ? now->value : NULL;
    Group *group = value != NULL ? group_of(engine, value) : NULL;
    if (group != NULL && !group->outside) {
        closure_note(closure, &group->cell);
    }
    Module *inner = value != NULL && PyModule_Check(value) && steps > 0
                        ? engine_module_by_ns(engine, PyModule_GetDict(value))
                        : NULL;
    for (Py_ssize_t i = 0;
         inner != NULL && i < PyTuple_GET_SIZE(code->co_names); i++) {
        if (closure_add_name(closure, inner,
                             PyTuple_GET_ITEM(code->co_names, i), code, depth,
                             steps - 1)
            < 0) {
            return -1;
        }
    }
    if (value != NULL
        && class_members_read_all(closure->frame, value, closure_note_member,
                                  closure)
               < 0) {
        return -1;
    }
    if (value != NULL && PyType_Check(value)) {
        return closure_add_class(closure, (PyTypeObject *)value, depth);
    }
    value = value != NULL ? cache_behind_partials(value) : NULL;
    PyObject *cached = value != NULL ? cache_function(value) : NULL;
    PyObject *function = cached != NULL                             ? cached
                         : value != NULL && PyFunction_Check(value) ? value
                                                                    : NULL;
    return function != NULL ? closure_add_function(closure, function, depth - 1)
                            : 0;
}


/* What the class has by a name in the code of one of its methods. */
static int
closure_add_member(Closure *closure, PyObject *name, int depth)
{
    PyObject *member = closure->type != NULL
                           ? Py_XNewRef(_PyType_Lookup(closure->type, name))
                           : NULL;
    PyObject *functions = member != NULL ? member_functions(member) : NULL;
    int result = 0;
    for (Py_ssize_t i = 0;
         result == 0 && functions != NULL && i < PyTuple_GET_SIZE(functions);
         i++) {
        PyObject *function = PyTuple_GET_ITEM(functions, i);
        if (PyFunction_Check(function)) {
            result = closure_add_function(closure, function, depth - 1);
        }
    }
    Py_XDECREF(functions);
    Py_XDECREF(member);
    return result;
}


/* The code, and what is nested in it: it may call its own functions. */
static int
closure_add_code(Closure *closure, PyObject *code, int depth)
{
    CodeInfo *info = code_info(code);
    if (info == NULL || code_info_module(info) == NULL || depth == 0
        || ptrmap_get(&closure->seen, info) != NULL) {
        return 0;
    }
    if (ptrmap_set(&closure->seen, info, info) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < info->made_of_count; i++) {
        Cell *cell = info->made_of[i];
        closure_note(closure, cell);
        if (closure->frame != NULL
            && (cell->kind == CELL_SLOT ? journal_read(closure->frame, cell)
                                        : frame_read_cell(closure->frame, cell))
                   < 0) {
            return -1;
        }
    }
    closure->environ |= code_may_ask(info->code);
    if (code_info_scan(info) < 0
        || (closure->frame != NULL
            && frame_read_code(closure->frame, info) < 0)) {
        return -1;
    }
    if (info->cell != NULL) {
        closure_note(closure, &info->cell->cell);
    }
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        if (closure_add_name(closure, info->module, info->names[i].name,
                             info->code, depth, MODULE_STEPS)
            < 0) {
            return -1;
        }
    }
    PyObject *names = info->code->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        if (closure_add_member(closure, PyTuple_GET_ITEM(names, i), depth)
            < 0) {
            return -1;
        }
    }
    PyObject *consts = info->code->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        PyObject *item = PyTuple_GET_ITEM(consts, i);
        if (PyCode_Check(item) && closure_add_code(closure, item, depth) < 0) {
            return -1;
        }
    }
    return 0;
}


static int
closure_add_function(Closure *closure, PyObject *function, int depth)
{
    return closure_add_code(closure, PyFunction_GET_CODE(function), depth);
}


int
cache_read_function(Frame *frame, PyObject *function, uint64_t *state)
{
    return cache_read_method(frame, NULL, function, state);
}


int
cache_read_code(Frame *frame, PyObject *code)
{
    Closure closure = {.engine = hmr_engine, .frame = frame};
    int result = closure_add_code(&closure, code, CLOSURE_DEPTH);
    ptrmap_fini(&closure.seen);
    return result;
}


int
cache_read_method(Frame *frame, PyTypeObject *type, PyObject *function,
                  uint64_t *state)
{
    Closure closure = {.engine = hmr_engine, .frame = frame, .type = type};
    int result = closure_add_function(&closure, function, CLOSURE_DEPTH);
    ptrmap_fini(&closure.seen);
    closure.changed |=
        frame == NULL && closure.environ && environ_has_changed(hmr_engine);
    *state = closure.changed ? closure.state | 1 : 0;
    return result;
}


int
cache_state(PyObject *function, uint64_t *state)
{
    Closure closure = {.engine = hmr_engine};
    int result = closure_add_function(&closure, function, CLOSURE_DEPTH);
    ptrmap_fini(&closure.seen);
    *state = closure.state | 1;
    return result;
}


int
function_may_read(PyObject *function, const Cell *cell)
{
    Closure closure = {.engine = hmr_engine, .wanted = cell};
    int result = closure_add_function(&closure, function, CLOSURE_DEPTH);
    ptrmap_fini(&closure.seen);
    return result < 0 ? -1 : closure.met;
}
