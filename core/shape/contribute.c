/* What single statements add to an object. */

#include "contribute.h"

#include "clean.h"
#include "compat.h"
#include "graph.h"
#include "import_order.h"
#include "journal.h"
#include "needed.h"
#include "walk.h"


/* ---- effects ------------------------------------------------------------ */

static uint64_t
mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9E3779B97F4A7C15u + b;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93u;
    return x ^ (x >> 29);
}


/* Is `after` made by the statement that made `before`, in its place? */
static int
group_follows(const Group *before, const Group *after)
{
    return before != NULL && after != NULL && before->creator != NULL
           && before->creator == after->creator;
}


static int
trace_writes(const Trace *trace, const Group *group)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        if (trace->writes[i].cell == &group->cell) {
            return 1;
        }
    }
    return 0;
}


/* Did a run read the same as an earlier one, but that an object which it
 * changed (trace `now`) stands for another? */
static int
read_alike(const Read *then, const Read *read, const Trace *now,
           const Engine *engine)
{
    const Group *before = NULL, *after = NULL;
    if (then->cell == read->cell && then->version == read->version) {
        return 1;
    }
    if (then->cell->kind == CELL_GROUP && read->cell->kind == CELL_GROUP) {
        before = (const Group *)then->cell;
        after = (const Group *)read->cell;
    }
    else if (then->cell == read->cell && then->cell->kind == CELL_BINDING
             && then->version != NULL && then->version->value != NULL
             && read->version != NULL && read->version->value != NULL) {
        before = group_of(engine, then->version->value);
        after = group_of(engine, read->version->value);
    }
    return group_follows(before, after) && trace_writes(now, after);
}


static int
traces_alike(const Trace *then, const Trace *now, const Engine *engine)
{
    if (then->read_count != now->read_count || then->names_count > 0
        || now->names_count > 0 || imports_differ(then, now)) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < now->read_count; i++) {
        if (!read_alike(&then->reads[i], &now->reads[i], now, engine)) {
            return 0;
        }
    }
    return 1;
}


/* ---- noting ------------------------------------------------------------- */

/* They failed: every statement runs. */
static void
give_up(Engine *engine)
{
    PyErr_WriteUnraisable(engine->contributions);
    Py_CLEAR(engine->contributions);
    Py_CLEAR(engine->contributed_types);
    Py_CLEAR(engine->contributing);
}


/* Are objects of this type known? The library that they are of may be imported
 * at any time. */
static int
type_is_known(Engine *engine, PyTypeObject *type)
{
    if (engine->contributions == NULL) {
        return 0;
    }
    if (engine->contributed_types == NULL) {
        PyObject *types =
            PyObject_CallMethod(engine->contributions, "types", NULL);
        if (types == NULL || !PyTuple_Check(types)) {
            Py_XDECREF(types);
            give_up(engine);
            return 0;
        }
        if (PyTuple_GET_SIZE(types) == 0) {
            Py_DECREF(types); /* not imported yet */
            return 0;
        }
        PyObject *methods =
            PyObject_CallMethod(engine->contributions, "methods", NULL);
        if (methods == NULL || !PyTuple_Check(methods)) {
            Py_DECREF(types);
            Py_XDECREF(methods);
            give_up(engine);
            return 0;
        }
        engine->contributed_types = types;
        Py_XSETREF(engine->contributing, methods);
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(engine->contributed_types);
         i++) {
        if (PyTuple_GET_ITEM(engine->contributed_types, i)
            == (PyObject *)type) {
            return 1;
        }
    }
    return 0;
}


int
contribute_begin(Frame *frame, PyObject *object)
{
    Engine *engine = frame->statement->module->engine;
    if (frame->owner != NULL || !type_is_known(engine, Py_TYPE(object))) {
        return 0;
    }
    PyObject *mark =
        PyObject_CallMethod(engine->contributions, "mark", "O", object);
    if (mark == NULL) {
        give_up(engine);
        return 0;
    }
    frame->owner = Py_NewRef(object);
    frame->mark = mark;
    return 0;
}


/* The one object of another statement that this one changed. NULL: there are
 * others, or it stored elsewhere too. */
static Group *
trace_only_shape(const Trace *trace, const Statement *statement)
{
    Group *only = NULL;
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        Cell *cell = trace->writes[i].cell;
        if (cell->kind == CELL_BINDING
            || (cell->kind == CELL_GROUP
                && ((Group *)cell)->creator == statement)) {
            continue;
        }
        if (cell->kind != CELL_GROUP || only != NULL) {
            return NULL;
        }
        only = (Group *)cell;
    }
    return only;
}


/* Is it what tells annotations, since 3.14? */
static int
code_annotates(const Cell *cell)
{
    PyObject *name = ((const CodeCell *)cell)->name;
    PyObject *annotate = PyUnicode_FromString("__annotate__");
    int annotates =
        annotate != NULL
        && PyUnicode_Tailmatch(name, annotate, 0, PY_SSIZE_T_MAX, 1) == 1;
    Py_XDECREF(annotate);
    PyErr_Clear(); /* without memory: no, which is safe */
    return annotates;
}


