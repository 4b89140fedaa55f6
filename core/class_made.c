/* The classes that the program's statements have made. */

#include "class_made.h"

#include "class_members.h"
#include "compat.h"
#include "frame_parts.h"
#include "needed.h"
#include "rules.h"

#include <limits.h>

/* A class that a statement made. The record outlives the class: its weak
 * reference tells whether the address is still that class's. */
typedef struct {
    PyObject *ref;        /* Owned weak reference to the class */
    const Trace *trace;   /* Borrowed; of the run; NULL: retired */
    Statement *statement; /* Borrowed; NULL: it is no more */
    long number;          /* in the order in which they were made */
} Made;

/* type.__subclasses__ as CPython has it. Of the process, like the type; NULL:
 * ours is not in its place. */
static PyMethodDef *subclasses_def;
static PyMethodDef our_subclasses_def;


/* ---- who made what ------------------------------------------------------ */

static int
made_is_of(const Made *made, const void *type)
{
    return weakref_is_of(made->ref, type);
}


static Made *
made_find(const Engine *engine, PyObject *type)
{
    Made *made = ptrmap_get(&engine->classes, type);
    return made != NULL && made_is_of(made, type) ? made : NULL;
}


static void
made_free(Made *made)
{
    Py_DECREF(made->ref);
    PyMem_Free(made);
}


static void
made_give(Made *made, Statement *to)
{
    made->statement = to;
    if (to != NULL) {
        to->makes_classes = 1;
    }
}


int
class_made_note(Frame *frame, PyObject *type)
{
    Engine *engine = hmr_engine;
    Made *made = ptrmap_get(&engine->classes, type);
    if (made != NULL && !made_is_of(made, type)) {
        ptrmap_pop(&engine->classes, type); /* another had the address */
        made_free(made);
        made = NULL;
    }
    if (made != NULL && made->trace != NULL) {
        return 0; /* an alias */
    }
    if (made == NULL) {
        made = PyMem_Calloc(1, sizeof(*made));
        if (made == NULL || ptrmap_set(&engine->classes, type, made) < 0) {
            PyMem_Free(made);
            PyErr_NoMemory();
            return -1;
        }
        made->ref = PyWeakref_NewRef(type, NULL);
        if (made->ref == NULL) {
            ptrmap_pop(&engine->classes, type);
            PyMem_Free(made);
            return -1;
        }
    }
    made->trace = frame->trace;
    made_give(made, frame->statement);
    made->number = ++engine->class_number;
    frame->trace->makes_classes = 1;
    return 0;
}


/* The next record with this trace. */
static Made *
made_next(const Engine *engine, const Trace *trace, size_t *pos,
          const void **type)
{
    void *item;
    while (ptrmap_next(&engine->classes, pos, type, &item)) {
        if (((Made *)item)->trace == trace) {
            return item;
        }
    }
    return NULL;
}


void
class_made_retire(Engine *engine, const Trace *trace)
{
    size_t pos = 0;
    const void *type;
    Made *made;
    while (trace->makes_classes
           && (made = made_next(engine, trace, &pos, &type)) != NULL) {
        made->trace = NULL;
    }
}


void
class_made_move(Engine *engine, const Trace *trace, Statement *to)
{
    size_t pos = 0;
    const void *type;
    Made *made;
    while (trace->makes_classes
           && (made = made_next(engine, trace, &pos, &type)) != NULL) {
        made_give(made, to);
    }
}


void
class_made_absorb(Engine *engine, Trace *into, const Trace *from, Statement *to)
{
    size_t pos = 0;
    const void *type;
    Made *made;
    while (from->makes_classes
           && (made = made_next(engine, from, &pos, &type)) != NULL) {
        const Statement *statement = made->statement;
        if (engine->transaction && statement != NULL
            && statement->trace == from) {
            continue; /* of the applied revision: a rollback has to find it */
        }
        made->trace = into;
        made_give(made, to);
    }
    into->makes_classes |= from->makes_classes;
}


void
class_made_replace(const Frame *frame, PyObject *fresh, PyObject *type)
{
    Made *given_up = made_find(hmr_engine, fresh);
    if (given_up != NULL) {
        given_up->trace = NULL;
    }
    const ClassMaker maker = {frame->trace, frame->statement};
    class_made_restore(hmr_engine, type, &maker);
}


