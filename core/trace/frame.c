/* The statement that a thread is running, and what it is seen to do. */

#include "array.h"
#include "frame.h"
#include "frame_parts.h"

#include "adapters.h"
#include "caches.h"
#include "class_made.h"
#include "class_members.h"
#include "compat.h"
#include "deferred.h"
#include "journal.h"
#include "kept.h"
#include "mentions.h"
#include "namespace.h"
#include "needed.h"
#include "release.h"
#include "result.h"
#include "rules.h"
#include "setters.h"
#include "value.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

static _Thread_local Frame *frame_top;


int64_t
frame_clock(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* The frame of the async trace that the current context belongs to. */
static Frame *
frame_current_async(Engine *engine)
{
    PyObject *number = NULL;
    if (PyContextVar_Get(engine->async_current, NULL, &number) < 0) {
        PyErr_Clear();
    }
    if (number == NULL) {
        return NULL;
    }
    long wanted = PyLong_AsLong(number);
    Py_DECREF(number);
    for (Frame *f = engine->async_frames; f != NULL; f = f->up) {
        if (f->number == wanted) {
            return f;
        }
    }
    return NULL;
}


Frame *
frame_current(Engine *engine)
{
    if (frame_top != NULL) {
        return frame_top;
    }
    return engine->async_frames != NULL ? frame_current_async(engine) : NULL;
}


Frame *
frame_swap(Frame *frame)
{
    Frame *before = frame_top;
    frame_top = frame;
    return before;
}


void
frame_fini(Frame *frame, Engine *engine)
{
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        cell_unref(&frame->candidates[i].group->cell, engine);
        Py_DECREF(frame->candidates[i].object);
        print_fini(&frame->candidates[i].before);
        print_saved_fini(&frame->candidates[i].saved);
    }
    Py_CLEAR(frame->owner);
    Py_CLEAR(frame->mark);
    journal_fini(frame);
    setters_fini(frame);
    kept_fini(frame);
    result_fini(frame, engine);
    PyMem_Free(frame->candidates);
    PyMem_Free(frame->bound);
    ptrmap_fini(&frame->seen);
    trace_free(frame->trace, engine);
    frame->trace = NULL;
}


int
frame_push(Frame *frame, Engine *engine, Statement *statement)
{
    if (frame_top != NULL
        && (frame_flush(frame_top, engine) < 0
            || (!engine->looked && adapters_judge(frame_top) < 0))) {
        return -1;
    }
    engine->looked = 0;
    *frame = (Frame){
        .up = frame_top,
        .statement = statement,
    };
    frame->trace = trace_new();
    if (frame->trace == NULL) {
        return -1;
    }
    frame->started = frame_clock();
    frame->memory = memory_held(engine, frame->started);
    frame_top = frame;
    return 0;
}


int
frame_conflict(Engine *engine, Statement *producer, const char *format, ...)
{
    if (producer == NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "hmr-serve: a value of an earlier statement is gone "
                        "and nobody can make it again");
        return -1;
    }
    va_list args;
    va_start(args, format);
    PyObject *reason = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (reason == NULL) {
        return -1;
    }
    engine->conflict = producer;
    Py_XSETREF(engine->conflict_reason, reason);
    PyErr_SetNone(engine->again);
    return -1;
}


/* The object was there before its creator, which comes later in cold order. */
static void
group_was_there(Engine *engine, Group *group, const Statement *user)
{
    if (group->actual->producer != group->creator) {
        engine_need_restart(engine,
                            "%U uses an object that later statements have "
                            "changed as if it were theirs",
                            user->syntax.label);
        return;
    }
    group->outside = 1;
    group->creator = NULL;
    group->must_be_fresh = 0;
    engine->outside_groups++;
    engine->walk_whole = 1;
    version_set(&group->cell.base, group->actual);
}


int
frame_conflict_creator(Frame *frame, Group *group, const char *what)
{
    Engine *engine = hmr_engine;
    Statement *creator = group->creator;
    if (creator->forced && group->must_be_fresh) {
        group_was_there(engine, group, frame->statement);
    }
    else {
        group->must_be_fresh = 1;
    }
    return frame_conflict(engine, creator, "%U %s",
                          frame->statement->syntax.label, what);
}


