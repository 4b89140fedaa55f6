/* What a running statement reads: names, attribute paths, groups, code. */

#include "frame.h"
#include "frame_parts.h"

#include "attributes.h"
#include "caches.h"
#include "class_super.h"
#include "code.h"
#include "compat.h"
#include "computed.h"
#include "journal.h"
#include "mentions.h"
#include "namespace.h"
#include "needed.h"
#include "print.h"
#include "result.h"
#include "rules.h"
#include "value.h"

#include <string.h>


int
frame_first(Frame *frame, const void *key)
{
    if (ptrmap_get(&frame->seen, key) != NULL) {
        return 0;
    }
    if (ptrmap_set(&frame->seen, key, frame) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}


int
binding_sync(Binding *binding, Version *version)
{
    Engine *engine = binding->module->engine;
    if (binding->actual == version || binding->module->ns == NULL) {
        return 0; /* that is what it is; a module that is no more */
    }
    if (engine->transaction && namespace_remember(binding->module) < 0) {
        return -1;
    }
    PyObject *ns = binding->module->ns;
    int result = 0;
    engine->syncing++;
    if (version != NULL && version->value != NULL) {
        result = PyDict_SetItem(ns, binding->name, version->value);
    }
    else {
        int found = PyDict_Contains(ns, binding->name);
        result = found > 0 ? PyDict_DelItem(ns, binding->name) : found;
    }
    engine->syncing--;
    if (result == 0) {
        version_set(&binding->actual, version);
        if (engine->transaction && version != binding->cell.live) {
            binding->module->lacks = engine->lacking = 1;
        }
    }
    return result;
}


int
frame_note_read(Frame *frame, Cell *cell, Version *version)
{
    needed_check_read(hmr_engine, cell, version);
    return trace_add_read(frame->trace, cell, version);
}


int
frame_read_cell(Frame *frame, Cell *cell)
{
    int first = frame_first(frame, cell);
    if (first <= 0) {
        return first;
    }
    return frame_note_read(frame, cell, cell_now(cell, hmr_engine));
}


/* An object that the statement looks at is what it has to be at this place, not
 * what later statements have made of it? Else its creator runs first. 1; 0 when
 * nobody can make it again; -1 with an exception set. */
static int
frame_need_as_it_was(Frame *frame, Group *group)
{
    Engine *engine = hmr_engine;
    if (!engine->transaction || !rule(OBJECT_AS_IT_WAS)
        || cell_now(&group->cell, engine) == group->actual) {
        return 1;
    }
    if (!group_has_creator(group)) {
        engine_need_restart(engine,
                            "%U needs an object as it was before later "
                            "statements changed it",
                            frame->statement->syntax.label);
        return 0;
    }
    return frame_conflict_creator(frame, group, "needs it as it was");
}


int
frame_read_group(Frame *frame, Group *group)
{
    if (group->outside) {
        return journal_read(frame, &group->cell);
    }
    int first = frame_first(frame, group);
    if (first <= 0) {
        return first;
    }
    int as_it_was = frame_need_as_it_was(frame, group);
    return as_it_was > 0 ? frame_note_read(frame, &group->cell,
                                           cell_now(&group->cell, hmr_engine))
                         : as_it_was;
}


/* The same for what an attribute path comes by: 0, or -1. */
static int
visit_need_as_it_was(Group *group, void *arg)
{
    Frame *frame = arg;
    const Engine *engine = hmr_engine;
    needed_check_read(hmr_engine, &group->cell, cell_now(&group->cell, engine));
    return frame_first(frame, PATH_KEY(group)) < 0
                   || frame_need_as_it_was(frame, group) < 0
               ? -1
               : 0;
}


int
frame_need_class(Frame *frame, PyTypeObject *type)
{
    Group *group =
        hmr_engine->transaction ? group_of(hmr_engine, (PyObject *)type) : NULL;
    return group == NULL || group->outside
                   || cell_now(&group->cell, hmr_engine) == NULL
               ? 0
               : visit_need_as_it_was(group, frame);
}


/* An instance may show what its class holds. Look-ups in plain classes come by
 * class_members.c, and are asked for one by one. */
static int
frame_need_classes(Frame *frame, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    PyObject *mro = type->tp_mro;
    int plain = Py_IS_TYPE((PyObject *)type, &PyType_Type);
    for (Py_ssize_t i = 0; !plain && mro != NULL && i < PyTuple_GET_SIZE(mro);
         i++) {
        if (frame_need_class(frame, (PyTypeObject *)PyTuple_GET_ITEM(mro, i))
            < 0) {
            return -1;
        }
    }
    return 0;
}


/* Read only an attribute path of a binding: 1 when that was enough, 0 when the
 * whole object has to be read, -1 on error. */
static int
frame_read_path(Frame *frame, Binding *binding, Version *version,
                PyObject *path)
{
    if (version == NULL || version->value == NULL
        || PyModule_Check(version->value)) {
        return 0;
    }
    PyObject *value = value_follow(version->value, path);
    if (value == NULL) {
        return 0;
    }
    if (!value_is_immutable(value)) {
        Py_DECREF(value);
        return 0;
    }
    uint64_t state;
    if (attributes_visit(hmr_engine, version->value, path, visit_need_as_it_was,
                         frame)
            < 0
        || attributes_state(hmr_engine, version->value, path, &state) < 0
        || frame_note_read(frame, &binding->cell, version) < 0) {
        Py_DECREF(value);
        return -1;
    }
    Read *read = &frame->trace->reads[frame->trace->read_count - 1];
    read->path = Py_NewRef(path);
    read->value = value;
    read->state = state;
    return 1;
}


/* The object whose attribute tracked code works out may be changed by that: it
 * is looked at again when the statement ends. 0, or -1 with an exception set.
 */
static int
frame_add_computing(Frame *frame, PyObject *value, PyObject *path)
{
    if (PyModule_Check(value) || PyType_Check(value)
        || PyFunction_Check(value)) {
        return 0;
    }
    PyObject *at = Py_NewRef(value);
    int result = 0;
    for (Py_ssize_t i = 0; at != NULL && i < PyTuple_GET_SIZE(path); i++) {
        PyObject *name = PyTuple_GET_ITEM(path, i);
        PyObject *next = value_attribute(at, name);
        if (next == NULL && !PyType_Check(at) && rule(COMPUTED)
            && computed_by_program(Py_TYPE(at), name)) {
            result = frame_add_candidate(frame, value, at, 0);
        }
        Py_SETREF(at, next);
    }
    Py_XDECREF(at);
    return result;
}


/* A name that was read before, as a whole or for calls (path). */
static int
frame_read_again(Frame *frame, PyObject *value, PyObject *path)
{
    if (value == NULL || frame->expected == NULL) {
        return 0;
    }
    return path != NULL ? (result_expect_more(frame, value, path) < 0 ? -1 : 0)
                        : result_whole(frame, value);
}


/* Does subscription of the class ask nobody, or but typing.Generic? */
static int
class_is_subscripted_plainly(PyTypeObject *type)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
        if (base->tp_dict != NULL
            && dict_peek(base->tp_dict, "__class_getitem__") != NULL) {
            return strcmp(base->tp_name, "typing.Generic") == 0;
        }
    }
    return 1;
}


