/* What the objects of a print hold, to be put back. */

#include "array.h"
#include "print.h"

#include "compat.h"
#include "value.h"


/* A shallow copy of what the object holds in a container of its own. Sets
 * *container; new references, or NULL without an exception. */
static PyObject *
container_copy(PyObject *object, PyObject **container)
{
    *container = NULL;
    PyObject *holder = Py_NewRef(object);
    if (PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE)
        && !PyType_Check(object) && !PyDict_Check(object)
        && !PyList_Check(object) && !PyAnySet_Check(object)) {
        Py_SETREF(holder, value_dict(object));
    }
    else if (PyFunction_Check(object)) { /* its attributes: none so far, too */
        Py_SETREF(holder, PyObject_GenericGetDict(object, NULL));
    }
    PyObject *copy = NULL;
    if (holder != NULL && PyDict_Check(holder)) {
        copy = PyDict_Copy(holder);
    }
    else if (holder != NULL && PyList_Check(holder)) {
        copy = PyList_GetSlice(holder, 0, PY_SSIZE_T_MAX);
    }
    else if (holder != NULL && PySet_Check(holder)) {
        copy = PySet_New(holder);
    }
    PyErr_Clear(); /* no dict: nothing to save */
    if (copy == NULL) {
        Py_XDECREF(holder);
        return NULL;
    }
    *container = holder;
    return copy;
}


static int
saved_add(PrintSaved *saved, PyObject *container, PyObject *copy, int slots)
{
    void *items = array_reserve(saved->items, saved->count, &saved->room,
                                sizeof(*saved->items), 8);
    if (items == NULL) {
        return -1;
    }
    saved->items = items;
    saved->items[saved->count].slots = slots;
    saved->items[saved->count].container = Py_NewRef(container);
    saved->items[saved->count++].copy = Py_NewRef(copy);
    return 0;
}


/* ---- slots -------------------------------------------------------------- */

/* The object's next slot after `*member` (NULL: the first), in the classes from
 * `*type` on. Sets both; 0 when there is none. */
static int
slot_next(PyTypeObject **type, PyMemberDef **member)
{
    *member = *member != NULL ? *member + 1 : (*type)->tp_members;
    for (;;) {
        for (; *member != NULL && (*member)->name != NULL; (*member)++) {
            if ((*member)->type == Py_T_OBJECT_EX
                && ((*member)->flags & Py_READONLY) == 0) {
                return 1;
            }
        }
        *type = (*type)->tp_base;
        if (*type == NULL || !PyType_HasFeature(*type, Py_TPFLAGS_HEAPTYPE)) {
            return 0;
        }
        *member = (*type)->tp_members;
    }
}


/* Borrowed; NULL: it is empty. */
static PyObject *
slot_value(PyObject *object, const PyMemberDef *member)
{
    return *(PyObject **)((char *)object + member->offset);
}


/* The values of the object's slots, by their offset. New dict; NULL without
 * slots, or with an exception set. */
static PyObject *
slots_copy(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyMemberDef *member = NULL;
    PyObject *copy = NULL;
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) || PyType_Check(object)) {
        return NULL;
    }
    while (slot_next(&type, &member)) {
        PyObject *value = slot_value(object, member);
        PyObject *key = PyLong_FromSsize_t(member->offset);
        if (copy == NULL) {
            copy = PyDict_New();
        }
        int result = key != NULL && copy != NULL ? 0 : -1;
        if (result == 0 && value != NULL) {
            result = PyDict_SetItem(copy, key, value);
        }
        Py_XDECREF(key);
        if (result < 0) {
            Py_CLEAR(copy);
            return NULL;
        }
    }
    return copy;
}


static int
slots_restore_values(PyObject *object, PyObject *copy)
{
    PyTypeObject *type = Py_TYPE(object);
    PyMemberDef *member = NULL;
    int result = 0;
    while (result == 0 && slot_next(&type, &member)) {
        PyObject *key = PyLong_FromSsize_t(member->offset);
        PyObject *value =
            key != NULL ? PyDict_GetItemWithError(copy, key) : NULL;
        Py_XDECREF(key);
        result = PyErr_Occurred() ? -1 : 0;
        if (result == 0 && slot_value(object, member) != value) {
            result = PyMember_SetOne((char *)object, member, value);
        }
    }
    return result;
}


/* ---- a print ------------------------------------------------------------ */

int
print_save(const Print *print, PrintSaved *saved)
{
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < print->count; i++) {
        PyObject *object = print->nodes[i].object;
        PyObject *container;
        PyObject *copy = container_copy(object, &container);
        result = copy != NULL ? saved_add(saved, container, copy, 0) : 0;
        Py_XDECREF(copy);
        Py_XDECREF(container);
        PyObject *slots = result == 0 ? slots_copy(object) : NULL;
        if (slots != NULL) {
            result = saved_add(saved, object, slots, 1);
        }
        else if (PyErr_Occurred()) {
            result = -1;
        }
        Py_XDECREF(slots);
    }
    return result;
}


static int
dict_differs(PyObject *a, PyObject *b)
{
    if (PyDict_GET_SIZE(a) != PyDict_GET_SIZE(b)) {
        return 1;
    }
    Py_ssize_t i = 0, j = 0;
    PyObject *key, *value, *other_key, *other;
    while (PyDict_Next(a, &i, &key, &value)
           && PyDict_Next(b, &j, &other_key, &other)) {
        if (key != other_key || value != other) {
            return 1;
        }
    }
    return 0;
}


static int
list_differs(PyObject *a, PyObject *b)
{
    if (PyList_GET_SIZE(a) != PyList_GET_SIZE(b)) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(a); i++) {
        if (PyList_GET_ITEM(a, i) != PyList_GET_ITEM(b, i)) {
            return 1;
        }
    }
    return 0;
}


static int
container_restore(PyObject *container, PyObject *copy)
{
    if (PyDict_Check(container)) {
        if (!dict_differs(container, copy)) {
            return 0;
        }
        PyDict_Clear(container);
        return PyDict_Update(container, copy);
    }
    if (PyList_Check(container)) {
        return list_differs(container, copy)
                   ? PyList_SetSlice(container, 0, PY_SSIZE_T_MAX, copy)
                   : 0;
    }
    if (PySet_GET_SIZE(container) == PySet_GET_SIZE(copy)) {
        return 0; /* sets of equal size differ only by a swap: rare */
    }
    if (PySet_Clear(container) < 0) {
        return -1;
    }
    PyObject *done = PyObject_CallMethod(container, "update", "O", copy);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


int
print_saved_append(PrintSaved *saved, const PrintSaved *more)
{
    for (Py_ssize_t i = 0; i < more->count; i++) {
        if (saved_add(saved, more->items[i].container, more->items[i].copy,
                      more->items[i].slots)
            < 0) {
            return -1;
        }
    }
    return 0;
}


void
print_restore(PrintSaved *saved)
{
    for (Py_ssize_t i = saved->count; i-- > 0;) { /* the oldest copy last */
        PyObject *container = saved->items[i].container;
        PyObject *copy = saved->items[i].copy;
        int result = saved->items[i].slots
                         ? slots_restore_values(container, copy)
                         : container_restore(container, copy);
        if (result < 0) {
            PyErr_WriteUnraisable(container);
        }
    }
}


void
print_saved_fini(PrintSaved *saved)
{
    for (Py_ssize_t i = 0; i < saved->count; i++) {
        Py_DECREF(saved->items[i].container);
        Py_DECREF(saved->items[i].copy);
    }
    PyMem_Free(saved->items);
    *saved = (PrintSaved){0};
}
