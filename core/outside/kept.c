/* What libraries keep of the program: objects that calls have given to them. */

#include "kept.h"

#include "array.h"
#include "class_made.h"
#include "compat.h"
#include "frame_parts.h"
#include "kept_look.h"
#include "text.h"

/* Frameworks whose registries the engine sees (groups, contributions), that
 * have an adapter, or that keep nothing but caches. */
static const char *const exempt[] = {
    "annotated_types",
    "attr",
    "attrs",
    "django",
    "fastapi",
    "hmr_serve",
    "prometheus_client",
    "pydantic",
    "sqlalchemy",
    "sqlmodel",
    "starlette",
    "pydantic_core",
    "pydantic_settings",
    "typing_extensions",
};

/* What a statement has called, and what it gave. */
struct Kept {
    PyObject *called; /* Owned; a function or class of a library */
    PyObject *self;   /* Owned; whose method it is; or NULL */
    PyObject *label;  /* Owned str. */
    PyObject *first; /* Owned; the first argument, of the program, and not there
                         before the call; or NULL */
    PyObject *root;  /* Owned str; the library's top package */
};


/* ---- which libraries ---------------------------------------------------- */

static PyObject *
root_of(PyObject *home)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(home);
    Py_ssize_t dot = PyUnicode_FindChar(home, '.', 0, length, 1);
    return PyUnicode_Substring(home, 0, dot < 0 ? length : dot);
}


/* Is it of Python itself, or one that keeps nothing unseen? 1, 0, -1. */
static int
root_is_exempt(PyObject *root)
{
    if (text_is_among(root, exempt, Py_ARRAY_LENGTH(exempt))) {
        return 1;
    }
    PyObject *names = PySys_GetObject("stdlib_module_names"); /* borrowed */
    return names != NULL ? PySequence_Contains(names, root) : 0;
}


/* The top package of a library that may keep something: new reference; NULL
 * without an exception when the module is none of such. */
static PyObject *
foreign_root(Engine *engine, PyObject *home)
{
    if (home == NULL) {
        return NULL;
    }
    PyObject *known = PyDict_GetItemWithError(engine->foreign, home);
    if (known == NULL && !PyErr_Occurred()) {
        PyObject *root = root_of(home);
        int is = root != NULL ? root_is_exempt(root) : -1;
        if (is >= 0
            && PyDict_SetItem(engine->foreign, home, is ? Py_None : root)
                   == 0) {
            known = is ? Py_None : root; /* the dict holds it */
        }
        Py_XDECREF(root);
    }
    if (known == NULL || known == Py_None
        || engine_module(engine, known) != NULL
        || engine_module(engine, home) != NULL
        || called_is_adapted(engine, home)) {
        return NULL;
    }
    return Py_NewRef(known);
}


int
kept_concerns(Engine *engine, CodeInfo *info)
{
    Module *module = code_info_module(info);
    if (!info->calls || module == NULL) {
        return 0;
    }
    int found = code_imports((PyObject *)info->code) > 0;
    for (Py_ssize_t i = 0; !found && i < info->name_count; i++) {
        PyObject *value =
            PyDict_GetItemWithError(module->ns, info->names[i].name);
        PyObject *root =
            value != NULL ? foreign_root(engine, kept_home(value)) : NULL;
        found = root != NULL;
        Py_XDECREF(root);
    }
    PyErr_Clear(); /* without memory: not watched */
    return found;
}


/* ---- what is given ------------------------------------------------------ */

static int
note(Frame *frame, const struct Kept *kept)
{
    struct Kept *grown = array_reserve(frame->kept, frame->kept_count,
                                       &frame->kept_room, sizeof(*grown), 4);
    if (grown == NULL) {
        return -1;
    }
    frame->kept = grown;
    frame->kept[frame->kept_count++] = (struct Kept){
        .called = Py_NewRef(kept->called),
        .self = Py_XNewRef(kept->self),
        .label = Py_NewRef(kept->label),
        .first = Py_XNewRef(kept->first),
        .root = Py_NewRef(kept->root),
    };
    return 0;
}


/* Did a statement of a module that we track define the class? */
static int
is_own_class(const Engine *engine, PyObject *type)
{
    PyObject *home = kept_home(type);
    return home != NULL && engine_module(engine, home) != NULL;
}


/* A function or class of the program, or an object of such a class? */
static int
is_own(const Engine *engine, PyObject *object)
{
    return PyFunction_Check(object)
               ? code_info(PyFunction_GET_CODE(object)) != NULL
               : is_own_class(engine, PyType_Check(object)
                                          ? object
                                          : (PyObject *)Py_TYPE(object));
}


static int
is_same(PyObject *object, const void *arg)
{
    return object == arg;
}


/* What is called as a function, or an object's __call__(). Borrowed. */
static PyObject *
what_runs(const Called *called)
{
    PyObject *run = called->self == called->function
                        ? dict_peek(Py_TYPE(called->self)->tp_dict, "__call__")
                        : called->function;
    return run != NULL ? run : (PyObject *)Py_TYPE(called->self);
}


