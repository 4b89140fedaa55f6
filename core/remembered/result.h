/* Records that functools caches give: `get_settings().path`.
 *
 * Code that names a cache only to call it without arguments and take attributes
 * of what comes back depends on these, not on all that the cached function
 * reads. Such a read is of a cell of the cache: its trace says what the
 * function may read by its code (as caches.h follows it). Where that changed,
 * the walk calls the function again, at the reader's place, as the reader would
 * have done in a cold start, and compares the attributes.
 *
 * Only records count (dataclasses, pydantic models, named tuples), of functions
 * that store nothing and read nothing mutable but classes; all else is read as
 * caches.h does. GIL held. */

#ifndef HMR_CORE_RESULT_H
#define HMR_CORE_RESULT_H

#include "frame.h"

/* First item of an attribute path that begins with a call. */
#define RESULT_CALL "()"

int path_is_call(PyObject *path);

/* The running `code` calls the cache for this path only (which begins with
 * RESULT_CALL). 1; 0: has to be read as a whole; -1 with an exception set. */
int result_expect(Frame *frame, PyObject *cache, PyObject *path);

/* The same where the name was read before: one path more, if that was for paths
 * only. 0, or -1. */
int result_expect_more(Frame *frame, PyObject *cache, PyObject *path);

/* Does the frame call the cache for such paths only, so far? */
int result_expects(const Frame *frame, PyObject *cache);

/* The frame reads the cache as a whole, too. 0, or -1. */
int result_whole(Frame *frame, PyObject *cache);

/* Code of a tracked function starts: 1 when it is a cached function's, whose
 * reads are the cell's; 0, -1. */
int result_enter(Frame *frame, CodeInfo *info);

/* A function that remembers opens a file: 1 when only the attributes that are
 * taken of what it gives depend on that; 0, -1. */
int result_read_file(Frame *frame, const CodeInfo *info, Cell *file);

/* The statement ends: note its reads. 0, or -1 with an exception set. */
int result_settle(Frame *frame);
void result_fini(Frame *frame, Engine *engine);

/* The read is of a name for attributes of what the cache that it held gives. It
 * holds another cache now: the reads of attributes are of that one from now on.
 * 1; 0: it holds something else, or without memory. */
int result_follow(Statement *statement, Trace *trace, Py_ssize_t at);

/* Does the path lead to what the read saw? Calls the function where it has to.
 * 1 or 0. */
int result_clean(Statement *statement, const Read *read);

/* Was the cache filled in this transaction, from what is there now? */
int result_is_fresh(const Engine *engine, PyObject *cache);

/* What the cached function may read; NULL: not known. Borrowed. */
const Trace *result_trace(const Cell *cell);

/* A cell's destructor. */
void result_clear(ResultCell *cell, Engine *engine);

/* The transaction is made final, or taken back. */
void results_commit(Engine *engine);
void results_rollback(Engine *engine);

#endif
