/* Which objects a statement shaped: its candidates (candidates.c) are compared
 * with what they were before. */

#include "frame.h"
#include "frame_parts.h"

#include "rules.h"
#include "value.h"


static int
trace_reads_value(const Trace *trace, const PyObject *value)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        if (read->version != NULL && read->version->value == value
            && read->path == NULL) {
            return 1;
        }
    }
    return 0;
}


/* A function has a group from when it may be changed, and few are: those who
 * had read it before are found when it is changed indeed. */
static int
group_tell_readers(Engine *engine, Group *group, Version *version)
{
    if (group->told || !PyFunction_Check(group->object)) {
        return 0;
    }
    group->told = 1;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            const Statement *statement = module->statements[j];
            Trace *trace = statement->syntax.kind != STATEMENT_IMPORT
                               ? statement_trace(statement)
                               : NULL; /* it only binds the function */
            if (trace != NULL && trace_reads_value(trace, group->object)
                && !trace_has_read(trace, &group->cell)
                && trace_add_read(trace, &group->cell, version) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


static int
frame_shape(Frame *frame, Engine *engine, Group *group)
{
    Statement *creator =
        engine->transaction ? cell_stale_creator(&group->cell, frame->statement)
                            : NULL;
    if (creator != NULL) {
        return frame_conflict_creator(frame, group, "changes it");
    }
    if (group->outside) {
        return 0; /* the journal's affair */
    }
    Version *before = cell_now(&group->cell, engine);
    for (Py_ssize_t i = 0; i < frame->trace->write_count; i++) {
        Write *write = &frame->trace->writes[i];
        if (write->cell == &group->cell) {
            return 0; /* this statement's creation, or shaped already */
        }
    }
    Version *after = version_new(NULL, frame->statement);
    if (after == NULL) {
        return -1;
    }
    int result = group_tell_readers(engine, group, before);
    if (result == 0 && frame_first(frame, group) > 0) {
        result = frame_note_read(frame, &group->cell, before);
    }
    if (result == 0) {
        result = trace_add_write(frame->trace, &group->cell, after);
    }
    cell_write(&group->cell, after, frame->statement->module, engine);
    version_set(&group->actual, after);
    version_unref(after);
    return result;
}


/* The object may be part of a group that its creator had read. */
static int
frame_shape_holders(Frame *frame, Engine *engine, Group *group)
{
    for (Py_ssize_t i = 0; i < group->holder_count; i++) {
        Group *holder = (Group *)group->holders[i];
        if (holder->object == NULL || group->object == NULL
            || cell_now(&holder->cell, engine) == NULL) {
            continue;
        }
        int reached = print_reaches(holder->object, group->object, PRINT_DEEP);
        if (reached < 0
            || (reached > 0 && frame_shape(frame, engine, holder) < 0)) {
            return -1;
        }
    }
    return 0;
}


static int
is_container(PyObject *object)
{
    return PyList_CheckExact(object) || PyDict_CheckExact(object)
           || PyTuple_CheckExact(object);
}


/* Is it the dict of the instance's attributes? */
static int
is_own_dict(PyObject *instance, PyObject *object)
{
    PyObject *dict = PyDict_CheckExact(object) && !PyType_Check(instance)
                         ? value_dict(instance)
                         : NULL;
    int own = dict == object;
    Py_XDECREF(dict);
    return own;
}


/* The group that an object of a print belongs to: its own, or that of the list,
 * dict or tuple that holds it, or holds what holds it. An instance has changed
 * when its dict has, and keeps to itself what else it is made of: an event, who
 * waits for it. */
static Group *
group_around(const Engine *engine, const Print *print, Py_ssize_t at)
{
    PyObject *changed = print->nodes[at].object;
    Group *group = group_of(engine, changed);
    while (group == NULL && at != print->nodes[at].from) {
        at = print->nodes[at].from;
        PyObject *object = print->nodes[at].object;
        if (!is_container(object) && !is_own_dict(object, changed)) {
            return NULL;
        }
        group = group_of(engine, object);
    }
    return group;
}


/* Objects with groups of their own that were changed through the candidate: the
 * buffer behind a csv.writer; or that hold what was. */
static int
frame_shape_reached(Frame *frame, Engine *engine, const Print *before,
                    const Print *now)
{
    for (Py_ssize_t i = 0; i < before->count; i++) {
        Group *group = print_node_changed(before, now, i)
                           ? group_around(engine, before, i)
                           : NULL;
        if (group != NULL && frame_shape(frame, engine, group) < 0) {
            return -1;
        }
    }
    return 0;
}


/* The statement shaped the candidate, as far as one can see. */
static int
candidate_shape(Frame *frame, Engine *engine, const Candidate *candidate,
                const Print *now)
{
    if (frame_shape(frame, engine, candidate->group) < 0
        || frame_shape_holders(frame, engine, candidate->group) < 0) {
        return -1;
    }
    return frame_shape_reached(frame, engine, &candidate->before, now);
}


static int
frame_judge_candidate(Frame *frame, Engine *engine, Candidate *candidate)
{
    if (print_holds(&candidate->before)) {
        return (candidate->effect && !candidate->before.complete)
                       || candidate->set
                   ? candidate_shape(frame, engine, candidate,
                                     &candidate->before)
                   : 0;
    }
    Print now;
    if (print_take(&now, candidate->object,
                   candidate->effect ? PRINT_GLANCE : PRINT_DEEP)
        < 0) {
        return -1;
    }
    int result = candidate_shape(frame, engine, candidate, &now);
    print_fini(&now);
    return result;
}


/* What the statement changed and nobody will make anew is put back if the
 * transaction fails: its creator is no more. 0, or -1 with an exception set. */
int
frame_keep_shapes(Frame *frame, Engine *engine)
{
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        const Candidate *candidate = &frame->candidates[i];
        if (candidate->saved.count > 0 && !group_has_creator(candidate->group)
            && print_saved_append(&engine->shaped, &candidate->saved) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Compare each candidate with what it was before the statement. */
int
frame_judge_candidates(Frame *frame, Engine *engine)
{
    for (Py_ssize_t i = 0; rule(SHAPES) && i < frame->candidate_count; i++) {
        if (frame_judge_candidate(frame, engine, &frame->candidates[i]) < 0) {
            return -1;
        }
    }
    return 0;
}
