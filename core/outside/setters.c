/* Setters: calls of libraries for what they do to the process. */

#include "setters.h"

#include "adapters.h"
#include "array.h"
#include "called.h"
#include "compat.h"
#include "frame_parts.h"
#include "kept.h"
#include "match.h"

/* A call that nothing explains so far. */
struct Setter {
    PyObject *label;    /* Owned str; what was called */
    PyObject *argument; /* Owned; its first one, made by the program; or NULL */
    int own;            /* the statement itself calls it, no function does */
};


/* ---- calls -------------------------------------------------------------- */

static int
note(Frame *frame, PyObject *label, PyObject *first, int own)
{
    Group *group = first != NULL ? group_of(hmr_engine, first) : NULL;
    struct Setter *grown =
        array_reserve(frame->setters, frame->setter_count, &frame->setter_room,
                      sizeof(*grown), 4);
    if (grown == NULL) {
        return -1;
    }
    frame->setters = grown;
    frame->setters[frame->setter_count++] = (struct Setter){
        .label = Py_NewRef(label),
        .argument = group != NULL && !group->outside ? Py_NewRef(first) : NULL,
        .own = own,
    };
    return 0;
}


/* The same call of the same function, with nothing of the program for its first
 * argument, is known already? 1, 0, -1. */
static int
is_known(Frame *frame, PyObject *function, PyObject *first)
{
    Group *group = first != NULL ? group_of(hmr_engine, first) : NULL;
    const void *key = group != NULL ? (const void *)&group->must_be_fresh
                                    : (const char *)function + 2;
    int seen = frame_first(frame, key);
    return seen < 0 ? -1 : !seen;
}


static int
note_call(Frame *frame, PyObject *code, const Called *called, PyObject *first)
{
    PyObject *label = called_setter(frame, called);
    if (label == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *argument = first == called->self ? NULL : first;
    int known = argument != NULL ? called_is_about(frame, argument) : 0;
    if (known == 0) {
        known = is_known(frame, called->function, argument);
    }
    int result = known != 0 ? (known < 0 ? -1 : 0)
                            : note(frame, label, argument,
                                   code == frame->statement->code);
    Py_DECREF(label);
    return result;
}


/* Does the code throw away what the call at `offset` gives? 1, 0, -1. */
static int
is_thrown_away(PyObject *code, Py_ssize_t offset)
{
    PyObject *bytes = PyCode_GetCode((PyCodeObject *)code);
    if (bytes == NULL) {
        return -1;
    }
    Instructions in = instructions_of(bytes);
    in.at = offset;
    int found = instructions_next(&in) && instructions_next(&in)
                && in.op == in.opcodes->pop_top;
    Py_DECREF(bytes);
    return found;
}


/* CALL: (code, offset, callable, first argument or MISSING). */
static PyObject *
on_call(PyObject *self, PyObject *const *args, Py_ssize_t nargs)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL && nargs == 4 ? frame_current(engine) : NULL;
    if (frame == NULL || frame->number != 0 || frame->scratch) {
        Py_RETURN_NONE;
    }
    Py_ssize_t offset = PyLong_AsSsize_t(args[1]);
    int wanted = offset >= 0 ? is_thrown_away(args[0], offset) : -1;
    PyObject *first = args[3] != self ? args[3] : NULL;
    const Called called = called_of(args[2], first);
    if (wanted == 0) {
        wanted = called_sets(&called);
    }
    int may_keep = wanted < 0 ? -1 : kept_note(frame, &called, first);
    if (may_keep < 0
        || (wanted > 0 && note_call(frame, args[0], &called, first) < 0)) {
        return NULL;
    }
    /* A value that is used always will be, and most places call the same. */
    return Py_NewRef(wanted || may_keep ? Py_None : engine->disable);
}


static PyMethodDef on_call_def = {
    "on_call", (PyCFunction)(void (*)(void))on_call, METH_FASTCALL, NULL};


