/* What super() looks up. */

#include "class_super.h"

#include "class_made.h"
#include "class_members_parts.h"
#include "engine.h"
#include "instructions.h"

/* How super() looks attributes up without us. Of the process. */
static getattrofunc super_getattro;


/* ---- reads -------------------------------------------------------------- */

/* In any class, after any other. */
static int
read_anywhere(Frame *frame, PyObject *name)
{
    Engine *engine = hmr_engine;
    if (engine->super_members == NULL) {
        engine->super_members = PyDict_New();
        if (engine->super_members == NULL) {
            return -1;
        }
    }
    return class_member_read(frame, engine->super_members, name, name);
}


/* A class that a super object tells. New reference; NULL without an exception
 * where there is none. */
static PyTypeObject *
super_part(PyObject *super, const char *name)
{
    PyObject *key = PyUnicode_FromString(name);
    PyObject *part = key != NULL ? PyObject_GenericGetAttr(super, key) : NULL;
    Py_XDECREF(key);
    if (part == NULL || !PyType_Check(part)) {
        PyErr_Clear();
        Py_CLEAR(part);
    }
    return (PyTypeObject *)part;
}


static int
read_of(Frame *frame, PyObject *super, PyObject *name)
{
    PyTypeObject *type = super_part(super, "__self_class__");
    PyTypeObject *after = super_part(super, "__thisclass__");
    int result = type != NULL && after != NULL
                     ? class_members_look_up(frame, type, after, name, 0)
                     : read_anywhere(frame, name);
    Py_XDECREF(type);
    Py_XDECREF(after);
    return result;
}


static PyObject *
our_super_getattro(PyObject *self, PyObject *name)
{
    Frame *frame = class_members_looking(name);
    return frame != NULL && read_of(frame, self, name) < 0
               ? NULL
               : super_getattro(self, name);
}


/* The class whose method starts. New reference; NULL without an exception where
 * that is not known: not for classes in functions, which share their methods'
 * code. */
static PyObject *
starting_class(const PyCodeObject *code)
{
    PyFrameObject *now = PyEval_GetFrame(); /* borrowed */
    PyCodeObject *running = now != NULL ? PyFrame_GetCode(now) : NULL;
    Py_XDECREF(running); /* the frame holds it */
    if (running != code || (code->co_flags & CO_NESTED)
        || code->co_nfreevars == 0) {
        return NULL;
    }
    PyObject *class = PyFrame_GetVarString(now, "__class__");
    if (class == NULL || !PyType_Check(class)) {
        PyErr_Clear();
        Py_CLEAR(class);
    }
    return class;
}


/* Is there a super(Other, self).name in it? Any class may be meant. */
static int
code_names_other(PyCodeObject *code)
{
    enum { TWO_ARGUMENTS = 2 }; /* dis.rst, LOAD_SUPER_ATTR */
    PyObject *bytes = PyCode_GetCode(code);
    int found = bytes == NULL;
    if (bytes != NULL) {
        Instructions in = instructions_of(bytes);
        while (!found && instructions_next(&in)) {
            found = in.op == in.opcodes->load_super_attr
                    && (in.arg & TWO_ARGUMENTS);
        }
        Py_DECREF(bytes);
    }
    PyErr_Clear(); /* without memory: yes, which is safe */
    return found;
}


static int
read_after(Frame *frame, PyObject *class, PyObject *name)
{
    PyObject *supers = class_members_supers(hmr_engine, class, 1);
    PyObject *owner = supers != NULL ? PyUnicode_FromFormat(
                          "super(%U)", ((PyHeapTypeObject *)class)->ht_name)
                                     : NULL;
    int result =
        owner != NULL ? class_member_read(frame, supers, owner, name) : -1;
    Py_XDECREF(owner);
    return result;
}


int
class_super_read(Frame *frame, PyCodeObject *code)
{
    PyObject *names = code->co_names;
    int uses = 0;
    for (Py_ssize_t i = 0; !uses && i < PyTuple_GET_SIZE(names); i++) {
        uses = PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i),
                                                "super")
               == 0;
    }
    if (!uses) {
        return 0;
    }
    PyObject *class = code_names_other(code) ? NULL : starting_class(code);
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        result = class != NULL ? read_after(frame, class, name)
                               : read_anywhere(frame, name);
    }
    Py_XDECREF(class);
    return result;
}


/* ---- what a patch changes ----------------------------------------------- */

/* Whoever looks the name up after a class that comes before `changed` in the
 * line of `type` may have found it there; and the same for the subclasses. */
static int
change_in_line(Engine *engine, PyTypeObject *type, const PyObject *changed,
               PyObject *name)
{
    PyObject *mro = type->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *before = PyTuple_GET_ITEM(mro, i);
        if (before == changed) {
            break;
        }
        PyObject *supers = class_members_supers(engine, before, 0);
        if (supers != NULL
            && class_member_change(engine, supers, NULL, name) < 0) {
            return -1;
        }
    }
    PyObject *list = class_made_subclasses((PyObject *)type);
    int result = list != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(list); i++) {
        result = change_in_line(
            engine, (PyTypeObject *)PyList_GET_ITEM(list, i), changed, name);
    }
    Py_XDECREF(list);
    return result;
}


int
class_super_change(Engine *engine, PyObject *type, PyObject *name)
{
    if (engine->super_members != NULL
        && class_member_change(engine, engine->super_members, NULL, name) < 0) {
        return -1;
    }
    return change_in_line(engine, (PyTypeObject *)type, type, name);
}


/* ---- on and off --------------------------------------------------------- */

void
class_super_start(void)
{
    if (super_getattro == NULL) {
        super_getattro = PySuper_Type.tp_getattro;
    }
    PySuper_Type.tp_getattro = our_super_getattro;
}


void
class_super_stop(void)
{
    PySuper_Type.tp_getattro = super_getattro;
}
