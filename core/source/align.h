/* Which statement of an edited source is which of the old one. GIL held. */

#ifndef HMR_CORE_ALIGN_H
#define HMR_CORE_ALIGN_H

#include "graph.h"

/* Per statement of the new source: the old one that it is, or was. */
typedef struct {
    Py_ssize_t same;    /* index of the equal old statement, or -1 */
    Py_ssize_t changed; /* index of the old statement it replaces, or -1 */
} Match;

/* Fill in `same` by the longest common subsequence of the two. Order counts: a
 * swapped statement is gone at one place and new at another. 0, or -1 with
 * MemoryError. */
int align(Statement **old, Py_ssize_t old_count, Statement **new,
          Py_ssize_t new_count, Match *matches);

/* Fill in `changed`: between two that are the same, a new statement replaces
 * the old one of its kind and name; of statements without a name, the one at
 * the same distance. */
void align_changed(Statement **old, Py_ssize_t old_count, Statement **new,
                   Py_ssize_t new_count, Match *matches);

#endif
