/* An import that fails, and a program that may go on.
 *
 * Whoever imports the module may catch the error. What the module's statements
 * did before belongs to the importing statement then: it is clean as long as
 * all that they read is as it was. GIL held. */

#ifndef HMR_CORE_FAILURE_H
#define HMR_CORE_FAILURE_H

#include "frame.h"

/* A module failed while `frame` was importing it: what its statements did goes
 * to the frame (NULL: a request was). Keeps the exception. */
void failure_give(Module *module, Frame *frame);

/* The program's objects that imports of requests have changed before they
 * failed, since the last walk: their creators run again. */
void failure_plan(Engine *engine);

/* A module failed while it was visited on behalf of a statement that seemed
 * clean. That statement has to run, and meets the error where it imports the
 * module; what it had imported is hidden until then. `before`: engine->ended
 * when its import began. Keeps the exception. */
void failure_hold(Module *module, long before);

/* The statement, clean so far, imports the module that is held. Is it sure to
 * raise its error, a source that cannot be compiled, if it runs? Then it need
 * not run: its module fails in its place, and nothing is held. 1, 0. Keeps the
 * exception. */
int failure_is_certain(Statement *statement, const Module *failed);

/* The running statement imports the module that is held: raises its error and
 * returns -1. 0: another module, or nothing is held. */
int failure_meet(Module *module, Frame *frame);

/* Is the module's failure still to be met? */
int failure_is_held(const Module *module);

/* The module that is held is one that a request imported. As after a cold
 * start, it is no part of the program, and the next request that imports it
 * meets the error. 0; or -1 with the exception when that is another one. */
int failure_pass_over(Engine *engine);

/* The statement has run. */
void failure_forget(Engine *engine);

#endif
