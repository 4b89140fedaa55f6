/* Records that functools caches give. */

#include "result_parts.h"

#include "caches.h"
#include "clean.h"
#include "compat.h"
#include "fills.h"
#include "frame_parts.h"
#include "journal.h"
#include "needed.h"
#include "print.h"
#include "rules.h"
#include "value.h"

/* A cache that the running statement calls for attributes only. */
struct Expected {
    struct Expected *next;
    PyObject *cache;    /* Owned. */
    PyObject *function; /* Owned; behind it */
    PyObject *paths;    /* Owned list of tuples, without RESULT_CALL */
    Frame scratch;      /* what the function reads. Never pushed. */
    int whole;          /* somebody uses more of the record */
};


int
path_is_call(PyObject *path)
{
    return path != NULL && PyTuple_GET_SIZE(path) > 0
           && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(path, 0),
                                               RESULT_CALL)
                  == 0;
}


/* ---- what the cached function reads ------------------------------------- */

/* Stores nothing, and reads nothing mutable but classes? */
static int
trace_is_pure(const Frame *scratch)
{
    for (Py_ssize_t i = 0; i < scratch->candidate_count; i++) {
        if (!PyType_Check(scratch->candidates[i].object)) {
            return 0;
        }
    }
    return scratch->befores == NULL && scratch->trace->write_count == 0
           && scratch->trace->names_count == 0;
}


int
result_scratch(Frame *scratch, Statement *statement, PyObject *function,
               uint64_t *state)
{
    *scratch = (Frame){
        .statement = statement,
        .trace = trace_new(),
        .scratch = 1,
    };
    CodeInfo *info = code_info(PyFunction_GET_CODE(function));
    if (scratch->trace == NULL || code_info_scan(info) < 0) {
        return -1;
    }
    int flags = info->code->co_flags;
    if (info->code->co_argcount + info->code->co_kwonlyargcount > 0
        || (flags
            & (CO_VARARGS | CO_VARKEYWORDS | CO_GENERATOR | CO_COROUTINE
               | CO_ASYNC_GENERATOR))
        || PyTuple_GET_SIZE(info->stores) > 0
        || PyTuple_GET_SIZE(info->deletes) > 0) {
        return 0;
    }
    if (cache_read_function(scratch, function, state) < 0) {
        return -1;
    }
    return trace_is_pure(scratch);
}


Trace *
result_take(Frame *scratch)
{
    Trace *trace = scratch->trace;
    scratch->trace = NULL;
    return trace;
}


/* ---- a running statement ------------------------------------------------ */

static struct Expected *
expected_find(const Frame *frame, PyObject *cache)
{
    struct Expected *at = frame->expected;
    while (at != NULL && at->cache != cache) {
        at = at->next;
    }
    return at;
}


static void
expected_free(struct Expected *expected, Engine *engine)
{
    frame_fini(&expected->scratch, engine);
    Py_DECREF(expected->cache);
    Py_DECREF(expected->function);
    Py_XDECREF(expected->paths);
    PyMem_Free(expected);
}


static int
expected_add_path(struct Expected *expected, PyObject *path)
{
    PyObject *rest = PyTuple_GetSlice(path, 1, PyTuple_GET_SIZE(path));
    int result = rest != NULL ? PyList_Append(expected->paths, rest) : -1;
    Py_XDECREF(rest);
    return result;
}