ClassMaker
class_made_by(const Engine *engine, PyObject *type)
{
    const Made *made = made_find(engine, type);
    return made != NULL ? (ClassMaker){made->trace, made->statement}
                        : (ClassMaker){NULL, NULL};
}


void
class_made_restore(Engine *engine, PyObject *type, const ClassMaker *maker)
{
    Made *made = made_find(engine, type);
    if (made != NULL) {
        made->trace = maker->trace;
        made_give(made, maker->statement);
    }
}


int
class_made_is_retired(const Engine *engine, PyObject *type)
{
    const Made *made = made_find(engine, type);
    return made != NULL && made->trace == NULL;
}


PyObject *
class_made_subclasses(PyObject *type)
{
    return subclasses_def->ml_meth(type, NULL);
}


void
class_made_forget(Engine *engine, const Statement *statement)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (statement->makes_classes
           && ptrmap_next(&engine->classes, &pos, &type, &item)) {
        if (((Made *)item)->statement == statement) {
            ((Made *)item)->statement = NULL;
        }
    }
}


void
class_made_sweep(Engine *engine)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->classes, &pos, &type, &item)) {
        if (!made_is_of(item, type)) {
            ptrmap_pop(&engine->classes, type);
            made_free(item);
        }
    }
}


void
class_made_fini(Engine *engine)
{
    size_t pos = 0;
    const void *type;
    void *item;
    while (ptrmap_next(&engine->classes, &pos, &type, &item)) {
        made_free(item);
    }
    ptrmap_fini(&engine->classes);
    ptrmap_fini(&engine->bases);
}


/* ---- which ones are there ----------------------------------------------- */

static Py_ssize_t
statement_index(const Statement *statement)
{
    const Module *module = statement->module;
    for (Py_ssize_t i = 0; i < module->count; i++) {
        if (module->statements[i] == statement) {
            return i;
        }
    }
    return -1;
}


/* Is the statement running, on this thread? */
static int
made_is_running(const Made *made, Engine *engine)
{
    for (Frame *at = frame_current(engine); at != NULL; at = at->up) {
        if (at->trace == made->trace) {
            return 1;
        }
    }
    return 0;
}


/* Has the walk come by the run that made the class? Without a walk: does it
 * still stand? */
static int
made_is_there(const Made *made, Engine *engine)
{
    const Statement *statement = made->statement;
    if (made->trace == NULL) {
        return 0;
    }
    if (!engine->transaction || made_is_running(made, engine)) {
        return 1;
    }
    if (statement == NULL || statement_trace(statement) != made->trace) {
        return 0;
    }
    const Module *module = statement->module;
    if (module == engine->probes) {
        return 1;
    }
    if (walk_skips(module)) {
        return statement->place <= engine->place;
    }
    Py_ssize_t index = statement_index(statement);
    return module->walk == engine->walk && index >= 0 && index < module->passed;
}


/* Where a class stands among those of the program. */
typedef struct {
    long place; /* of its statement */
    Py_ssize_t index;
    long number;
} Rank;


static Rank
made_rank(const Made *made, Engine *engine)
{
    if (made->statement == NULL || made_is_running(made, engine)) {
        return (Rank){LONG_MAX, 0, made->number};
    }
    return (Rank){made->statement->place, statement_index(made->statement),
                  made->number};
}


static int
rank_before(const Rank *a, const Rank *b)
{
    if (a->place != b->place) {
        return a->place < b->place;
    }
    return a->index != b->index ? a->index < b->index : a->number < b->number;
}


/* Put the classes of the program into cold order, at the places in the list
 * that they have. `ranks` as long as the list. */
static void
list_order(PyObject *list, Rank *ranks, Engine *engine)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    for (Py_ssize_t i = 0; i < count; i++) {
        const Made *made = made_find(engine, PyList_GET_ITEM(list, i));
        ranks[i] = made != NULL ? made_rank(made, engine) : (Rank){-1, 0, 0};
    }
    for (Py_ssize_t i = 1; i < count; i++) {
        Py_ssize_t at = i;
        for (Py_ssize_t j = i - 1; ranks[at].place >= 0 && j >= 0; j--) {
            if (ranks[j].place < 0) {
                continue; /* a library's: stays */
            }
            if (!rank_before(&ranks[at], &ranks[j])) {
                break;
            }
            PyObject *type = PyList_GET_ITEM(list, j);
            Rank rank = ranks[j];
            PyList_SET_ITEM(list, j, PyList_GET_ITEM(list, at));
            PyList_SET_ITEM(list, at, type);
            ranks[j] = ranks[at];
            ranks[at] = rank;
            at = j;
        }
    }
}


