/* Which objects a statement shaped: those that its text, or code that it
 * called, may have changed are printed before and after. */

#include "frame.h"
#include "frame_parts.h"

#include "compat.h"


/* ---- candidates --------------------------------------------------------- */

/* The group of an object; functions and what was bound before tracking get one
 * when they are first about to be shaped. */
static Group *
candidate_group(Engine *engine, PyObject *object)
{
    Group *group = group_of(engine, object);
    if (group != NULL || !PyFunction_Check(object)) {
        return group;
    }
    CodeInfo *info = code_info(PyFunction_GET_CODE(object));
    if (info == NULL || info->statement == NULL
        || info->statement->trace == NULL) {
        return NULL;
    }
    group = group_new(engine, object, info->statement);
    if (group != NULL
        && trace_add_write(info->statement->trace, &group->cell, group->actual)
               == 0) {
        cell_unref(&group->cell, engine); /* the trace holds it */
        return group;
    }
    PyErr_Clear();
    return NULL;
}


int
frame_add_candidate(Frame *frame, PyObject *root, PyObject *object, int effect)
{
    Engine *engine = hmr_engine;
    if (!print_applies(object)) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        if (frame->candidates[i].object == object) {
            return 0;
        }
    }
    PyTypeObject *meta = Py_TYPE(object);
    if (PyType_Check(object) && meta != &PyType_Type
        && group_of(engine, (PyObject *)meta) != NULL
        && frame_add_candidate(frame, (PyObject *)meta, (PyObject *)meta, 0)
               < 0) {
        return -1; /* a metaclass may keep a list of its classes */
    }
    Group *group = candidate_group(engine, root);
    if (group == NULL) {
        return 0; /* outside: nobody tracked created it */
    }
    if (frame->candidate_count == frame->candidate_room) {
        Py_ssize_t room = frame->candidate_room * 2 + 4;
        Candidate *grown =
            PyMem_Realloc(frame->candidates, (size_t)room * sizeof(*grown));
        if (grown == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        frame->candidates = grown;
        frame->candidate_room = room;
    }
    Candidate *candidate = &frame->candidates[frame->candidate_count];
    *candidate = (Candidate){.group = group, .effect = effect};
    if (print_take(&candidate->before, object,
                   effect ? PRINT_GLANCE : PRINT_DEEP)
        < 0) {
        return -1;
    }
    candidate->object = Py_NewRef(object);
    cell_ref(&group->cell);
    frame->candidate_count++;
    if (engine->transaction
        && (group->creator == NULL
            || group->creator->fresh_walk != engine->walk)) {
        return print_save(&candidate->before, &candidate->saved);
    }
    return 0;
}


/* The statement is given up: what it did to live containers is undone. */
void
frame_undo_shapes(Frame *frame)
{
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        print_restore(&frame->candidates[i].saved);
    }
}


/* Code that starts may shape any object that it reads. */
int
frame_add_code_candidates(Frame *frame, CodeInfo *info)
{
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        PyObject *value;
        int found =
            PyDict_GetItemRef(info->module->ns, info->names[i].name, &value);
        if (found < 0) {
            return -1;
        }
        if (found == 0) {
            continue;
        }
        int result = 0;
        if (group_of(hmr_engine, value) != NULL) {
            result = frame_add_candidate(frame, value, value, 0);
        }
        Py_DECREF(value);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* ---- shapes ------------------------------------------------------------- */

static int
frame_shape(Frame *frame, Engine *engine, Group *group)
{
    if (engine->transaction && group->creator != NULL
        && group->creator != frame->statement && !group->creator->dead
        && group->creator->fresh_walk != engine->walk) {
        group->must_be_fresh = 1;
        return frame_conflict(engine, group->creator, "%U changes it",
                              frame->statement->syntax.label);
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
    int result = 0;
    if (frame_first(frame, group) > 0) {
        result = trace_add_read(frame->trace, &group->cell, before);
    }
    if (result == 0) {
        result = trace_add_write(frame->trace, &group->cell, after);
    }
    cell_write(&group->cell, after, engine);
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


/* Objects with groups of their own that were changed through the candidate: the
 * buffer behind a csv.writer. */
static int
frame_shape_reached(Frame *frame, Engine *engine, const Print *before,
                    const Print *now)
{
    for (Py_ssize_t i = 0; i < before->count; i++) {
        Group *group = group_of(engine, before->nodes[i].object);
        if (group != NULL && print_node_changed(before, now, i)
            && frame_shape(frame, engine, group) < 0) {
            return -1;
        }
    }
    return 0;
}


static int
frame_judge_candidate(Frame *frame, Engine *engine, Candidate *candidate)
{
    Print now;
    if (print_take(&now, candidate->object,
                   candidate->effect ? PRINT_GLANCE : PRINT_DEEP)
        < 0) {
        return -1;
    }
    PrintDifference difference = print_compare(&candidate->before, &now);
    int result = 0;
    if (difference == PRINT_CHANGED
        || (difference == PRINT_UNKNOWN && candidate->effect)) {
        result = frame_shape(frame, engine, candidate->group);
        if (result == 0) {
            result = frame_shape_holders(frame, engine, candidate->group);
        }
        if (result == 0) {
            result =
                frame_shape_reached(frame, engine, &candidate->before, &now);
        }
    }
    print_fini(&now);
    return result;
}


/* Compare each candidate with what it was before the statement. */
int
frame_judge_candidates(Frame *frame, Engine *engine)
{
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        if (frame_judge_candidate(frame, engine, &frame->candidates[i]) < 0) {
            return -1;
        }
    }
    return 0;
}
