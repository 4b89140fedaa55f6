/* Cells and their versions. */

#include "array.h"
#include "graph.h"

#include "class_members.h"
#include "code.h"
#include "compat.h"
#include "engine.h"
#include "fills.h"
#include "result.h"
#include "slot_order.h"
#include "slots.h"
#include "value.h"

#include <string.h>


/* ---- versions ----------------------------------------------------------- */

Version *
version_new(PyObject *value, Statement *producer)
{
    static uint32_t last_number;
    Version *version = PyMem_Malloc(sizeof(*version));
    if (version == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *version = (Version){
        .refs = 1,
        .value = Py_XNewRef(value),
        .producer = producer,
        .number = ++last_number,
    };
    return version;
}


Version *
version_ref(Version *version)
{
    if (version != NULL) {
        version->refs++;
    }
    return version;
}


void
version_unref(Version *version)
{
    if (version != NULL && --version->refs == 0) {
        Py_XDECREF(version->value);
        PyMem_Free(version);
    }
}


void
version_set(Version **slot, Version *version)
{
    Version *old = *slot;
    *slot = version_ref(version);
    version_unref(old);
}


/* ---- cells -------------------------------------------------------------- */

void
cell_init(Cell *cell, CellKind kind, Engine *engine)
{
    *cell = (Cell){.kind = kind, .refs = 1, .next = engine->cells};
    if (engine->cells != NULL) {
        engine->cells->prev = cell;
    }
    engine->cells = cell;
    engine->cell_count++;
}


void *
cell_in(PtrMap *table, const void *key, CellKind kind, size_t size,
        Engine *engine)
{
    Cell *cell = ptrmap_get(table, key);
    if (cell != NULL) {
        return cell_ref(cell);
    }
    cell = PyMem_Calloc(1, size);
    if (cell == NULL || ptrmap_set(table, key, cell) < 0) {
        PyMem_Free(cell);
        PyErr_NoMemory();
        return NULL;
    }
    cell_init(cell, kind, engine);
    return cell;
}


Cell *
cell_ref(Cell *cell)
{
    cell->refs++;
    return cell;
}


static void
group_clear(Group *group, Engine *engine)
{
    if (group->object != NULL) {
        ptrmap_pop(&engine->groups, group->object);
        Py_CLEAR(group->object);
    }
    for (Py_ssize_t i = 0; i < group->holder_count; i++) {
        cell_unref(group->holders[i], engine);
    }
    engine->outside_groups -= group->outside;
    PyMem_Free(group->holders);
    group->holders = NULL;
    group->holder_count = 0;
    version_unref(group->actual);
    group->actual = NULL;
}


static void
file_clear(FileCell *file, Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    if (PyDict_DelItem(file->table, file->path) < 0) {
        PyErr_Clear(); /* the table is being torn down */
    }
    PyErr_SetRaisedException(error);
    Py_CLEAR(file->path);
    engine->generation++;
}


void
cell_unref(Cell *cell, Engine *engine)
{
    if (cell == NULL || --cell->refs > 0) {
        return;
    }
    if (cell->prev != NULL) {
        cell->prev->next = cell->next;
    }
    else {
        engine->cells = cell->next;
    }
    if (cell->next != NULL) {
        cell->next->prev = cell->prev;
    }
    engine->cell_count--;
    switch (cell->kind) {
    case CELL_BINDING:
        ptrmap_pop(&engine->caches, cell);
        ptrmap_pop(&engine->lazies, cell);
        Py_CLEAR(((Binding *)cell)->name);
        version_unref(((Binding *)cell)->actual);
        break;
    case CELL_GROUP:
        group_clear((Group *)cell, engine);
        break;
    case CELL_CODE:
    case CELL_DOC:
        Py_CLEAR(((CodeCell *)cell)->name);
        break;
    case CELL_FILE:
        file_clear((FileCell *)cell, engine);
        break;
    case CELL_SLOT:
        slot_clear((Slot *)cell, engine);
        break;
    case CELL_SUBCLASSES:
        ptrmap_pop(&engine->bases, ((SubclassCell *)cell)->base);
        Py_CLEAR(((SubclassCell *)cell)->base);
        break;
    case CELL_RESULT:
        result_clear((ResultCell *)cell, engine);
        break;
    case CELL_FILL:
        fill_clear((FillCell *)cell, engine);
        break;
    case CELL_MEMBER:
        class_member_clear((MemberCell *)cell);
        break;
    }
    version_unref(cell->env);
    version_unref(cell->base);
    version_unref(cell->live);
    PyMem_Free(cell->readers_in.modules);
    PyMem_Free(cell);
}


Version *
cell_now(const Cell *cell, const Engine *engine)
{
    return cell->walk >= engine->valid_from ? cell->env : cell->base;
}


void
cell_touch(Cell *cell, Engine *engine)
{
    if (engine->transaction && !cell->touched) {
        cell->touched = 1;
        version_set(&cell->live, cell_now(cell, engine));
        cell->live_producer = cell->live != NULL ? cell->live->producer : NULL;
        if (cell->kind == CELL_SLOT) {
            slot_order_remember((Slot *)cell);
        }
        cell->touched_next = engine->touched;
        engine->touched = cell_ref(cell);
    }
}


void
cells_touch(Engine *engine)
{
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        cell_touch(cell, engine);
    }
}


int
cell_changed(const Cell *cell, const Engine *engine)
{
    return cell->touched && cell_now(cell, engine) != cell->live;
}