/* ---- the end ------------------------------------------------------------ */

static void
frame_leave(Frame *frame)
{
    frame_top = frame->up;
    int64_t now = frame_clock(), spent = now - frame->started;
    if (frame->up != NULL) {
        frame->up->nested += spent;
    }
    frame->cost = (double)(spent - frame->nested) / 1e9;
    frame->trace->cost = frame->cost;
    frame->trace->grown = memory_held(hmr_engine, now) - frame->memory;
}


/* Loop variables that no event says were bound: the loop ran no time, or stored
 * the same object again. Either way, it depends on what they are. */
static int
frame_read_unbound(Frame *frame)
{
    Statement *statement = frame->statement;
    PyObject *own = statement->syntax.own_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(own); i++) {
        PyObject *name = PyTuple_GET_ITEM(own, i);
        if (name_is_among(statement->syntax.binds, name)) {
            continue;
        }
        Binding *binding = module_binding(statement->module, name, 1);
        if (binding == NULL
            || (ptrmap_get(&frame->seen, BOUND_KEY(binding)) == NULL
                && frame_read_cell(frame, &binding->cell) < 0)) {
            return -1;
        }
    }
    return 0;
}


/* Names that the statement surely bound, also where no event said so, and in
 * the order of the text. */
static int
frame_claim_binds(Frame *frame)
{
    Statement *statement = frame->statement;
    PyObject *names = statement->syntax.binds;
    if (names == NULL || frame_read_unbound(frame) < 0) {
        return names == NULL ? 0 : -1;
    }
    /* `with ... as f:` binds f first; `x = f()` binds x last. */
    int first = PyTuple_GET_SIZE(statement->syntax.own_names) > 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        int found = PyDict_Contains(statement->module->ns, name);
        if (found > 0) {
            found = first ? frame_bind(frame, statement->module, name)
                          : frame_bind_last(frame, statement->module, name);
        }
        if (found < 0) {
            return -1;
        }
    }
    return 0;
}


Trace *
frame_pop(Frame *frame, Engine *engine)
{
    int result = deferred_read(frame);
    if (result == 0) {
        result = result_settle(frame);
    }
    if (result == 0) {
        result = frame_judge_candidates(frame, engine);
    }
    if (result == 0) {
        result = journal_judge(frame);
    }
    if (result == 0) {
        result = setters_judge(frame);
    }
    if (result == 0) {
        result = frame_claim_binds(frame);
    }
    if (result == 0) {
        result = frame_flush(frame, engine);
    }
    if (result == 0) {
        deferred_note_models(frame->trace);
        result = frame_keep_shapes(frame, engine);
    }
    if (result < 0) {
        frame_abandon(frame, engine);
        return NULL;
    }
    frame_leave(frame);
    Trace *trace = frame->trace;
    frame->trace = NULL;
    frame_fini(frame, engine);
    return trace;
}


/* What it did to the live program is undone, or known to be unknown. */
static void
frame_give_up(Frame *frame)
{
    frame_undo_shapes(frame);
    journal_abandon(frame);
    frame_leave(frame);
    for (Py_ssize_t i = 0; i < frame->bound_count; i++) {
        /* What the namespace holds now is nobody's version. */
        cell_touch(&frame->bound[i]->cell, hmr_engine);
        Version *unknown = version_new(NULL, NULL);
        version_set(&frame->bound[i]->actual, unknown);
        version_unref(unknown);
    }
}


void
frame_drop(Frame *frame, Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    frame_give_up(frame);
    PyErr_Clear();
    frame_fini(frame, engine);
    PyErr_SetRaisedException(error);
}


void
frame_abandon(Frame *frame, Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    frame_give_up(frame);
    trace_free(frame->statement->module->raised, engine);
    frame->statement->module->raised = frame->trace;
    frame->trace = NULL;
    PyErr_Clear();
    frame_fini(frame, engine);
    PyErr_SetRaisedException(error);
}
