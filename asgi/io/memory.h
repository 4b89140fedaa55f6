/* How the process keeps memory that comes and goes. */

#ifndef HMR_ASGI_MEMORY_H
#define HMR_ASGI_MEMORY_H

/* Let freed memory stay for the next message, unless the environment says
 * what to do with it. Any thread. */
void memory_keep(void);

#endif
