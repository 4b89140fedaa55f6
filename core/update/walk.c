/* The walk: a cold start in which clean statements are skipped. */

#include "walk.h"

#include "adapters.h"
#include "callbacks.h"
#include "clean.h"
#include "compat.h"
#include "contribute.h"
#include "failure.h"
#include "frame.h"
#include "loaded.h"
#include "slots.h"
#include "spare.h"
#include "needed.h"
#include "release.h"
#include "rules.h"
#include "run.h"
#include "setters.h"
#include "walk_check.h"
#include "walk_package.h"


/* ---- running or not ----------------------------------------------------- */

/* The statement stays: what it wrote, it writes again. */
int
walk_apply(const Trace *trace, Module *module)
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
        Cell *cell = trace->writes[i].cell;
        Statement *creator = cell_stale_creator(cell, statement);
        if (creator != NULL) {
            ((Group *)cell)->must_be_fresh = 1;
            walk_force(engine, creator, NULL);
            statement_set_reason(creator,
                                 "%U, which changes it, has "
                                 "to run again",
                                 statement->syntax.label);
        }
    }
}


/* Its earlier run in this transaction, or the one of the applied revision, if
 * that would be the same again. 1: applied; 0: it has to run; -1 on error. */
static int
statement_reuse(Statement *statement)
{
    Engine *engine = statement->module->engine;
    Trace *attempt = statement->attempt;
    if (attempt != NULL) {
        int clean = clean_trace(statement, attempt);
        if (clean > 0) {
            if (attempt->instead) {
                statement->instead_walk = engine->walk;
            }
            else {
                statement->fresh_walk = engine->walk;
            }
            return walk_apply(attempt, statement->module) < 0 ? -1 : 1;
        }
        if (clean < 0) {
            return -1;
        }
    }
    if (statement->trace == NULL || statement->forced
        || statement->always_stale) {
        return 0;
    }
    int clean = clean_trace(statement, statement->trace);
    if (clean > 0 && walk_apply(statement->trace, statement->module) < 0) {
        return -1;
    }
    return clean;
}


/* It runs: objects of others that it changed are made anew first. */
static int
statement_force_groups(Statement *statement)
{
    if (!rule(GROUP_RERUNS)) {
        return 0;
    }
    Engine *engine = statement->module->engine;
    PyObject *reason = Py_XNewRef(statement->reason);
    walk_force(engine, statement, reason); /* its groups rerun with it */
    Py_XDECREF(reason);
    const Trace *trace = statement->trace;
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        Statement *creator =
            cell_stale_creator(trace->writes[i].cell, statement);
        if (creator != NULL) {
            return frame_conflict(engine, creator, "%U changes it",
                                  statement->syntax.label);
        }
    }
    return 0;
}


/* A new process is needed: what ran from here on might start what nobody can
 * end. The same after Ctrl+C. */
static int
stop_early(Statement *statement)
{
    Engine *engine = statement->module->engine;
    if (engine->transaction && engine->restart != NULL) {
        return frame_conflict(engine, statement, "a new process is needed");
    }
    return engine->transaction ? callbacks_check_interrupt(engine) : 0;
}


/* Run or skip one statement. */
static int
statement_visit(Statement *statement)
{
    Engine *engine = statement->module->engine;
    if (statement_is_spared(statement)) {
        return spare_apply(statement);
    }
    int reused = statement_reuse(statement);
    if (reused != 0) {
        return reused < 0 ? -1 : 0;
    }
    if (statement->async) {
        failure_forget(engine);
        statement->stale = 1;
        return 0;
    }
    int again = contribute_again(statement);
    if (again != 0) {
        return again < 0 ? -1 : 0;
    }
    if (statement->trace != NULL && !statement->forced
        && statement_force_groups(statement) < 0) {
        return -1;
    }
    int result = stop_early(statement);
    if (result == 0) {
        result = adapters_force_together(statement, 1);
    }
    if (result == 0) {
        result = callbacks_dispose(statement);
    }
    if (result == 0) {
        setters_end(statement);
        result = adapters_end(statement);
    }
    if (result == 0) {
        result = stop_early(statement);
    }
    if (result == 0) {
        result = release_old(statement);
    }
    if (result == 0) {
        result = statement_execute(statement);
    }
    failure_forget(engine);
    return result;
}


