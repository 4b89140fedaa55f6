/* What the text of a class statement tells a class patch. GIL held. */

#ifndef HMR_CORE_CLASS_TEXT_H
#define HMR_CORE_CLASS_TEXT_H

#include "code.h"
#include "graph.h"

/* Where an edited class statement does not differ in a method, let its code
 * hold the old code of that; where only the body differs, add it to the pairs.
 * 0, or -1 with an exception set. */
int class_text_graft(PyObject *old_code, PyObject *new_code, CodePairs *pairs);

/* One class statement with one call (no decorator, no call among the bases) and
 * a body that calls nobody but property() and the like: whoever else is given a
 * function may keep it. */
int class_text_is_plain(const Statement *statement, PyTypeObject *fresh);

#endif
