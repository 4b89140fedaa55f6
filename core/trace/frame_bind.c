/* What a statement binds: names become versions, mutable objects groups. */

#include "array.h"
#include "frame.h"
#include "frame_parts.h"

#include "adapters.h"
#include "caches.h"
#include "called.h"
#include "class_made.h"
#include "class_enum.h"
#include "class_patch.h"
#include "compat.h"
#include "kept_look.h"
#include "lazies.h"
#include "namespace.h"
#include "print.h"
#include "rules.h"
#include "value.h"

#include <string.h>


int
frame_bind(Frame *frame, Module *module, PyObject *name)
{
    if (!PyUnicode_Check(name) || name_is_system(name)) {
        return 0;
    }
    Binding *binding = module_binding(module, name, 1);
    if (binding == NULL) {
        return -1;
    }
    int first = frame_first(frame, BOUND_KEY(binding));
    if (first <= 0) {
        return first;
    }
    Binding **bound = array_reserve(frame->bound, frame->bound_count,
                                    &frame->bound_room, sizeof(*bound), 4);
    if (bound == NULL) {
        return -1;
    }
    frame->bound = bound;
    frame->bound[frame->bound_count++] = binding;
    return 0;
}


int
frame_bind_last(Frame *frame, Module *module, PyObject *name)
{
    Binding *binding = module_binding(module, name, 0);
    for (Py_ssize_t i = 0; binding != NULL && i < frame->bound_count; i++) {
        if (frame->bound[i] == binding) {
            memmove(&frame->bound[i], &frame->bound[i + 1],
                    (size_t)(frame->bound_count - i - 1)
                        * sizeof(*frame->bound));
            frame->bound[frame->bound_count - 1] = binding;
            return 0;
        }
    }
    return PyErr_Occurred() ? -1 : frame_bind(frame, module, name);
}


/* Is it a member of an enum that is another value now, or a tuple with one? */
static int
holds_changed_member(const Engine *engine, PyObject *value)
{
    if (engine->undoing == NULL || engine->undoing->member_count == 0
        || !rule(ENUM_MEMBERS)) {
        return 0;
    }
    for (Py_ssize_t i = 0;
         PyTuple_CheckExact(value) && i < PyTuple_GET_SIZE(value); i++) {
        if (holds_changed_member(engine, PyTuple_GET_ITEM(value, i))) {
            return 1;
        }
    }
    return undo_has_member(engine->undoing, value);
}


/* The version for a new value: an old one when the value is as good as the
 * same, so that whoever read it stays clean. New reference. */
static Version *
binding_version(Frame *frame, Binding *binding, PyObject *value)
{
    Engine *engine = binding->module->engine;
    cell_touch(&binding->cell, engine);
    Version *old = binding->cell.live;
    int same = 0;
    if (engine->transaction && old != NULL && old->value != NULL) {
        same = value_equal(old->value, value)
                   ? !holds_changed_member(engine, value)
                   : class_patch_take(frame, binding, old, value);
    }
    if (same > 0) {
        old->producer = frame->statement;
        return version_ref(old);
    }
    if (same < 0
        || (old != NULL && old->value != NULL
            && class_enum_keep(frame, old, value) < 0)) {
        return NULL;
    }
    return version_new(value, frame->statement);
}


/* An import binds what others made, unless a module's __getattr__ ran. */
static int
frame_only_imports(const Frame *frame)
{
    const Trace *trace = frame->trace;
    int only = frame->statement->syntax.kind == STATEMENT_IMPORT;
    for (Py_ssize_t i = 0; only && i < trace->read_count; i++) {
        only = trace->reads[i].cell->kind != CELL_CODE;
    }
    return only;
}


/* What a module or a class holds by that name. Borrowed, or NULL without an
 * exception. */
static PyObject *
peek_inside(PyObject *holder, PyObject *name)
{
    PyObject *dict = PyModule_Check(holder) ? PyModule_GetDict(holder)
                     : PyType_Check(holder) ? ((PyTypeObject *)holder)->tp_dict
                                            : NULL;
    PyObject *value = dict != NULL ? PyDict_GetItemWithError(dict, name) : NULL;
    PyErr_Clear(); /* a key that cannot be compared is another one */
    return value;
}


/* Is the function or class where its name says, `a.b` of module m? 1, 0; -1
 * with an exception set. */
static int
is_at_home(PyObject *value)
{
    PyObject *home = PyDict_GetItemWithError(PyImport_GetModuleDict(),
                                             kept_home(value)); /* borrowed */
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *name = PyFunction_Check(value)
                         ? Py_NewRef(((PyFunctionObject *)value)->func_qualname)
                         : PyType_GetQualName((PyTypeObject *)value);
    PyObject *path =
        dot != NULL && name != NULL ? PyUnicode_Split(name, dot, -1) : NULL;
    for (Py_ssize_t i = 0;
         path != NULL && home != NULL && i < PyList_GET_SIZE(path); i++) {
        home = peek_inside(home, PyList_GET_ITEM(path, i));
    }
    int result = path == NULL || PyErr_Occurred() ? -1 : home == value;
    Py_XDECREF(dot);
    Py_XDECREF(name);
    Py_XDECREF(path);
    return result;
}


/* Was it there, a library's? Not what a call of one has made just now:
 * `declarative_base()` names its module, and is nowhere there. 1, 0; -1 with an
 * exception set. */
static int
frame_found(Frame *frame, const Engine *engine, PyObject *value)
{
    if (!group_is_outside(engine, value)) {
        return 0;
    }
    if (PyCFunction_Check(value) || kept_home(value) == NULL) {
        return 1;
    }
    int found = is_at_home(value);
    return found != 0 ? found : called_is_held(frame, value);
}