/* A `def` that calls nobody holds a class in its annotations and defaults, and
 * looks at nothing in it. */
static int
frame_only_holds(const Frame *frame, PyObject *value)
{
    const CodeInfo *info = frame->statement->code != NULL
                               ? code_info(frame->statement->code)
                               : NULL;
    return frame->statement->syntax.kind == STATEMENT_FUNCTION && info != NULL
           && info->scanned && !info->calls && PyType_Check(value)
           && class_is_subscripted_plainly((PyTypeObject *)value);
}


int
frame_read_name(Frame *frame, Module *module, PyObject *name, PyObject *path,
                int called)
{
    Engine *engine = module->engine;
    if (name_is_system(name)) {
        return 0;
    }
    Binding *binding = module_binding(module, name, 1);
    if (binding == NULL) {
        return -1;
    }
    if (module != frame->statement->module) {
        module->seen_walk = engine->walk;
    }
    if (ptrmap_get(&frame->seen, BOUND_KEY(binding)) != NULL) {
        return 0; /* its own doing */
    }
    Version *version = cell_now(&binding->cell, engine);
    if (engine->transaction) {
        if (version != NULL && version->gone) {
            return frame_conflict(engine, version->producer,
                                  "%U needs it again",
                                  frame->statement->syntax.label);
        }
        if (binding_sync(binding, version) < 0) {
            return -1;
        }
    }
    int called_only = path_is_call(path);
    PyObject *value = version != NULL ? version->value : NULL;
    if (value != NULL && path != NULL && !called_only
        && frame_add_computing(frame, value, path) < 0) {
        return -1;
    }
    if (ptrmap_get(&frame->seen, binding) != NULL) {
        return frame_read_again(frame, value, called_only ? path : NULL);
    }
    if (path != NULL && !called_only) {
        int enough = frame_read_path(frame, binding, version, path);
        if (enough != 0) {
            return enough < 0 ? -1 : 0;
        }
    }
    Py_ssize_t at = frame->trace->read_count;
    if (frame_read_cell(frame, &binding->cell) < 0) {
        return -1;
    }
    if (version == NULL && name_shows_namespace(name)
        && frame_first(frame, &module->walk) > 0) {
        return frame_read_namespace(frame, module);
    }
    if (value == NULL || frame->statement->syntax.kind == STATEMENT_IMPORT) {
        return 0;
    }
    int expected = called_only ? result_expect(frame, value, path) : 0;
    if (called && print_is_cache(value) && frame_first(frame, value) < 0) {
        return -1; /* see member_caches.c */
    }
    if (expected < 0 || (called && !expected && cache_read(frame, value) < 0)
        || (path != NULL && engine->outside_groups > 0
            && journal_read_path(frame, value, path) < 0)) {
        return -1;
    }
    if (expected) {
        frame->trace->reads[at].called = 1; /* see result_follow() */
        return 0;
    }
    Group *group = group_of(engine, value);
    if (group == NULL || !rule(READ_GROUPS) || frame_only_holds(frame, value)) {
        return 0;
    }
    return frame_need_classes(frame, value) < 0
               ? -1
               : frame_read_group(frame, group);
}


