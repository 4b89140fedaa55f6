/* The walk: a cold start in which clean statements are skipped. */

#include "walk.h"

#include "annotations.h"
#include "code.h"
#include "compat.h"
#include "frame.h"
#include "hooks.h"
#include "imports.h"
#include "needed.h"
#include "value.h"


/* ---- is it clean? ------------------------------------------------------- */

/* How a reader of a report would name the cell. */
static void
reason_from_read(Statement *statement, const Read *read)
{
    Cell *cell = read->cell;
    switch (cell->kind) {
    case CELL_BINDING:
        statement_set_reason(statement, "reads %U.%U, changed",
                             ((Binding *)cell)->module->name,
                             ((Binding *)cell)->name);
        break;
    case CELL_GROUP: {
        Statement *creator = ((Group *)cell)->creator;
        statement_set_reason(statement, "in the group of %U",
                             creator != NULL ? creator->syntax.label
                                             : statement->syntax.label);
        break;
    }
    case CELL_CODE:
        statement_set_reason(statement, "called %U, changed",
                             ((CodeCell *)cell)->name);
        break;
    case CELL_FILE:
        statement_set_reason(statement, "depends on %U, changed",
                             ((FileCell *)cell)->path);
        break;
    }
}


/* A read of attribute paths only is clean while they lead to equal values. */
static int
read_path_clean(Read *read, Version *now)
{
    if (now == NULL || now->value == NULL) {
        return 0;
    }
    PyObject *value = value_follow(now->value, read->path);
    int clean = value != NULL && value_equal(value, read->value);
    Py_XDECREF(value);
    if (clean) {
        version_set(&read->version, now);
    }
    return clean;
}


static int
read_clean(Read *read, const Engine *engine)
{
    Version *now = cell_now(read->cell, engine);
    if (read->path != NULL) {
        /* also when the version is the same: the object may have changed */
        return read_path_clean(read, now);
    }
    return now == read->version;
}


/* The names that the walk has bound in the module, against those that were
 * seen. */
static int
names_clean(const NamesRead *read, const Engine *engine)
{
    const Module *module = read->module;
    Py_ssize_t seen = 0;
    for (Py_ssize_t i = 0; i < module->order_count; i++) {
        Binding *binding = module->order[i];
        if (cell_now(&binding->cell, engine) == NULL) {
            continue; /* deleted again */
        }
        if (seen >= PyTuple_GET_SIZE(read->names)
            || PyUnicode_Compare(PyTuple_GET_ITEM(read->names, seen),
                                 binding->name)
                   != 0) {
            return 0;
        }
        seen++;
    }
    return seen == PyTuple_GET_SIZE(read->names);
}


static int
trace_clean(Statement *statement, Trace *trace, const Engine *engine)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        if (!read_clean(&trace->reads[i], engine)) {
            reason_from_read(statement, &trace->reads[i]);
            return 0;
        }
    }
    for (Py_ssize_t i = 0; i < trace->names_count; i++) {
        if (!names_clean(&trace->names[i], engine)) {
            statement_set_reason(statement, "reads all names of %U, changed",
                                 trace->names[i].module->name);
            return 0;
        }
    }
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        if (trace->imports[i]->gone) {
            statement_set_reason(statement, "imports %U, gone",
                                 trace->imports[i]->name);
            return 0;
        }
    }
    return 1;
}


/* The statement stays: what it wrote, it writes again. */
static int
trace_apply(const Trace *trace, Module *module)
{
    Engine *engine = module->engine;
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        const Write *write = &trace->writes[i];
        cell_write(write->cell, write->version, module, engine);
        if (write->cell->kind != CELL_BINDING) {
            continue;
        }
        Binding *binding = (Binding *)write->cell;
        if (write->version == NULL) {
            module_order_remove(binding->module, binding);
        }
        else if (module_order_add(binding->module, binding) < 0) {
            return -1;
        }
    }
    return 0;
}


/* ---- running ------------------------------------------------------------ */

