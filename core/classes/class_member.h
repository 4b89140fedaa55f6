/* Members of classes: how two compare, and how a class gets others. GIL held.
 */

#ifndef HMR_CORE_CLASS_MEMBER_H
#define HMR_CORE_CLASS_MEMBER_H

#include <Python.h>

/* Is it __so__? Is it one of the names of a class's annotations? */
int name_is_special(PyObject *name);
int name_is_class_annotation(PyObject *name);

/* Defaults, annotations and the like of two functions or classes: NULL, or a
 * tuple or dict of their own. */
int parts_equal(PyObject *a, PyObject *b);

/* Two __annotate__ functions, or NULL. */
int annotates_equal(PyObject *a, PyObject *b);

/* The functions behind property(), staticmethod(), classmethod() or
 * functools.cached_property(), or the
 * function itself, as a tuple (None: a property has none of that kind). New
 * reference; NULL without an exception when it is no such thing. */
PyObject *member_functions(PyObject *member);

/* Is it such a thing, or immutable? */
int member_is_plain(PyObject *member);

/* Is there nothing that tells the two apart? For functions whose equal code has
 * been grafted and whose bodies have been patched (class_patch.h). */
int members_equal(PyObject *a, PyObject *b);

/* The same keys, in the same order? */
int dicts_have_one_order(PyObject *a, PyObject *b);

/* The class gets these members, in this order, and no others. 0, or -1 with an
 * exception set. */
int class_put_members(PyObject *type, PyObject *members);

#endif
