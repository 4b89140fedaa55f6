/* An import that fails, and a program that may go on. */

#include "failure.h"

#include "callbacks.h"
#include "frame_parts.h"
#include "imports.h"
#include "journal.h"
#include "loaded.h"
#include "rules.h"
#include "walk.h"


/* A name of another module that the failed one has bound is bound: it may have
 * been in a statement that was clean, and the namespace is behind. */
static int
frame_absorb_binding(Frame *frame, Binding *binding)
{
    const Engine *engine = binding->module->engine;
    Version *now = cell_now(&binding->cell, engine);
    if (engine->transaction && now != NULL && !now->gone
        && binding_sync(binding, now) < 0) {
        return -1;
    }
    return frame_bind(frame, binding->module, binding->name);
}


/* The statement has tried to import a module, in vain: see trace_absorb. */
static int
frame_absorb(Frame *frame, const Trace *from, const Module *failed)
{
    if (trace_absorb(frame->trace, from, failed, frame->statement) < 0
        || callbacks_absorb(frame->trace, from) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < failed->passed && i < failed->count; i++) {
        const Trace *trace = statement_trace(failed->statements[i]);
        if (trace != NULL && callbacks_absorb(frame->trace, trace) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < from->write_count; i++) {
        /* its own doing from here on */
        Cell *cell = from->writes[i].cell;
        Binding *binding = (Binding *)cell;
        int result = cell->kind != CELL_BINDING ? frame_first(frame, cell)
                     : binding->module != failed
                         ? frame_absorb_binding(frame, binding)
                         : 0;
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* All that the module's statements did in this walk. 0 or -1. */
static int
failure_collect(const Module *module, Trace *into, Statement *importer)
{
    if (!rule(FAILED_IMPORTS)) {
        return 0;
    }
    const Engine *engine = module->engine;
    for (Py_ssize_t i = 0; i < module->passed; i++) {
        const Statement *statement = module->statements[i];
        const Trace *trace = statement_trace(statement);
        if (trace != NULL && trace_absorb(into, trace, module, importer) < 0) {
            return -1;
        }
    }
    into->unsteady |= module->seen_walk == engine->walk;
    if (module->raised == NULL) {
        return 0;
    }
    return trace_absorb(into, module->raised, module, importer) < 0
               ? -1
               : callbacks_absorb(into, module->raised);
}


static void
failure_end(Module *module)
{
    Engine *engine = module->engine;
    engine->unsettled = 1;
    engine->walk_whole |= engine->transaction; /* another one is imported */
    trace_free(module->raised, engine);
    module->raised = NULL;
    module->failed_walk = engine->walk;
}


/* A request has imported it: nobody who could be told is running. */
static void
failure_spoil(const Module *module)
{
    Engine *engine = module->engine;
    Trace *all = trace_new();
    if (all == NULL || failure_collect(module, all, NULL) < 0) {
        PyErr_Clear(); /* without memory: the error itself matters more */
    }
    for (Py_ssize_t i = 0; all != NULL && i < all->write_count; i++) {
        if (all->writes[i].cell->kind == CELL_GROUP) {
            ((Group *)all->writes[i].cell)->spoiled = 1;
        }
    }
    trace_free(all, engine);
    engine->request_failed = 1;
}


void
failure_plan(Engine *engine)
{
    size_t pos = 0;
    const void *object;
    void *item;
    while (ptrmap_next(&engine->groups, &pos, &object, &item)) {
        Group *group = item;
        if (group->spoiled && group->creator != NULL && !group->creator->dead) {
            group->must_be_fresh = 1;
            statement_set_reason(group->creator,
                                 "an import that failed has changed it");
            walk_force(engine, group->creator, NULL);
        }
    }
}


void
failure_give(Module *module, Frame *frame)
{
    PyObject *error = PyErr_GetRaisedException();
    if (frame == NULL && !module->engine->transaction) {
        failure_spoil(module);
    }
    if (frame != NULL) {
        trace_drop_import(frame->trace, module);
        Trace *all = trace_new();
        if (all == NULL || failure_collect(module, all, NULL) < 0
            || frame_absorb(frame, all, module) < 0
            || (module->file != NULL
                && frame_read_cell(frame, &module->file->cell) < 0)) {
            PyErr_Clear(); /* without memory: the error itself matters more */
            frame->trace->unsteady = 1;
        }
        trace_free(all, module->engine);
    }
    failure_end(module);
    PyErr_SetRaisedException(error);
}


void
failure_hold(Module *module, long before)
{
    Engine *engine = module->engine;
    PyObject *error = PyErr_GetRaisedException();
    failure_forget(engine);
    engine->held.module = module;
    engine->held.error = Py_NewRef(error);
    engine->held.trace = trace_new();
    if (engine->held.trace == NULL) {
        PyErr_Clear(); /* without memory: the error itself matters more */
    }
    else if (failure_collect(module, engine->held.trace, NULL) < 0) {
        PyErr_Clear();
        engine->held.trace->unsteady = 1;
    }
    engine->held.before = before;
    loaded_withhold(engine, before);
    failure_end(module);
    PyErr_SetRaisedException(error);
}


int
failure_is_held(const Module *module)
{
    return module->engine->held.module == module;
}


/* Is it the error of a source that cannot be compiled? */
static int
error_is_of_source(const Engine *engine, const PyObject *error)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->unreadable == error) {
            return error != NULL;
        }
    }
    return 0;
}


