/* Traces: what a statement's run read, wrote and imported. */

#include "graph.h"

#include "adapters.h"
#include "array.h"
#include "callbacks.h"
#include "class_made.h"
#include "engine.h"


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
trace_drop_reads(Trace *trace, Py_ssize_t from, Engine *engine)
{
    while (trace->read_count > from) {
        const Read *read = &trace->reads[--trace->read_count];
        cell_unref(read->cell, engine);
        version_unref(read->version);
        Py_XDECREF(read->path);
        Py_XDECREF(read->value);
    }
}


static void
import_fini(const Import *import)
{
    for (Py_ssize_t i = 0; import->versions != NULL && i < import->wrote; i++) {
        version_unref(import->versions[i]);
    }
    PyMem_Free(import->versions);
}


void
trace_free(Trace *trace, Engine *engine)
{
    if (trace == NULL) {
        return;
    }
    callbacks_drop(trace, engine);
    if (trace->committed) {
        trace_count_readers(trace, -1);
    }
    else {
        adapters_leave(trace, engine);
    }
    class_made_retire(engine, trace);
    trace_drop_reads(trace, 0, engine);
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        cell_unref(trace->writes[i].cell, engine);
        version_unref(trace->writes[i].version);
    }
    for (Py_ssize_t i = 0; i < trace->names_count; i++) {
        Py_XDECREF(trace->names[i].names);
    }
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        import_fini(&trace->imports[i]);
    }
    PyMem_Free(trace->reads);
    PyMem_Free(trace->writes);
    PyMem_Free(trace->imports);
    PyMem_Free(trace->names);
    Py_XDECREF(trace->result);
    Py_XDECREF(trace->annotated);
    Py_XDECREF(trace->items);
    Py_XDECREF(trace->setter);
    PyMem_Free(trace);
}


int
trace_has_read(const Trace *trace, const Cell *cell)
{
    for (Py_ssize_t i = 0; i < trace->read_count; i++) {
        if (trace->reads[i].cell == cell) {
            return 1;
        }
    }
    return 0;
}


int
trace_add_read(Trace *trace, Cell *cell, Version *version)
{
    Read *reads = array_reserve(trace->reads, trace->read_count,
                                &trace->read_room, sizeof(*reads), 2);
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
trace_copy_read(Trace *into, const Read *read, Cell *cell, Version *version)
{
    if (trace_add_read(into, cell, version) < 0) {
        return -1;
    }
    Read *copy = &into->reads[into->read_count - 1];
    copy->path = Py_XNewRef(read->path);
    copy->value = Py_XNewRef(read->value);
    copy->state = read->state;
    copy->bound = read->bound;
    copy->once = read->once;
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
                                  &trace->write_room, sizeof(*writes), 1);
    if (writes == NULL) {
        return -1;
    }
    trace->writes = writes;
    writes[trace->write_count++] =
        (Write){.cell = cell_ref(cell), .version = version_ref(version)};
    return 0;
}


int
trace_imports(const Trace *trace, const Module *module)
{
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        if (trace->imports[i].module == module) {
            return 1;
        }
    }
    return 0;
}


int
trace_add_import(Trace *trace, Module *module)
{
    if (trace_imports(trace, module)) {
        return 0;
    }
    /* Python imports a package before what is in it, whatever is read first of
     * modules that are there already. */
    Module *package = module_package(module);
    if (package != NULL ? !package->gone && trace_add_import(trace, package) < 0
                        : PyErr_Occurred() != NULL) {
        return -1;
    }
    Import *imports = array_reserve(trace->imports, trace->import_count,
                                    &trace->import_room, sizeof(*imports), 1);
    if (imports == NULL) {
        return -1;
    }
    trace->imports = imports;
    imports[trace->import_count++] =
        (Import){.module = module, .after = trace->read_count};
    return 0;
}


void
trace_drop_import(Trace *trace, const Module *module)
{
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        if (trace->imports[i].module == module) {
            import_fini(&trace->imports[i]);
            memmove(&trace->imports[i], &trace->imports[i + 1],
                    (size_t)(trace->import_count - i - 1)
                        * sizeof(*trace->imports));
            trace->import_count--;
            return;
        }
    }
}


int
trace_add_names(Trace *trace, Module *module, PyObject *names)
{
    NamesRead *items = array_reserve(trace->names, trace->names_count,
                                     &trace->names_room, sizeof(*items), 1);
    if (items == NULL) {
        return -1;
    }
    trace->names = items;
    items[trace->names_count++] =
        (NamesRead){.module = module, .names = Py_NewRef(names)};
    return 0;
}


/* A name of the module, or an object that it created. */
static int
cell_is_of(const Cell *cell, const Module *module)
{
    switch (cell->kind) {
    case CELL_BINDING:
        return ((const Binding *)cell)->module == module;
    case CELL_GROUP: {
        const Group *group = (const Group *)cell;
        return !group->outside
               && (group->creator == NULL || group->creator->module == module);
    }
    case CELL_CODE:
    case CELL_DOC:
    case CELL_FILE:
    case CELL_SLOT:
    case CELL_SUBCLASSES:
    case CELL_RESULT:
    case CELL_FILL:
    case CELL_MEMBER:
        break;
    }
    return 0;
}


static int
trace_writes(const Trace *trace, const Cell *cell)
{
    for (Py_ssize_t i = 0; i < trace->write_count; i++) {
        if (trace->writes[i].cell == cell) {
            return 1;
        }
    }
    return 0;
}


/* One read, unless the trace made itself what is read. */
static int
trace_absorb_read(Trace *into, const Read *read, const Module *failed)
{
    if (cell_is_of(read->cell, failed) || trace_writes(into, read->cell)) {
        return 0;
    }
    return trace_copy_read(into, read, read->cell, read->version);
}


int
trace_absorb(Trace *into, const Trace *from, const Module *failed,
             Statement *importer)
{
    Py_ssize_t next = 0;
    for (Py_ssize_t i = 0; i <= from->read_count; i++) {
        for (; next < from->import_count && from->imports[next].after == i;
             next++) {
            Py_ssize_t had = into->import_count;
            if (from->imports[next].module != failed
                && trace_add_import(into, from->imports[next].module) < 0) {
                return -1;
            }
            if (into->import_count > had) {
                into->imports[had].nested = 1;
            }
        }
        if (i < from->read_count
            && trace_absorb_read(into, &from->reads[i], failed) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < from->write_count; i++) {
        Write *write = &from->writes[i];
        if (cell_is_of(write->cell, failed)) {
            continue;
        }
        if (importer != NULL && write->version != NULL
            && write->version->producer != NULL
            && write->version->producer->module == failed) {
            write->version->producer = importer;
        }
        if (trace_add_write(into, write->cell, write->version) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < from->names_count; i++) {
        if (from->names[i].module != failed
            && trace_add_names(into, from->names[i].module,
                               from->names[i].names)
                   < 0) {
            return -1;
        }
    }
    into->unsteady |= from->unsteady;
    if (into->setter == NULL) {
        into->setter = Py_XNewRef(from->setter);
    }
    class_made_absorb(failed->engine, into, from, importer);
    return 0;
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
    if (trace != NULL) {
        class_made_move(from->module->engine, trace, to);
    }
}


void
trace_reclaim(const Trace *trace, Statement *statement)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        if (trace->writes[i].version != NULL) {
            trace->writes[i].version->producer = statement;
        }
    }
}
