/* What slots.c and slots_update.c share. GIL held. */

#ifndef HMR_CORE_SLOTS_PARTS_H
#define HMR_CORE_SLOTS_PARTS_H

#include "slots.h"

/* What is there now: 1 and a new reference, 0 and NULL when nothing is, -1. */
int slot_look(const Slot *slot, PyObject **value);

/* Are the two values (NULL: none) the same to the slot? */
int slot_same_values(const Slot *slot, PyObject *a, PyObject *b);

/* Take the items of `from` out of the list that are not in `to`, and append
 * those of `to` that are not in `from`: somebody else has changed it too. 0, or
 * -1 with an exception set. */
int slot_merge_lists(PyObject *list, PyObject *from, PyObject *to);

#endif