static int
visit_find(Module *module, void *arg)
{
    const Module **sought = arg;
    if (module == *sought) {
        *sought = NULL;
    }
    return 0;
}


int
failure_is_certain(Statement *statement, const Module *failed)
{
    Engine *engine = failed->engine;
    if (statement->syntax.kind != STATEMENT_IMPORT
        || !error_is_of_source(engine, engine->held.error)) {
        return 0;
    }
    PyObject *error = PyErr_GetRaisedException();
    const Module *sought = failed; /* NULL: the text names it */
    Trace *trace = trace_new();
    int certain =
        trace != NULL && import_visit(statement, visit_find, &sought) == 0
        && sought == NULL && engine->held.trace != NULL
        && trace_absorb(trace, engine->held.trace, failed, statement) == 0
        && (failed->file == NULL
            || trace_add_read(trace, &failed->file->cell,
                              cell_now(&failed->file->cell, engine))
                   == 0);
    if (certain) {
        trace_free(statement->module->raised, engine);
        statement->module->raised = trace;
        failure_forget(engine);
    }
    else {
        trace_free(trace, engine);
    }
    PyErr_SetRaisedException(error); /* memory was short: it runs */
    return certain;
}


int
failure_meet(Module *module, Frame *frame)
{
    Engine *engine = module->engine;
    if (!failure_is_held(module)) {
        return 0;
    }
    PyObject *error = Py_NewRef(engine->held.error);
    trace_drop_import(frame->trace, module);
    if (engine->held.trace == NULL
        || frame_absorb(frame, engine->held.trace, module) < 0
        || (module->file != NULL
            && frame_read_cell(frame, &module->file->cell) < 0)) {
        PyErr_Clear(); /* without memory: the error itself matters more */
        frame->trace->unsteady = 1;
    }
    failure_forget(engine);
    PyErr_SetRaisedException(error);
    return -1;
}


static void
held_clear(Engine *engine)
{
    engine->held.module = NULL;
    Py_CLEAR(engine->held.error);
    trace_free(engine->held.trace, engine);
    engine->held.trace = NULL;
}


void
failure_forget(Engine *engine)
{
    if (engine->held.module != NULL) {
        loaded_release(engine, engine->held.before);
    }
    held_clear(engine);
}


/* What the failed import had imported did, and nobody has imported since. */
static void
withdraw_withheld(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; module->withheld && j < module->count; j++) {
            journal_withdraw(statement_trace(module->statements[j]), engine);
        }
    }
}


/* Whose object has the failed import changed? Borrowed, or NULL. */
static Statement *
held_find_changed(const Engine *engine)
{
    Statement *creator = trace_find_changed(engine->held.trace, engine, 0);
    for (Py_ssize_t i = 0; creator == NULL && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0;
             creator == NULL && module->withheld && j < module->passed; j++) {
            creator = trace_find_changed(statement_trace(module->statements[j]),
                                         engine, 0);
        }
    }
    return creator;
}


int
failure_pass_over(Engine *engine)
{
    if (engine->conflict != NULL || engine->held.module == NULL
        || !PyErr_ExceptionMatches(PyExc_Exception)) {
        return -1;
    }
    PyErr_Clear();
    Statement *changed = held_find_changed(engine);
    if (changed != NULL) {
        engine->held.module->passed_over = 1; /* lest it does so again */
        return frame_conflict(engine, changed,
                              "%U, which changed it, cannot be imported",
                              engine->held.module->name);
    }
    /* No request came so far: what it has imported is as if it were not. */
    journal_withdraw(engine->held.trace, engine);
    withdraw_withheld(engine);
    held_clear(engine);
    return 0;
}
