/* The order in which dicts outside of the program hold what statements put
 * there.
 *
 * A dict keeps the order of insertions. In a cold start that is the cold order
 * of the statements; here it would be that of the edits, and whoever goes
 * through os.environ or a library's registry would see it. So each slot knows
 * where in cold order something was first put where nothing had been, and what
 * stands in another order is put in once more. GIL held. */

#ifndef HMR_CORE_SLOT_ORDER_H
#define HMR_CORE_SLOT_ORDER_H

#include "engine.h"

/* The walk gives the slot a version: call it before. */
void slot_order_note(Slot *slot, const Version *version, Engine *engine);

/* The version was put into the slot's dict, perhaps where nothing was: call
 * it before slot->actual says so. */
void slot_order_note_put(Slot *slot, const Version *version, Engine *engine);

/* The running transaction touches the slot for the first time; it is taken
 * back. */
void slot_order_remember(Slot *slot);
void slot_order_restore(Slot *slot, Engine *engine);

/* Sort a list of keys of the dict as a cold start would have them at this place
 * of the walk; those that no statement has put there stay in front. 0, or -1
 * with an exception set. */
int slot_order_sort(const Engine *engine, PyObject *dict, PyObject *keys);

/* Let the dicts have that order. 0, or -1 with an exception set. */
int slot_order_apply(Engine *engine);

#endif
