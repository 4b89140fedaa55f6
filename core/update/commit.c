/* The end of a transaction: made final, or taken back. */

#include "transaction_parts.h"

#include "adapters.h"
#include "annotations.h"
#include "caches.h"
#include "class_lines.h"
#include "code.h"
#include "compat.h"
#include "files.h"
#include "lazies.h"
#include "member_caches.h"
#include "loaded.h"
#include "namespace.h"
#include "needed.h"
#include "result.h"
#include "rules.h"
#include "slot_order.h"
#include "slots.h"
#include "value.h"

#define EXPENSIVE 0.1 /* seconds; a statement worth naming when kept */


/* ---- commit ------------------------------------------------------------- */

/* Modules that the walk did not reach are no longer part of the program. */
static int
commit_modules(Transaction *tx)
{
    Engine *engine = tx->engine;
    if (engine->partial) {
        return 0; /* all still are */
    }
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    for (Py_ssize_t i = engine->module_count; i-- > 0;) {
        Module *module = engine->order[i];
        if (module_is_reached(module, engine) || !rule(MODULES_GO)) {
            continue;
        }
        PyObject *now = PyDict_GetItemWithError(loaded, module->name);
        if (now == module->module && PyDict_DelItem(loaded, module->name) < 0) {
            return -1;
        }
        if (module->edited) {
            match_commit(module);
        }
        engine_drop_module(engine, module);
    }
    return 0;
}


/* What an old world still has waits for the end of that: undo_free(). */
static void
commit_release_superseded(Engine *engine, Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        const Write *write = &trace->writes[i];
        if (!write->cell->touched || write->cell->live != write->version) {
            cell_release_superseded(write->cell, write->version, engine);
        }
    }
}


/* A statement of a walk that was given up may have taken a version over. */
static void
commit_producers(const Trace *trace, Statement *statement)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        const Write *write = &trace->writes[i];
        if (write->version != NULL
            && (write->cell->kind == CELL_BINDING
                || write->cell->kind == CELL_SLOT
                || write->cell->kind == CELL_FILL)) {
            write->version->producer = statement;
        }
    }
}


static int
commit_statement(Transaction *tx, Statement *statement)
{
    Engine *engine = tx->engine;
    Trace *attempt = statement->attempt;
    statement->attempt = NULL;
    statement->forced = 0;
    if (attempt != NULL
        && (statement->fresh_walk == engine->walk
            || statement->instead_walk == engine->walk)) {
        attempt->instead = 0;
        Trace *old = statement->trace;
        statement->undone = 0;
        if (statement->patched != NULL) {
            statement->patched->trace = NULL; /* ours now */
        }
        statement->trace = attempt;
        trace_adopt(attempt, statement->module);
        trace_move_producer(attempt, statement, statement);
        trace_free(old, engine);
    }
    else {
        trace_free(attempt, engine);
    }
    if (statement->trace != NULL) {
        commit_producers(statement->trace, statement);
        commit_release_superseded(engine, statement->trace);
    }
    return 0;
}


/* Classes know the line and the attributes of their text. */
static int
commit_class_lines(Transaction *tx, Statement *statement)
{
    (void)tx;
    if (statement->code == NULL
        || !(statement->moved || statement->patched || statement->shifted)) {
        return 0;
    }
    statement->shifted = 1; /* its code holds the old line as a constant */
    return class_fix_lines(statement, statement->code);
}


/* Visit the statements of modules that the transaction may have touched, and
 * probes. */