void
cell_release_superseded(const Cell *cell, Version *version, Engine *engine)
{
    if (cell->kind != CELL_BINDING || version == NULL || version->value == NULL
        || version->producer == NULL /* the import system's: a submodule */
        || cell_now(cell, engine) == version
        || value_is_immutable(version->value)) {
        return;
    }
    version->gone = version->value;
    Group *group = group_of(engine, version->value);
    Py_CLEAR(version->value);
    if (group != NULL && Py_REFCNT(group->object) == 1) {
        ptrmap_pop(&engine->groups, group->object);
        Py_CLEAR(group->object);
    }
}


void
cells_forget(Engine *engine)
{
    while (engine->touched != NULL) {
        Cell *cell = engine->touched;
        engine->touched = cell->touched_next;
        cell->touched = 0;
        version_set(&cell->live, NULL);
        cell_unref(cell, engine);
    }
}


void
cell_write(Cell *cell, Version *version, Module *writer, Engine *engine)
{
    cell_touch(cell, engine);
    if (cell->kind == CELL_SLOT) {
        slot_order_note((Slot *)cell, version, engine);
    }
    version_set(&cell->env, version);
    cell->walk = engine->walk;
    if (writer == NULL || cell->writer == writer) {
        return;
    }
    cell->shared |= cell->writer != NULL;
    cell->writer = writer;
    Module *owner =
        cell->kind == CELL_BINDING ? ((Binding *)cell)->module : writer;
    if (owner != writer) {
        cell->shared = owner->shared = 1;
    }
    engine->walk_whole |= engine->partial && cell->shared;
}


int
module_set_add(ModuleSet *set, Module *module)
{
    for (Py_ssize_t i = set->count; i-- > 0;) {
        if (set->modules[i] == module) {
            return 0; /* most likely the last one */
        }
    }
    Module **grown =
        array_grow(set->modules, set->count, &set->room, sizeof(*grown), 1);
    if (grown == NULL) {
        return -1;
    }
    set->modules = grown;
    set->modules[set->count++] = module;
    return 0;
}


/* ---- bindings ----------------------------------------------------------- */

Binding *
module_binding(Module *module, PyObject *name, int create)
{
    PyObject *capsule = PyDict_GetItemWithError(module->bindings, name);
    if (capsule != NULL) {
        return PyCapsule_GetPointer(capsule, BINDING_CAPSULE);
    }
    if (!create || PyErr_Occurred()) {
        return NULL;
    }
    Binding *binding = PyMem_Calloc(1, sizeof(*binding));
    if (binding == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    capsule = PyCapsule_New(binding, BINDING_CAPSULE, NULL);
    if (capsule == NULL
        || PyDict_SetItem(module->bindings, name, capsule) < 0) {
        Py_XDECREF(capsule);
        PyMem_Free(binding);
        return NULL;
    }
    Py_DECREF(capsule);
    cell_init(&binding->cell, CELL_BINDING, module->engine);
    binding->module = module;
    binding->name = Py_NewRef(name);
    PyUnicode_InternInPlace(&binding->name);
    return binding;
}


int
module_order_add(Module *module, Binding *binding)
{
    if (binding->order_walk == module->walk || binding->unordered) {
        return 0;
    }
    Binding **order = array_reserve(module->order, module->order_count,
                                    &module->order_room, sizeof(*order), 16);
    if (order == NULL) {
        return -1;
    }
    module->order = order;
    binding->order_walk = module->walk;
    module->order[module->order_count++] = binding;
    return 0;
}


void
module_order_remove(Module *module, Binding *binding)
{
    for (Py_ssize_t i = 0; i < module->order_count; i++) {
        if (module->order[i] == binding) {
            memmove(&module->order[i], &module->order[i + 1],
                    (size_t)(module->order_count - i - 1)
                        * sizeof(*module->order));
            module->order_count--;
            binding->order_walk = 0;
            return;
        }
    }
}


/* ---- groups ------------------------------------------------------------- */

Group *
group_of(const Engine *engine, PyObject *object)
{
    return ptrmap_get(&engine->groups, object);
}


int
group_has_creator(const Group *group)
{
    return group->creator != NULL && !group->creator->dead
           && !group->creator->module->gone;
}


int
group_is_outside(const Engine *engine, PyObject *value)
{
    PyObject *name = NULL;
    if (PyFunction_Check(value)) {
        name = ((PyFunctionObject *)value)->func_module;
    }
    else if (PyCFunction_Check(value)) {
        PyObject *self = PyCFunction_GET_SELF(value); /* borrowed */
        return self == NULL || PyModule_Check(self);
    }
    else if (PyType_Check(value)) {
        PyObject *dict = ((PyTypeObject *)value)->tp_dict;
        if (!PyType_HasFeature((PyTypeObject *)value, Py_TPFLAGS_HEAPTYPE)) {
            return 1;
        }
        name = dict != NULL ? dict_peek(dict, "__module__") : NULL;
    }
    return name != NULL && PyUnicode_Check(name)
           && engine_module(engine, name) == NULL;
}


Group *
group_new(Engine *engine, PyObject *object, Statement *creator)
{
    Group *group = PyMem_Calloc(1, sizeof(*group));
    if (group == NULL || ptrmap_set(&engine->groups, object, group) < 0) {
        PyMem_Free(group);
        PyErr_NoMemory();
        return NULL;
    }
    cell_init(&group->cell, CELL_GROUP, engine);
    group->object = Py_NewRef(object);
    group->creator = creator;
    group->actual = version_new(NULL, creator);
    if (group->actual == NULL) {
        cell_unref(&group->cell, engine);
        return NULL;
    }
    cell_write(&group->cell, group->actual,
               creator != NULL ? creator->module : NULL, engine);
    return group;
}
