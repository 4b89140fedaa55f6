/* Adapters: what their places ask of a walk. */

#include "adapters.h"

#include "array.h"
#include "match.h"
#include "slots.h"
#include "walk.h"


/* The place of an adapter that the trace wrote at this step; NULL: it wrote
 * something else. */
static Slot *
write_slot(const Write *write)
{
    Slot *slot = (Slot *)write->cell;
    return write->cell->kind == CELL_SLOT && slot->kind == SLOT_ADAPTED ? slot
                                                                        : NULL;
}


/* ---- order -------------------------------------------------------------- */

/* (place in cold order, number, key) of the slots of the adapter that the
 * statement wrote. Those that an update has added share a place. */
static int
gather_trace(PyObject *found, const Engine *engine, const Adapter *adapter,
             const Statement *statement)
{
    const Trace *trace = statement_trace(statement);
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        const Write *write = &trace->writes[i];
        const Slot *slot = write_slot(write);
        if (slot == NULL || slot->owner != adapter->object
            || write->version == NULL
            || cell_now(write->cell, engine) != write->version) {
            continue;
        }
        PyObject *item = Py_BuildValue("(lnO)", statement->place,
                                       PyList_GET_SIZE(found), slot->key);
        int result = item != NULL ? PyList_Append(found, item) : -1;
        Py_XDECREF(item);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


static int
arrange(Engine *engine, const Adapter *adapter)
{
    PyObject *found = PyList_New(0);
    int result = found != NULL ? 0 : -1;
    for (Py_ssize_t i = -1; result == 0 && i < engine->module_count; i++) {
        const Module *module = i < 0 ? engine->probes : engine->order[i];
        for (Py_ssize_t j = 0; result == 0 && j < module->count; j++) {
            result =
                gather_trace(found, engine, adapter, module->statements[j]);
        }
    }
    if (result == 0) {
        result = PyList_Sort(found); /* no two have the same number */
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(found); i++) {
        PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(found, i), 2);
        result = PyList_SetItem(found, i, Py_NewRef(key));
    }
    PyObject *done = result == 0 ? PyObject_CallMethod(adapter->object,
                                                       "arrange", "(O)", found)
                                 : NULL;
    Py_XDECREF(found);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}


/* Did the update change a place of the adapter? */
static int
is_changed(const Engine *engine, const Adapter *adapter)
{
    for (Py_ssize_t i = 0; i < engine->slot_count; i++) {
        const Slot *slot = engine->slot_list[i];
        if (slot->kind == SLOT_ADAPTED && slot->owner == adapter->object
            && slot->moved) {
            return 1;
        }
    }
    return 0;
}


int
adapters_arrange(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->adapter_count; i++) {
        const Adapter *adapter = &engine->adapters[i];
        if (adapter->ordered && is_changed(engine, adapter)
            && arrange(engine, adapter) < 0) {
            return -1;
        }
    }
    return 0;
}


/* ---- together ----------------------------------------------------------- */

/* A place that the trace has of an adapter whose places belong together. */
static const Slot *
trace_together(const Trace *trace)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        const Slot *slot = write_slot(&trace->writes[i]);
        const Adapter *adapter = slot != NULL ? adapter_of(slot) : NULL;
        if (adapter != NULL && adapter->together) {
            return slot;
        }
    }
    return NULL;
}


int
adapters_force_together(Statement *statement, int walking)
{
    Engine *engine = statement->module->engine;
    const Slot *slot = engine->adapter_count > 0 && engine->transaction
                           ? trace_together(statement->trace)
                           : NULL;
    Statement *passed = NULL;
    for (Py_ssize_t i = 0; slot != NULL && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *other = module->statements[j];
            const Slot *theirs = other != statement && !other->forced
                                     ? trace_together(other->trace)
                                     : NULL;
            if (theirs == NULL || theirs->owner != slot->owner) {
                continue;
            }
            statement_set_reason(other, "belongs together with %U",
                                 statement->syntax.label);
            walk_force(engine, other, NULL);
            if (walking && passed == NULL && module->walk == engine->walk
                && j < module->passed && other->fresh_walk != engine->walk) {
                passed = other;
            }
        }
    }
    return passed != NULL
               ? frame_conflict(engine, passed, "belongs together with %U",
                                statement->syntax.label)
               : 0;
}


int
adapters_force_dead(Engine *engine)
{
    for (Py_ssize_t i = 0;
         engine->adapter_count > 0 && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->old_count; j++) {
            Statement *old = match_dead(module, j);
            if (old != NULL && adapters_force_together(old, 0) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* ---- what lasts --------------------------------------------------------- */

int
adapter_is_lasting(const Slot *slot)
{
    const Adapter *adapter = adapter_of(slot);
    return adapter != NULL && adapter->lasting;
}


int
adapter_is_used(const Slot *slot)
{
    const Adapter *adapter =
        slot->kind == SLOT_ADAPTED ? adapter_of(slot) : NULL;
    return adapter != NULL && adapter->used;
}


int
adapters_end(const Statement *statement)
{
    Engine *engine = statement->module->engine;
    const Trace *trace = statement->trace;
    for (Py_ssize_t i = 0; engine->adapter_count > 0 && engine->transaction
                           && trace != NULL && i < trace->write_count;
         i++) {
        Slot *slot = write_slot(&trace->writes[i]);
        if (slot != NULL && adapter_is_lasting(slot)
            && slot_put(slot, slot->cell.base, engine) < 0) {
            return -1;
        }
    }
    return 0;
}


int
adapters_end_dead(Engine *engine)
{
    for (Py_ssize_t i = 0;
         engine->adapter_count > 0 && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->old_count; j++) {
            const Statement *old = match_dead(module, j);
            if (old != NULL && adapters_end(old) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* ---- what runs that were given up have left ----------------------------- */

void
adapters_leave(const Trace *trace, Engine *engine)
{
    for (Py_ssize_t i = 0; engine->adapter_count > 0 && i < trace->write_count;
         i++) {
        const Write *write = &trace->writes[i];
        Slot *slot = write_slot(write);
        if (slot == NULL || write->version == NULL
            || !adapter_is_lasting(slot)) {
            continue;
        }
        Slot **left = array_grow(engine->left, engine->left_count,
                                 &engine->left_room, sizeof(Slot *), 4);
        if (left == NULL) {
            return; /* without memory: not known */
        }
        engine->left = left;
        left[engine->left_count++] = (Slot *)cell_ref(&slot->cell);
    }
}


int
adapters_end_left(Engine *engine)
{
    Py_ssize_t kept = 0;
    int result = 0;
    for (Py_ssize_t i = 0; i < engine->left_count; i++) {
        Slot *slot = engine->left[i];
        int done = result < 0;
        if (!done && cell_now(&slot->cell, engine) == slot->cell.base) {
            result = slot_put(slot, slot->cell.base, engine);
            done = result < 0 || engine->restart != NULL;
        }
        if (done) {
            engine->left[kept++] = slot;
        }
        else { /* it has ended, or is a statement's that stands */
            cell_unref(&slot->cell, engine);
        }
    }
    engine->left_count = kept;
    return result;
}


void
adapters_forget_left(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->left_count; i++) {
        cell_unref(&engine->left[i]->cell, engine);
    }
    PyMem_Free(engine->left);
    engine->left = NULL;
    engine->left_count = engine->left_room = 0;
}
