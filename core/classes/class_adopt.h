/* Instances of classes that were made anew: they become instances of the new
 * ones.
 *
 * What requests have put aside (a session, an item of a store) outlives the
 * class statement that an edit runs again; with the class before, isinstance(),
 * pickle and validation would not know it any more. Its attributes stay as they
 * are: what the new __init__ would have added, the class has to give. GIL held.
 */

#ifndef HMR_CORE_CLASS_ADOPT_H
#define HMR_CORE_CLASS_ADOPT_H

#include "undo.h"

/* The revision that `undo` goes back over stays: the live instances of classes
 * that it made anew get those, where their layouts agree. Looks at every object
 * that the garbage collector knows, if there is such a class. 0, or -1 with an
 * exception set. */
int class_adopt_instances(const Undo *undo, const Engine *engine);

#endif
