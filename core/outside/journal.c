/* The journal: what tracked code stores outside of the program. */

#include "journal.h"
#include "frame_parts.h"

#include "adapters.h"
#include "compat.h"
#include "environ.h"
#include "mentions.h"
#include "needed.h"
#include "slot_order.h"
#include "slots.h"
#include "value.h"

/* ---- stores ------------------------------------------------------------- */

static int shape_object(Frame *frame, PyObject *owner);


/* Whoever names the package may go on to the module. */
static int
shape_package(Frame *frame, PyObject *module)
{
    PyObject *name = dict_peek(PyModule_GetDict(module), "__name__");
    Py_ssize_t dot =
        name != NULL && PyUnicode_Check(name)
            ? PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), -1)
            : -1;
    PyObject *head = dot > 0 ? PyUnicode_Substring(name, 0, dot) : NULL;
    PyObject *package =
        head != NULL ? PyDict_GetItemWithError(PyImport_GetModuleDict(), head)
                     : NULL;
    Py_XDECREF(head);
    if (PyErr_Occurred()) {
        return -1;
    }
    return package != NULL && PyModule_Check(package)
               ? shape_object(frame, package)
               : 0;
}


/* Whoever names a module of a library may go on to an object that it holds. */
static int
shape_modules_with(Frame *frame, PyObject *object)
{
    PyObject *modules = PyDict_Values(PyImport_GetModuleDict());
    int result = modules != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(modules); i++) {
        PyObject *module = PyList_GET_ITEM(modules, i);
        PyObject *dict =
            PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
        if (dict == NULL || engine_module_by_ns(hmr_engine, dict) != NULL) {
            continue;
        }
        int holds = 0;
        Py_ssize_t pos = 0;
        PyObject *name, *value;
        while (!holds && PyDict_Next(dict, &pos, &name, &value)) {
            holds = value == object;
        }
        result = holds ? shape_object(frame, module) : 0;
    }
    Py_XDECREF(modules);
    return result;
}


Group *
journal_group(Engine *engine, PyObject *object)
{
    Group *group = group_of(engine, object);
    if (group != NULL) {
        return (Group *)cell_ref(&group->cell);
    }
    group = group_new(engine, object, NULL);
    if (group != NULL) {
        group->outside = 1;
        engine->outside_groups++;
        engine->walk_whole |=
            engine->transaction; /* nobody knows who read it */
        version_set(&group->cell.base, group->actual);
    }
    return group;
}


/* The object is another from here on, for all who read it. 1: for the first
 * time in this frame; 0, -1. */
static int
shape_once(Frame *frame, PyObject *owner)
{
    Engine *engine = hmr_engine;
    Group *group = journal_group(engine, owner);
    if (group == NULL) {
        return -1;
    }
    int result = 0;
    if (group->outside && frame_first(frame, &group->outside) > 0) {
        Version *version = version_new(NULL, frame->statement);
        result = version != NULL
                     ? trace_add_write(frame->trace, &group->cell, version)
                     : -1;
        if (result == 0) {
            cell_write(&group->cell, version, frame->statement->module, engine);
            version_set(&group->actual, version);
            result = 1;
        }
        version_unref(version);
    }
    cell_unref(&group->cell, engine); /* the trace holds it */
    return result;
}


/* The same, and for who reads the module that holds it. 0 or -1. */
static int
shape_object(Frame *frame, PyObject *owner)
{
    int first = shape_once(frame, owner);
    return first <= 0              ? first
           : PyModule_Check(owner) ? shape_package(frame, owner)
                                   : shape_modules_with(frame, owner);
}


int
journal_shape_alone(Frame *frame, PyObject *object)
{
    return shape_once(frame, object) < 0 ? -1 : 0;
}


