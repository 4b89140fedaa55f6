/* Is a statement clean? */

#include "clean.h"

#include "attributes.h"
#include "class_made.h"
#include "environ.h"
#include "failure.h"
#include "fills.h"
#include "frame.h"
#include "journal.h"
#include "loaded.h"
#include "result.h"
#include "rules.h"
#include "value.h"
#include "walk.h"
#include "walk_package.h"


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
    case CELL_DOC:
        statement_set_reason(statement, "looked at %U's docstring, changed",
                             ((CodeCell *)cell)->name);
        break;
    case CELL_FILE:
        statement_set_reason(statement, "depends on %U, changed",
                             ((FileCell *)cell)->path);
        break;
    case CELL_SLOT:
        statement_set_reason(statement,
                             ((Slot *)cell)->kind < SLOT_ENVIRON
                                 ? "uses what was stored outside as %S"
                             : ((Slot *)cell)->kind == SLOT_ADAPTED
                                 ? "uses what a library keeps, changed: %S"
                                 : "reads os.environ, changed: %S",
                             ((Slot *)cell)->key);
        break;
    case CELL_RESULT:
        statement_set_reason(statement, "reads %U of a cached record, changed",
                             PyTuple_GET_ITEM(read->path, 0));
        break;
    case CELL_FILL:
        statement_set_reason(statement, "calls %S, filled by another statement",
                             ((FillCell *)cell)->cache);
        break;
    case CELL_MEMBER:
        statement_set_reason(statement, "uses %U.%U, changed",
                             ((MemberCell *)cell)->owner,
                             ((MemberCell *)cell)->name);
        break;
    case CELL_SUBCLASSES:
        statement_set_reason(
            statement, "reads the subclasses of %s, changed",
            ((PyTypeObject *)((SubclassCell *)cell)->base)->tp_name);
        break;
    }
}


/* A read of attribute paths only is clean while they lead to equal values; or,
 * where later statements have changed an object along them, while all that led
 * there is what it was. */
static int
read_path_clean(Read *read, Version *now)
{
    if (now == NULL || now->value == NULL) {
        return 0;
    }
    uint64_t state;
    int here = attributes_state(hmr_engine, now->value, read->path, &state);
    if (here <= 0) {
        PyErr_Clear(); /* without memory: it runs */
        return here == 0 && now == read->version && state == read->state;
    }
    PyObject *value = value_follow(now->value, read->path);
    int clean =
        value != NULL && (value_equal(value, read->value) || !rule(READ_PATHS));
    Py_XDECREF(value);
    if (clean) {
        version_set(&read->version, now);
        read->state = state;
    }
    return clean;
}


int
clean_read(Read *read, const Engine *engine)
{
    Version *now = cell_now(read->cell, engine);
    if (read->bound) {
        return (now != NULL) == (read->version != NULL);
    }
    if (read->path != NULL) {
        /* also when the version is the same: the object may have changed */
        return read_path_clean(read, now);
    }
    if (read->cell->kind == CELL_SLOT) {
        return environ_clean(engine, read);
    }
    if (read->cell->kind == CELL_SUBCLASSES) {
        return class_made_clean(read);
    }
    return now == read->version;
}


int
clean_reads(const Engine *engine, const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        if (!clean_read(&trace->reads[i], engine)) {
            return 0;
        }
    }
    return 1;
}


/* The names that the walk has bound in the module, against those that were
 * seen. */
