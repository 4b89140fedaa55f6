/* Traces that stay open over awaits: a lifespan's. */

#include "adapters.h"
#include "frame.h"
#include "frame_parts.h"
#include "result.h"


Frame *
frame_open_async(Engine *engine, Statement *statement)
{
    Frame *frame = PyMem_Calloc(1, sizeof(*frame));
    if (frame == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    frame->statement = statement;
    frame->number = ++engine->async_number;
    frame->started = frame_clock();
    frame->trace = trace_new();
    PyObject *number = PyLong_FromLong(frame->number);
    PyObject *token = frame->trace != NULL && number != NULL
                          ? PyContextVar_Set(engine->async_current, number)
                          : NULL;
    Py_XDECREF(number);
    if (token == NULL) {
        frame_fini(frame, engine);
        PyMem_Free(frame);
        return NULL;
    }
    Py_DECREF(token);
    frame->up = engine->async_frames;
    engine->async_frames = frame;
    return frame;
}


Trace *
frame_close_async(Frame *frame, Engine *engine)
{
    for (Frame **at = &engine->async_frames; *at != NULL; at = &(*at)->up) {
        if (*at == frame) {
            *at = frame->up;
            break;
        }
    }
    Trace *trace = NULL;
    if (result_settle(frame) == 0 && adapters_judge(frame) == 0
        && frame_flush(frame, engine) == 0) {
        trace = frame->trace;
        trace->cost = (double)(frame_clock() - frame->started) / 1e9;
        frame->trace = NULL;
    }
    frame_fini(frame, engine);
    PyMem_Free(frame);
    return trace;
}
