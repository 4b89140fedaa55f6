/* The statement that a thread is running, and what it is seen to do.
 *
 * Responsibilities: attribute reads, binds, calls, shapes and files to the
 * statement whose doing they are; keep the namespace in step with the version
 * that the running walk has reached. All functions need the GIL. */

#ifndef HMR_CORE_FRAME_H
#define HMR_CORE_FRAME_H

#include <Python.h>

#include "engine.h"
#include "print.h"

/* An object that the statement may shape, as it was before. */
typedef struct {
    Group *group;     /* the group shaped if the object changes. Owned. */
    PyObject *object; /* Owned. */
    Print before;
    PrintSaved saved; /* containers as they were, in a transaction */
    int effect;       /* by its syntax the statement has no other purpose */
    int set;          /* a class, and an attribute of it is set */
} Candidate;

struct Frame {
    Frame *up; /* the frame of the import that we are inside of */
    Statement *statement;
    Trace *trace;    /* Owned until frame_finish hands it out. */
    PtrMap seen;     /* cells and code infos already read */
    Binding **bound; /* names bound since the last flush. */
    Py_ssize_t bound_count, bound_room;
    struct Expected *expected; /* caches whose records it reads: result.c */
    int scratch;               /* it only collects what a function may read */
    int compares;              /* it only asks a cache again: result_clean.c */
    PyObject *owner, *mark;    /* Owned; what it adds to: contribute.h */
    struct Before *befores;    /* what is outside, as it was: see journal.c */
    Candidate *candidates;
    Py_ssize_t candidate_count, candidate_room;
    int64_t started;        /* ns */
    Py_ssize_t memory;      /* that the process held when it began */
    int64_t nested;         /* ns spent in statements of imported modules */
    struct Setter *setters; /* calls that nothing explains yet: setters.h */
    Py_ssize_t setter_count, setter_room;
    struct Kept *kept; /* calls that may keep what they are given: kept.h */
    Py_ssize_t kept_count, kept_room;
    double cost;         /* seconds; set at the end */
    int entered;         /* its code began to run */
    int within_library;  /* a library is being imported: loading/library.h */
    int idle;            /* an import of what is there: it reaches no library */
    int annotates_again; /* names that the module has annotated before */
    int patched_class;   /* the class that it made before has the members of
                            the one that it made now: class_patch.h */
    long number;         /* of an async trace */
};

/* The frame of the calling thread: the running statement, or the async trace of
 * the current context. NULL: nobody tracked is at work. Borrowed. */
Frame *frame_current(Engine *engine);

/* What this thread does from now on is `frame`'s doing; NULL: nobody's. Gives
 * whose it was. */
Frame *frame_swap(Frame *frame);

/* Begin a statement on this thread. 0, or -1 with an exception set. */
int frame_push(Frame *frame, Engine *engine, Statement *statement);

/* End it: its trace (owned by the caller), or NULL with an exception set.
 * Writes versions of all that it bound and shaped. */
Trace *frame_pop(Frame *frame, Engine *engine);

/* End it without a result: the statement raised. Keeps the exception. Its trace
 * stays with the module: whoever imported that may depend on the failure. */
void frame_abandon(Frame *frame, Engine *engine);

/* Drop a frame and its trace, whatever it did to live containers undone. Keeps
 * the exception. */
void frame_drop(Frame *frame, Engine *engine);

/* Turn names bound so far into versions, because others will read them now. */
int frame_flush(Frame *frame, Engine *engine);

/* The statement must run before what is running can: the walk starts again with
 * it. Raises engine->again; returns -1. */
int
frame_conflict(Engine *engine, Statement *producer, const char *format, ...);

/* The same for the creator of a group. Where that had to run already and has
 * not, it comes later: the object was there before, and is none of its own. */
int frame_conflict_creator(Frame *frame, Group *group, const char *what);

/* Notes. frame_show_name() only puts what the walk has bound the name to
 * into the namespace: importlib looks whether a submodule is there.
 * frame_read_deleted() notes only whether the names are bound, but for
 * `own` (tuple or NULL), bound by the code itself before. 0, or -1
 * with an exception set (engine->again for a conflict). `path`: tuple of
 * attributes, or NULL. `called`: the object may be called. */
int frame_read_name(Frame *frame, Module *module, PyObject *name,
                    PyObject *path, int called);
int frame_show_name(Frame *frame, Module *module, PyObject *name);
int frame_read_code(Frame *frame, CodeInfo *info);
int frame_read_cell(Frame *frame, Cell *cell);
int frame_read_deleted(Frame *frame, Module *module, PyObject *names,
                       PyObject *own);
int frame_read_namespace(Frame *frame, Module *module);
int frame_bind(Frame *frame, Module *module, PyObject *name);

/* The same for a name that comes after all bound so far, again if need be. */
int frame_bind_last(Frame *frame, Module *module, PyObject *name);

/* Names that the code about to run may bind: put what they are at this point
 * into the namespace, so that storing another object raises an event. Storing
 * the same raises none, so they count as read, but for `own` (tuple or NULL),
 * which it surely binds. */
int frame_prepare_stores(Frame *frame, Module *module, PyObject *names,
                         PyObject *own);

/* The running statement imports the module, or looks into it. */
int frame_note_import(Frame *frame, Module *module);

int frame_read_group(Frame *frame, Group *group);

/* Print an object that the statement may shape; `root` is the object whose
 * group it belongs to. */
int
frame_add_candidate(Frame *frame, PyObject *root, PyObject *object, int effect);

/* Print what the running statement may shape by its text. 0, or -1 with an
 * exception set. */
int frame_add_text_candidates(Frame *frame);

/* Physically put the version into the namespace. 0, or -1 with an exception. */
int binding_sync(Binding *binding, Version *version);

/* A frame for a trace that stays open over awaits; sets the ContextVar in the
 * current context. Closing frees it and hands out its trace (owned by the
 * caller), or NULL with an exception set. */
Frame *frame_open_async(Engine *engine, Statement *statement);
Trace *frame_close_async(Frame *frame, Engine *engine);

#endif
