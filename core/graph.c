/* The dependency graph: modules, statements, cells, versions, traces. */

#include "graph.h"

#include "code.h"
#include "engine.h"

#include <stdarg.h>
#include <string.h>

#define BINDING_CAPSULE "hmr_serve._core.Binding"


/* ---- versions ----------------------------------------------------------- */

Version *
version_new(PyObject *value, Statement *producer)
{
    Version *version = PyMem_Malloc(sizeof(*version));
    if (version == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *version = (Version){
        .refs = 1,
        .value = Py_XNewRef(value),
        .producer = producer,
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
        Py_CLEAR(((Binding *)cell)->name);
        version_unref(((Binding *)cell)->actual);
        break;
    case CELL_GROUP:
        group_clear((Group *)cell, engine);
        break;
    case CELL_CODE:
        Py_CLEAR(((CodeCell *)cell)->name);
        break;
    case CELL_FILE:
        file_clear((FileCell *)cell, engine);
        break;
    }
    version_unref(cell->env);
    version_unref(cell->base);
    version_unref(cell->live);
    PyMem_Free(cell);
}


Version *
cell_now(const Cell *cell, const Engine *engine)
{
    return cell->walk == engine->walk ? cell->env : cell->base;
}


void
cell_write(Cell *cell, Version *version, const Engine *engine)
{
    version_set(&cell->env, version);
    cell->walk = engine->walk;
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
    const Engine *engine = module->engine;
    if (binding->order_walk == engine->walk || binding->unordered) {
        return 0;
    }
    if (module->order_count == module->order_room) {
        Py_ssize_t room = module->order_room * 2 + 16;
        Binding **order =
            PyMem_Realloc(module->order, (size_t)room * sizeof(*order));
        if (order == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        module->order = order;
        module->order_room = room;
    }
    binding->order_walk = engine->walk;
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
    cell_write(&group->cell, group->actual, engine);
    return group;
}


/* ---- traces ------------------------------------------------------------- */

Trace *
trace_new(void)
{
    Trace *trace = PyMem_Calloc(1, sizeof(*trace));
    if (trace == NULL) {
        PyErr_NoMemory();
    }
    return trace;
}


static void
trace_count_readers(Trace *trace, Py_ssize_t step)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        trace->reads[i].cell->readers += step;
    }
    trace->committed = step > 0;
}


void
trace_commit(Trace *trace)
{
    if (!trace->committed) {
        trace_count_readers(trace, 1);
    }
}


void
trace_free(Trace *trace, Engine *engine)
{
    if (trace == NULL) {
        return;
    }
    if (trace->committed) {
        trace_count_readers(trace, -1);
    }
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        cell_unref(trace->reads[i].cell, engine);
        version_unref(trace->reads[i].version);
        Py_XDECREF(trace->reads[i].path);
        Py_XDECREF(trace->reads[i].value);
    }
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        cell_unref(trace->writes[i].cell, engine);
        version_unref(trace->writes[i].version);
    }
    for (Py_ssize_t i = 0; i < trace->names_count; i++) {
        Py_XDECREF(trace->names[i].names);
    }
    PyMem_Free(trace->reads);
    PyMem_Free(trace->writes);
    PyMem_Free(trace->imports);
    PyMem_Free(trace->names);
    Py_XDECREF(trace->result);
    PyMem_Free(trace);
}


/* Make room for one more item of `size` bytes. The array, or NULL. */
static void *
array_reserve(void *items, Py_ssize_t count, Py_ssize_t *room, size_t size)
{
    if (count < *room) {
        return items;
    }
    Py_ssize_t wanted = *room * 2 + 4;
    void *grown = PyMem_Realloc(items, (size_t)wanted * size);
    if (grown == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *room = wanted;
    return grown;
}


int
trace_add_read(Trace *trace, Cell *cell, Version *version)
{
    Read *reads = array_reserve(trace->reads, trace->read_count,
                                &trace->read_room, sizeof(*reads));
    if (reads == NULL) {
        return -1;
    }
    trace->reads = reads;
    reads[trace->read_count++] =
        (Read){.cell = cell_ref(cell), .version = version_ref(version)};
    if (trace->committed) {
        cell->readers++;
    }
    return 0;
}


int
trace_add_write(Trace *trace, Cell *cell, Version *version)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        if (trace->writes[i].cell == cell) {
            version_set(&trace->writes[i].version, version);
            return 0;
        }
    }
    Write *writes = array_reserve(trace->writes, trace->write_count,
                                  &trace->write_room, sizeof(*writes));
    if (writes == NULL) {
        return -1;
    }
    trace->writes = writes;
    writes[trace->write_count++] =
        (Write){.cell = cell_ref(cell), .version = version_ref(version)};
    return 0;
}


