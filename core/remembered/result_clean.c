/* Do cached functions still give what their readers saw? */

#include "result_parts.h"

#include "caches.h"
#include "clean.h"
#include "fills.h"
#include "frame_parts.h"
#include "journal.h"
#include "rules.h"
#include "value.h"


/* Files and places outside of the program, variables among them. */
static int
is_outside(const Cell *cell)
{
    return cell->kind == CELL_FILE || cell->kind == CELL_SLOT;
}


/* Did the call do nothing but read, and nothing that its reader is not known to
 * depend on but what can be taken over? */
static int
call_is_covered(const Frame *frame, const Trace *known)
{
    const Trace *trace = frame->trace;
    if (trace->write_count > 0 || trace->import_count > 0
        || trace->names_count > 0 || frame->bound_count > 0
        || frame->befores != NULL) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Cell *cell = trace->reads[i].cell;
        if (cell->kind != CELL_BINDING && cell->kind != CELL_CODE
            && cell->kind != CELL_GROUP && cell->kind != CELL_MEMBER
            && !is_outside(cell)
            && (known == NULL || !trace_has_read(known, cell))) {
            return 0;
        }
    }
    return 1;
}


/* What the call has read outside, which the function's code does not tell, is
 * read by the cell. 0 or -1. */
static int
take_outside(Trace *taker, const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        if (!is_outside(read->cell) || trace_has_read(taker, read->cell)) {
            continue;
        }
        if (trace_copy_read(taker, read, read->cell, read->version) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Call the function again, at the statement's place. 0, or -1 with an exception
 * set or without: the statement has to run. */
static int
result_recompute(Statement *statement, ResultCell *cell)
{
    Engine *engine = statement->module->engine;
    PyObject *function = cache_function(cell->cache);
    Frame frame;
    if (function == NULL || frame_push(&frame, engine, statement) < 0) {
        return -1;
    }
    Frame scratch;
    PyObject *record = NULL;
    uint64_t state;
    int result = journal_enter(&frame);
    if (result_scratch(&scratch, statement, function, &state) <= 0) {
        result = -1;
    }
    frame.compares = 1;
    if (result == 0
        && (fill_stands(engine, cell->cache)
            || cache_clear(engine, cell->cache, state) == 0)) {
        record = PyObject_CallNoArgs(cell->cache);
    }
    if (record == NULL || frame_judge_candidates(&frame, engine) < 0
        || !call_is_covered(&frame, statement_trace(statement))) {
        result = -1;
    }
    if (result == 0 && take_outside(scratch.trace, frame.trace) < 0) {
        result = -1;
    }
    if (result == 0) {
        result_keep(cell, result_take(&scratch), engine);
    }
    Py_XDECREF(record);
    frame_fini(&scratch, engine);
    frame_drop(&frame, engine);
    return result;
}


int
result_follow(Statement *statement, Trace *trace, Py_ssize_t at)
{
    Engine *engine = statement->module->engine;
    Read *name = &trace->reads[at];
    Version *now = cell_now(name->cell, engine);
    PyObject *old = name->version != NULL ? name->version->value : NULL;
    PyObject *cache = now != NULL ? now->value : NULL;
    if (old == NULL || cache == NULL || cache_function(cache) == NULL) {
        return 0;
    }
    for (Py_ssize_t i = at + 1; i < trace->read_count; i++) {
        Read *read = &trace->reads[i];
        if (read->cell->kind != CELL_RESULT
            || ((ResultCell *)read->cell)->cache != old) {
            continue;
        }
        ResultCell *cell = result_get(engine, cache);
        if (cell == NULL) {
            PyErr_Clear(); /* the statement runs */
            return 0;
        }
        if (module_set_add(&cell->cell.readers_in, statement->module) < 0) {
            engine->readers_lost = 1;
        }
        cell_unref(read->cell, engine);
        read->cell = &cell->cell;
        read->called = 1;
    }
    version_set(&name->version, now);
    return 1;
}


int
result_clean(Statement *statement, const Read *read)
{
    ResultCell *cell = (ResultCell *)read->cell;
    Engine *engine = statement->module->engine;
    const Trace *trace = result_trace(&cell->cell);
    if (!rule(RECORD_FIELDS)) {
        return 1;
    }
    if ((trace == NULL || !clean_reads(engine, trace))
        && result_recompute(statement, cell) < 0) {
        PyErr_Clear(); /* the statement runs, and meets it again */
        engine->conflict = NULL;
        return 0;
    }
    if (cell->attempt == NULL && !read->called) {
        return 1; /* what it was when the reader ran */
    }
    PyObject *record = result_peek(cell->cache);
    PyObject *value = record != NULL ? value_follow(record, read->path) : NULL;
    int clean = value != NULL && value_equal(value, read->value);
    Py_XDECREF(record);
    Py_XDECREF(value);
    return clean;
}
