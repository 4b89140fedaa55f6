/* What type.__subclasses__() tells of the program's classes. */

#include "class_made_parts.h"

#include "compat.h"
#include "frame_parts.h"
#include "needed.h"
#include "rules.h"

#include <limits.h>

/* type.__subclasses__ as CPython has it. Of the process, like the type; NULL:
 * ours is not in its place. */
static PyMethodDef *subclasses_def;
static PyMethodDef our_subclasses_def;


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

PyObject *
class_made_subclasses(PyObject *type)
{
    return subclasses_def->ml_meth(type, NULL);
}


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
