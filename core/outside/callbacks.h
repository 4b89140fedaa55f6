/* What tracked code asks to be called: before its statement runs again or goes
 * (hmr_serve.on_dispose), before and after an edit (before_reload,
 * after_reload).
 *
 * A callback belongs to the trace of the run that registered it, and goes with
 * that. What a callback does is nobody's doing: it is not traced. What it
 * raises is reported as unraisable. GIL held. */

#ifndef HMR_CORE_CALLBACKS_H
#define HMR_CORE_CALLBACKS_H

#include "engine.h"

typedef enum {
    CALLBACK_DISPOSE,
    CALLBACK_BEFORE,
    CALLBACK_AFTER,
} CallbackKind;

/* The running statement, or a lifespan's startup, registers `callback`. 1, 0
 * when nobody tracked is at work, or -1 with an exception set. */
int callbacks_add(Engine *engine, CallbackKind kind, PyObject *callback);

/* `into` takes the callbacks of `from` over: a failed import is the doing of
 * who tried it (failure.h). 0 or -1. */
int callbacks_absorb(Trace *into, const Trace *from);

/* The trace goes: what it has to dispose of waits for callbacks_flush(). */
void callbacks_drop(Trace *trace, Engine *engine);

/* Nothing is half done: dispose of what went. Keeps the exception. */
void callbacks_flush(Engine *engine);

/* A transaction is about to run the statement again, or to run others in its
 * place: its dispose callbacks, and those of statements whose callbacks act on
 * what it made, are called. These run again too, and so does who made what they
 * act on: where the walk has passed that, engine->again is raised. 0 or -1. */
int callbacks_dispose(Statement *statement);

/* The same for every statement that the edit has removed or changed. */
int callbacks_dispose_dead(Engine *engine);

/* Ctrl+C, raised in a callback of this transaction, ends that: -1 with
 * KeyboardInterrupt set, once; else 0. */
int callbacks_check_interrupt(Engine *engine);

/* What a failed edit disposed of has to run again. Is there any? */
int callbacks_plan_undone(Engine *engine);

/* Call all callbacks of a kind, in cold order; those for disposal in reverse,
 * and once. `probe`: of that entry or lifespan only, or NULL. 0, or -1 with an
 * exception set when memory is short. */
int callbacks_call(Engine *engine, CallbackKind kind, const Statement *probe);

#endif