/* ---- what is looked at -------------------------------------------------- */

int
setters_install(Engine *engine)
{
    PyObject *missing = PyObject_GetAttrString(engine->monitoring, "MISSING");
    PyObject *callback =
        missing != NULL ? PyCFunction_New(&on_call_def, missing) : NULL;
    PyObject *events = PyObject_GetAttrString(engine->monitoring, "events");
    engine->call_event =
        events != NULL ? PyObject_GetAttrString(events, "CALL") : NULL;
    PyObject *old = callback != NULL && engine->call_event != NULL
                        ? PyObject_CallMethod(
                            engine->monitoring, "register_callback", "iOO",
                            engine->tool, engine->call_event, callback)
                        : NULL;
    engine->calling = PyList_New(0);
    int result = old != NULL && engine->calling != NULL ? 0 : -1;
    Py_XDECREF(old);
    Py_XDECREF(events);
    Py_XDECREF(callback);
    Py_XDECREF(missing);
    return result;
}


int
setters_watch(Engine *engine, CodeInfo *info)
{
    if (info->calls_watched || info->calls_judged == engine->traced) {
        return 0;
    }
    info->calls_judged = engine->traced;
    if (!info->invokes || (!info->discards && !kept_concerns(engine, info))) {
        return 0;
    }
    PyObject *done = PyObject_CallMethod(
        engine->monitoring, "set_local_events", "iOO", engine->tool,
        (PyObject *)info->code, engine->call_event);
    if (done == NULL
        || PyList_Append(engine->calling, (PyObject *)info->code) < 0) {
        Py_XDECREF(done);
        return -1;
    }
    Py_DECREF(done);
    info->calls_watched = 1;
    return 0;
}


void
setters_stop(Engine *engine)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(engine->calling); i++) {
        PyObject *code = PyList_GET_ITEM(engine->calling, i);
        CodeInfo *info = code_info(code);
        if (info != NULL) {
            info->calls_watched = 0;
        }
        PyObject *done =
            PyObject_CallMethod(engine->monitoring, "set_local_events", "iOi",
                                engine->tool, code, 0);
        if (done == NULL) {
            PyErr_WriteUnraisable(code);
        }
        Py_XDECREF(done);
    }
    if (PyList_SetSlice(engine->calling, 0, PY_SSIZE_T_MAX, NULL) < 0) {
        PyErr_WriteUnraisable(engine->calling);
    }
}


/* ---- judgement ---------------------------------------------------------- */

/* Has the statement changed the object, or is it too large to tell? */
static int
has_changed(const Frame *frame, PyObject *object)
{
    const Group *group = group_of(hmr_engine, object);
    const Trace *trace = frame->trace;
    for (Py_ssize_t i = 0; group != NULL && i < trace->write_count; i++) {
        if (trace->writes[i].cell == &group->cell) {
            return 1;
        }
    }
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        if (frame->candidates[i].object == object) {
            return !frame->candidates[i].before.complete;
        }
    }
    return 0;
}


/* Is it known what the statement has changed, so that its only call did that?
 */
static int
has_changed_something(const Trace *trace)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        const Cell *cell = trace->writes[i].cell;
        if (cell->kind == CELL_GROUP
            || (cell->kind == CELL_SLOT
                && !adapter_is_used((const Slot *)cell))) {
            return 1;
        }
    }
    return 0;
}


/* The first call that nothing explains. Borrowed, or NULL. */
static PyObject *
find_setter(const Frame *frame)
{
    int alone = frame->setter_count == 1 && frame->setters[0].own;
    if (alone && has_changed_something(frame->trace)) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < frame->setter_count; i++) {
        const struct Setter *setter = &frame->setters[i];
        if (setter->argument == NULL || !has_changed(frame, setter->argument)) {
            return setter->label;
        }
    }
    return NULL;
}


