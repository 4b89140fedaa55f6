/* The journal: what tracked code stores outside of the program.
 *
 * `json.dumps = orjson.dumps`, `Client.timeout = 5`, `lib.OPTIONS["x"] = 1`,
 * `sys.path.append(...)`: each store becomes a version of a slot (slots.h), and
 * of the object that was stored into (a group without a creator), which its
 * readers depend on. While tracing, the namespaces of all loaded modules are
 * watched, and the classes, dicts, lists and instances that running statements
 * name and that no group owns. Only stores by tracked code itself count: what
 * a library puts aside for its own purposes is its own affair. GIL held. */

#ifndef HMR_CORE_JOURNAL_H
#define HMR_CORE_JOURNAL_H

#include "frame.h"

/* Tracing begins and ends. 0, or -1 with an exception set. */
int journal_start(Engine *engine);
void journal_stop(Engine *engine);

/* Something is put into a dict: into sys.modules, a module that is not watched
 * yet? 0, or -1 with an exception set. */
int journal_note_arrival(Engine *engine, PyObject *dict, PyObject *module);

/* Modules that were loaded since are watched too. 0, or -1. */
int journal_watch_modules(Engine *engine);

/* A statement is about to run: what is outside is as it has to be here, and
 * what libraries read for it when they were imported stays read. 0, or -1. */
int journal_enter(Frame *frame);

/* The running `code` may store into what a path of attributes (a tuple from
 * item `from` on, or NULL) of `value` leads to. 0, or -1 with an exception
 * set. */
int journal_watch(Frame *frame, PyObject *code, PyObject *value, PyObject *path,
                  Py_ssize_t from);

/* A dict watcher's event for a dict that is no tracked namespace. 0, or -1 with
 * an exception set. */
int journal_event(Engine *engine, Frame *frame, PyDict_WatchEvent event,
                  PyObject *dict, PyObject *key, PyObject *value);

/* A statement (`frame`) stores into a slot. 0, or -1 with an exception set. */
int journal_store(Frame *frame, Slot *slot, PyObject *value);

/* The same for a place: `owner` and `key` as in slots.h. 0, or -1. */
int journal_note(Engine *engine, Frame *frame, SlotKind kind, PyObject *owner,
                 PyObject *key, PyObject *value);

/* The object is another from here on, for all who read it or what the statement
 * reached it through. 0, or -1 with an exception set. */
int journal_shape(Frame *frame, PyObject *object, PyObject *root);

/* The same, but for whoever reads the modules that hold it. */
int journal_shape_alone(Frame *frame, PyObject *object);

/* The group of an object outside of the program, made on demand. New reference;
 * NULL with an exception set. */
Group *journal_group(Engine *engine, PyObject *object);

/* The statement goes from `value` along attributes (a tuple): it reads the
 * objects outside that it meets. 0, or -1 with an exception set. */
int journal_read_path(Frame *frame, PyObject *value, PyObject *path);

/* The statement reads a slot, or an object that was stored into, as it is at
 * this place of the walk. 0, or -1 with an exception set. */
int journal_read(Frame *frame, Cell *cell);

/* The statement ends: lists and instances that it changed, and what it put into
 * libraries (adapters.h). 0, or -1 with an exception set. */
int journal_judge(Frame *frame);

/* Free what the journal keeps in a frame. */
void journal_fini(Frame *frame);

/* The statement raised: its stores are those of who catches that (failure.h);
 * where nobody does, and no transaction ends with it, they are undone. Keeps
 * the exception. */
void journal_abandon(Frame *frame);

/* A trace that is dropped outside of a transaction: its stores are undone. */
void journal_withdraw(const Trace *trace, Engine *engine);

/* Is what the trace uses from outside as it was, also where nobody had stored
 * into it when it ran? Else gives the statement its reason. 1, 0, or -1 with an
 * exception set. */
int journal_clean(Statement *statement, const Trace *trace);

#endif
