/* What a call calls: is it a setter (setters.h), and what is its name?
 *
 * GIL held. */

#ifndef HMR_CORE_CALLED_H
#define HMR_CORE_CALLED_H

#include "frame.h"

typedef struct {
    PyObject *function; /* Borrowed; a function, a class, or what else can be
                           called */
    PyObject *self;     /* Borrowed; whose method it is; or NULL */
} Called;

/* `first` is the first argument, or NULL. A method that is called as
 * `object.method()` arrives as the plain function, with the object for its
 * first argument. */
Called called_of(PyObject *callable, PyObject *first);

/* What to call the setter: new reference; NULL without an exception when it is
 * none. */
PyObject *called_setter(Frame *frame, const Called *called);

/* Does the name say that the function sets something, whatever it gives back
 * (`old = numpy.seterr(...)`)? */
int called_name_sets(PyObject *name);

/* Is it a function of a module with such a name? 1, 0, -1. */
int called_sets(const Called *called);

/* Is the first argument an object that the running statement makes, so that the
 * call is about that (`functools.update_wrapper(self, f)`)? 1, 0, -1. */
int called_is_about(Frame *frame, PyObject *argument);

/* Did the program make it, or is it about what that made? Then shapes (shape.c)
 * see what the call does. */
int called_is_inside(const Engine *engine, const Called *called);

/* What people call it: new reference, or NULL with an exception set. */
PyObject *called_label(const Called *called);

/* Does a module of a library hold the object? 1, 0, or -1 with an exception
 * set. */
int called_is_held(Frame *frame, PyObject *object);

/* Does an adapter see whatever the functions of the module do? */
int called_is_adapted(const Engine *engine, PyObject *module);

/* Is the module the one of that name, or in it? Both are str. */
int called_is_within(PyObject *module, PyObject *name);

/* The module of a function or class as programs name it: `_socket` is socket,
 * posix is os. New reference; NULL without an exception: it does not say. */
PyObject *called_home(PyObject *object);

#endif