void
walk_force(Engine *engine, Statement *statement, PyObject *reason)
{
    if (statement->attempt != NULL) {
        trace_free(statement->attempt, engine);
        statement->attempt = NULL;
    }
    int again = statement->forced;
    statement->forced = 1;
    module_need(statement->module);
    if (reason != NULL) {
        statement_set_reason(statement, "%U", reason);
    }
    Trace *trace = statement->trace;
    for (Py_ssize_t i = 0; !again && trace != NULL && i < trace->write_count;
         i++) {
        if (trace->writes[i].cell->kind != CELL_GROUP) {
            continue;
        }
        Group *group = (Group *)trace->writes[i].cell;
        if (group->creator != NULL && group->creator != statement
            && !group->creator->dead
            && group->creator->fresh_walk != engine->walk) {
            group->must_be_fresh = 1;
            walk_force(engine, group->creator, NULL);
            statement_set_reason(group->creator,
                                 "%U, which changes it, has "
                                 "to run again",
                                 statement->syntax.label);
        }
    }
}


static int
visit_walk(Module *module, void *arg)
{
    (void)arg;
    return walk_reach(module);
}


static int
visit_note(Module *module, void *arg)
{
    return trace_add_import(arg, module);
}


/* A module fails to import. A statement that is more than an import may catch
 * that: hide the module, so that the statement meets the error by itself. 0, or
 * -1 with the exception still set when nobody catches it. */
static int
statement_leave_failure(Statement *statement, Module *module)
{
    Engine *engine = statement->module->engine;
    if (!engine->transaction || statement->syntax.kind == STATEMENT_IMPORT
        || statement->syntax.kind == STATEMENT_PROBE
        || !PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyErr_Clear();
    module->gone = 1;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->failed_walk == engine->walk) {
            engine->order[i]->gone = 1;
        }
    }
    return engine_hide_gone(engine);
}


/* Modules that the statement imported, or will by its text, come first. */
static int
statement_visit_imports(Statement *statement, Trace *trace)
{
    const Engine *engine = statement->module->engine;
    for (Py_ssize_t i = 0; trace != NULL && i < trace->import_count; i++) {
        Module *module = trace->imports[i];
        if (!module->gone && walk_module(module) < 0
            && statement_leave_failure(statement, module) < 0) {
            return -1;
        }
    }
    if (engine->partial && trace != NULL) {
        return 0; /* its text names nothing more */
    }
    return import_visit(statement, visit_walk, NULL);
}


static int
tuple_has(PyObject *tuple, PyObject *name)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(tuple, i), name) == 0) {
            return 1;
        }
    }
    return 0;
}


static int
statement_read_names(Statement *statement, Frame *frame)
{
    CodeInfo *info = code_info(statement->code);
    if (info == NULL || code_info_scan(info) < 0) {
        return -1;
    }
    Module *module = statement->module;
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        const NameRead *read = &info->names[i];
        if (!tuple_has(statement->syntax.own_names, read->name)
            && frame_read_name(frame, module, read->name, read->path,
                               read->called)
                   < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(info->stores); i++) {
        PyObject *name = PyTuple_GET_ITEM(info->stores, i);
        int sure = tuple_has(statement->syntax.binds, name)
                   && !tuple_has(statement->syntax.own_names, name);
        PyObject *one = sure ? NULL : PyTuple_Pack(1, name);
        int result = one != NULL ? frame_prepare_stores(frame, module, one) : 0;
        Py_XDECREF(one);
        if (result < 0 || PyErr_Occurred()) {
            return -1;
        }
    }
    PyObject *annotations = statement->syntax.annotations;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(annotations); i++) {
        if (frame_read_name(frame, module, PyTuple_GET_ITEM(annotations, i),
                            NULL, 0)
            < 0) {
            return -1;
        }
    }
    return 0;
}


/* Names that an earlier run bound without the text saying so: `import *`, a
 * function that stores a global. */
