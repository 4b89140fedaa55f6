/* Setters: calls of libraries for what they do to the process.
 *
 * `socket.setdefaulttimeout(5)`, `torch.set_default_dtype(x)`,
 * `lib.configure(key=k)`: what the call leaves behind is in a place that nobody
 * knows, so only a new process can take it back. Such a call is one that
 * tracked code makes while a statement runs and whose value it throws away, of
 * what no tracked code is. It is no setter where something else explains it:
 *
 * - the object whose method it is was made by the program, or belongs to it:
 *   shapes (shape.c) see what happens to that. Objects that a module or a class
 *   of a library holds belong to the library.
 * - the call changed an object of the program that it was given, or a place
 *   outside that the journal or an adapter knows.
 * - an adapter looks after the library.
 * - it is one of a short list of those that do nothing to the process.
 *
 * A statement that has made one and has to run again or goes needs a new
 * process; so does an update that makes one. What lifespans do is theirs to
 * undo. sys.monitoring tells of calls (CALL, on code with calls whose value is
 * thrown away). GIL held. */

#ifndef HMR_CORE_SETTERS_H
#define HMR_CORE_SETTERS_H

#include "frame.h"

/* Let sys.monitoring tell us of calls. 0, or -1 with an exception set. */
int setters_install(Engine *engine);

/* Code of the running statement starts: its calls are looked at until
 * setters_stop(). 0, or -1 with an exception set. */
int setters_watch(Engine *engine, CodeInfo *info);
void setters_stop(Engine *engine);

/* The statement has ended, and its shapes and stores are known. 0, or -1 with
 * an exception set. */
int setters_judge(Frame *frame);
void setters_fini(Frame *frame);

/* The statement is about to run again, or is no more: is a new process needed?
 */
void setters_end(const Statement *statement);

/* The same for what the edit has removed or changed. */
void setters_end_dead(const Engine *engine);

/* A walk is over. Where a statement ran that uses a library, and a later one
 * that stands had set something in it, it saw what it should not have. 0, or -1
 * with an exception set. */
int setters_check_order(const Engine *engine);

#endif
