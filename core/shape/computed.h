/* What objects work out when they are asked. GIL held; runs no Python code. */

#ifndef HMR_CORE_COMPUTED_H
#define HMR_CORE_COMPUTED_H

#include <Python.h>

/* What an object keeps of it is no change. A value for good, whatever its
 * struct keeps beside it: a path and its text, a number or a date and its hash,
 * a union and its parameters? */
int computed_is_value(const PyTypeObject *type);

/* May the dicts of the type's instances hold memos: has it such descriptors?
 * Quick. */
int computed_has_memos(PyTypeObject *type);

/* Does `dict`, of an instance of the type, hold under the key what a descriptor
 * of a library put there (functools.cached_property, SQLAlchemy's memoized
 * ones)? Of a tracked class: no, the code that computed it may be edited. */
int computed_is_memo(PyTypeObject *type, PyObject *dict, PyObject *key);

/* Visit the same of SQLAlchemy's objects with slots. */
void computed_each_slot(PyObject *object,
                        void (*visit)(PyObject *value, void *arg), void *arg);

/* Is it functools.cached_property? */
int computed_is_cached_property(const PyTypeObject *type);

/* Does code of the program work out the attribute, which the instance's dict
 * does not hold: a property, a cached_property or another descriptor, or
 * __getattr__, of a tracked class? It may leave something in the object. */
int computed_by_program(PyTypeObject *type, PyObject *name);

#endif
