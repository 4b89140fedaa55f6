/* Prints: what an object holds besides references. */

#ifndef HMR_CORE_PRINT_CONTENT_H
#define HMR_CORE_PRINT_CONTENT_H

#include "print.h"

/* The bytes of its buffer or its struct, as a hash; 0: what it refers to tells
 * it all. Another one each time for a generator, whose frame cannot be seen.
 * Runs no Python code but what a buffer's exporter is. GIL held. */
uint64_t print_content(PyObject *object);

/* Does a type of C keep state where no print can see it (a hash's context)? */
int print_is_opaque(PyObject *object);

#endif
