/* An edit, applied whole or not at all. */

#include "transaction.h"
#include "rules.h"
#include "transaction_parts.h"

#include "adapters.h"
#include "callbacks.h"
#include "class_made.h"
#include "class_members.h"
#include "code.h"
#include "compat.h"
#include "docstring.h"
#include "failure.h"
#include "frame.h"
#include "hooks.h"
#include "loaded.h"
#include "environ.h"
#include "namespace.h"
#include "retired.h"
#include "setters.h"
#include "slots.h"
#include "spare.h"
#include "needed.h"
#include "walk.h"

#include <time.h>

#define WALKS_AT_MOST 10000 /* each forces one more statement */

static double
now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}


/* ---- patches ------------------------------------------------------------ */

/* Give every live function of the old code the new code. */
static int
transaction_patch_pair(Transaction *tx, const CodePair *pair)
{
    CodeInfo *old = code_info(pair->old_code);
    CodeInfo *new = code_info(pair->new_code);
    if (old == NULL || new == NULL) {
        return 0; /* a class body */
    }
    if (old->cell != NULL) {
        if (new->cell != NULL) {
            cell_unref(&new->cell->cell, tx->engine);
        }
        new->cell = (CodeCell *)cell_ref(&old->cell->cell);
        new->cell->code = pair->new_code;
    }
    while (old->function_count > 0) {
        PyObject *function = old->functions[old->function_count - 1];
        if (undo_patch(tx->undo, function, pair->old_code, pair->new_code)
            < 0) {
            return -1; /* the watcher moves it to `new` */
        }
    }
    int readers;
    if (docstring_change(tx->engine, old, new, &readers) < 0) {
        return -1;
    }
    tx->changed |= readers;
    if (pair->changed == CHANGED_BODY && old->cell != NULL
        && rule(PATCH_CALLED)) {
        Version *version = version_new(NULL, NULL);
        if (version == NULL) {
            return -1;
        }
        tx->changed |= old->cell->cell.readers > 0;
        cell_touch(&old->cell->cell, tx->engine);
        version_set(&old->cell->cell.base, version);
        version_unref(version);
    }
    return 0;
}


static int
transaction_patch(Transaction *tx)
{
    for (Py_ssize_t i = 0; i < tx->patches.pairs.count; i++) {
        if (transaction_patch_pair(tx, &tx->patches.pairs.pairs[i]) < 0) {
            return -1;
        }
    }
    return 0;
}


/* ---- planning ----------------------------------------------------------- */

/* Statements that are no more: objects they shaped are made anew. */
static int
transaction_plan_removed(Transaction *tx, Module *module)
{
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        Statement *old = module->old_statements[i];
        if (!old->dead || old->trace == NULL) {
            tx->changed |= old->dead;
            continue;
        }
        if (match_dead(module, i) == NULL) {
            continue; /* patched */
        }
        tx->changed = 1;
        class_made_need_readers(tx->engine, old->trace);
        for (Py_ssize_t k = 0; k < old->trace->write_count; k++) {
            Cell *cell = old->trace->writes[k].cell;
            Statement *creator =
                cell->kind == CELL_GROUP ? ((Group *)cell)->creator : NULL;
            if (rule(REMOVED_SHAPER) && creator != NULL && creator != old
                && !creator->dead) {
                ((Group *)cell)->must_be_fresh = 1;
                statement_set_reason(creator,
                                     "%U, which changed it, is "
                                     "edited or gone",
                                     old->syntax.label);
                walk_force(tx->engine, creator, NULL);
            }
        }
    }
    return 0;
}


static void
transaction_plan_new(Transaction *tx, Module *module)
{
    for (Py_ssize_t j = 0; j < module->count; j++) {
        if (module->statements[j]->trace == NULL) {
            tx->changed = 1;
        }
    }
}