/* A mutable object that nobody knows yet is this statement's creation. */
static int
frame_create_group(Frame *frame, Engine *engine, PyObject *value)
{
    if (!print_applies(value) || frame_only_imports(frame)
        || adapters_own(engine, value)) {
        return 0;
    }
    int found = frame_found(frame, engine, value);
    if (found != 0) {
        return found < 0 ? -1 : 0;
    }
    if (PyType_Check(value) && class_made_note(frame, value) < 0) {
        return -1;
    }
    Group *group = group_of(engine, value);
    if (group == NULL) {
        if (PyFunction_Check(value)
            && code_info(PyFunction_GET_CODE(value)) != NULL) {
            return 0; /* see candidate_group */
        }
        group = group_new(engine, value, frame->statement);
        if (group == NULL) {
            return -1;
        }
        group->made_walk = engine->walk;
        int result = trace_add_write(frame->trace, &group->cell, group->actual);
        cell_unref(&group->cell, engine); /* the trace holds it */
        if (result < 0) {
            return -1;
        }
        group->holders =
            PyMem_Calloc((size_t)frame->trace->read_count + 1, sizeof(Cell *));
        if (group->holders == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        for (Py_ssize_t i = 0; i < frame->trace->read_count; i++) {
            Cell *cell = frame->trace->reads[i].cell;
            if (cell->kind == CELL_GROUP) {
                group->holders[group->holder_count++] = cell_ref(cell);
            }
        }
        return 0;
    }
    if (group->outside
        || (group->creator != frame->statement && group_has_creator(group))) {
        return 0; /* an alias */
    }
    /* A rerun gave the same object: something outside keeps it. */
    if (group->must_be_fresh) {
        engine_need_restart(engine,
                            "%U gives the same object again, and what was "
                            "done to it cannot be undone",
                            frame->statement->syntax.label);
    }
    if (engine->transaction && !group->moved) {
        group->moved = 1;
        group->creator_before = group->creator;
    }
    if (group->actual->producer == group->creator) {
        group->actual->producer = frame->statement;
    }
    group->creator = frame->statement;
    cell_write(&group->cell, group->actual, frame->statement->module, engine);
    return trace_add_write(frame->trace, &group->cell, group->actual);
}


static int
frame_flush_binding(Frame *frame, Engine *engine, Binding *binding)
{
    Module *module = binding->module;
    PyObject *value;
    int found = PyDict_GetItemRef(module->ns, binding->name, &value);
    if (found < 0) {
        return -1;
    }
    Version *version = NULL;
    int result = -1;
    Module *imported =
        found > 0 && PyModule_Check(value)
            ? engine_module_by_ns(engine, PyModule_GetDict(value))
            : NULL;
    if (imported != NULL && trace_add_import(frame->trace, imported) < 0) {
        Py_DECREF(value);
        return -1;
    }
    for (Py_ssize_t i = 0; i < frame->trace->write_count; i++) {
        Write *write = &frame->trace->writes[i];
        if (write->cell == &binding->cell
            && (write->version != NULL ? write->version->value : NULL)
                   == value) {
            Py_XDECREF(value);
            return 0; /* flushed before, and the same since */
        }
    }
    if (found > 0) {
        version = binding_version(frame, binding, value);
        if (version == NULL) {
            goto done;
        }
    }
    if (version != NULL && version->value != value) {
        version_set(&binding->actual, NULL); /* let the old object in */
        if (binding_sync(binding, version) < 0) {
            goto done;
        }
    }
    version_set(&binding->actual, version);
    cell_write(&binding->cell, version, frame->statement->module, engine);
    if (version == NULL) {
        module_order_remove(module, binding);
    }
    if (trace_add_write(frame->trace, &binding->cell, version) < 0
        || (version != NULL && module_order_add(module, binding) < 0)) {
        goto done;
    }
    result = found > 0 ? frame_create_group(frame, engine, version->value) : 0;
    if (result == 0 && version != NULL) {
        result = cache_note(engine, binding, version->value);
    }
    if (result == 0 && version != NULL && version->value == Py_None) {
        result = lazy_note(engine, binding);
    }

done:
    version_unref(version);
    Py_XDECREF(value);
    return result;
}


int
frame_flush(Frame *frame, Engine *engine)
{
    for (Py_ssize_t i = 0; i < frame->bound_count; i++) {
        if (frame_flush_binding(frame, engine, frame->bound[i]) < 0) {
            return -1;
        }
        ptrmap_pop(&frame->seen, BOUND_KEY(frame->bound[i]));
        if (ptrmap_set(&frame->seen, BOUND_KEY(frame->bound[i]), frame) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}


/* What the statement has written so far, for what it imports now. */
static int
import_note_writes(Import *import, const Trace *trace)
{
    if (trace->write_count == 0) {
        return 0;
    }
    import->versions =
        PyMem_Calloc((size_t)trace->write_count, sizeof(*import->versions));
    if (import->versions == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    import->wrote = trace->write_count;
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        import->versions[i] = version_ref(trace->writes[i].version);
    }
    return 0;
}


int
frame_note_import(Frame *frame, Module *module)
{
    Trace *trace = frame->trace;
    if (trace_imports(trace, module)) {
        return 0;
    }
    if (frame_flush(frame, module->engine) < 0) {
        return -1;
    }
    Py_ssize_t first = trace->import_count;
    int result = trace_add_import(trace, module);
    for (Py_ssize_t i = first; result == 0 && i < trace->import_count; i++) {
        result = import_note_writes(&trace->imports[i], trace);
    }
    return result;
}