/* Code that it called may have done anything to the object. */
static int
trace_calls(const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Cell *cell = trace->reads[i].cell;
        if (cell->kind == CELL_RESULT
            || (cell->kind == CELL_CODE && !code_annotates(cell))) {
            return 1;
        }
    }
    return 0;
}


/* A function under decorators, or a call of one of the methods that only add:
 * `app.include_router(router)`, and nothing else that could change it. */
static int
statement_may_add(const Statement *statement)
{
    const Engine *engine = statement->module->engine;
    if (statement->syntax.kind != STATEMENT_OTHER) {
        return statement->syntax.kind == STATEMENT_FUNCTION;
    }
    PyObject *bytes = PyCode_GetCode((PyCodeObject *)statement->code);
    PyObject *names = ((PyCodeObject *)statement->code)->co_names;
    if (bytes == NULL) {
        PyErr_Clear(); /* without memory: it runs again */
        return 0;
    }
    Instructions in = instructions_of(bytes);
    int methods = 0, called = 0, discarded = 0, stores = 0;
    while (instructions_next(&in)) {
        PyObject *name = in.op == in.opcodes->load_attr
                             ? PyTuple_GET_ITEM(names, in.arg >> 1)
                             : NULL;
        methods +=
            name != NULL && PySequence_Contains(engine->contributing, name) > 0;
        discarded += called && in.op == in.opcodes->pop_top;
        called = in.opcodes->calls[in.op];
        stores += in.opcodes->stores[in.op];
    }
    Py_DECREF(bytes);
    return methods == 1 && discarded == 1 && stores == 0;
}


/* Did it look into modules that were there, and import none on its way? */
static int
imports_are_plain(const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        const Import *import = &trace->imports[i];
        if (import->nested || import->versions != NULL) {
            return 0;
        }
    }
    return 1;
}


/* May a run be left out? Then all else that it did is in its writes. */
static int
trace_is_plain(const Trace *trace)
{
    return imports_are_plain(trace) && trace->names_count == 0
           && trace->callbacks == NULL && trace->annotated == NULL
           && trace->result == NULL && !trace->makes_classes
           && trace->setter == NULL && !trace->unsteady;
}


/* What it added to the object, and nothing else: a tuple, or NULL without an
 * exception. New reference. */
static PyObject *
items_of(Engine *engine, PyObject *owner, PyObject *mark)
{
    PyObject *items =
        PyObject_CallMethod(engine->contributions, "items", "OO", owner, mark);
    if (items == NULL) {
        give_up(engine);
    }
    else if (!PyTuple_Check(items)) {
        Py_CLEAR(items); /* None: it did something else */
    }
    return items;
}


int
contribute_end(Statement *statement, Trace *trace, PyObject *owner,
               PyObject *mark)
{
    Engine *engine = statement->module->engine;
    const Trace *then = statement->trace;
    trace->effect = then != NULL && traces_alike(then, trace, engine)
                        ? then->effect
                        : ++engine->effects;
    const Group *only = trace_only_shape(trace, statement);
    PyObject *items = NULL;
    if (only != NULL && owner != NULL && only->object == owner
        && engine->contributions != NULL && statement_may_add(statement)
        && !trace_calls(trace)) {
        items = items_of(engine, owner, mark);
    }
    if (items != NULL && trace_is_plain(trace)) {
        trace->items = Py_NewRef(items);
        trace->setup = only->setup;
    }
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        if (trace->writes[i].cell->kind != CELL_GROUP) {
            continue;
        }
        Group *group = (Group *)trace->writes[i].cell;
        if (group->creator == statement) {
            group->setup = mix(0, trace->effect);
            group->added = 0;
        }
        else if (items != NULL) {
            group->added = mix(group->added, trace->effect);
        }
        else { /* it may have seen what was added */
            group->setup = mix(mix(group->setup, trace->effect), group->added);
        }
    }
    Py_XDECREF(items);
    return 0;
}


/* ---- again -------------------------------------------------------------- */

/* The object that took the place of the group's, found through a name that the
 * statement had read it by. Borrowed; NULL: none that can be gone on with. */
static Group *
find_follower(const Trace *trace, const Group *group, const Engine *engine)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        if (read->cell->kind != CELL_BINDING || read->version == NULL
            || read->version->value != group->object) {
            continue;
        }
        const Version *now = cell_here(read->cell, engine);
        Group *next = now != NULL && now->value != NULL
                          ? group_of(engine, now->value)
                          : NULL;
        return next != group && group_follows(group, next)
                       && next->creator->fresh_walk == engine->walk
                       && cell_now(&next->cell, engine) == next->actual
                       && next->setup == trace->setup
                   ? next
                   : NULL;
    }
    return NULL;
}


