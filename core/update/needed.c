/* Which modules an update has to visit. */

#include "needed.h"

#include "attributes.h"
#include "import_order.h"
#include "namespace.h"
#include "result.h"
#include "rules.h"
#include "slots.h"
#include "value.h"


/* ---- who reads what ----------------------------------------------------- */

static void
cell_add_reader(Cell *cell, Module *module)
{
    if (module_set_add(&cell->readers_in, module) < 0) {
        module->engine->readers_lost = 1;
    }
}


/* A statement that shapes one of the objects along a path changes what that
 * leads to. */
static int
visit_add_reader(Group *group, void *module)
{
    cell_add_reader(&group->cell, module);
    return 0;
}


void
trace_note_readers(const Trace *trace, Module *module)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        const Trace *inner =
            read->cell->kind == CELL_RESULT ? result_trace(read->cell) : NULL;
        if (inner != NULL) {
            trace_note_readers(inner, module);
        }
        if (read->cell->kind != CELL_BINDING
            || ((Binding *)read->cell)->module != module) {
            cell_add_reader(read->cell, module);
        }
        if (read->path != NULL && read->version != NULL
            && read->version->value != NULL
            && attributes_visit(module->engine, read->version->value,
                                read->path, visit_add_reader, module)
                   < 0) {
            PyErr_Clear(); /* without memory */
            module->engine->readers_lost = 1;
        }
    }
    for (Py_ssize_t i = 0; i < trace->names_count; i++) {
        Module *source = trace->names[i].module;
        if (source != module
            && module_set_add(&source->names_readers, module) < 0) {
            module->engine->readers_lost = 1;
        }
    }
}


void
trace_adopt(Trace *trace, Module *module)
{
    if (!trace->committed) {
        trace_commit(trace);
        trace_note_readers(trace, module);
    }
}


/* ---- needed ------------------------------------------------------------- */

static void
trace_retract(const Trace *trace, Engine *engine)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        Cell *cell = trace->writes[i].cell;
        cell_write(cell, cell->base, NULL, engine);
        engine->walk_whole |= cell->shared;
    }
    for (Py_ssize_t i = 0; trace != NULL && i < trace->read_count; i++) {
        engine->walk_whole |= trace->reads[i].cell->shared;
    }
}


/* As before its first statement. */
static void
module_retract(const Module *module)
{
    Engine *engine = module->engine;
    for (Py_ssize_t i = 0; i < module->count; i++) {
        trace_retract(module->statements[i]->trace, engine);
        trace_retract(module->statements[i]->attempt, engine);
    }
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        if (module->old_statements[i]->dead) {
            trace_retract(module->old_statements[i]->trace, engine);
        }
    }
}


/* Modules that are imported while this one is, and have read what it had bound
 * by then: what they saw need not be what it binds in the end. */
static void
module_need_inner_readers(const Module *module)
{
    Py_ssize_t pos = 0;
    PyObject *name, *capsule;
    while (PyDict_Next(module->bindings, &pos, &name, &capsule)) {
        const Binding *binding = PyCapsule_GetPointer(capsule, BINDING_CAPSULE);
        const ModuleSet *readers = &binding->cell.readers_in;
        for (Py_ssize_t i = 0; i < readers->count; i++) {
            Module *reader = readers->modules[i];
            if (reader->began >= module->began
                && reader->ended_place < module->ended_place) {
                module_need(reader);
            }
        }
    }
}


void
module_need(Module *module)
{
    Engine *engine = module->engine;
    if (module->needed || module->ns == NULL || module == engine->probes) {
        return;
    }
    module->needed = 1;
    engine->needed_count++;
    engine->walk_whole |= module->shared;
    if (namespace_remember(module) < 0) {
        PyErr_Clear();
        engine->walk_whole = 1; /* which tries again, and can fail */
    }
    if (engine->partial) {
        module_retract(module);
        engine->walk_again |= module->skipped_walk == engine->walk;
    }
    if (module->importer != NULL) {
        module_need(module->importer);
    }
    for (Py_ssize_t i = 0; i < module->names_readers.count; i++) {
        module_need(module->names_readers.modules[i]);
    }
    module_need_inner_readers(module);
}