static int
each_statement(Transaction *tx, int (*visit)(Transaction *, Statement *))
{
    Engine *engine = tx->engine;
    for (Py_ssize_t i = -1; i < engine->module_count; i++) {
        Module *module = i < 0 ? engine->probes : engine->order[i];
        if (i >= 0 && !module->edited && !module->needed
            && !engine->walk_whole) {
            continue;
        }
        for (Py_ssize_t j = 0; j < module->count; j++) {
            if (visit(tx, module->statements[j]) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* ---- report ------------------------------------------------------------- */

/* Every run, in order. */
int
report_log(Transaction *tx)
{
    PyObject *log = tx->engine->log;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(log); i++) {
        PyObject *entry = PyList_GET_ITEM(log, i);
        PyObject *reason = PyTuple_GET_ITEM(entry, 3);
        if (report_add_rerun(&tx->report, PyTuple_GET_ITEM(entry, 0),
                             PyTuple_GET_ITEM(entry, 1),
                             (int)PyLong_AsLong(PyTuple_GET_ITEM(entry, 2)),
                             reason != Py_None ? reason : NULL,
                             PyFloat_AS_DOUBLE(PyTuple_GET_ITEM(entry, 4)))
            < 0) {
            return -1;
        }
    }
    return 0;
}


/* Expensive statements of the modules concerned that did not run, and lifespans
 * that have to start anew. */
static int
report_statements(Transaction *tx)
{
    Engine *engine = tx->engine;
    int result = report_log(tx);
    for (Py_ssize_t i = 0; result == 0 && i < engine->probes->count; i++) {
        Statement *probe = engine->probes->statements[i];
        if (probe->stale) {
            result = PyList_Append(tx->report.stale, probe->syntax.label);
        }
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        int concerned = module->edited || module->concerned;
        for (Py_ssize_t j = 0; result == 0 && concerned && j < module->count;
             j++) {
            Statement *statement = module->statements[j];
            if (statement->ran == 0 && statement->trace != NULL
                && statement->trace->cost >= EXPENSIVE
                && statement->syntax.kind != STATEMENT_IMPORT) {
                result =
                    PyList_Append(tx->report.kept, statement->syntax.label);
            }
        }
    }
    return result;
}


static int
report_removed(Transaction *tx)
{
    Engine *engine = tx->engine;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->old_count; j++) {
            Statement *old = module->old_statements[j];
            int still = !old->dead;
            for (Py_ssize_t k = 0; k < module->count && !still; k++) {
                still = PyUnicode_Compare(module->statements[k]->syntax.label,
                                          old->syntax.label)
                        == 0;
            }
            PyObject *item =
                still ? NULL : PyTuple_Pack(2, module->name, old->syntax.label);
            int result = item != NULL ? PyList_Append(tx->report.removed, item)
                         : still      ? 0
                                      : -1;
            Py_XDECREF(item);
            if (result < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* ---- the end ------------------------------------------------------------ */

static int
statement_clear(Transaction *tx, Statement *statement)
{
    trace_free(statement->attempt, tx->engine);
    statement->attempt = NULL;
    statement->forced = 0;
    statement->ran = 0;
    statement->stale = 0;
    Py_CLEAR(statement->reason);
    return 0;
}


/* Objects that a rerun gave again are their creators' of before. */
static void
groups_restore(Engine *engine)
{
    size_t pos = 0;
    const void *object;
    void *item;
    while (ptrmap_next(&engine->groups, &pos, &object, &item)) {
        Group *group = item;
        if (group->moved) {
            group->creator = group->creator_before;
        }
    }
}


void
groups_settle(Engine *engine)
{
    size_t pos = 0;
    const void *object;
    void *group;
    while (ptrmap_next(&engine->groups, &pos, &object, &group)) {
        ((Group *)group)->must_be_fresh = 0;
        ((Group *)group)->moved = 0;
        ((Group *)group)->spoiled &= engine->request_failed;
    }
}


static int
report_visited(Transaction *tx)
{
    Engine *engine = tx->engine;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->walk == engine->walk
            && PyList_Append(tx->report.visited, engine->order[i]->name) < 0) {
            return -1;
        }
    }
    return 0;
}


static int
set_update(PyObject *set, PyObject *more)
{
    PyObject *done = PyObject_CallMethod(set, "update", "O", more);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


/* Edits that failed were tried again with this one. */
static int
forget_failed(const Transaction *tx)
{
    const Engine *engine = tx->engine;
    if (tx->redo) {
        return 0;
    }
    if (tx->back != NULL) {
        return set_update(engine->pending, tx->paths);
    }
    return PySet_Clear(engine->pending) < 0 ? -1 : PySet_Clear(engine->wanted);
}


int
transaction_commit(Transaction *tx)
{
    Engine *engine = tx->engine;
    if (undo_note_names(tx->undo, engine) < 0
        || undo_note_sources(tx->undo, engine) < 0 || report_removed(tx) < 0
        || report_visited(tx) < 0 || commit_modules(tx) < 0
        || namespaces_settle(engine) < 0 || slots_settle(engine) < 0
        || adapters_arrange(engine) < 0 || caches_settle(engine) < 0
        || member_caches_settle(engine) < 0
        || lazies_settle(engine, tx->undo) < 0
        || each_statement(tx, commit_statement) < 0
        || report_statements(tx) < 0) {
        return -1;
    }
    results_commit(engine);
    if (each_statement(tx, commit_class_lines) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if ((engine->order[i]->edited || engine->order[i]->concerned)
            && annotations_settle(engine, engine->order[i]) < 0) {
            return -1;
        }
        if (engine->order[i]->newborn) {
            engine->order[i]->born = engine->revision + 1;
        }
        engine->order[i]->newborn = 0;
        if (engine->order[i]->edited) {
            match_commit(engine->order[i]);
        }
    }
    (void)each_statement(tx, statement_clear); /* cannot fail */
    tx->undo->disposed = engine->undone;
    tx->undo->lasting =
        tx->undo->source_count != PyList_GET_SIZE(tx->report.files)
        || (tx->environ != NULL && PyDict_GET_SIZE(tx->environ) > 0);
    engine->undone = 0;
    engine->revision++;
    engine->generation++;
    undo_free(engine->undo, engine); /* which tx->back was */
    tx->undo->revision = engine->revision;
    engine->undo = tx->undo; /* until the server settles for this revision */
    tx->undo = NULL;
    return forget_failed(tx);
}


/* Nothing had to run: bodies were patched, comments and lines moved. */
int
transaction_commit_unwalked(Transaction *tx)
{
    Engine *engine = tx->engine;
    if (slots_settle(engine) < 0) {
        return -1;
    }
    if (PyList_GET_SIZE(tx->report.files) == 0) {
        return 0;
    }
    if (report_removed(tx) < 0 || report_statements(tx) < 0
        || caches_settle(engine) < 0 || member_caches_settle(engine) < 0
        || lazies_settle(engine, tx->undo) < 0
        || each_statement(tx, commit_class_lines) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->edited) {
            match_commit(engine->order[i]);
        }
    }
    (void)each_statement(tx, statement_clear); /* cannot fail */
    engine->revision++;
    return forget_failed(tx);
}


/* A traceback works its lines out of the code when asked; the code is about to
 * get its old lines back. */
static void
error_fix_lines(PyObject *error)
{
    for (int depth = 0; error != NULL && depth < 100; depth++) {
        PyObject *at = ((PyBaseExceptionObject *)error)->traceback;
        while (at != NULL && PyTraceBack_Check(at)) {
            PyTracebackObject *traceback = (PyTracebackObject *)at;
            PyObject *line = PyObject_GetAttrString(at, "tb_lineno");
            if (line != NULL && PyLong_Check(line)) {
                traceback->tb_lineno = (int)PyLong_AsLong(line);
            }
            Py_XDECREF(line);
            PyErr_Clear(); /* a frame without a line keeps none */
            at = (PyObject *)traceback->tb_next;
        }
        PyObject *cause = ((PyBaseExceptionObject *)error)->cause;
        error =
            cause != NULL ? cause : ((PyBaseExceptionObject *)error)->context;
    }
}


/* What its statement that raised did is undone with the edit. */
static void
forget_raised(Module *module)
{
    trace_free(module->raised, module->engine);
    module->raised = NULL;
}


/* Everything as it was before. Never fails halfway: what cannot be put back is
 * reported as unraisable. Keeps the current exception. */
void
transaction_rollback(Transaction *tx, int walked)
{
    Engine *engine = tx->engine;
    PyObject *error = PyErr_GetRaisedException();
    error_fix_lines(error);
    engine->generation++;
    results_rollback(engine);
    caches_rollback(engine);
    slots_restore(engine); /* before attempts go: they hold some of them */
    (void)each_statement(tx, statement_clear);
    forget_raised(engine->probes);
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        forget_raised(engine->order[i]);
    }
    if (rule(ROLLBACK_CODE)) {
        undo_restore_code(tx->undo);
    }
    if (rule(ROLLBACK_CLASSES)) {
        undo_restore_classes(tx->undo, engine);
    }
    groups_restore(engine);
    if (rule(ROLLBACK_SHAPES)) {
        print_restore(&engine->shaped);
    }
    if (walked) {
        engine->walk++;
    }
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        if (cell->live != NULL) {
            cell->live->producer = cell->live_producer;
        }
        if (cell->kind == CELL_CODE || cell->kind == CELL_DOC
            || cell->kind == CELL_FILE || cell->kind == CELL_MEMBER) {
            version_set(&cell->base, cell->live);
        }
        else {
            cell_write(cell, cell->live, NULL, engine);
        }
        if (cell->kind == CELL_SLOT) {
            slot_order_restore((Slot *)cell, engine);
        }
    }
    if (slot_order_apply(engine) < 0) {
        PyErr_WriteUnraisable(engine->slots);
    }
    if (walked) {
        namespaces_restore(engine);
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->edited) {
            match_rollback(module);
        }
    }
    loaded_restore(engine);
    code_positions_restore(&tx->patches.positions);
    Py_ssize_t pos = 0;
    PyObject *path, *capsule;
    while (PyDict_Next(engine->files, &pos, &path, &capsule)) {
        FileCell *file = PyCapsule_GetPointer(capsule, FILE_CAPSULE);
        file->content = file->content_before;
    }
    if (adapters_arrange(engine) < 0) {
        PyErr_WriteUnraisable(NULL);
    }
    if (set_update(engine->pending, tx->paths) < 0) {
        PyErr_WriteUnraisable(engine->pending);
    }
    PyErr_SetRaisedException(error);
}