static int
transaction_plan(Transaction *tx)
{
    Engine *engine = tx->engine;
    tx->changed |= callbacks_plan_undone(engine);
    for (Py_ssize_t i = 0; i < engine->probes->count; i++) {
        tx->changed |= engine->probes->statements[i]->always_stale;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->edited) {
            transaction_plan_new(tx, module);
            if (transaction_plan_removed(tx, module) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* A partial walk that is not good enough counts as one to repeat. */
static int
transaction_walk_once(Engine *engine)
{
    engine->conflict = NULL;
    engine->walk_again = 0;
    engine->partial = !engine->walk_whole;
    if (!engine->partial) {
        cells_touch(engine);
        return namespaces_remember(engine) < 0 ? -1 : walk_program(engine);
    }
    int result = walk_program(engine);
    if (result == 0) {
        needed_check(engine);
    }
    engine->walk_again |= engine->walk_whole;
    return result;
}


static int
transaction_walk(Transaction *tx)
{
    Engine *engine = tx->engine;
    for (int walks = 0; walks < WALKS_AT_MOST; walks++) {
        int result = transaction_walk_once(engine);
        if (engine->restart != NULL && engine->conflict != NULL) {
            PyErr_Clear();
            engine->conflict = NULL;
            return 0; /* the restart is reported */
        }
        if (result == 0 && !engine->walk_again) {
            return adapters_end_left(engine);
        }
        if (engine->walk_again
            && (result == 0 || PyErr_ExceptionMatches(PyExc_Exception)
                || PyErr_ExceptionMatches(engine->again))) {
            PyErr_Clear(); /* what it met was not what it should have */
            continue;
        }
        if (engine->conflict == NULL
            || !PyErr_ExceptionMatches(engine->again)) {
            return -1;
        }
        PyErr_Clear();
        if (statement_is_spared(engine->conflict)) {
            PyErr_SetString(PyExc_RuntimeError,
                            "the spared statement has to run");
            return -1;
        }
        statement_set_reason(engine->conflict, "%U", engine->conflict_reason);
        walk_force(engine, engine->conflict, NULL);
    }
    engine->conflict = NULL;
    engine_need_restart(engine, "the update found no end; please report this "
                                "edit");
    return 0;
}


/* ---- apply -------------------------------------------------------------- */

static int
transaction_init(Transaction *tx, Engine *engine, PyObject *paths)
{
    *tx = (Transaction){.engine = engine, .started = now_s()};
    tx->paths = PySet_New(paths);
    tx->patches.names = PyList_New(0);
    tx->undo = undo_new();
    if (tx->paths == NULL || tx->patches.names == NULL || tx->undo == NULL
        || report_data_init(&tx->report) < 0) {
        return -1;
    }
    return 0;
}


/* Edits that failed are tried again. */
static int
transaction_add_pending(const Transaction *tx)
{
    PyObject *all =
        PyObject_CallMethod(tx->paths, "update", "O", tx->engine->pending);
    Py_XDECREF(all);
    return all != NULL ? 0 : -1;
}


static void
transaction_fini(Transaction *tx)
{
    Py_XDECREF(tx->paths);
    Py_XDECREF(tx->named);
    Py_XDECREF(tx->patches.names);
    code_pairs_fini(&tx->patches.pairs);
    code_positions_fini(&tx->patches.positions);
    undo_free(tx->undo, tx->engine);
    report_data_fini(&tx->report);
}


/* Walk with all hooks on. */
static int
transaction_run(Transaction *tx)
{
    Engine *engine = tx->engine;
    needed_plan(engine);
    setters_end_dead(engine);
    if (adapters_end_left(engine) < 0 || adapters_force_dead(engine) < 0
        || callbacks_dispose_dead(engine) < 0 || adapters_end_dead(engine) < 0
        || engine_invalidate_caches(engine) < 0 || hooks_start(engine) < 0) {
        return -1;
    }
    int result = transaction_walk(tx);
    hooks_stop(engine);
    if (result == 0) {
        result = callbacks_check_interrupt(engine);
    }
    if (result < 0) {
        failure_forget(engine); /* nobody tries it any more */
    }
    return result;
}


/* Read, plan, run, commit; or roll back. 0, or -1 with an exception set. */
static int
transaction_perform(Transaction *tx)
{
    Engine *engine = tx->engine;
    engine->ran = 0;
    Py_CLEAR(engine->restart);
    if (PyList_SetSlice(engine->log, 0, PY_SSIZE_T_MAX, NULL) < 0) {
        return -1;
    }
    if (PyList_SetSlice(engine->patched_classes, 0, PY_SSIZE_T_MAX, NULL) < 0) {
        return -1;
    }
    engine->transaction = 1;
    engine->interrupted = 0;
    engine->undoing = tx->undo;
    int walked = 0;
    int result = slots_remember(engine);
    if (result == 0) {
        result = tx->back != NULL ? transaction_read_back(tx)
                                  : transaction_read_changes(tx);
    }
    if (result == 0 && tx->environ != NULL) {
        int readers = environ_change(engine, tx->environ);
        tx->changed |= readers > 0;
        result = readers < 0 ? -1 : 0;
    }
    tx->report.read = now_s() - tx->started;
    if (result == 0 && tx->back == NULL
        && (PyList_GET_SIZE(tx->report.files) > 0 || tx->changed)) {
        result = callbacks_call(engine, CALLBACK_BEFORE, NULL) < 0
                         || callbacks_check_interrupt(engine) < 0
                     ? -1
                     : 0;
    }
    if (result == 0) {
        result = transaction_patch(tx);
    }
    if (result == 0) {
        result = transaction_plan(tx);
    }
    /* Where an import has failed in a request, modules that it had imported may
     * hold one of which there is no record that could have changed. */
    if (result == 0 && engine->request_failed
        && PySet_GET_SIZE(tx->paths) > 0) {
        tx->changed = 1;
        failure_plan(engine);
    }
    tx->report.plan = now_s() - tx->started - tx->report.read;
    if (result == 0 && tx->changed) {
        walked = 1;
        result = transaction_run(tx);
    }
    if (result == 0 && engine->restart != NULL) {
        tx->report.restart = Py_NewRef(engine->restart);
        PyErr_SetNone(engine->again); /* apply nothing */
        result = -1;
    }
    if (result == 0) {
        result =
            walked ? transaction_commit(tx) : transaction_commit_unwalked(tx);
        tx->report.restart = Py_XNewRef(engine->restart);
    }
    if (result < 0) {
        transaction_rollback(tx, walked);
    }
    PyDict_Clear(engine->cleared);
    Py_CLEAR(engine->computed);
    print_saved_fini(&engine->shaped);
    engine->transaction = 0;
    engine->undoing = NULL;
    engine->request_failed &= result < 0 || !walked;
    engine->unsettled = result < 0 || (engine->unsettled && engine->partial)
                        || (engine->unsettled && !walked);
    engine->partial = engine->walk_whole = 0;
    engine->needed_count = 0;
    namespaces_forget(engine);
    loaded_forget(engine);
    slots_forget(engine);
    cells_forget(engine);
    if (tx->changed) {
        groups_settle(engine);
        class_made_sweep(engine);
        class_members_sweep(engine);
    }
    retired_release(engine);
    callbacks_flush(engine);
    return result;
}


/* Classes that got new members, each once. */
static int
transaction_add_classes(const Transaction *tx)
{
    PyObject *names = tx->engine->patched_classes;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        int known = PySequence_Contains(tx->patches.names, name);
        if (known < 0
            || (!known && PyList_Append(tx->patches.names, name) < 0)) {
            return -1;
        }
    }
    return 0;
}


typedef enum { APPLY_FILES, APPLY_REDO, APPLY_BACK } Applied;


static PyObject *
apply(Engine *engine, PyObject *paths, PyObject *environ, Applied what)
{
    Transaction tx;
    PyObject *report = NULL;
    if (engine->transaction || engine->tracing > engine->async_count) {
        PyErr_SetString(PyExc_RuntimeError,
                        "apply() was called while tracked code is running");
        return NULL;
    }
    if (transaction_init(&tx, engine, paths) < 0
        || (what == APPLY_FILES && transaction_add_pending(&tx) < 0)) {
        goto done;
    }
    tx.environ = environ;
    tx.redo = what == APPLY_REDO;
    tx.back = what == APPLY_BACK ? engine->undo : NULL;
    int reverted = engine->undo != NULL && engine->undo->swapped;
    if (reverted && undo_swap(engine->undo, engine, 0) < 0) {
        goto done;
    }
    int result = transaction_perform(&tx);
    if (reverted && engine->undo != NULL && result == 0
        && PyList_GET_SIZE(tx.report.files) == 0
        && PySet_GET_SIZE(tx.paths) == 0
        && (environ == NULL || PyDict_GET_SIZE(environ) == 0)) {
        (void)undo_swap(engine->undo, engine, 1); /* nothing new: stay back */
    }
    if (result < 0) {
        PyObject *error = PyErr_GetRaisedException();
        if (tx.report.restart == NULL) {
            tx.report.error = Py_NewRef(error);
        }
        Py_DECREF(error);
        if (PyList_SetSlice(tx.report.stale, 0, PY_SSIZE_T_MAX, NULL) < 0
            || PyList_SetSlice(tx.report.reran, 0, PY_SSIZE_T_MAX, NULL) < 0
            || report_log(&tx) < 0) {
            goto done;
        }
    }
    else if (transaction_add_classes(&tx) < 0
             || PyList_SetSlice(tx.report.patched, 0, 0, tx.patches.names)
                    < 0) {
        goto done;
    }
    tx.report.total = now_s() - tx.started;
    tx.report.run = tx.report.total - tx.report.read - tx.report.plan;
    report = report_new(&tx.report, engine->revision);

done:
    transaction_fini(&tx);
    return report;
}


PyObject *
transaction_apply(Engine *engine, PyObject *paths, PyObject *environ)
{
    return apply(engine, paths, environ, APPLY_FILES);
}


static PyObject *
apply_nothing_new(Engine *engine, Applied what)
{
    PyObject *none = PyTuple_New(0);
    PyObject *report = none != NULL ? apply(engine, none, NULL, what) : NULL;
    Py_XDECREF(none);
    return report;
}


PyObject *
transaction_redo(Engine *engine)
{
    return apply_nothing_new(engine, APPLY_REDO);
}


PyObject *
transaction_revert(Engine *engine)
{
    if (!engine->undo->disposed || engine->undo->lasting) {
        return Py_NewRef(Py_None);
    }
    long before = engine->revision;
    PyObject *report = apply_nothing_new(engine, APPLY_BACK);
    if (engine->revision == before && undo_swap(engine->undo, engine, 1) < 0) {
        Py_CLEAR(report);
    }
    return report;
}
