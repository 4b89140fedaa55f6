/* The end of a walk.
 *
 * Modules that it did not reach are no more, values may be needed that were
 * released: whoever has to run for that is named, and the walk starts again.
 * What went with its module ends. GIL held. */

#ifndef HMR_CORE_WALK_CHECK_H
#define HMR_CORE_WALK_CHECK_H

#include "engine.h"

/* 0, or -1 with an exception set: engine->again to start again. */
int walk_check(Engine *engine);

#endif
