/* What class_made.c and subclasses.c share. GIL held. */

#ifndef HMR_CORE_CLASS_MADE_PARTS_H
#define HMR_CORE_CLASS_MADE_PARTS_H

#include "class_made.h"

/* A class that a statement made. The record outlives the class: its weak
 * reference tells whether the address is still that class's. */
typedef struct {
    PyObject *ref;        /* Owned weak reference to the class */
    const Trace *trace;   /* Borrowed; of the run; NULL: retired */
    Statement *statement; /* Borrowed; NULL: it is no more */
    int remembers;        /* it has cached methods or properties */
    long number;          /* in the order in which they were made */
} Made;

/* Is the record still that of the class at this address? */
int made_is_of(const Made *made, const void *type);

/* The class's record, or NULL. */
Made *made_find(const Engine *engine, PyObject *type);

/* The next record with this trace; NULL at the end. */
Made *made_next(const Engine *engine, const Trace *trace, size_t *pos,
                const void **type);

#endif