static int
statement_prepare_rebinds(Statement *statement, Frame *frame)
{
    const Trace *trace = statement->trace;
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        if (trace->writes[i].cell->kind != CELL_BINDING) {
            continue;
        }
        Binding *binding = (Binding *)trace->writes[i].cell;
        if (binding->module == statement->module
            && tuple_has(statement->syntax.binds, binding->name)
            && !tuple_has(statement->syntax.own_names, binding->name)) {
            continue;
        }
        PyObject *one = PyTuple_Pack(1, binding->name);
        int result = one != NULL
                         ? frame_prepare_stores(frame, binding->module, one)
                         : -1;
        Py_XDECREF(one);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* Run the code or the callable inside a pushed frame. */
static int
statement_run_code(Statement *statement, Frame *frame)
{
    if (statement->func != NULL) {
        PyObject *result = PyObject_CallNoArgs(statement->func);
        Py_XSETREF(frame->trace->result, result);
        return result != NULL ? 0 : -1;
    }
    if (statement->code == NULL) {
        return 0;
    }
    if (statement_read_names(statement, frame) < 0
        || statement_prepare_rebinds(statement, frame) < 0
        || frame_add_text_candidates(frame) < 0) {
        return -1;
    }
    PyObject *ns = statement->module->ns;
    frame->entered = 1;
    PyObject *result = PyEval_EvalCode(statement->code, ns, ns);
    Py_XDECREF(result);
    if (result == NULL || annotations_note(statement) < 0) {
        return -1;
    }
    return import_claim_star(statement, frame);
}


/* Keep the trace of a run where it belongs: at once outside of a transaction,
 * as an attempt inside. */
static void
statement_keep(Statement *statement, Trace *trace)
{
    Engine *engine = statement->module->engine;
    statement->fresh_walk = engine->walk;
    if (engine->transaction) {
        trace_free(statement->attempt, engine);
        statement->attempt = trace;
        statement->ran = ++engine->ran;
        statement->module->concerned = 1;
        for (Py_ssize_t i = 0; engine->partial && i < trace->write_count; i++) {
            if (cell_changed(trace->writes[i].cell, engine)) {
                cell_need_readers(trace->writes[i].cell, engine);
            }
        }
        return;
    }
    trace_free(statement->trace, engine);
    statement->trace = trace;
    trace_commit(trace, statement->module);
}


/* Note a run in the transaction's log. Keeps a current exception. */
static void
statement_log(Statement *statement, const Frame *frame)
{
    Engine *engine = statement->module->engine;
    if (!engine->transaction || !frame->entered) {
        return;
    }
    PyObject *error = PyErr_GetRaisedException();
    PyObject *entry = Py_BuildValue(
        "(OOiOd)", statement->module->name, statement->syntax.label,
        statement->syntax.line,
        statement->reason != NULL ? statement->reason : Py_None, frame->cost);
    if (entry == NULL || PyList_Append(engine->log, entry) < 0) {
        PyErr_Clear(); /* without memory: a report short of a line */
    }
    Py_XDECREF(entry);
    PyErr_SetRaisedException(error);
}


static int
statement_execute(Statement *statement)
{
    Engine *engine = statement->module->engine;
    if (statement_visit_imports(statement, statement->trace) < 0) {
        return -1;
    }
    Frame frame;
    if (frame_push(&frame, engine, statement) < 0) {
        return -1;
    }
    if (statement_run_code(statement, &frame) < 0) {
        frame_abandon(&frame, engine);
        statement_log(statement, &frame);
        return -1;
    }
    Trace *trace = frame_pop(&frame, engine);
    statement_log(statement, &frame);
    if (trace == NULL) {
        return -1;
    }
    if (import_visit(statement, visit_note, trace) < 0) {
        trace_free(trace, engine);
        return -1;
    }
    statement_keep(statement, trace);
    return 0;
}


/* Run or skip one statement. */
static int
statement_visit(Statement *statement)
{
    Engine *engine = statement->module->engine;
    Trace *attempt = statement->attempt;
    if (attempt != NULL) {
        /* It ran in an earlier walk of this transaction. */
        for (Py_ssize_t i = 0; i < attempt->import_count; i++) {
            if (!attempt->imports[i]->gone
                && walk_module(attempt->imports[i]) < 0) {
                return -1;
            }
        }
        if (trace_clean(statement, attempt, engine)) {
            statement->fresh_walk = engine->walk;
            return trace_apply(attempt, statement->module);
        }
    }
    Trace *trace = statement->trace;
    if (trace != NULL && !statement->forced && !statement->always_stale) {
        if (statement_visit_imports(statement, trace) < 0) {
            return -1;
        }
        if (trace_clean(statement, trace, engine)) {
            return trace_apply(trace, statement->module);
        }
    }
    if (statement->async) {
        statement->stale = 1;
        return 0;
    }
    if (trace != NULL && !statement->forced) {
        PyObject *reason = Py_XNewRef(statement->reason);
        walk_force(engine, statement, reason); /* its groups rerun with it */
        Py_XDECREF(reason);
        for (Py_ssize_t i = 0; i < trace->write_count; i++) {
            Cell *cell = trace->writes[i].cell;
            Statement *creator =
                cell->kind == CELL_GROUP ? ((Group *)cell)->creator : NULL;
            if (creator != NULL && creator != statement && !creator->dead
                && creator->fresh_walk != engine->walk) {
                return frame_conflict(engine, creator, "%U changes it",
                                      statement->syntax.label);
            }
        }
    }
    return statement_execute(statement);
}


int
walk_statement(Statement *statement)
{
    Engine *engine = statement->module->engine;
    if (engine->partial && statement->place > 0) {
        engine->place = statement->place;
    }
    if (statement_visit(statement) < 0) {
        return -1;
    }
    if (!engine->partial) {
        engine->place++;
    }
    else if (statement->place > 0) {
        engine->place = statement->place;
    }
    statement->place = engine->place;
    return 0;
}


/* ---- modules ------------------------------------------------------------ */

/* The package gets the submodule's name when the import ends. */
static int
module_bind_in_parent(Module *module)
{
    Engine *engine = module->engine;
    Py_ssize_t dot = PyUnicode_FindChar(module->name, '.', 0,
                                        PyUnicode_GET_LENGTH(module->name), -1);
    if (dot < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *head = PyUnicode_Substring(module->name, 0, dot);
    PyObject *tail = PyUnicode_Substring(module->name, dot + 1,
                                         PyUnicode_GET_LENGTH(module->name));
    int result = -1;
    if (head != NULL && tail != NULL) {
        Module *parent = engine_module(engine, head);
        Binding *binding =
            parent != NULL ? module_binding(parent, tail, 1) : NULL;
        result = PyErr_Occurred() ? -1 : 0;
        if (binding != NULL
            && !(engine->partial && parent->walk != engine->walk)) {
            if (engine->transaction && !module->newborn) {
                result = binding_sync(binding, module->self);
            }
            else { /* importlib sets the attribute right after us */
                version_set(&binding->actual, module->self);
            }
            cell_write(&binding->cell, module->self, NULL, engine);
            if (result == 0) {
                result = module_order_add(parent, binding);
            }
        }
    }
    Py_XDECREF(head);
    Py_XDECREF(tail);
    return result;
}


/* Importing a.b imports a first. */
static int
walk_parent(Module *module)
{
    Py_ssize_t dot = PyUnicode_FindChar(module->name, '.', 0,
                                        PyUnicode_GET_LENGTH(module->name), -1);
    if (dot < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *head = PyUnicode_Substring(module->name, 0, dot);
    Module *parent = head != NULL ? engine_module(module->engine, head) : NULL;
    Py_XDECREF(head);
    if (PyErr_Occurred()) {
        return -1;
    }
    return parent != NULL && !parent->gone ? walk_module(parent) : 0;
}


/* importlib's mark of a module that is being imported: error messages speak of
 * a circular import when it is set. On a first import it is set already. */
static int
module_set_initializing(Module *module, PyObject *flag)
{
    if (!module->engine->transaction || module->newborn) {
        return 0;
    }
    PyObject *error = PyErr_GetRaisedException();
    PyObject *spec = dict_peek(module->ns, "__spec__");
    int result = spec != NULL && spec != Py_None
                     ? PyObject_SetAttrString(spec, "_initializing", flag)
                     : 0;
    if (error != NULL) {
        PyErr_SetRaisedException(error);
    }
    return result;
}


/* A partial walk leaves the module out: it stays as it is. */
static int
walk_skip(Module *module)
{
    Engine *engine = module->engine;
    if (module->skipped_walk == engine->walk) {
        return 0;
    }
    if (walk_parent(module) < 0) {
        return -1;
    }
    module->skipped_walk = engine->walk;
    return module_bind_in_parent(module);
}


/* Visit the statements in order. */
static int
walk_statements(Module *module)
{
    Engine *engine = module->engine;
    Module *outer = engine->walking;
    engine->walking = module;
    module->walk = engine->walk;
    module->order_count = 0;
    if (engine->partial) {
        engine->place = module->began;
    }
    else {
        module->importer = outer;
        module->began = engine->place;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < module->count; i++) {
        result = walk_statement(module->statements[i]);
    }
    engine->walking = outer;
    return result;
}


int
walk_module(Module *module)
{
    Engine *engine = module->engine;
    if (module->walk == engine->walk) {
        return 0;
    }
    if (walk_skips(module)) {
        return walk_skip(module);
    }
    if (walk_parent(module) < 0) {
        return -1;
    }
    if (module->walk == engine->walk) {
        return 0; /* the package imported it */
    }
    if (Py_EnterRecursiveCall(" while importing")) {
        return -1;
    }
    module->walk = engine->walk;
    int result = module_set_initializing(module, Py_True);
    if (result == 0) {
        result = walk_statements(module);
    }
    if (module_set_initializing(module, Py_False) < 0) {
        result = -1;
    }
    if (result < 0 && engine->transaction) {
        module->failed_walk = engine->walk;
    }
    if (result == 0) {
        if (!engine->partial) {
            module->ended = ++engine->ended;
            module->ended_place = engine->place;
        }
        result = module_bind_in_parent(module);
    }
    Py_LeaveRecursiveCall();
    return result;
}


int
walk_reach(Module *module)
{
    return module->gone ? 0 : walk_module(module);
}


/* Modules that the walk did not reach are no more: what they did to others'
 * objects is undone by making these anew. */
static int
walk_check_unreached(Engine *engine)
{
    if (engine->partial) {
        return 0; /* all that was reached still is */
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->walk == engine->walk && !module->gone) {
            continue;
        }
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Trace *trace = module->statements[j]->trace;
            for (Py_ssize_t k = 0; trace != NULL && k < trace->write_count;
                 k++) {
                Cell *cell = trace->writes[k].cell;
                Statement *creator =
                    cell->kind == CELL_GROUP ? ((Group *)cell)->creator : NULL;
                if (creator != NULL && creator->module != module
                    && !creator->dead && creator->module->walk == engine->walk
                    && creator->fresh_walk != engine->walk) {
                    ((Group *)cell)->must_be_fresh = 1;
                    return frame_conflict(engine, creator,
                                          "%U, which changed it, is gone",
                                          module->name);
                }
            }
        }
    }
    return 0;
}


/* A whole walk begins: nothing is bound, and nobody has written anything. */
static void
walk_begin_whole(Engine *engine)
{
    engine->valid_from = engine->walk;
    engine->ended = 0;
    engine->place = 0;
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        cell->writer = NULL;
        cell->shared = 0;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        engine->order[i]->shared = 0;
    }
}


int
walk_program(Engine *engine)
{
    engine->walk++;
    engine->walking = NULL;
    if (engine->partial) {
        needed_begin(engine);
    }
    else {
        walk_begin_whole(engine);
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->root == ROOT_EARLY && !module->gone
            && walk_module(module) < 0) {
            return -1;
        }
    }
    Module *probes = engine->probes;
    probes->walk = engine->walk;
    for (Py_ssize_t i = 0; i < probes->count; i++) {
        if (walk_statement(probes->statements[i]) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->root != ROOT_NONE && !module->gone
            && walk_module(module) < 0) {
            return -1;
        }
    }
    return walk_check_unreached(engine);
}
