/* Equality for cutoff: may a new value stand in for an old one? */

#ifndef HMR_CORE_VALUE_H
#define HMR_CORE_VALUE_H

#include <Python.h>

/* Immutable all the way down: numbers, strings, bytes, None, tuples and
 * frozensets of these. */
int value_is_immutable(PyObject *value);

/* The dict of an instance, if it has one by now: none comes into being for the
 * question, which would make another object of a functools.partial. New
 * reference, or NULL without an exception. */
PyObject *value_dict(PyObject *value);

/* Same exact type, same bits, recursively, order included; immutable data only:
 * 1, True and 1.0 differ, and so do 0.0 and -0.0. Everything else is equal only
 * to itself. Runs no Python code. */
int value_equal(PyObject *a, PyObject *b);

/* A dataclass, a pydantic model or a named tuple? */
int value_is_record(PyObject *value);

/* The attribute as it stands in the instance or on its class, without running
 * code: dicts, slots, fields of named tuples. New reference, or NULL without an
 * exception when it would run code or is not there. */
PyObject *value_attribute(PyObject *value, PyObject *name);

/* The same along a path (tuple of names). */
PyObject *value_follow(PyObject *value, PyObject *path);

#endif
