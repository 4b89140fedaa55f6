/* What functools caches are filled with. */

#include "fills.h"

#include "caches.h"
#include "compat.h"
#include "frame_parts.h"
#include "needed.h"
#include "result.h"
#include "rules.h"

/* In frame->seen. */
#define FILLED_KEY(cache) ((const char *)(cache) + 1)
#define EMPTIED_KEY(cache) ((const char *)(cache) + 2)


static FillCell *
fill_find(const Engine *engine, PyObject *cache)
{
    return ptrmap_get(&engine->fills, cache);
}


/* The cell of a cache: new reference, or NULL with an exception set. */
static FillCell *
fill_get(Engine *engine, PyObject *cache)
{
    FillCell *fill =
        cell_in(&engine->fills, cache, CELL_FILL, sizeof(*fill), engine);
    if (fill != NULL && fill->cache == NULL) {
        fill->cache = Py_NewRef(cache);
    }
    return fill;
}


void
fill_clear(FillCell *fill, Engine *engine)
{
    ptrmap_pop(&engine->fills, fill->cache);
    Py_CLEAR(fill->cache);
}


static uint64_t
version_state(const Version *version)
{
    return PyLong_AsUnsignedLongLong(version->value); /* ours: it is one */
}


int
fill_stands(const Engine *engine, PyObject *cache)
{
    const FillCell *fill = fill_find(engine, cache);
    const Version *now = fill != NULL ? cell_now(&fill->cell, engine) : NULL;
    return now != NULL && fill->held == version_state(now);
}


void
fill_emptied(const Engine *engine, PyObject *cache)
{
    FillCell *fill = fill_find(engine, cache);
    if (fill != NULL) {
        fill->held = 0;
    }
}


/* Nobody has called it before: it holds nothing, or what was made of the same.
 * Where it is not known of what (requests have filled it, or statements that
 * look at attributes alone), that is what there was before the transaction. */
static int
fill_empty(FillCell *fill, PyObject *function, uint64_t state)
{
    Engine *engine = hmr_engine;
    if (engine->transaction && fill->held != state) {
        uint64_t changed;
        int result = fill->held != 0
                         ? cache_clear(engine, fill->cache, state)
                         : cache_read_function(NULL, function, &changed);
        if (result == 0 && fill->held == 0) {
            result = cache_expire(engine, fill->cache, changed);
        }
        if (result < 0) {
            return -1;
        }
    }
    fill->held = state;
    return 0;
}


static int
fill_write(Frame *frame, FillCell *fill, uint64_t state)
{
    Engine *engine = hmr_engine;
    Version *live = fill->cell.touched ? fill->cell.live : NULL;
    Version *version;
    if (live != NULL && version_state(live) == state) {
        live->producer = frame->statement;
        version = version_ref(live);
    }
    else {
        PyObject *number = PyLong_FromUnsignedLongLong(state);
        version = number != NULL ? version_new(number, frame->statement) : NULL;
        Py_XDECREF(number);
    }
    int result = version != NULL
                     ? trace_add_write(frame->trace, &fill->cell, version)
                     : -1;
    if (result == 0) {
        cell_write(&fill->cell, version, frame->statement->module, engine);
    }
    version_unref(version);
    return result;
}


/* `only_empty`: it depends on attributes of what it gets alone. */
static int
fill_note(Frame *frame, FillCell *fill, PyObject *function, int only_empty)
{
    Engine *engine = hmr_engine;
    uint64_t state;
    Version *now = cell_now(&fill->cell, engine);
    if (cache_state(function, &state) < 0
        || (now == NULL && fill_empty(fill, function, state) < 0)) {
        return -1;
    }
    if (only_empty) {
        return 0;
    }
    if (frame_note_read(frame, &fill->cell, now) < 0) {
        return -1;
    }
    Read *read = &frame->trace->reads[frame->trace->read_count - 1];
    read->state = now != NULL ? version_state(now) : state;
    if (now == NULL) {
        return fill_write(frame, fill, state) < 0 ? -1 : 1;
    }
    return engine->transaction && fill->held != read->state
                   && now->producer != NULL
               ? frame_conflict(engine, now->producer,
                                "%U needs what it fills a cache with",
                                frame->statement->syntax.label)
               : 0;
}


int
fill_call(Frame *frame, PyObject *cache)
{
    PyObject *function = cache_function(cache);
    if (frame->number != 0 || frame->compares || function == NULL
        || !rule(CACHE_FILLS)) {
        return 0;
    }
    int expects = result_expects(frame, cache);
    int first =
        frame_first(frame, expects ? EMPTIED_KEY(cache) : FILLED_KEY(cache));
    if (first <= 0) {
        return first;
    }
    FillCell *fill = fill_get(hmr_engine, cache);
    int result = fill != NULL ? fill_note(frame, fill, function, expects) : -1;
    if (fill != NULL) {
        cell_unref(&fill->cell, hmr_engine); /* the trace holds it */
    }
    return result;
}


/* The state that the running statement has found the cache in. */
static void
fill_renew(Frame *frame, FillCell *fill, uint64_t state)
{
    Version *now = cell_now(&fill->cell, hmr_engine);
    PyObject *number = PyLong_FromUnsignedLongLong(state);
    if (number == NULL || now == NULL || now->producer != frame->statement
        || now == fill->cell.live) {
        Py_XDECREF(number);
        PyErr_Clear(); /* without memory: somebody runs again */
        return;
    }
    Py_SETREF(now->value, number);
    fill->held = state;
    for (Py_ssize_t i = frame->trace->read_count; i-- > 0;) {
        Read *read = &frame->trace->reads[i];
        if (read->cell == &fill->cell) {
            read->state = state;
            break;
        }
    }
}


int
fill_called(Frame *frame, PyObject *cache)
{
    PyObject *function = cache_function(cache);
    FillCell *fill = fill_find(hmr_engine, cache);
    if (function == NULL || fill == NULL) {
        return 0;
    }
    uint64_t state;
    if (cache_state(function, &state) < 0) {
        return -1;
    }
    if (state != fill->held) {
        fill_renew(frame, fill, state);
    }
    return 0;
}


int
fill_clean(Statement *statement, Trace *trace, const Read *read)
{
    Engine *engine = statement->module->engine;
    FillCell *fill = (FillCell *)read->cell;
    const Version *now = cell_now(&fill->cell, engine);
    if (now != NULL) {
        return version_state(now) == read->state;
    }
    if (read->version == NULL) {
        return 1; /* it is the first again: its other reads tell */
    }
    PyObject *function = cache_function(fill->cache);
    uint64_t state = 0;
    int same = function != NULL && cache_state(function, &state) == 0
               && state == read->state
               && trace_add_write(trace, &fill->cell, read->version) == 0;
    PyErr_Clear(); /* without memory: it runs */
    if (same) {
        read->version->producer = statement;
    }
    return same;
}
