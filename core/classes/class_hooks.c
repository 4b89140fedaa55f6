/* Look-ups of attributes come to us while the program is traced. */

#include "class_members.h"

#include "class_members_parts.h"
#include "class_super.h"
#include "compat.h"
#include "frame_parts.h"
#include "member_caches.h"
#include "rules.h"
#include "text.h"

#include <string.h>

/* How classes look attributes up without us. Of the process. */
static getattrofunc type_getattro;


/* ---- look-ups ----------------------------------------------------------- */

/* Whoever looks into an object that a statement has made depends on what it is
 * at this place, however they came by it: `proxy.target.name`. */
static int
read_object(Frame *frame, PyObject *self)
{
    Group *group = group_of(hmr_engine, self);
    return group != NULL && !group->outside && rule(READ_GROUPS)
                   && ptrmap_get(&frame->seen, PATH_KEY(group)) == NULL
               ? frame_read_group(frame, group)
               : 0;
}


static PyObject *
our_instance_getattro(PyObject *self, PyObject *name)
{
    Frame *frame = class_members_looking(name);
    if (frame != NULL && read_object(frame, self) < 0) {
        return NULL;
    }
    if (frame != NULL && !text_is(name, "__dict__")) {
        int all = text_is(name, "__class__");
        PyObject *looked = all ? hmr_engine->name_dict : name;
        if (class_members_look_up(frame, Py_TYPE(self), NULL, looked, all)
            < 0) {
            return NULL;
        }
    }
    if (frame != NULL && member_cache_read(frame, self, name) < 0) {
        return NULL;
    }
    return PyObject_GenericGetAttr(self, name);
}


/* The record of the class, or of the base that it has its look-ups from. */
static Members *
members_asking(const PyTypeObject *type)
{
    for (; type != NULL && hmr_engine != NULL; type = type->tp_base) {
        Members *members = members_find(hmr_engine, type);
        if (members != NULL && members->asks != NULL) {
            return members;
        }
    }
    return NULL;
}


/* Of a class with a __getattr__ or __getattribute__ of its own. */
static PyObject *
our_asking_getattro(PyObject *self, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(self);
    Frame *frame = class_members_looking(name);
    if (frame != NULL && read_object(frame, self) < 0) {
        return NULL;
    }
    Members *members = members_asking(type);
    if (members == NULL) {
        return PyObject_GenericGetAttr(self, name);
    }
    getattrofunc asks = members->asks;
    Py_INCREF(type); /* what is asked may change the class of the object */
    PyObject *value = asks(self, name);
    if (type->tp_getattro != our_asking_getattro
        && members_asking(type) == members) {
        /* the interpreter has found a simpler way to ask */
        members->asks = type->tp_getattro;
        type->tp_getattro = our_asking_getattro;
    }
    Py_DECREF(type);
    return value;
}


/* Raises what the interpreter would for an attribute that is nowhere, if it is:
 * 1, else 0. Most who ask only want to know (hasattr, getattr with a default).
 * Of its own function the interpreter then wants no exception, but we have to
 * raise one, and formatting its text takes longer than all the rest. */
static int
type_raise_missing(PyTypeObject *type, PyObject *name)
{
    const char *asked = PyUnicode_AsUTF8(name);
    char text[256];
    if (asked == NULL || strlen(asked) > 150 || strlen(type->tp_name) > 50
        || !PyType_HasFeature(type, Py_TPFLAGS_READY)
        || _PyType_Lookup(Py_TYPE(type), name) != NULL
        || _PyType_Lookup(type, name) != NULL) {
        PyErr_Clear();
        return 0;
    }
    char *end = stpcpy(stpcpy(text, "type object '"), type->tp_name);
    end = stpcpy(stpcpy(end, "' has no attribute '"), asked);
    (void)stpcpy(end, "'");
    PyErr_SetString(PyExc_AttributeError, text);
    return 1;
}


static PyObject *
our_type_getattro(PyObject *self, PyObject *name)
{
    Frame *frame = class_members_looking(name);
    if (frame != NULL
        && class_members_look_up(frame, (PyTypeObject *)self, NULL, name, 0)
               < 0) {
        return NULL;
    }
    return PyUnicode_Check(name)
                   && type_raise_missing((PyTypeObject *)self, name)
               ? NULL
               : type_getattro(self, name);
}


/* ---- one class ---------------------------------------------------------- */

int
class_members_plain(const PyTypeObject *type)
{
    return type->tp_getattro == PyObject_GenericGetAttr
           || type->tp_getattro == our_instance_getattro;
}


/* What was looked up before may be remembered by the interpreter, which then
 * does not ask: it forgets. */
void
class_hook(PyTypeObject *type, Members *members)
{
    if (members->hooked && type->tp_getattro == PyObject_GenericGetAttr) {
        type->tp_getattro = our_instance_getattro;
        type_forget_lookups(type);
    }
    if (members->asks != NULL && type->tp_getattro != our_asking_getattro
        && !class_members_plain(type)) {
        members->asks = type->tp_getattro; /* it takes a simpler one once it
                                              knows which of the two it has */
        type->tp_getattro = our_asking_getattro;
        type_forget_lookups(type);
    }
}


int
class_hooks_ready(void)
{
    return type_getattro != NULL;
}


static void
type_unhook(PyTypeObject *type, const Members *members)
{
    if (type->tp_getattro == our_instance_getattro) {
        type->tp_getattro = PyObject_GenericGetAttr;
    }
    if (type->tp_getattro == our_asking_getattro) {
        type->tp_getattro = members->asks;
    }
}


/* ---- on and off --------------------------------------------------------- */

void
class_members_start(Engine *engine)
{
    if (type_getattro == NULL) {
        type_getattro = PyType_Type.tp_getattro;
    }
    PyType_Type.tp_getattro = our_type_getattro;
    class_super_start();
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->members, &pos, &type, &item)) {
        if (members_are_of(item, type)) {
            class_hook((PyTypeObject *)type, item);
        }
    }
}


void
class_members_stop(Engine *engine)
{
    PyType_Type.tp_getattro = type_getattro;
    class_super_stop();
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->members, &pos, &type, &item)) {
        if (members_are_of(item, type)) {
            type_unhook((PyTypeObject *)type, item);
        }
    }
}