/* Leave out what is not there, and order the rest. 0, or -1 with an exception
 * set. */
static int
list_settle(PyObject *list, Engine *engine)
{
    for (Py_ssize_t i = PyList_GET_SIZE(list); i-- > 0;) {
        const Made *made = made_find(engine, PyList_GET_ITEM(list, i));
        if (made != NULL && !made_is_there(made, engine)
            && PyList_SetSlice(list, i, i + 1, NULL) < 0) {
            return -1;
        }
    }
    if (engine->revision == 0 && !engine->transaction) {
        return 0; /* as they were made */
    }
    Rank *ranks =
        PyMem_Calloc((size_t)PyList_GET_SIZE(list) + 1, sizeof(*ranks));
    if (ranks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    list_order(list, ranks, engine);
    PyMem_Free(ranks);
    return 0;
}


/* Those of a list that statements made, but for those of the running one
 * itself (`but`, or NULL). New tuple. */
static PyObject *
list_made(PyObject *list, const Trace *but, const Engine *engine)
{
    PyObject *found = PyList_New(0);
    int result = found != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(list); i++) {
        const Made *made = made_find(engine, PyList_GET_ITEM(list, i));
        if (made != NULL && (but == NULL || made->trace != but)) {
            result = PyList_Append(found, PyList_GET_ITEM(list, i));
        }
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(found) : NULL;
    Py_XDECREF(found);
    return tuple;
}


/* ---- reads -------------------------------------------------------------- */

static SubclassCell *
subclass_cell(Engine *engine, PyObject *base)
{
    SubclassCell *cell =
        cell_in(&engine->bases, base, CELL_SUBCLASSES, sizeof(*cell), engine);
    if (cell != NULL && cell->base == NULL) {
        cell->base = Py_NewRef(base);
    }
    return cell;
}


/* The statement knows which subclasses there are, and may look into them. */
static int
frame_read_subclasses(Frame *frame, PyObject *base, PyObject *list)
{
    Engine *engine = hmr_engine;
    SubclassCell *cell = subclass_cell(engine, base);
    if (cell == NULL) {
        return -1;
    }
    int first = frame_first(frame, cell);
    PyObject *seen = NULL;
    int result = first < 0 ? -1 : 0;
    if (first > 0) {
        seen = list_made(list, frame->trace, engine);
        result =
            seen != NULL ? trace_add_read(frame->trace, &cell->cell, NULL) : -1;
    }
    if (first > 0 && result == 0) {
        frame->trace->reads[frame->trace->read_count - 1].value =
            Py_NewRef(seen);
        for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(seen); i++) {
            Group *group = group_of(engine, PyTuple_GET_ITEM(seen, i));
            if (group != NULL && rule(READ_GROUPS)) {
                result = frame_read_group(frame, group);
            }
        }
    }
    Py_XDECREF(seen);
    cell_unref(&cell->cell, engine); /* the trace holds it */
    return result;
}


int
class_made_clean(const Read *read)
{
    Engine *engine = hmr_engine;
    PyObject *list =
        subclasses_def->ml_meth(((const SubclassCell *)read->cell)->base, NULL);
    PyObject *now = list != NULL && list_settle(list, engine) == 0
                        ? list_made(list, NULL, engine)
                        : NULL;
    Py_ssize_t count = now != NULL ? PyTuple_GET_SIZE(now) : -1;
    int clean = count == PyTuple_GET_SIZE(read->value);
    for (Py_ssize_t i = 0; clean && i < count; i++) {
        clean = PyTuple_GET_ITEM(now, i) == PyTuple_GET_ITEM(read->value, i);
    }
    Py_XDECREF(list);
    Py_XDECREF(now);
    PyErr_Clear(); /* without memory: another list, which is safe */
    return clean;
}


static void
bases_need_readers(Engine *engine, PyObject *bases)
{
    for (Py_ssize_t i = 0; bases != NULL && i < PyTuple_GET_SIZE(bases); i++) {
        SubclassCell *cell =
            ptrmap_get(&engine->bases, PyTuple_GET_ITEM(bases, i));
        if (cell != NULL) {
            cell_need_readers(&cell->cell, engine);
        }
    }
}


