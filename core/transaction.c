/* An edit, applied whole or not at all. */

#include "transaction.h"

#include "annotations.h"
#include "caches.h"
#include "class_lines.h"
#include "code.h"
#include "compat.h"
#include "files.h"
#include "frame.h"
#include "hooks.h"
#include "match.h"
#include "namespace.h"
#include "report.h"
#include "undo.h"
#include "value.h"
#include "walk.h"

#include <time.h>

#define EXPENSIVE 0.1       /* seconds; a statement worth naming when kept */
#define WALKS_AT_MOST 10000 /* each forces one more statement */

typedef struct {
    Engine *engine;
    PyObject *paths;  /* set of str. Owned. */
    Patches patches;
    Undo *undo;       /* Owned; function code and names, to go back */
    ReportData report;
    int changed;      /* something may have to run */
    int touched;      /* sources were replaced, if only by a comment */
    double started;
} Transaction;


static double
now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}


/* ---- what changed ------------------------------------------------------- */

static int
transaction_add_file(Transaction *tx, PyObject *path)
{
    PyObject *roots = tx->engine->roots;
    PyObject *shown = Py_NewRef(path);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(roots); i++) {
        PyObject *root = PyTuple_GET_ITEM(roots, i);
        if (PyUnicode_Tailmatch(path, root, 0, PY_SSIZE_T_MAX, -1) == 1) {
            Py_SETREF(shown,
                      PyUnicode_Substring(path, PyUnicode_GET_LENGTH(root),
                                          PyUnicode_GET_LENGTH(path)));
            break;
        }
    }
    int found = shown != NULL ? PySequence_Contains(tx->report.files, shown)
                              : -1;
    int result = found != 0 ? found : PyList_Append(tx->report.files, shown);
    Py_XDECREF(shown);
    return result < 0 ? -1 : 0;
}


/* The module's file may have new text, or be gone. */
static int
transaction_read_module(Transaction *tx, Module *module)
{
    PyObject *source = file_read(module->path);
    if (source == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OSError)) {
            return -1;
        }
        PyErr_Clear();
        if (!module->gone) {
            module->gone = 1;
            tx->changed = 1;
            return transaction_add_file(tx, module->path);
        }
        return 0;
    }
    int same = !module->gone && PyBytes_GET_SIZE(source)
                                    == PyBytes_GET_SIZE(module->source)
               && memcmp(PyBytes_AS_STRING(source),
                         PyBytes_AS_STRING(module->source),
                         (size_t)PyBytes_GET_SIZE(source)) == 0;
    int result = 0;
    if (!same) {
        module->gone = 0;
        result = transaction_add_file(tx, module->path);
        if (result == 0) {
            result = match_module(module, source, &tx->patches);
            tx->touched = 1;
        }
    }
    Py_DECREF(source);
    return result;
}


static int
transaction_refresh_file(Transaction *tx, FileCell *file)
{
    int own = PySet_Contains(tx->engine->written, file->path);
    if (own < 0) {
        return -1;
    }
    if (own) {
        /* What this process wrote is no edit; the next change may be one. */
        file_accept(file);
        return PySet_Discard(tx->engine->written, file->path) < 0 ? -1 : 0;
    }
    int changed = file_refresh(file);
    if (changed <= 0) {
        return changed;
    }
    if (file->cell.readers > 0) {
        tx->changed = 1;
    }
    return transaction_add_file(tx, file->path);
}


/* Files that were opened, listed or looked for. */
static int
transaction_read_files(Transaction *tx)
{
    Engine *engine = tx->engine;
    PyObject *capsules = PyDict_Values(engine->files);
    if (capsules == NULL) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(capsules);
         i++) {
        FileCell *file = PyCapsule_GetPointer(PyList_GET_ITEM(capsules, i),
                                              FILE_CAPSULE);
        int named = PySet_Contains(tx->paths, file->path);
        if (named == 0 && file->listed) {
            named = files_set_has_child(tx->paths, file->path);
        }
        result = named > 0 ? transaction_refresh_file(tx, file) : named;
    }
    Py_DECREF(capsules);
    return result;
}


