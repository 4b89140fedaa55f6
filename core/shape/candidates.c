/* Which objects a statement may be about to shape: what its text names, and
 * what code that it calls names. They are printed before it. */

#include "array.h"
#include "frame.h"
#include "frame_parts.h"

#include "caches.h"
#include "compat.h"
#include "contribute.h"
#include "journal.h"
#include "namespace.h"
#include "rules.h"
#include "value.h"


/* Attributes of a functools cache are set, but what it holds is no shape. */
static int
can_be_shaped(PyObject *object, int effect)
{
    return print_applies(object) || (effect && print_is_cache(object));
}


/* The group of an object; functions, functools caches and what was bound
 * before tracking get one when they are first about to be shaped. */
static Group *
candidate_group(Engine *engine, PyObject *object)
{
    Group *group = group_of(engine, object);
    PyObject *function =
        print_is_cache(object) ? cache_function(object) : object;
    if (group != NULL || function == NULL || !PyFunction_Check(function)) {
        return group;
    }
    CodeInfo *info = code_info(PyFunction_GET_CODE(function));
    Statement *creator = info != NULL ? info->statement : NULL;
    if (creator == NULL) {
        return NULL;
    }
    Trace *trace = statement_trace(creator);
    if (trace == NULL) {
        return NULL;
    }
    group = group_new(engine, object, creator);
    if (group != NULL
        && trace_add_write(trace, &group->cell, group->actual) == 0) {
        cell_unref(&group->cell, engine); /* the trace holds it */
        return group;
    }
    PyErr_Clear();
    return NULL;
}


/* What is done to an object or a class may change what its classes hold for
 * it: `Sub.held.append(x)` a list of the base's. Those of the program are
 * candidates as well. 0, or -1 with an exception set. */