int
journal_read_path(Frame *frame, PyObject *value, PyObject *path)
{
    PyObject *at = Py_NewRef(value);
    int result = 0;
    for (Py_ssize_t i = 0;
         at != NULL && result == 0 && i < PyTuple_GET_SIZE(path); i++) {
        PyObject *name = PyTuple_GET_ITEM(path, i);
        PyObject *next =
            PyType_Check(at) /* without running code */
                ? Py_XNewRef(_PyType_Lookup((PyTypeObject *)at, name))
                : value_attribute(at, name);
        Py_SETREF(at, next);
        Group *group = at != NULL ? group_of(hmr_engine, at) : NULL;
        if (group != NULL && group->outside) {
            result = journal_read(frame, &group->cell);
        }
    }
    Py_XDECREF(at);
    return PyErr_Occurred() ? -1 : result;
}


int
journal_shape(Frame *frame, PyObject *object, PyObject *root)
{
    int result = shape_object(frame, object);
    return result == 0 && root != object ? shape_object(frame, root) : result;
}


int
journal_read(Frame *frame, Cell *cell)
{
    Engine *engine = hmr_engine;
    int first = frame_first(frame, cell);
    if (first <= 0) {
        return first;
    }
    engine->walk_whole |= engine->partial && cell->shared;
    return trace_add_read(frame->trace, cell, cell_here(cell, engine));
}


int
journal_store(Frame *frame, Slot *slot, PyObject *value)
{
    Engine *engine = hmr_engine;
    engine->walk_whole |= engine->transaction && slot->cell.writer == NULL
                          && PyTuple_GET_SIZE(slot->names) > 0; /* as above */
    Version *version;
    if (slot_version(slot, value, frame->statement, &version) < 0) {
        return -1;
    }
    int result = frame_first(frame, &slot->cell) < 0
                     ? -1 /* reads from here on see its own doing */
                     : trace_add_write(frame->trace, &slot->cell, version);
    if (result == 0) {
        cell_write(&slot->cell, version, frame->statement->module, engine);
        slot_order_note_put(slot, version, engine);
        version_set(&slot->actual, version);
    }
    version_unref(version);
    return result;
}


int
journal_note(Engine *engine, Frame *frame, SlotKind kind, PyObject *owner,
             PyObject *key, PyObject *value)
{
    Slot *slot = slot_get(engine, kind, owner, key);
    int result = slot != NULL ? journal_store(frame, slot, value) : -1;
    if (slot != NULL) {
        cell_unref(&slot->cell, engine); /* the trace holds it */
    }
    return result;
}


/* ---- the end of a frame ------------------------------------------------- */

void
journal_withdraw(const Trace *trace, Engine *engine)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        Write *write = &trace->writes[i];
        if (write->cell->kind == CELL_SLOT
            && cell_now(write->cell, engine) == write->version) {
            Slot *slot = (Slot *)write->cell;
            if (slot->kind == SLOT_ADAPTED && adapter_is_lasting(slot)) {
                continue;
            }
            cell_write(&slot->cell, slot->cell.base, NULL, engine);
            if (slot_put(slot, slot->cell.base, engine) < 0) {
                PyErr_WriteUnraisable(slot->owner);
            }
        }
    }
}


void
journal_abandon(Frame *frame)
{
    PyObject *error = PyErr_GetRaisedException();
    if (journal_judge(frame) < 0) {
        PyErr_WriteUnraisable(NULL);
    }
    if (!hmr_engine->transaction && (frame->up == NULL || frame->number != 0)) {
        journal_withdraw(frame->trace, hmr_engine);
    }
    PyErr_SetRaisedException(error);
}


/* ---- readers ------------------------------------------------------------ */

/* Visit the groups of modules outside that `from module import name` takes from
 * and that were stored into. Stops at the first result that is not 0. */
static int
imports_visit_outside(Engine *engine, PyObject *imports,
                      int (*visit)(Group *, void *), void *arg)
{
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(imports); i++) {
        PyObject *item = PyTuple_GET_ITEM(imports, i);
        PyObject *name = PyTuple_GET_ITEM(item, 1);
        int takes = PyTuple_GET_SIZE(PyTuple_GET_ITEM(item, 2)) > 0;
        PyObject *module = takes && PyUnicode_Check(name)
                               ? PyDict_GetItemWithError(loaded, name)
                               : NULL;
        Group *group = module != NULL ? group_of(engine, module) : NULL;
        int result = group != NULL && group->outside ? visit(group, arg) : 0;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}


