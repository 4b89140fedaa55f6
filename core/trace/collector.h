/* Python's garbage collector, which rests while the program is imported.
 *
 * An import makes objects that stay: to go through them again and again takes a
 * tenth of it. So there may be many new ones before it collects, and in the
 * end all count as old. A program sees the threshold that it would see. GIL
 * held. */

#ifndef HMR_CORE_COLLECTOR_H
#define HMR_CORE_COLLECTOR_H

#include "engine.h"

/* The first import begins. 0, or -1 with an exception set. */
int collector_rest(Engine *engine);

/* It is over. Keeps a current exception. */
void collector_wake(Engine *engine);

#endif
