/* linecache, which keeps the lines of files that it has read: for tracebacks,
 * inspect.getsource(), and whoever asks.
 *
 * Who asks reads the file, whether it is opened or not; an edit of the file
 * makes linecache forget it. GIL held. */

#ifndef HMR_CORE_LINECACHE_H
#define HMR_CORE_LINECACHE_H

#include "frame.h"

/* Tracing begins. 0, or -1 with an exception set. */
int linecache_start(void);

/* Is the starting code linecache.getlines()? */
int linecache_starts(PyObject *code);

/* It starts: the frame (NULL: nobody) reads the file. 0, or -1. */
int linecache_read(Engine *engine, Frame *frame);

/* Is a warning about to be shown, with the line that it is about? That reads
 * nothing: the program does not see it. */
int linecache_for_warning(void);

/* The file has changed. 0, or -1 with an exception set. */
int linecache_forget(PyObject *path);

#endif