/* Modules that were looked for in vain may be there now. */
static int
transaction_find_missing(Transaction *tx)
{
    Engine *engine = tx->engine;
    PyObject *names = PyDict_Keys(engine->missing);
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        int found = files_set_may_hold(tx->paths, name);
        if (found > 0) {
            found = engine_can_find(engine, name);
        }
        if (found > 0) {
            FileCell *file = file_missing_module(engine, name);
            Version *version =
                file != NULL ? version_new(NULL, NULL) : NULL;
            if (version != NULL) {
                version_set(&file->cell.base, version);
                tx->changed |= file->cell.readers > 0;
            }
            else {
                result = -1;
            }
            version_unref(version);
            if (file != NULL) {
                cell_unref(&file->cell, engine);
            }
        }
        else if (found < 0) {
            result = -1;
        }
    }
    Py_XDECREF(names);
    return result;
}


static void
files_remember(Engine *engine)
{
    Py_ssize_t pos = 0;
    PyObject *path, *capsule;
    while (PyDict_Next(engine->files, &pos, &path, &capsule)) {
        FileCell *file = PyCapsule_GetPointer(capsule, FILE_CAPSULE);
        file->content_before = file->content;
    }
}


static int
transaction_read_changes(Transaction *tx)
{
    Engine *engine = tx->engine;
    files_remember(engine);
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        int named = PySet_Contains(tx->paths, module->path);
        if (named == 0) {
            named = PySet_Contains(tx->paths, module->real);
        }
        if (named < 0
            || (named > 0 && transaction_read_module(tx, module) < 0)) {
            return -1;
        }
    }
    if (engine_invalidate_caches(engine) < 0
        || transaction_read_files(tx) < 0) {
        return -1;
    }
    return transaction_find_missing(tx);
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
    }
    while (old->function_count > 0) {
        PyObject *function = old->functions[old->function_count - 1];
        if (undo_add_code(tx->undo, function, pair->old_code,
                          pair->new_code) < 0
            || PyObject_SetAttrString(function, "__code__", pair->new_code)
                   < 0) {
            return -1; /* the watcher moves it to `new` */
        }
    }
    if (pair->changed && old->cell != NULL) {
        Version *version = version_new(NULL, NULL);
        if (version == NULL) {
            return -1;
        }
        tx->changed |= old->cell->cell.readers > 0;
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
        int patched = 0;
        for (Py_ssize_t j = 0; j < module->count && !patched; j++) {
            patched = module->statements[j]->patched == old;
        }
        if (patched) {
            continue;
        }
        tx->changed = 1;
        for (Py_ssize_t k = 0; k < old->trace->write_count; k++) {
            Cell *cell = old->trace->writes[k].cell;
            Statement *creator =
                cell->kind == CELL_GROUP ? ((Group *)cell)->creator : NULL;
            if (creator != NULL && creator != old && !creator->dead) {
                ((Group *)cell)->must_be_fresh = 1;
                statement_set_reason(creator, "%U, which changed it, is "
                                     "edited or gone", old->syntax.label);
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


/* Remember for every cell where it stands now. */
static void
cells_remember(Engine *engine)
{
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        version_set(&cell->live, cell_now(cell, engine));
    }
}


static int
transaction_walk(Transaction *tx)
{
    Engine *engine = tx->engine;
    for (int walks = 0; walks < WALKS_AT_MOST; walks++) {
        engine->conflict = NULL;
        if (walk_program(engine) == 0) {
            return 0;
        }
        if (engine->conflict == NULL
            || !PyErr_ExceptionMatches(engine->again)) {
            return -1;
        }
        PyErr_Clear();
        statement_set_reason(engine->conflict, "%U",
                             engine->conflict_reason);
        walk_force(engine, engine->conflict, NULL);
    }
    PyErr_SetString(PyExc_RuntimeError,
                    "hmr-serve: the update found no end; restart the server "
                    "and please report this edit");
    return -1;
}


/* ---- commit ------------------------------------------------------------- */

/* Modules that the walk did not reach are no longer part of the program. */
static int
commit_modules(Transaction *tx)
{
    Engine *engine = tx->engine;
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    for (Py_ssize_t i = engine->module_count; i-- > 0;) {
        Module *module = engine->order[i];
        if (module->walk == engine->walk && !module->gone) {
            continue;
        }
        PyObject *now = PyDict_GetItemWithError(loaded, module->name);
        if (now == module->module
            && PyDict_DelItem(loaded, module->name) < 0) {
            return -1;
        }
        if (module->edited) {
            match_commit(module);
        }
        engine_drop_module(engine, module);
    }
    return 0;
}


/* A name's value that a later statement replaced is not needed any more, except
 * to run readers in between again: then its producer runs first. */
static void
commit_release_superseded(Engine *engine, Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        Write *write = &trace->writes[i];
        if (write->cell->kind != CELL_BINDING || write->version == NULL
            || write->version->value == NULL
            || cell_now(write->cell, engine) == write->version
            || value_is_immutable(write->version->value)) {
            continue;
        }
        write->version->gone = 1;
        Group *group = group_of(engine, write->version->value);
        Py_CLEAR(write->version->value);
        if (group != NULL && Py_REFCNT(group->object) == 1) {
            ptrmap_pop(&engine->groups, group->object);
            Py_CLEAR(group->object);
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
    if (attempt != NULL && statement->fresh_walk == engine->walk) {
        Trace *old = statement->trace;
        if (statement->patched != NULL) {
            statement->patched->trace = NULL; /* ours now */
        }
        statement->trace = attempt;
        trace_commit(attempt);
        trace_move_producer(attempt, statement, statement);
        trace_free(old, engine);
    }
    else {
        trace_free(attempt, engine);
    }
    if (statement->trace != NULL) {
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
    return class_fix_lines(statement->code, statement->module->ns);
}


/* Visit every statement of the program, probes included. */
static int
each_statement(Transaction *tx,
               int (*visit)(Transaction *, Statement *))
{
    Engine *engine = tx->engine;
    for (Py_ssize_t i = -1; i < engine->module_count; i++) {
        Module *module = i < 0 ? engine->probes : engine->order[i];
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
static int
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
        int concerned = module->edited;
        for (Py_ssize_t j = 0; j < module->count && !concerned; j++) {
            concerned = module->statements[j]->ran > 0;
        }
        for (Py_ssize_t j = 0; result == 0 && concerned && j < module->count;
             j++) {
            Statement *statement = module->statements[j];
            if (statement->ran == 0 && statement->trace != NULL
                && statement->trace->cost >= EXPENSIVE
                && statement->syntax.kind != STATEMENT_IMPORT) {
                result = PyList_Append(tx->report.kept,
                                       statement->syntax.label);
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
                                          old->syntax.label) == 0;
            }
            PyObject *item =
                still ? NULL
                      : PyTuple_Pack(2, module->name, old->syntax.label);
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


static void
cells_forget(Engine *engine)
{
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        version_set(&cell->live, NULL);
    }
}


static void
groups_settle(Engine *engine)
{
    size_t pos = 0;
    const void *object;
    void *group;
    while (ptrmap_next(&engine->groups, &pos, &object, &group)) {
        ((Group *)group)->must_be_fresh = 0;
    }
}


static int
transaction_commit(Transaction *tx)
{
    Engine *engine = tx->engine;
    if (undo_note_names(tx->undo, engine) < 0
        || report_removed(tx) < 0 || commit_modules(tx) < 0
        || namespaces_settle(engine) < 0 || caches_settle(engine) < 0
        || each_statement(tx, commit_statement) < 0
        || report_statements(tx) < 0) {
        return -1;
    }
    if (each_statement(tx, commit_class_lines) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->edited
            && annotations_settle(engine, engine->order[i]) < 0) {
            return -1;
        }
        engine->order[i]->newborn = 0;
        if (engine->order[i]->edited) {
            match_commit(engine->order[i]);
        }
    }
    (void)each_statement(tx, statement_clear); /* cannot fail */
    engine->revision++;
    engine->generation++;
    undo_free(engine->undo, engine);
    engine->undo = tx->undo; /* until the server settles for this revision */
    tx->undo = NULL;
    return PySet_Clear(engine->pending) < 0 ? -1
                                            : PySet_Clear(engine->wanted);
}


/* Nothing had to run: bodies were patched, comments and lines moved. */
static int
transaction_commit_unwalked(Transaction *tx)
{
    Engine *engine = tx->engine;
    if (PyList_GET_SIZE(tx->report.files) == 0) {
        return 0;
    }
    if (report_removed(tx) < 0 || report_statements(tx) < 0
        || caches_settle(engine) < 0
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
    return PySet_Clear(engine->pending) < 0 ? -1
                                            : PySet_Clear(engine->wanted);
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
        error = cause != NULL ? cause
                              : ((PyBaseExceptionObject *)error)->context;
    }
}


static int
set_update(PyObject *set, PyObject *more)
{
    PyObject *done = PyObject_CallMethod(set, "update", "O", more);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


/* Everything as it was before. Never fails halfway: what cannot be put back is
 * reported as unraisable. Keeps the current exception. */
static void
transaction_rollback(Transaction *tx, int walked)
{
    Engine *engine = tx->engine;
    PyObject *error = PyErr_GetRaisedException();
    error_fix_lines(error);
    engine->generation++;
    (void)each_statement(tx, statement_clear);
    undo_restore_code(tx->undo);
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        if (cell->live != NULL
            && (cell->kind == CELL_CODE || cell->kind == CELL_FILE)) {
            version_set(&cell->base, cell->live);
        }
    }
    if (walked) {
        engine->walk++;
        for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
            cell_write(cell, cell->live, engine);
        }
        engine_drop_newborn(engine);
        for (Py_ssize_t i = 0; i < engine->module_count; i++) {
            engine->order[i]->ended = engine->order[i]->ended_before;
        }
        namespaces_restore(engine);
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->edited) {
            match_rollback(module);
        }
    }
    engine_show_gone(engine);
    code_positions_restore(&tx->patches.positions);
    Py_ssize_t pos = 0;
    PyObject *path, *capsule;
    while (PyDict_Next(engine->files, &pos, &path, &capsule)) {
        FileCell *file = PyCapsule_GetPointer(capsule, FILE_CAPSULE);
        file->content = file->content_before;
    }
    if (set_update(engine->pending, tx->paths) < 0) {
        PyErr_WriteUnraisable(engine->pending);
    }
    PyErr_SetRaisedException(error);
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
    PyObject *all =
        PyObject_CallMethod(tx->paths, "update", "O", engine->pending);
    Py_XDECREF(all);
    return all != NULL ? 0 : -1;
}


static void
transaction_fini(Transaction *tx)
{
    Py_XDECREF(tx->paths);
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
    if (namespaces_remember(engine) < 0 || engine_hide_gone(engine) < 0
        || hooks_start(engine) < 0) {
        return -1;
    }
    int result = transaction_walk(tx);
    hooks_stop(engine);
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
    cells_remember(engine);
    engine->transaction = 1;
    int walked = 0;
    int result = transaction_read_changes(tx);
    tx->report.read = now_s() - tx->started;
    if (result == 0) {
        result = transaction_patch(tx);
    }
    if (result == 0) {
        result = transaction_plan(tx);
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
        result = walked ? transaction_commit(tx)
                        : transaction_commit_unwalked(tx);
    }
    if (result < 0) {
        transaction_rollback(tx, walked);
    }
    engine->transaction = 0;
    namespaces_forget(engine);
    groups_settle(engine);
    cells_forget(engine);
    return result;
}


PyObject *
transaction_apply(Engine *engine, PyObject *paths)
{
    Transaction tx;
    PyObject *report = NULL;
    if (engine->transaction || engine->tracing > engine->async_count) {
        PyErr_SetString(PyExc_RuntimeError,
                        "apply() was called while tracked code is running");
        return NULL;
    }
    if (transaction_init(&tx, engine, paths) < 0) {
        goto done;
    }
    int reverted = engine->undo != NULL && engine->undo->swapped;
    if (reverted && undo_swap(engine->undo, engine, 0) < 0) {
        goto done;
    }
    int result = transaction_perform(&tx);
    if (reverted && engine->undo != NULL && result == 0
        && PyList_GET_SIZE(tx.report.files) == 0
        && PySet_GET_SIZE(tx.paths) == 0) {
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
    else if (PyList_SetSlice(tx.report.patched, 0, 0, tx.patches.names) < 0) {
        goto done;
    }
    tx.report.total = now_s() - tx.started;
    tx.report.run = tx.report.total - tx.report.read - tx.report.plan;
    report = report_new(&tx.report, engine->revision);

done:
    transaction_fini(&tx);
    return report;
}