int
result_expect(Frame *frame, PyObject *cache, PyObject *path)
{
    Engine *engine = hmr_engine;
    PyObject *function = cache_function(cache);
    if (function == NULL || frame->scratch) {
        return 0;
    }
    struct Expected *expected = expected_find(frame, cache);
    if (expected == NULL) {
        expected = PyMem_Calloc(1, sizeof(*expected));
        if (expected == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        expected->cache = Py_NewRef(cache);
        expected->function = Py_NewRef(function);
        expected->paths = PyList_New(0);
        uint64_t state = 0;
        int filled = expected->paths != NULL ? result_scratch(
                         &expected->scratch, frame->statement, function, &state)
                                             : -1;
        if (filled > 0 && cache_expire(engine, cache, state) < 0) {
            filled = -1;
        }
        if (filled <= 0) {
            expected_free(expected, engine);
            return filled;
        }
        expected->next = frame->expected;
        frame->expected = expected;
    }
    return expected_add_path(expected, path) < 0 ? -1 : 1;
}


int
result_expects(const Frame *frame, PyObject *cache)
{
    const struct Expected *expected = expected_find(frame, cache);
    return expected != NULL && !expected->whole;
}


int
result_expect_more(Frame *frame, PyObject *cache, PyObject *path)
{
    struct Expected *expected = expected_find(frame, cache);
    return expected != NULL ? expected_add_path(expected, path) : 0;
}


int
result_whole(Frame *frame, PyObject *cache)
{
    struct Expected *expected = expected_find(frame, cache);
    if (expected == NULL || expected->whole) {
        return 0;
    }
    expected->whole = 1;
    for (Py_ssize_t i = 0; i < frame->trace->read_count; i++) {
        Read *read = &frame->trace->reads[i];
        if (read->version != NULL && read->version->value == cache) {
            read->called = 0;
        }
    }
    Group *group = group_of(hmr_engine, cache);
    return (group != NULL && rule(READ_GROUPS)
            && frame_read_group(frame, group) < 0)
                   || cache_read(frame, cache) < 0
                   || (print_is_cache(cache) && fill_call(frame, cache) < 0)
               ? -1
               : 0;
}


/* Does the code that calls the starting one name the cache for attributes only?
 * Code that got hold of it in another way may do anything with the record. */
static int
caller_expects(const Engine *engine, PyObject *cache)
{
    PyFrameObject *now = PyEval_GetFrame(); /* borrowed */
    PyFrameObject *back = now != NULL ? PyFrame_GetBack(now) : NULL;
    if (back == NULL) {
        return 0;
    }
    PyCodeObject *code = PyFrame_GetCode(back);
    Py_DECREF(back);
    const CodeInfo *info = code_info((PyObject *)code);
    Py_DECREF(code);
    for (Py_ssize_t i = 0; info != NULL && i < info->name_count; i++) {
        if (code_info_module(info) == NULL
            || !path_is_call(info->names[i].path)) {
            continue;
        }
        Binding *binding = module_binding(info->module, info->names[i].name, 0);
        const Version *version =
            binding != NULL ? cell_now(&binding->cell, engine) : NULL;
        if (version != NULL && version->value == cache) {
            return 1;
        }
    }
    PyErr_Clear(); /* without memory: as a whole */
    return 0;
}


/* The cache of that function, where only attributes are expected of it. */
static struct Expected *
expected_of_code(const Frame *frame, const CodeInfo *info)
{
    struct Expected *at = frame->expected;
    while (at != NULL
           && PyFunction_GET_CODE(at->function) != (PyObject *)info->code) {
        at = at->next;
    }
    return at != NULL && !at->whole ? at : NULL;
}


int
result_read_file(Frame *frame, const CodeInfo *info, Cell *file)
{
    struct Expected *expected = expected_of_code(frame, info);
    if (expected == NULL) {
        return 0;
    }
    return frame_read_cell(&expected->scratch, file) < 0 ? -1 : 1;
}


int
result_enter(Frame *frame, CodeInfo *info)
{
    struct Expected *at = expected_of_code(frame, info);
    if (at == NULL) {
        return 0;
    }
    if (!caller_expects(hmr_engine, at->cache)) {
        return result_whole(frame, at->cache) < 0 ? -1 : 0;
    }
    return 1; /* read when it was expected */
}


/* ---- the cell ----------------------------------------------------------- */

static ResultCell *
result_find(const Engine *engine, PyObject *cache)
{
    return ptrmap_get(&engine->results, cache);
}


ResultCell *
result_get(Engine *engine, PyObject *cache)
{
    ResultCell *cell =
        cell_in(&engine->results, cache, CELL_RESULT, sizeof(*cell), engine);
    if (cell != NULL && cell->cache == NULL) {
        cell->cache = Py_NewRef(cache);
    }
    return cell;
}


const Trace *
result_trace(const Cell *cell)
{
    const ResultCell *result = (const ResultCell *)cell;
    return result->attempt != NULL ? result->attempt : result->trace;
}


void
result_clear(ResultCell *cell, Engine *engine)
{
    ptrmap_pop(&engine->results, cell->cache);
    Trace *trace = cell->trace, *attempt = cell->attempt;
    cell->trace = cell->attempt = NULL;
    trace_free(trace, engine);
    trace_free(attempt, engine);
    Py_CLEAR(cell->cache);
}


void
result_keep(ResultCell *cell, Trace *trace, Engine *engine)
{
    if (engine->transaction) {
        trace_free(cell->attempt, engine);
        cell->attempt = trace;
        return;
    }
    trace_commit(trace);
    trace_free(cell->trace, engine);
    cell->trace = trace;
}


PyObject *
result_peek(PyObject *cache)
{
    PyObject *info = PyObject_CallMethod(cache, "cache_info", NULL);
    PyObject *size =
        info != NULL ? PyObject_GetAttrString(info, "currsize") : NULL;
    long count = size != NULL ? PyLong_AsLong(size) : 0;
    Py_XDECREF(info);
    Py_XDECREF(size);
    PyObject *record = count > 0 ? PyObject_CallNoArgs(cache) : NULL;
    PyErr_Clear(); /* read as a whole */
    if (record != NULL && !value_is_record(record)) {
        Py_CLEAR(record);
    }
    return record;
}


/* Add the reads of one cache's attributes. 1; 0: not all can be compared. */
static int
expected_note(Frame *frame, struct Expected *expected, PyObject *record)
{
    Engine *engine = hmr_engine;
    Py_ssize_t before = frame->trace->read_count;
    ResultCell *cell = result_get(engine, expected->cache);
    int result = cell != NULL ? 1 : -1;
    for (Py_ssize_t i = 0; result > 0 && i < PyList_GET_SIZE(expected->paths);
         i++) {
        PyObject *path = PyList_GET_ITEM(expected->paths, i);
        PyObject *value = value_follow(record, path);
        if (value == NULL || !value_is_immutable(value)) {
            Py_XDECREF(value);
            result = 0;
            break;
        }
        if (trace_add_read(frame->trace, &cell->cell, NULL) < 0) {
            Py_DECREF(value);
            result = -1;
            break;
        }
        Read *read = &frame->trace->reads[frame->trace->read_count - 1];
        read->path = Py_NewRef(path);
        read->value = value;
    }
    if (result > 0) {
        result_keep(cell, result_take(&expected->scratch), engine);
    }
    else {
        trace_drop_reads(frame->trace, before, engine);
    }
    if (cell != NULL) {
        cell_unref(&cell->cell, engine); /* the trace holds it */
    }
    return result;
}


int
result_settle(Frame *frame)
{
    for (struct Expected *at = frame->expected; at != NULL; at = at->next) {
        if (at->whole) {
            continue;
        }
        PyObject *record =
            trace_is_pure(&at->scratch) ? result_peek(at->cache) : NULL;
        int noted = record != NULL ? expected_note(frame, at, record) : 0;
        Py_XDECREF(record);
        if (noted < 0 || (noted == 0 && result_whole(frame, at->cache) < 0)) {
            return -1;
        }
    }
    return 0;
}


void
result_fini(Frame *frame, Engine *engine)
{
    while (frame->expected != NULL) {
        struct Expected *expected = frame->expected;
        frame->expected = expected->next;
        expected_free(expected, engine);
    }
}


int
result_is_fresh(const Engine *engine, PyObject *cache)
{
    const ResultCell *cell = result_find(engine, cache);
    return cell != NULL && cell->attempt != NULL
           && clean_reads(engine, cell->attempt);
}


/* ---- the end of a transaction ------------------------------------------- */

void
results_commit(Engine *engine)
{
    size_t pos = 0;
    const void *cache;
    void *item;
    while (ptrmap_next(&engine->results, &pos, &cache, &item)) {
        ResultCell *cell = item;
        if (cell->attempt == NULL) {
            continue;
        }
        trace_free(cell->trace, engine);
        cell->trace = cell->attempt;
        cell->attempt = NULL;
        trace_commit(cell->trace);
        for (Py_ssize_t i = 0; i < cell->cell.readers_in.count; i++) {
            trace_note_readers(cell->trace, cell->cell.readers_in.modules[i]);
        }
    }
}


void
results_rollback(Engine *engine)
{
    size_t pos = 0;
    const void *cache;
    void *item;
    while (ptrmap_next(&engine->results, &pos, &cache, &item)) {
        Trace *attempt = ((ResultCell *)item)->attempt;
        ((ResultCell *)item)->attempt = NULL;
        trace_free(attempt, engine);
    }
}