int
trace_add_import(Trace *trace, Module *module)
{
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        if (trace->imports[i] == module) {
            return 0;
        }
    }
    Module **imports = array_reserve(trace->imports, trace->import_count,
                                     &trace->import_room, sizeof(*imports));
    if (imports == NULL) {
        return -1;
    }
    trace->imports = imports;
    imports[trace->import_count++] = module;
    return 0;
}


int
trace_add_names(Trace *trace, Module *module, PyObject *names)
{
    NamesRead *items = array_reserve(trace->names, trace->names_count,
                                     &trace->names_room, sizeof(*items));
    if (items == NULL) {
        return -1;
    }
    trace->names = items;
    items[trace->names_count++] =
        (NamesRead){.module = module, .names = Py_NewRef(names)};
    return 0;
}


/* ---- statements and modules --------------------------------------------- */

Statement *
statement_new(Module *module)
{
    Statement *statement = PyMem_Calloc(1, sizeof(*statement));
    if (statement == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    statement->module = module;
    return statement;
}


void
trace_move_producer(Trace *trace, const Statement *from, Statement *to)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        Write *write = &trace->writes[i];
        if (write->version != NULL && write->version->producer == from) {
            write->version->producer = to;
        }
        if (write->cell->kind == CELL_GROUP
            && ((Group *)write->cell)->creator == from) {
            ((Group *)write->cell)->creator = to;
        }
    }
}


void
statement_free(Statement *statement, Engine *engine)
{
    if (statement == NULL) {
        return;
    }
    trace_move_producer(statement->trace, statement, NULL);
    trace_move_producer(statement->attempt, statement, NULL);
    trace_free(statement->trace, engine);
    trace_free(statement->attempt, engine);
    if (statement->code != NULL) {
        code_tree_forget(statement->code, statement);
    }
    syntax_fini(&statement->syntax);
    Py_XDECREF(statement->code);
    Py_XDECREF(statement->func);
    Py_XDECREF(statement->reason);
    Py_XDECREF(statement->reached);
    PyMem_Free(statement);
}


void
statement_set_reason(Statement *statement, const char *format, ...)
{
    if (statement->reason != NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    statement->reason = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (statement->reason == NULL) {
        PyErr_Clear(); /* a report without a reason beats a failed update */
    }
}


Module *
module_new(Engine *engine, PyObject *name, PyObject *path, PyObject *object)
{
    Module *module = PyMem_Calloc(1, sizeof(*module));
    if (module == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    module->engine = engine;
    module->name = Py_NewRef(name);
    module->path = Py_XNewRef(path);
    module->module = Py_NewRef(object);
    module->ns = PyModule_GetDict(object);
    module->bindings = PyDict_New();
    module->self = version_new(object, NULL);
    if (module->bindings == NULL || module->self == NULL) {
        module_free(module);
        return NULL;
    }
    return module;
}


static void
module_free_bindings(Module *module)
{
    if (module->bindings == NULL) {
        return;
    }
    Py_ssize_t pos = 0;
    PyObject *name, *capsule;
    while (PyDict_Next(module->bindings, &pos, &name, &capsule)) {
        Binding *binding = PyCapsule_GetPointer(capsule, BINDING_CAPSULE);
        cell_unref(&binding->cell, module->engine);
    }
    Py_CLEAR(module->bindings);
}


void
module_free(Module *module)
{
    if (module == NULL) {
        return;
    }
    for (Py_ssize_t i = 0; i < module->count; i++) {
        statement_free(module->statements[i], module->engine);
    }
    PyMem_Free(module->statements);
    module_free_bindings(module);
    PyMem_Free(module->order);
    version_unref(module->self);
    if (module->file != NULL) {
        cell_unref(&module->file->cell, module->engine);
    }
    Py_XDECREF(module->name);
    Py_XDECREF(module->path);
    Py_XDECREF(module->real);
    Py_XDECREF(module->source);
    Py_XDECREF(module->keys);
    Py_XDECREF(module->annotations_before);
    Py_XDECREF(module->annotate);
    Py_XDECREF(module->module);
    PyMem_Free(module);
}