int
frame_show_name(Frame *frame, Module *module, PyObject *name)
{
    Engine *engine = module->engine;
    Binding *binding = engine->transaction && PyUnicode_Check(name)
                           ? module_binding(module, name, 0)
                           : NULL;
    if (binding == NULL
        || ptrmap_get(&frame->seen, BOUND_KEY(binding)) != NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Version *version = cell_now(&binding->cell, engine);
    return version != NULL && version->gone ? 0
                                            : binding_sync(binding, version);
}


int
frame_read_namespace(Frame *frame, Module *module)
{
    if (module->engine->transaction && namespace_settle(module) < 0) {
        return -1;
    }
    PyObject *names = PyList_New(0);
    if (names == NULL) {
        return -1;
    }
    PyObject *copy = PyDict_Copy(module->ns); /* reads may sync the dict */
    int result = copy != NULL ? 0 : -1;
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (result == 0 && PyDict_Next(copy, &pos, &name, &value)) {
        if (!PyUnicode_Check(name) || name_is_system(name)) {
            continue;
        }
        result = frame_read_name(frame, module, name, NULL, 0);
        Binding *binding = module_binding(module, name, 0);
        if (result == 0 && binding != NULL && !binding->unordered
            && cell_now(&binding->cell, module->engine) != NULL) {
            result = PyList_Append(names, name);
        }
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(names) : NULL;
    if (tuple != NULL) {
        result = trace_add_names(frame->trace, module, tuple);
    }
    Py_XDECREF(tuple);
    Py_XDECREF(copy);
    Py_DECREF(names);
    return result;
}


int
frame_prepare_stores(Frame *frame, Module *module, PyObject *names,
                     PyObject *own)
{
    Engine *engine = module->engine;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        Binding *binding =
            module_binding(module, PyTuple_GET_ITEM(names, i), 0);
        if (PyErr_Occurred()) {
            return -1;
        }
        if (binding == NULL
            || ptrmap_get(&frame->seen, BOUND_KEY(binding)) != NULL) {
            continue;
        }
        Version *version = cell_now(&binding->cell, engine);
        /* A value that was released leaves a gap: any store fills it. */
        int gone = version != NULL && version->gone;
        if (engine->transaction && rule(RESYNC)
            && binding_sync(binding, gone ? NULL : version) < 0) {
            return -1;
        }
        /* Where it is the same object again, no event says so. */
        if (version != NULL && !gone
            && (own == NULL || !name_is_among(own, binding->name))
            && frame_read_cell(frame, &binding->cell) < 0) {
            return -1;
        }
    }
    return 0;
}


int
frame_read_deleted(Frame *frame, Module *module, PyObject *names, PyObject *own)
{
    Engine *engine = module->engine;
    for (Py_ssize_t i = 0; rule(READ_DELETED) && i < PyTuple_GET_SIZE(names);
         i++) {
        Binding *binding =
            module_binding(module, PyTuple_GET_ITEM(names, i), 1);
        if (binding == NULL) {
            return -1;
        }
        if (ptrmap_get(&frame->seen, BOUND_KEY(binding)) != NULL
            || ptrmap_get(&frame->seen, binding) != NULL
            || (own != NULL && name_is_among(own, binding->name))) {
            continue;
        }
        Version *version = cell_now(&binding->cell, engine);
        if (engine->transaction && version != NULL && version->gone) {
            return frame_conflict(engine, version->producer,
                                  "%U deletes it again",
                                  frame->statement->syntax.label);
        }
        if ((engine->transaction && binding_sync(binding, version) < 0)
            || trace_add_read(frame->trace, &binding->cell, version) < 0) {
            return -1;
        }
        frame->trace->reads[frame->trace->read_count - 1].bound = 1;
    }
    return 0;
}


int
frame_read_code(Frame *frame, CodeInfo *info)
{
    /* Code of eval() may be gone, and its place taken, before we are asked
     * again. */
    int first = info->statement != NULL ? frame_first(frame, info) : 1;
    if (first <= 0) {
        return first;
    }
    if (code_info_scan(info) < 0) {
        return -1;
    }
    if (rule(READ_CODE) && info->cell != NULL
        && frame_read_cell(frame, &info->cell->cell) < 0) {
        return -1;
    }
    if (class_super_read(frame, info->code) < 0
        || mentions_read(frame, (PyObject *)info->code) < 0) {
        return -1;
    }
    if (code_info_module(info) == NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; rule(READ_CALLED_NAMES) && i < info->name_count;
         i++) {
        if (frame_read_name(frame, info->module, info->names[i].name,
                            info->names[i].path, info->names[i].called)
            < 0) {
            return -1;
        }
    }
    if (frame_prepare_stores(frame, info->module, info->stores, NULL) < 0
        || frame_read_deleted(frame, info->module, info->deletes, NULL) < 0) {
        return -1;
    }
    if (frame->number != 0) {
        return 0; /* what a lifespan shapes is its own affair */
    }
    return frame_add_code_candidates(frame, info);
}
