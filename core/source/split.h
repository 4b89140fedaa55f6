/* Source text to statements.
 *
 * A statement compiled alone does what it does in the whole file: a bare string
 * in mid-file is nothing, a __future__ import reaches all. GIL held. */

#ifndef HMR_CORE_SPLIT_H
#define HMR_CORE_SPLIT_H

#include "engine.h"

/* A split source. Fill with split_source, empty with split_fini. */
typedef struct {
    Statement **statements; /* Owned; those taken over are set to NULL. */
    PyObject *nodes;        /* Owned list of ast.stmt, one per statement */
    PyObject *lines;        /* Owned list of str */
    PyObject *imports;      /* Owned ast.stmt that never runs and names what the
                               file imports; NULL when that is nothing */
    Py_ssize_t count;
    int future_flags;
} Split;

/* Parse `source` (bytes) of a module. Statements have no code yet. 0, or -1
 * with an exception (SyntaxError) set. */
int split_source(Split *split, Module *module, PyObject *source);
void split_fini(Split *split, Engine *engine);

/* The lines of a source, for labels and comparisons. New list of str. */
PyObject *source_text_lines(PyObject *source);

/* Compile statement i of the split and attach its code. 0, or -1. */
int split_compile(Split *split, Module *module, Py_ssize_t i);

#endif
