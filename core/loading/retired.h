/* Modules that are no more.
 *
 * Traces, cells and code may still name their records, so these stay as long as
 * the engine does; what they hold does not. GIL held. */

#ifndef HMR_CORE_RETIRED_H
#define HMR_CORE_RETIRED_H

#include "engine.h"

/* Between transactions: let go of the values that modules that are no more had
 * bound, but for those that a statement is known to have read. */
void retired_release(Engine *engine);

#endif