int
setters_judge(Frame *frame)
{
    PyObject *label = Py_XNewRef(find_setter(frame));
    if (label == NULL && kept_judge(frame, &label) < 0) {
        return -1;
    }
    if (label == NULL) {
        return 0;
    }
    Py_XSETREF(frame->trace->setter, label);
    hmr_engine->setters_made = 1;
    if (hmr_engine->transaction) {
        engine_need_restart(hmr_engine,
                            "%U calls %U(), which is there for good",
                            frame->statement->syntax.label, label);
    }
    return 0;
}


void
setters_fini(Frame *frame)
{
    for (Py_ssize_t i = 0; i < frame->setter_count; i++) {
        Py_DECREF(frame->setters[i].label);
        Py_XDECREF(frame->setters[i].argument);
    }
    PyMem_Free(frame->setters);
    frame->setters = NULL;
    frame->setter_count = 0;
}


void
setters_end(const Statement *statement)
{
    const Trace *traces[] = {statement->trace, statement->attempt};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(traces); i++) {
        if (traces[i] != NULL && traces[i]->setter != NULL) {
            engine_need_restart(
                statement->module->engine,
                "%U called %U(), which only a new process can undo",
                statement->syntax.label, traces[i]->setter);
            return;
        }
    }
}


void
setters_end_dead(const Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->old_count; j++) {
            const Statement *old = match_dead(module, j);
            if (old != NULL) {
                setters_end(old);
            }
        }
    }
}


/* ---- order -------------------------------------------------------------- */

/* Is what a name holds of the package that the label begins with? */
static int
value_is_of(PyObject *value, PyObject *label)
{
    PyObject *home =
        PyModule_Check(value)
            ? Py_XNewRef(dict_peek(PyModule_GetDict(value), "__name__"))
            : called_home(value);
    if (home == NULL || !PyUnicode_Check(home)) {
        Py_XDECREF(home);
        return PyErr_Occurred() ? -1 : 0;
    }
    Py_ssize_t length = PyUnicode_GET_LENGTH(home);
    Py_ssize_t dot = PyUnicode_FindChar(home, '.', 0, length, 1);
    PyObject *root = PyUnicode_Substring(home, 0, dot < 0 ? length : dot);
    int result = root != NULL ? called_is_within(label, root) : -1;
    Py_XDECREF(root);
    Py_DECREF(home);
    return result;
}


/* Does it use what the label begins with? An import alone uses nothing. */
static int
trace_uses(const Trace *trace, PyObject *label)
{
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        if (read->cell->kind == CELL_BINDING && read->version != NULL
            && read->version->value != NULL) {
            result = value_is_of(read->version->value, label);
        }
    }
    return result;
}


/* May it have seen a setting of a library? A definition uses that when it is
 * called. */
static int
may_have_seen(const Statement *statement, const Engine *engine)
{
    return statement->attempt != NULL && statement->fresh_walk == engine->walk
           && statement->syntax.kind != STATEMENT_CLASS
           && statement->syntax.kind != STATEMENT_FUNCTION;
}


/* Does a statement that ran, and stands before the setter, use its library?
 * Asks for a new process then. 0 or -1. */
static int
check_before(const Engine *engine, const Statement *setter)
{
    PyObject *label = setter->trace->setter;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            const Statement *other = module->statements[j];
            int uses =
                other->place < setter->place && may_have_seen(other, engine)
                    ? trace_uses(other->attempt, label)
                    : 0;
            if (uses < 0) {
                return -1;
            }
            if (uses) {
                engine_need_restart(module->engine,
                                    "%U ran again after %U(), which a new "
                                    "process calls later",
                                    other->syntax.label, label);
                return 0;
            }
        }
    }
    return 0;
}


int
setters_check_order(const Engine *engine)
{
    for (Py_ssize_t i = 0; engine->setters_made && i < engine->module_count;
         i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            const Statement *statement = module->statements[j];
            if (statement->trace != NULL && statement->trace->setter != NULL
                && check_before(engine, statement) < 0) {
                return -1;
            }
        }
    }
    return 0;
}