/* Who has read the names of all variables has read this one's. */
static void
slot_need_readers(const Slot *slot, Engine *engine)
{
    Slot *names = slot->kind == SLOT_ENVIRON
                      ? slot_find(engine, slot->owner, Py_None)
                      : NULL;
    if (names != NULL) {
        cell_need_readers(&names->cell, engine);
    }
    else if (PyErr_Occurred()) {
        PyErr_Clear();
        engine->walk_whole = 1;
    }
}


void
cell_need_readers(Cell *cell, Engine *engine)
{
    if (!rule(READERS_NEEDED)) {
        return;
    }
    if (cell->kind == CELL_BINDING) {
        module_need(((Binding *)cell)->module);
    }
    if (cell->kind == CELL_SLOT) {
        slot_need_readers((const Slot *)cell, engine);
    }
    for (Py_ssize_t i = 0; i < cell->readers_in.count; i++) {
        module_need(cell->readers_in.modules[i]);
    }
}


static void
needed_add_readers(Engine *engine)
{
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        if (cell_changed(cell, engine)) {
            cell_need_readers(cell, engine);
        }
    }
}


/* ---- a walk ------------------------------------------------------------- */

int
walk_skips(const Module *module)
{
    return module->engine->partial && !module->needed;
}


void
needed_plan(Engine *engine)
{
    engine->walk_whole |= engine->unsettled || engine->readers_lost;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        engine->walk_whole |= module->gone;
        if (module->edited) {
            engine->walk_whole |= module_has_new_import(module);
            module_need(module);
        }
    }
    needed_add_readers(engine);
}


void
needed_begin(Engine *engine)
{
    /* What an earlier walk of this transaction wrote. */
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        if (cell->kind == CELL_BINDING || cell->kind == CELL_GROUP
            || cell->kind == CELL_SLOT || cell->kind == CELL_FILL) {
            cell_write(cell, cell->base, NULL, engine);
        }
    }
    module_retract(engine->probes);
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->needed) {
            module_retract(engine->order[i]);
        }
    }
}


void
needed_check(Engine *engine)
{
    Py_ssize_t before = engine->needed_count;
    needed_add_readers(engine);
    engine->walk_again |= engine->needed_count > before;
    for (Py_ssize_t i = 0; !engine->walk_again && i < engine->module_count;
         i++) {
        Module *module = engine->order[i];
        if (module->gone || module->newborn) {
            engine->walk_whole = 1;
        }
        else if (module->needed) {
            engine->walk_whole |= module->walk != engine->walk
                                  || module_imports_changed(module)
                                  || !namespace_keeps_order(module);
        }
    }
}


/* Where the version came to be, in the last whole walk; 0: in this walk. */
static long
version_place(const Engine *engine, const Cell *cell, const Version *version)
{
    const Module *module = cell->writer;
    if (module == NULL && version != NULL && version->value != NULL
        && PyModule_Check(version->value)) {
        /* a package's submodule, bound when its import ended */
        module = engine_module_by_ns(engine, PyModule_GetDict(version->value));
    }
    if (module == NULL || module->walk == engine->walk
        || module == engine->probes) {
        return 0;
    }
    const Statement *producer = version != NULL ? version->producer : NULL;
    return producer != NULL ? producer->place : module->ended_place;
}


Version *
cell_here(const Cell *cell, const Engine *engine)
{
    Version *now = cell_now(cell, engine);
    return engine->partial && now != cell->base
                   && version_place(engine, cell, now) > engine->place
               ? cell->base
               : now;
}


void
needed_check_read(Engine *engine, const Cell *cell, const Version *version)
{
    if (engine->partial
        && (cell->shared
            || version_place(engine, cell, version) > engine->place)) {
        engine->walk_whole = 1;
    }
}