static int
names_clean(const NamesRead *read, const Engine *engine)
{
    if (!rule(READ_ALL_NAMES)) {
        return 1;
    }
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


/* Had the statement met the error of a module that it would find in sys.modules
 * now, since it is being imported around it? */
static int
read_is_of_outer_import(Statement *statement, const Read *read)
{
    const Module *module =
        read->cell->kind == CELL_FILE ? ((FileCell *)read->cell)->module : NULL;
    const Engine *engine = statement->module->engine;
    if (module == NULL || module == statement->module
        || module->walk != engine->walk || module->passed == module->count
        || module->failed_walk == engine->walk) {
        return 0;
    }
    statement_set_reason(statement, "had tried %U, which imports it now",
                         module->name);
    return 1;
}


/* Reads up to `end` are what they were? */
static int
reads_clean(Statement *statement, Trace *trace, Py_ssize_t *at, Py_ssize_t end)
{
    Engine *engine = statement->module->engine;
    for (; *at < end; (*at)++) {
        Read *read = &trace->reads[*at];
        if (rule(FAILED_IMPORTS) && read_is_of_outer_import(statement, read)) {
            return 0;
        }
        if (read->cell->kind == CELL_RESULT ? result_clean(statement, read)
            : read->cell->kind == CELL_FILL
                ? fill_clean(statement, trace, read)
                : clean_read(read, engine)
                      || (read->called
                          && result_follow(statement, trace, *at))) {
            continue;
        }
        if (!read->once) {
            reason_from_read(statement, read);
            return 0;
        }
        engine_need_restart(engine, LIBRARY_READ, statement->syntax.label);
    }
    return 1;
}


/* Import what a statement that is clean so far imported at this point. 1; 0
 * when the import fails, and the statement has to meet the error by itself; or
 * -1 with an exception set. */
static int
import_clean(Statement *statement, Module *module, int nested)
{
    Engine *engine = module->engine;
    if (module->gone || module->failed_walk == engine->walk
        || (!walk_is_settled(module)
            && (package_failed(module)
                || (!nested && package_is_lacking(module))))) {
        statement_set_reason(statement, "imports %U, gone", module->name);
        return 0;
    }
    if (walk_module(module) == 0) {
        return 1;
    }
    if (engine->conflict != NULL || engine->held.module == NULL) {
        return -1;
    }
    if (failure_is_certain(statement, module)) {
        return -1;
    }
    PyErr_Clear(); /* held: see failure.h */
    statement_set_reason(statement, "imports %U, which fails", module->name);
    return 0;
}


/* What it had bound and made before it imported is there for what that imports,
 * and stands before what the import binds in a package. `before`: to take it
 * back, as far as `shown`. */
static int
trace_show_writes(const Trace *trace, const Import *import, Version **before,
                  Py_ssize_t *shown, Module *module)
{
    for (Py_ssize_t i = 0; import->versions != NULL && i < import->wrote; i++) {
        Cell *cell = trace->writes[i].cell;
        Version *now = cell_now(cell, module->engine);
        Version *then = import->versions[i];
        if (cell->kind != CELL_BINDING && cell->kind != CELL_GROUP) {
            continue;
        }
        if (i >= *shown) {
            before[i] = version_ref(now);
        }
        if (i >= *shown || now != then) {
            cell_write(cell, then, module, module->engine);
        }
        Binding *binding = (Binding *)cell;
        if (cell->kind == CELL_BINDING && then != NULL
            && module_order_add(binding->module, binding) < 0) {
            return -1;
        }
    }
    *shown = import->wrote > *shown ? import->wrote : *shown;
    return 0;
}


/* The statement runs: nothing of it is there as yet. */
static void
trace_hide_writes(const Trace *trace, Version **before, Py_ssize_t end,
                  Engine *engine)
{
    for (Py_ssize_t i = 0; i < end; i++) {
        Cell *cell = trace->writes[i].cell;
        if (cell->kind == CELL_BINDING || cell->kind == CELL_GROUP) {
            cell_write(cell, before[i], NULL, engine);
        }
    }
}


static void
versions_free(Version **versions, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; versions != NULL && i < count; i++) {
        version_unref(versions[i]);
    }
    PyMem_Free(versions);
}


/* The statement runs: it may bind other names. */
static void
trace_disorder_writes(const Trace *trace, const Engine *engine)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        Binding *binding = (Binding *)trace->writes[i].cell;
        if (binding->cell.kind == CELL_BINDING
            && cell_now(&binding->cell, engine) == NULL) {
            module_order_remove(binding->module, binding);
        }
    }
}


/* Does it read what the first writes of another trace are about? */
static int
trace_reads_writes(const Trace *reader, const Trace *trace, Py_ssize_t end)
{
    for (Py_ssize_t i = 0; reader != NULL && i < end; i++) {
        const Cell *cell = trace->writes[i].cell;
        for (Py_ssize_t k = 0; k < reader->read_count; k++) {
            if (reader->reads[k].cell == cell) {
                return 1;
            }
        }
        for (Py_ssize_t k = 0;
             cell->kind == CELL_BINDING && k < reader->names_count; k++) {
            if (reader->names[k].module == ((const Binding *)cell)->module) {
                return 1;
            }
        }
    }
    return 0;
}