static int
visit_read(Group *group, void *arg)
{
    return frame_read_group(arg, group);
}


/* What libraries read while they were imported for an earlier run. */
static int
carry_once(Frame *frame, const Trace *old)
{
    Engine *engine = hmr_engine;
    for (Py_ssize_t i = 0; old != NULL && i < old->read_count; i++) {
        const Read *read = &old->reads[i];
        if (!read->once) {
            continue;
        }
        if (!environ_clean(engine, read)) {
            engine_need_restart(engine, LIBRARY_READ,
                                frame->statement->syntax.label);
        }
        if (trace_copy_read(frame->trace, read, read->cell, read->version)
            < 0) {
            return -1;
        }
    }
    return 0;
}


/* The same for a statement that takes the place of an edited import. */
static int
carry_once_dead(Frame *frame)
{
    const Module *module = frame->statement->module;
    if (frame->statement->trace != NULL
        || frame->statement->syntax.kind != STATEMENT_IMPORT) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        const Statement *old = module->old_statements[i];
        if (old->dead && old->syntax.kind == STATEMENT_IMPORT
            && carry_once(frame, old->trace) < 0) {
            return -1;
        }
    }
    return 0;
}


int
journal_enter(Frame *frame)
{
    Engine *engine = hmr_engine;
    const Statement *statement = frame->statement;
    if (engine->transaction
        && (slots_sync(engine) < 0 || carry_once(frame, statement->trace) < 0
            || carry_once_dead(frame) < 0)) {
        return -1;
    }
    if (statement->syntax.kind != STATEMENT_IMPORT) {
        return journal_watch_modules(engine);
    }
    return engine->outside_groups == 0
               ? 0
               : imports_visit_outside(engine, statement->syntax.imports,
                                       visit_read, frame);
}


/* Was the group as nobody had ever stored into it, or does the trace say what
 * it saw? */
static int
group_known(const Trace *trace, const Group *group, const Engine *engine)
{
    if (cell_here(&group->cell, engine) == group->cell.base) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        if (trace->reads[i].cell == &group->cell) {
            return 1; /* judged by its version */
        }
    }
    return 0;
}


typedef struct {
    Statement *statement;
    const Trace *trace;
} Judged;


static int
visit_judge(Group *group, void *arg)
{
    const Judged *judged = arg;
    Engine *engine = judged->statement->module->engine;
    if (group_known(judged->trace, group, engine)) {
        return 0;
    }
    statement_set_reason(judged->statement,
                         "uses what was stored into outside");
    return 1;
}


/* Of what it has read by name; an import of a name looks at nothing in the
 * object. */
static int
groups_clean(Statement *statement, const Trace *trace)
{
    Engine *engine = statement->module->engine;
    Judged judged = {statement, trace};
    if (statement->syntax.kind == STATEMENT_IMPORT) {
        return !imports_visit_outside(engine, statement->syntax.imports,
                                      visit_judge, &judged);
    }
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        /* a path is compared by its value: see mentions.h */
        int whole = read->cell->kind == CELL_BINDING && read->path == NULL
                    && read->version != NULL;
        /* what is outside is still there where the name holds it no more */
        const void *object = !whole ? NULL
                             : read->version->gone != NULL
                                 ? read->version->gone
                                 : read->version->value;
        Group *group =
            object != NULL ? ptrmap_get(&engine->groups, object) : NULL;
        if (group != NULL && group->outside && visit_judge(group, &judged)) {
            return 0;
        }
    }
    return 1;
}


int
journal_clean(Statement *statement, const Trace *trace)
{
    return statement->module->engine->outside_groups == 0
                   || groups_clean(statement, trace)
               ? mentions_clean(statement, trace)
               : 0;
}
