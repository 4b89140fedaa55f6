/* os.environ: each key is a slot.
 *
 * While tracing, the dict behind os.environ (and os.environb) has a type of its
 * own, which notes what is read and stored by whomever a statement makes to do
 * so. os.environ itself, its type and its methods stay as they are.
 * GIL held. */

#ifndef HMR_CORE_ENVIRON_H
#define HMR_CORE_ENVIRON_H

#include "engine.h"

/* Why a process has to start anew; %U is the label of the statement. */
#define LIBRARY_READ "a library read the environment when %U imported it"

/* Make the type, once an engine. 0, or -1 with an exception set. */
int environ_install(Engine *engine);

/* Tracing begins and ends. */
void environ_start(Engine *engine);
void environ_stop(Engine *engine);

/* Variables have these values now, as far as no statement sets them: a dict of
 * str to str, or None for unset. In a transaction. The number of variables
 * whose readers may have to run, or -1 with an exception set. */
int environ_change(Engine *engine, PyObject *changes);

/* Is what was read of the environment the same at this place of the walk? */
int environ_clean(const Engine *engine, const Read *read);

/* Has the running transaction changed a variable, as far as it is? */
int environ_has_changed(const Engine *engine);

#endif