/* May the call put the argument there: is it of the program, and does the
 * library not have it yet? 1, 0, -1. */
static int
is_new_there(const Called *called, PyObject *root, PyObject *first)
{
    if (first == NULL || !is_own(hmr_engine, first)) {
        return 0;
    }
    int found = kept_look(what_runs(called), root, is_same, first);
    if (found == 0 && called->self != NULL) {
        found = kept_look(called->self, root, is_same, first);
    }
    return found < 0 ? -1 : !found;
}


/* Called with the same for the first time in this frame? */
static int
is_new(const Frame *frame, const Called *called, const PyObject *first)
{
    for (Py_ssize_t i = 0; i < frame->kept_count; i++) {
        const struct Kept *kept = &frame->kept[i];
        if (kept->called == what_runs(called) && kept->self == called->self
            && kept->first == first) {
            return 0;
        }
    }
    return 1;
}


int
kept_note(Frame *frame, const Called *called, PyObject *first)
{
    Engine *engine = hmr_engine;
    PyObject *root = foreign_root(engine, kept_home(called->function));
    if (root == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int result = called_is_inside(engine, called) ? 0 : 1;
    int given = result > 0 ? is_new_there(called, root, first) : 0;
    first = given > 0 ? first : NULL;
    if (given < 0) {
        result = -1;
    }
    else if (result > 0 && is_new(frame, called, first)) {
        PyObject *label = called_label(called);
        const struct Kept kept = {what_runs(called), called->self, label, first,
                                  root};
        result = label != NULL && note(frame, &kept) == 0 ? 1 : -1;
        Py_XDECREF(label);
    }
    Py_DECREF(root);
    return result;
}


int
kept_note_class(Frame *frame, PyObject *type)
{
    Engine *engine = hmr_engine;
    PyObject *mro = ((PyTypeObject *)type)->tp_mro;
    if (frame->number != 0 || !is_own_class(engine, type)) {
        return 0;
    }
    for (Py_ssize_t i = 1; mro != NULL && i < PyTuple_GET_SIZE(mro); i++) {
        PyObject *base = PyTuple_GET_ITEM(mro, i);
        PyObject *root = foreign_root(engine, kept_home(base));
        if (root == NULL) {
            if (PyErr_Occurred()) {
                return -1;
            }
            continue;
        }
        PyObject *label = PyUnicode_FromFormat("%U.%s", kept_home(base),
                                               ((PyTypeObject *)base)->tp_name);
        const struct Kept kept = {base, NULL, label, NULL, root};
        int result = label != NULL ? note(frame, &kept) : -1;
        Py_XDECREF(label);
        Py_DECREF(root);
        return result; /* its own bases are looked at with it */
    }
    return 0;
}


void
kept_fini(Frame *frame)
{
    for (Py_ssize_t i = 0; i < frame->kept_count; i++) {
        Py_DECREF(frame->kept[i].called);
        Py_XDECREF(frame->kept[i].self);
        Py_DECREF(frame->kept[i].label);
        Py_XDECREF(frame->kept[i].first);
        Py_DECREF(frame->kept[i].root);
    }
    PyMem_Free(frame->kept);
    frame->kept = NULL;
    frame->kept_count = 0;
}


/* ---- judgement ---------------------------------------------------------- */

typedef struct {
    const Frame *frame;
    PyObject *first; /* Borrowed; or NULL */
} Given;


/* A function or class of the running statement, or what it gave. */
static int
is_given(PyObject *object, const void *arg)
{
    const Given *given = arg;
    const Statement *statement = given->frame->statement;
    if (object == given->first) {
        return 1;
    }
    if (PyFunction_Check(object)) {
        const CodeInfo *info = code_info(PyFunction_GET_CODE(object));
        return info != NULL && info->statement == statement;
    }
    return PyType_Check(object) && is_own_class(hmr_engine, object)
           && class_made_by(hmr_engine, object).trace == given->frame->trace;
}


/* Is it where the call leads to now? The object whose method was called may be
 * one that nobody keeps. 1, 0, -1. */
static int
is_kept(Frame *frame, const struct Kept *kept)
{
    const Given given = {frame, kept->first};
    int found = kept_look(kept->called, kept->root, is_given, &given);
    if (found != 0 || kept->self == NULL) {
        return found;
    }
    found = kept_look(kept->self, kept->root, is_given, &given);
    return found > 0 ? called_is_held(frame, kept->self) : found;
}


int
kept_judge(Frame *frame, PyObject **label)
{
    *label = NULL;
    for (Py_ssize_t i = 0; i < frame->kept_count; i++) {
        int found = is_kept(frame, &frame->kept[i]);
        if (found != 0) {
            *label = found > 0 ? Py_NewRef(frame->kept[i].label) : NULL;
            return found < 0 ? -1 : 0;
        }
    }
    return 0;
}