int
walk_statement(Statement *statement)
{
    Engine *engine = statement->module->engine;
    if (engine->partial && engine->walk_whole
        && frame_current(engine) == NULL) {
        PyErr_SetNone(engine->again); /* what it would meet is not all there */
        return -1;
    }
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

int
walk_is_settled(const Module *module)
{
    return module->gone || module->walk == module->engine->walk;
}


/* Importing a.b imports a first. */
static int
walk_parent(Module *module)
{
    Module *parent = module_package(module);
    if (parent == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return walk_module(parent);
}


/* importlib's mark of a module that is being imported: error messages speak of
 * a circular import when it is set. On a first import it is set already. */
static int
module_set_initializing(Module *module, PyObject *flag)
{
    if (!module->engine->transaction) {
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
    return package_bind_name(module);
}


/* Its edited source gives no statements: raises why, and returns -1. */
static int
module_raise_unreadable(const Module *module)
{
    PyObject *error = Py_NewRef(module->unreadable);
    (void)PyException_SetTraceback(error, Py_None); /* of an earlier try */
    PyErr_SetRaisedException(error);
    return -1;
}


/* Visit the statements in order. */
static int
walk_statements(Module *module)
{
    Engine *engine = module->engine;
    Module *outer = engine->walking;
    engine->walking = module;
    module->order_count = 0;
    engine->looked = 0;
    if (engine->partial) {
        engine->place = module->began;
    }
    else {
        module->importer = outer;
        module->began = engine->place;
    }
    int result =
        module->unreadable != NULL ? module_raise_unreadable(module) : 0;
    for (module->passed = 0; result == 0 && module->passed < module->count;) {
        result = walk_statement(module->statements[module->passed]);
        module->passed += result == 0;
    }
    engine->looked = 0;
    engine->walking = outer;
    return result;
}


int
walk_enter(Module *module)
{
    Engine *engine = module->engine;
    if (Py_EnterRecursiveCall(" while importing")) {
        return -1;
    }
    module->walk = engine->walk;
    module->withheld = 0;
    if (!engine->partial) {
        module->ended = 0;
    }
    int result = module_set_initializing(module, Py_True);
    if (result == 0) {
        result = package_hide_name(module);
    }
    if (result == 0) {
        result = walk_statements(module);
    }
    if (module_set_initializing(module, Py_False) < 0) {
        result = -1;
    }
    if (result == 0) {
        if (!engine->partial) {
            module->ended = ++engine->ended;
            module->ended_place = engine->place;
        }
        result = package_bind_name(module);
    }
    if (result == 0 && engine->transaction) {
        result = slots_sync(engine); /* for the statement that imported it */
    }
    Py_LeaveRecursiveCall();
    return result;
}


/* What its statements have imported comes back with it. */
static int
walk_rejoin_imports(const Module *module)
{
    for (Py_ssize_t i = 0; i < module->passed && i < module->count; i++) {
        const Trace *trace = statement_trace(module->statements[i]);
        for (Py_ssize_t k = 0; trace != NULL && k < trace->import_count; k++) {
            Module *inner = trace->imports[k].module;
            if (inner->withheld && walk_module(inner) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* What its statements have done outside may have been withdrawn. */
static void
walk_rejoin_slots(const Module *module)
{
    Engine *engine = module->engine;
    for (Py_ssize_t i = 0; i < module->passed && i < module->count; i++) {
        const Trace *trace = statement_trace(module->statements[i]);
        for (Py_ssize_t k = 0; trace != NULL && k < trace->write_count; k++) {
            const Write *write = &trace->writes[k];
            if (write->cell->kind == CELL_SLOT
                && cell_now(write->cell, engine) == write->cell->base) {
                cell_write(write->cell, write->version, NULL, engine);
            }
        }
    }
}


int
walk_rejoin(Module *module)
{
    Engine *engine = module->engine;
    module->withheld = 0;
    walk_rejoin_slots(module);
    if (walk_rejoin_imports(module) < 0) {
        return -1;
    }
    if (!engine->partial) {
        module->ended = ++engine->ended;
    }
    return package_bind_name(module);
}


/* A clean statement imports a module that is withheld. */
static int
walk_return(Module *module)
{
    if (walk_parent(module) < 0 || loaded_begin(module) < 0
        || walk_rejoin(module) < 0) {
        return -1;
    }
    return loaded_end(module);
}


/* The walk does what importlib does where a statement runs. */
static int
module_visit(Module *module)
{
    if (loaded_begin(module) < 0 || loaded_begin_import(module) < 0) {
        return -1;
    }
    int result = walk_enter(module);
    loaded_end_import(module);
    if (result == 0) {
        return loaded_end(module);
    }
    if (!module->engine->partial) {
        loaded_remove(module);
    }
    return -1;
}


int
walk_module(Module *module)
{
    const Engine *engine = module->engine;
    if (walk_is_settled(module)) {
        return module->withheld && !module->gone ? walk_return(module) : 0;
    }
    if (walk_skips(module)) {
        return walk_skip(module);
    }
    if (walk_parent(module) < 0) {
        return -1;
    }
    if (walk_is_settled(module)) {
        return 0; /* the package imported it */
    }
    long before = engine->ended;
    if (module_visit(module) == 0) {
        return 0;
    }
    if (engine->conflict == NULL && !PyErr_ExceptionMatches(engine->again)) {
        failure_hold(module, before);
    }
    return -1;
}


int
walk_reach(Module *module)
{
    Engine *engine = module->engine;
    if (walk_module(module) == 0) {
        return 0;
    }
    if (engine->conflict != NULL || engine->held.module == NULL) {
        return -1;
    }
    PyErr_Clear(); /* raised again by the running statement */
    return failure_meet(engine->held.module, frame_current(engine));
}