void
class_made_need_readers(Engine *engine, const Trace *trace)
{
    if (trace == NULL || !trace->makes_classes || engine->bases.live == 0) {
        return;
    }
    size_t pos = 0;
    const void *type;
    const Made *made;
    while ((made = made_next(engine, trace, &pos, &type)) != NULL) {
        if (made_is_of(made, type)) {
            bases_need_readers(engine, ((const PyTypeObject *)type)->tp_bases);
        }
    }
}


/* ---- type.__subclasses__ ------------------------------------------------ */

static PyObject *
our_subclasses(PyObject *self, PyObject *unused)
{
    PyObject *list = subclasses_def->ml_meth(self, unused);
    Engine *engine = hmr_engine;
    if (list == NULL || engine == NULL || !rule(READ_SUBCLASSES)) {
        return list;
    }
    Frame *frame = frame_current(engine);
    if (list_settle(list, engine) < 0
        || (frame != NULL && engine_caller_is_tracked(engine)
            && frame_read_subclasses(frame, self, list) < 0)) {
        Py_CLEAR(list);
    }
    return list;
}


/* The descriptor of type.__subclasses__. Borrowed from the type. */
static PyMethodDescrObject *
subclasses_descriptor(void)
{
    PyObject *dict = PyType_GetDict(&PyType_Type);
    PyObject *found = dict != NULL ? dict_peek(dict, "__subclasses__") : NULL;
    Py_XDECREF(dict);
    if (found == NULL || !Py_IS_TYPE(found, &PyMethodDescr_Type)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "hmr-serve: type.__subclasses__ was replaced");
        return NULL;
    }
    return (PyMethodDescrObject *)found;
}


int
class_made_install(void)
{
    PyMethodDescrObject *descriptor = subclasses_descriptor();
    if (descriptor == NULL || subclasses_def != NULL) {
        return descriptor == NULL ? -1 : 0;
    }
    subclasses_def = descriptor->d_method;
    our_subclasses_def = *subclasses_def;
    our_subclasses_def.ml_meth = our_subclasses;
    descriptor->d_method = &our_subclasses_def;
    return 0;
}


void
class_made_uninstall(void)
{
    PyMethodDescrObject *descriptor = subclasses_descriptor();
    if (descriptor == NULL) {
        PyErr_Clear();
        return;
    }
    if (subclasses_def != NULL) {
        descriptor->d_method = subclasses_def;
        subclasses_def = NULL;
    }
}


/* ---- class statements --------------------------------------------------- */

/* builtins.__build_class__ while tracing; `self` is CPython's. */
static PyObject *
our_build_class(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                PyObject *kwnames)
{
    PyObject *type = PyObject_Vectorcall(self, args, (size_t)nargs, kwnames);
    Engine *engine = hmr_engine;
    Frame *frame = type != NULL && engine != NULL && PyType_Check(type)
                       ? frame_current(engine)
                       : NULL;
    if (frame != NULL
        && (class_made_note(frame, type) < 0
            || class_members_add(engine, type) < 0)) {
        Py_CLEAR(type);
    }
    return type;
}


static PyMethodDef our_build_class_def = {
    "__build_class__", (PyCFunction)(void (*)(void))our_build_class,
    METH_FASTCALL | METH_KEYWORDS, NULL};


int
class_made_start(Engine *engine)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *now = dict_peek(builtins, "__build_class__");
    if (now == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "hmr-serve: no __build_class__");
        return -1;
    }
    PyObject *ours = PyCFunction_New(&our_build_class_def, now);
    int result = ours != NULL
                     ? PyDict_SetItemString(builtins, "__build_class__", ours)
                     : -1;
    if (result == 0) {
        Py_XSETREF(engine->build_class, Py_NewRef(ours));
    }
    Py_XDECREF(ours);
    return result;
}


void
class_made_stop(Engine *engine)
{
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *ours = engine->build_class;
    /* what somebody put there meanwhile calls ours, and stays */
    if (ours != NULL && dict_peek(builtins, "__build_class__") == ours
        && PyDict_SetItemString(builtins, "__build_class__",
                                PyCFunction_GET_SELF(ours))
               < 0) {
        PyErr_WriteUnraisable(ours);
    }
    Py_CLEAR(engine->build_class);
}