static int
frame_add_classes(Frame *frame, PyObject *object)
{
    PyTypeObject *type =
        PyType_Check(object) ? (PyTypeObject *)object : Py_TYPE(object);
    PyObject *order = type->tp_mro;
    for (Py_ssize_t i = 0; order != NULL && i < PyTuple_GET_SIZE(order); i++) {
        PyObject *base = PyTuple_GET_ITEM(order, i);
        if (base != object && rule(BASE_CLASSES)
            && group_of(hmr_engine, base) != NULL
            && frame_add_candidate(frame, base, base, 0) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Was all that has a group made in this walk? What is new may hold what is not.
 */
static int
print_is_fresh(const Print *print, const Engine *engine)
{
    for (Py_ssize_t i = 0; i < print->count; i++) {
        const Group *group = group_of(engine, print->nodes[i].object);
        if (group != NULL && !group->outside
            && !group_is_fresh(group, engine)) {
            return 0;
        }
    }
    return 1;
}


int
frame_add_candidate(Frame *frame, PyObject *root, PyObject *object, int effect)
{
    Engine *engine = hmr_engine;
    if (!can_be_shaped(object, effect)) {
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
    if (frame_add_classes(frame, root) < 0) {
        return -1;
    }
    Group *group = candidate_group(engine, root);
    if (group == NULL || group->outside) {
        return 0; /* nobody tracked created it: see journal.c */
    }
    Candidate *grown = array_reserve(frame->candidates, frame->candidate_count,
                                     &frame->candidate_room, sizeof(*grown), 4);
    if (grown == NULL) {
        return -1;
    }
    frame->candidates = grown;
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
        && (!group_is_fresh(group, engine)
            || !print_is_fresh(&candidate->before, engine))) {
        return print_save(&candidate->before, &candidate->saved);
    }
    return 0;
}


/* An attribute of the object is set: of a class, that counts even if it has
 * that value already. A patch may give it another, which the store replaces. */
static void
frame_note_set(Frame *frame, PyObject *object)
{
    for (Py_ssize_t i = 0; i < frame->candidate_count; i++) {
        Candidate *candidate = &frame->candidates[i];
        candidate->set |= candidate->object == object && PyType_Check(object)
                          && rule(SET_MEMBERS);
    }
}


/* Follow a candidate's path: through modules by their dicts, then through
 * instances without running code. Sets *root to the object whose group it
 * belongs to and *object to the deepest one reached; new references, NULL when
 * the name is not there. */
static int
candidate_resolve(Module *module, PyObject *path, PyObject **root,
                  PyObject **object)
{
    *root = *object = NULL;
    PyObject *at;
    int found = PyDict_GetItemRef(module->ns, PyTuple_GET_ITEM(path, 0), &at);
    if (found <= 0) {
        return found;
    }
    Py_ssize_t i = 1;
    for (; i < PyTuple_GET_SIZE(path) && PyModule_Check(at); i++) {
        PyObject *next;
        found = PyDict_GetItemRef(PyModule_GetDict(at),
                                  PyTuple_GET_ITEM(path, i), &next);
        Py_DECREF(at);
        if (found <= 0) {
            return found;
        }
        at = next;
    }
    *root = Py_NewRef(at);
    for (; i < PyTuple_GET_SIZE(path); i++) {
        PyObject *next = value_attribute(at, PyTuple_GET_ITEM(path, i));
        if (next == NULL) {
            break;
        }
        Py_SETREF(at, next);
    }
    *object = at;
    return 0;
}


/* An effect on an object whose creator stands would reach the live object: the
 * creator has to run first. */
static int
candidate_check_fresh(Frame *frame, PyObject *root)
{
    Engine *engine = hmr_engine;
    Group *group = group_of(engine, root);
    if (!engine->transaction || group == NULL || group->creator == NULL
        || group->creator->dead || group_is_fresh(group, engine)) {
        return 0;
    }
    return frame_conflict_creator(frame, group, "changes it");
}


/* What the statement may store into outside of the program. A module's
 * __annotations__ are of its own (annotations.c). */
static int
candidate_watch(Frame *frame, PyObject *path)
{
    if (name_is_system(PyTuple_GET_ITEM(path, 0))) {
        return 0;
    }
    PyObject *value;
    int found = PyDict_GetItemRef(frame->statement->module->ns,
                                  PyTuple_GET_ITEM(path, 0), &value);
    if (found <= 0) {
        return found;
    }
    int result = journal_watch(frame, frame->statement->code, value, path, 1);
    Py_DECREF(value);
    return result;
}


int
frame_add_text_candidates(Frame *frame)
{
    Statement *statement = frame->statement;
    PyObject *candidates = statement->syntax.candidates;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(candidates); i++) {
        PyObject *item = PyTuple_GET_ITEM(candidates, i);
        long kind = PyLong_AsLong(PyTuple_GET_ITEM(item, 0));
        int effect = kind != CANDIDATE_USED;
        PyObject *root, *object;
        if (candidate_resolve(statement->module, PyTuple_GET_ITEM(item, 1),
                              &root, &object)
            < 0) {
            return -1;
        }
        int result = 0;
        if (object != NULL && can_be_shaped(object, effect)) {
            if (effect) {
                result = candidate_check_fresh(frame, root);
            }
            if (result == 0) {
                result = frame_add_candidate(frame, root, object, effect);
            }
            if (result == 0 && kind == CANDIDATE_SET) {
                frame_note_set(frame, object);
            }
            if (result == 0 && effect && object == root) {
                result = contribute_begin(frame, root);
            }
            if (result == 0) {
                result = candidate_watch(frame, PyTuple_GET_ITEM(item, 1));
            }
        }
        Py_XDECREF(root);
        Py_XDECREF(object);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* The statement is given up: what it did to live containers is undone. */
void
frame_undo_shapes(Frame *frame)
{
    for (Py_ssize_t i = 0; rule(ROLLBACK_SHAPES) && i < frame->candidate_count;
         i++) {
        print_restore(&frame->candidates[i].saved);
    }
}


/* Code that starts may shape any object that it reads. */
int
frame_add_code_candidates(Frame *frame, CodeInfo *info)
{
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        PyObject *value;
        if (name_is_system(info->names[i].name)) {
            continue; /* a class body's annotations go by the same name */
        }
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
            if (info->names[i].shaped) {
                frame_note_set(frame, value);
            }
        }
        if (result == 0) {
            result = journal_watch(frame, (PyObject *)info->code, value,
                                   info->names[i].path, 0);
        }
        Py_DECREF(value);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}