/* Has anything that ran since looked at them? What they were by then need not
 * be what they are in the end. */
static int
runs_read_writes(const Engine *engine, long since, const Trace *trace,
                 Py_ssize_t end)
{
    if (trace_reads_writes(engine->held.trace, trace, end)) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            const Statement *statement = module->statements[j];
            if (statement->ran > since
                && trace_reads_writes(statement->attempt, trace, end)) {
                return 1;
            }
        }
    }
    return 0;
}


/* Statements that ran since were not in the midst of what a cold start would be
 * in the midst of: they run again in the next walk. */
static void
forget_runs(Engine *engine, long since)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *statement = module->statements[j];
            if (statement->attempt != NULL && statement->ran > since) {
                trace_free(statement->attempt, engine);
                statement->attempt = NULL;
            }
        }
    }
}


/* Import what it imported, after what it had read and written by then. *nested:
 * see trace_follow. */
static int
trace_follow_imports(Statement *statement, Trace *trace, Version **before,
                     Py_ssize_t *at, Py_ssize_t *shown, long *nested)
{
    Engine *engine = statement->module->engine;
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        const Import *import = &trace->imports[i];
        if (rule(IMPORTS_IN_PLACE)
            && !reads_clean(statement, trace, at, import->after)) {
            return 0;
        }
        if (import->nested && *nested < 0) {
            *nested = engine->ended;
        }
        if (trace_show_writes(trace, import, before, shown, statement->module)
            < 0) {
            return -1;
        }
        long ran = engine->ran;
        int clean = import_clean(statement, import->module, import->nested);
        if (clean < 0) {
            return -1;
        }
        int inside =
            engine->ran != ran
            && (import->nested || runs_read_writes(engine, ran, trace, *shown));
        if (inside) {
            /* what ran there has to find the one that fails, or what this one
             * had done by then, on its way in */
            statement_set_reason(statement, "imports %U on its way",
                                 import->module->name);
            forget_runs(engine, ran);
            *nested = *nested < 0 ? engine->ended : *nested;
            return 0;
        }
        if (clean == 0) {
            return 0;
        }
    }
    return 1;
}


/* Go over the trace in order. *nested: engine->ended before the first import
 * that a module did whose own import failed, or that has to happen within the
 * statement; -1: there was none. */
static int
trace_follow(Statement *statement, Trace *trace, long *nested)
{
    Engine *engine = statement->module->engine;
    if (trace->unsteady) {
        statement_set_reason(statement, "tries a circular import that fails");
        return 0;
    }
    Version **before = NULL;
    if (trace->import_count > 0) {
        before = PyMem_Calloc((size_t)trace->write_count + 1, sizeof(*before));
        if (before == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    Py_ssize_t at = 0, shown = 0;
    int clean =
        trace_follow_imports(statement, trace, before, &at, &shown, nested);
    if (clean > 0) {
        clean = reads_clean(statement, trace, &at, trace->read_count);
    }
    for (Py_ssize_t i = 0; clean > 0 && i < trace->names_count; i++) {
        if (!names_clean(&trace->names[i], engine)) {
            statement_set_reason(statement, "reads all names of %U, changed",
                                 trace->names[i].module->name);
            clean = 0;
        }
    }
    if (clean > 0) {
        clean = journal_clean(statement, trace);
    }
    if (clean <= 0) {
        trace_hide_writes(trace, before, shown, engine);
    }
    versions_free(before, trace->write_count);
    return clean;
}


static int
trace_has_nested(const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        if (trace->imports[i].nested) {
            return 1;
        }
    }
    return 0;
}


int
clean_trace(Statement *statement, Trace *trace)
{
    Engine *engine = statement->module->engine;
    long nested = -1;
    int clean = trace_follow(statement, trace, &nested);
    if (clean == 0) {
        trace_disorder_writes(trace, engine);
    }
    if (clean == 0 && engine->partial
        && (nested >= 0 || trace_has_nested(trace))) {
        engine->walk_whole = 1; /* it imports what is there already */
        PyErr_SetNone(engine->again);
        return -1;
    }
    if (clean == 0 && nested >= 0 && engine->transaction) {
        /* modules came in that it may not import now, or not here */
        return frame_conflict(engine, statement, "%U imports anew",
                              statement->syntax.label);
    }
    return clean;
}
