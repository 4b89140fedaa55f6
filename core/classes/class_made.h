/* The classes that the program's statements have made, and what
 * type.__subclasses__() tells of them.
 *
 * A class that was replaced lives on until the garbage collector finds it, and
 * its bases list it until then. So __subclasses__() leaves out, while an engine
 * is installed, classes whose statement has run again or is gone, and those
 * that the running walk has not come to; it lists the others in cold order.
 * Tracked code that calls it reads, per base, which ones there are: a cell
 * without versions, compared by the list. GIL held. */

#ifndef HMR_CORE_CLASS_MADE_H
#define HMR_CORE_CLASS_MADE_H

#include "frame.h"

/* Put our __subclasses__() in place of CPython's, and take it away. 0, or -1
 * with an exception set. */
int class_made_install(void);
void class_made_uninstall(void);

/* While tracing, class statements are seen. 0, or -1 with an exception set. */
int class_made_start(Engine *engine);
void class_made_stop(Engine *engine);

/* The engine is freed. */
void class_made_fini(Engine *engine);

/* The running statement made the class, unless that is known already. 0, or -1
 * with an exception set. */
int class_made_note(Frame *frame, PyObject *type);

/* The classes that a trace's run made: are retired; are of another statement;
 * are of another trace. */
void class_made_retire(Engine *engine, const Trace *trace);
void class_made_move(Engine *engine, const Trace *trace, Statement *to);
void class_made_absorb(Engine *engine, Trace *into, const Trace *from,
                       Statement *to);

/* The running statement has made `fresh` only to give its members to `type`,
 * which it made before: that counts as made now. */
void class_made_replace(const Frame *frame, PyObject *fresh, PyObject *type);

/* Whose the class is, to put back. */
typedef struct {
    const Trace *trace;   /* Borrowed. */
    Statement *statement; /* Borrowed. */
} ClassMaker;

ClassMaker class_made_by(const Engine *engine, PyObject *type);
void
class_made_restore(Engine *engine, PyObject *type, const ClassMaker *maker);

/* Has its statement run again, or gone? */
int class_made_is_retired(const Engine *engine, PyObject *type);

/* All direct subclasses, as CPython has them. New list. */
PyObject *class_made_subclasses(PyObject *type);

/* Call `visit` for the classes that the statement's last run made and that are
 * still alive, until it gives another result than 0. */
int class_made_visit(const Statement *statement,
                     int (*visit)(PyObject *, void *), void *arg);

/* The same for the classes of all statements. `visit` makes none. */
int class_made_visit_all(const Engine *engine, int (*visit)(PyObject *, void *),
                         void *arg);

/* The statement is freed. */
void class_made_forget(Engine *engine, const Statement *statement);

/* A run with this trace is new, or no more: who has read the subclasses of its
 * classes' bases is needed. */
void class_made_need_readers(Engine *engine, const Trace *trace);

/* Does the base have the subclasses at this place that the read saw? */
int class_made_clean(const Read *read);

/* Records of classes that are no more are freed: a transaction is over. */
void class_made_sweep(Engine *engine);

#endif