/* The same read, now. 1: added to the trace; 0: it is another; -1. */
static int
add_read_again(Trace *trace, Read *read, const Group *before, Group *after,
               Engine *engine)
{
    Cell *cell = read->cell;
    if (cell == &before->cell) {
        cell = &after->cell;
    }
    else if (cell->kind == CELL_BINDING && read->version != NULL
             && read->version->value == before->object && read->path == NULL) {
        const Version *now = cell_now(cell, engine);
        if (now == NULL || now->value != after->object) {
            return 0;
        }
    }
    else if (!clean_read(read, engine)) {
        return 0;
    }
    Version *version =
        cell == read->cell && cell_now(cell, engine) == read->version
            ? read->version
            : cell_now(cell, engine);
    needed_check_read(engine, cell, version);
    return trace_copy_read(trace, read, cell, version) < 0 ? -1 : 1;
}


static int
add_writes_again(Trace *trace, const Trace *then, const Group *before,
                 Group *after, Version *shape)
{
    for (Py_ssize_t i = 0; i < then->write_count; i++) {
        const Write *write = &then->writes[i];
        int result = write->cell == &before->cell
                         ? trace_add_write(trace, &after->cell, shape)
                         : trace_add_write(trace, write->cell, write->version);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* The modules that it looked into are there, as far as the walk has come: 1; 0:
 * not all; -1. */
static int
add_imports_again(Trace *trace, const Trace *then)
{
    for (Py_ssize_t i = 0; i < then->import_count; i++) {
        Module *module = then->imports[i].module;
        const Engine *engine = module->engine;
        if (module->gone || module->withheld
            || module->failed_walk == engine->walk
            || (!walk_is_settled(module) && !walk_skips(module))) {
            return 0;
        }
        if (trace_add_import(trace, module) < 0) {
            return -1;
        }
        trace->imports[trace->import_count - 1].after = then->imports[i].after;
    }
    return trace->import_count == then->import_count;
}


/* The trace of the statement as if it had run; `shape` is the version that it
 * gives the object. *again: NULL where it has to run. 0, or -1 with an
 * exception set. */
static int
trace_again(Statement *statement, const Group *before, Group *after,
            Version *shape, Trace **again)
{
    Engine *engine = statement->module->engine;
    Trace *then = statement->trace;
    Trace *trace = trace_new();
    int result = trace != NULL ? 1 : -1;
    for (Py_ssize_t i = 0; result > 0 && i < then->read_count; i++) {
        result = add_read_again(trace, &then->reads[i], before, after, engine);
    }
    if (result > 0) {
        result = add_imports_again(trace, then);
    }
    if (result > 0) {
        result = journal_clean(statement, then);
    }
    if (result > 0 && add_writes_again(trace, then, before, after, shape) < 0) {
        result = -1;
    }
    if (result > 0) {
        trace->cost = then->cost;
        trace->effect = then->effect;
        trace->setup = then->setup;
        trace->instead = 1;
        *again = trace;
    }
    else {
        trace_free(trace, engine);
    }
    return result < 0 ? -1 : 0;
}


/* Add to the new object what was added to the old one: the new tuple, or NULL
 * without an exception where the statement has to run. */
static PyObject *
add_items(Engine *engine, const Group *before, const Group *after,
          PyObject *items)
{
    PyObject *added = PyObject_CallMethod(engine->contributions, "add", "OOO",
                                          before->object, after->object, items);
    if (added == NULL) {
        give_up(engine);
    }
    else if (!PyTuple_Check(added)) {
        Py_CLEAR(added);
    }
    return added;
}


int
contribute_again(Statement *statement)
{
    Engine *engine = statement->module->engine;
    const Trace *then = statement->trace;
    if (then == NULL || then->items == NULL || statement->forced
        || engine->contributions == NULL) {
        return 0;
    }
    const Group *before = trace_only_shape(then, statement);
    Group *after = before != NULL ? find_follower(then, before, engine) : NULL;
    if (after == NULL) {
        return 0;
    }
    Trace *trace = NULL;
    Version *shape = version_new(NULL, statement);
    int result = shape != NULL
                     ? trace_again(statement, before, after, shape, &trace)
                     : -1;
    if (trace != NULL) {
        trace->items = add_items(engine, before, after, then->items);
    }
    if (trace != NULL && trace->items != NULL) {
        version_set(&after->actual, shape);
        after->added = mix(after->added, trace->effect);
        trace_free(statement->attempt, engine);
        statement->attempt = trace;
        statement->instead_walk = engine->walk;
        statement->module->concerned = 1;
        result = walk_apply(trace, statement->module) < 0 ? -1 : 1;
    }
    else {
        trace_free(trace, engine);
    }
    version_unref(shape);
    return result;
}


PyObject *
engine_contribute(PyObject *self, PyObject *contributions)
{
    Engine *engine = (Engine *)self;
    Py_CLEAR(engine->contributed_types);
    Py_XSETREF(engine->contributions, Py_NewRef(contributions));
    return Py_NewRef(Py_None);
}
