/* Values that go before their statement runs again. */

#include "release.h"

#include "adapters.h"
#include "caches.h"
#include "compat.h"
#include "frame.h"
#include "namespace.h"
#include "value.h"

#include <stdio.h>
#include <unistd.h>

#define MEMORY_TICK 10000000 /* ns */


/* ---- memory ------------------------------------------------------------- */

Py_ssize_t
memory_held(Engine *engine, int64_t now)
{
    if (engine->memory_at != 0 && now - engine->memory_at < MEMORY_TICK) {
        return engine->memory;
    }
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &size, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file); /* it was only read */
    }
    engine->memory_at = now;
    engine->memory = (Py_ssize_t)resident * sysconf(_SC_PAGESIZE);
    return engine->memory;
}


/* ---- who refers to the value -------------------------------------------- */

static int
count_version(PtrMap *seen, const Version *version, const PyObject *object)
{
    if (version == NULL || version->value != object
        || ptrmap_get(seen, version) != NULL) {
        return 0;
    }
    if (ptrmap_set(seen, version, (void *)version) < 0) {
        PyErr_NoMemory();
        return -1;
    }
    return 1;
}


/* What the namespace holds; borrowed. */
static PyObject *
peek(const Binding *binding)
{
    PyObject *ns = binding->module->ns;
    return ns != NULL ? PyDict_GetItemWithError(ns, binding->name) : NULL;
}


/* References of versions of the binding, and of its namespace; -1 on error. */
static Py_ssize_t
count_binding(PtrMap *seen, const Binding *binding, PyObject *object)
{
    const Cell *cell = &binding->cell;
    const Version *versions[] = {cell->env, cell->base, cell->live,
                                 binding->actual};
    Py_ssize_t count = peek(binding) == object;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(versions); i++) {
        int one = count_version(seen, versions[i], object);
        if (one < 0) {
            return -1;
        }
        count += one;
    }
    return count;
}


/* Does the lifespan read the name, or name a function that may? 1, 0, -1. */
static int
trace_may_read(const Trace *trace, const Cell *cell)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->read_count; i++) {
        const Read *read = &trace->reads[i];
        PyObject *value =
            read->version != NULL && read->cell->kind == CELL_BINDING
                ? read->version->value
                : NULL;
        int may = read->cell == cell;
        if (!may && value != NULL && PyFunction_Check(value)) {
            may = function_may_read(value, cell);
        }
        if (may != 0) {
            return may;
        }
    }
    return 0;
}


static int
lifespan_may_read(const Engine *engine, const Cell *cell)
{
    for (const Frame *f = engine->async_frames; f != NULL; f = f->up) {
        int may = trace_may_read(f->trace, cell);
        if (may != 0) {
            return may;
        }
    }
    for (Py_ssize_t i = 0; i < engine->probes->count; i++) {
        const Statement *probe = engine->probes->statements[i];
        int may = probe->async ? trace_may_read(probe->trace, cell) : 0;
        if (may != 0) {
            return may;
        }
    }
    return 0;
}


/* Is the program's own knowledge all that refers to the value? 1, 0, -1. */
static int
is_releasable(Engine *engine, PyObject *object)
{
    PtrMap seen = {0};
    const Group *group = group_of(engine, object);
    Py_ssize_t known = group != NULL && group->object == object;
    int result = 1;
    for (Cell *cell = engine->cells; result > 0 && cell != NULL;
         cell = cell->next) {
        if (cell->kind != CELL_BINDING) {
            continue;
        }
        Py_ssize_t count = count_binding(&seen, (const Binding *)cell, object);
        known += count;
        if (count > 0 && engine->release_spares) {
            result = lifespan_may_read(engine, cell);
            result = result < 0 ? -1 : !result;
        }
        else if (count < 0) {
            result = -1;
        }
    }
    ptrmap_fini(&seen);
    return result > 0 ? Py_REFCNT(object) == known : result;
}


/* ---- letting it go ------------------------------------------------------ */

static void
release_version(Version *version, const PyObject *object)
{
    if (version != NULL && version->value == object) {
        version->gone = version->value;
        Py_CLEAR(version->value); /* the caller holds it */
    }
}


/* The name is unbound until its statement has run. 0, or -1. */
static int
release_binding(Engine *engine, Binding *binding, const PyObject *object)
{
    Cell *cell = &binding->cell;
    if (peek(binding) == object) {
        cell_touch(cell, engine);
        if (namespace_remember(binding->module) < 0) {
            return -1;
        }
        engine->syncing++;
        int result = PyDict_DelItem(binding->module->ns, binding->name);
        engine->syncing--;
        if (result < 0) {
            return -1;
        }
    }
    Version *actual = version_ref(binding->actual);
    release_version(cell->env, object);
    release_version(cell->base, object);
    release_version(cell->live, object);
    release_version(actual, object);
    if (actual != NULL && actual->gone) {
        version_set(&binding->actual, NULL);
    }
    version_unref(actual);
    return 0;
}


/* `object` is the caller's, and the last one to go. 0, or -1. */
static int
release_value(Engine *engine, PyObject *object)
{
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        if (cell->kind == CELL_BINDING
            && release_binding(engine, (Binding *)cell, object) < 0) {
            return -1;
        }
    }
    Group *group = group_of(engine, object);
    if (group != NULL && group->object == object) {
        ptrmap_pop(&engine->groups, object);
        Py_CLEAR(group->object);
    }
    return 0;
}


/* Its destructor is nobody's doing. */
static int
drop_last_reference(Engine *engine, PyObject *object)
{
    Frame *running = frame_swap(NULL);
    int result = running != NULL ? adapters_judge(running) : 0;
    Py_DECREF(object);
    if (result == 0) {
        result = adapters_refresh(engine);
    }
    (void)frame_swap(running);
    return result;
}


/* ---- a statement -------------------------------------------------------- */

static int
is_expensive(const Engine *engine, const Trace *trace)
{
    return trace != NULL && trace->cost >= engine->release_cost
           && trace->grown >= engine->release_size;
}


/* Values of other kinds are small, or tell others about themselves. */
static int
is_plain(PyObject *value)
{
    return value != NULL && !PyType_Check(value) && !PyModule_Check(value)
           && !PyFunction_Check(value) && !value_is_immutable(value);
}


/* What the binding was in the applied revision, if this statement or the one in
 * whose place it stands has given it that. Borrowed; NULL: no such value. */
static Version *
version_to_replace(const Statement *statement, const Binding *binding)
{
    const Engine *engine = statement->module->engine;
    Version *version = binding->cell.touched ? binding->cell.live
                                             : cell_now(&binding->cell, engine);
    const Statement *maker = version != NULL ? version->producer : NULL;
    int ours =
        maker == statement
        || (maker != NULL && maker->dead && maker->module == statement->module);
    return ours && is_expensive(engine, maker->trace) ? version : NULL;
}


/* 1 when it went, 0, -1. */
static int
try_release(Engine *engine, const Version *version)
{
    PyObject *object = version->value;
    int result = is_plain(object) ? is_releasable(engine, object) : 0;
    if (result > 0) {
        Py_INCREF(object);
        result = release_value(engine, object) < 0 ? -1 : 1;
        if (drop_last_reference(engine, object) < 0) {
            result = -1;
        }
    }
    return result;
}


/* What a run of this transaction made, which has turned out to be void. */
static int
release_attempt(const Statement *statement)
{
    Engine *engine = statement->module->engine;
    const Trace *attempt = statement->attempt;
    int result = is_expensive(engine, attempt) ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < attempt->write_count; i++) {
        const Write *write = &attempt->writes[i];
        if (write->cell->kind == CELL_BINDING && write->version != NULL) {
            result = try_release(engine, write->version) < 0 ? -1 : 0;
        }
    }
    return result < 0 && PyErr_Occurred() ? -1 : 0;
}


static int
release_name(Statement *statement, Binding *binding)
{
    Engine *engine = statement->module->engine;
    Version *version = version_to_replace(statement, binding);
    if (version == NULL) {
        return 0;
    }
    Statement *maker = version->producer;
    int result = try_release(engine, version);
    if (result > 0) {
        maker->undone = statement->undone = engine->undone = 1;
        statement->released = maker->trace->grown;
    }
    return result < 0 ? -1 : 0;
}


int
release_old(Statement *statement)
{
    Engine *engine = statement->module->engine;
    if (!engine->transaction || engine->release_size <= 0
        || statement->syntax.kind == STATEMENT_IMPORT
        || release_attempt(statement) < 0) {
        return PyErr_Occurred() ? -1 : 0;
    }
    const Trace *trace = statement->trace;
    PyObject *names = statement->syntax.binds;
    int result = 0;
    for (Py_ssize_t i = 0;
         trace != NULL && result == 0 && i < trace->write_count; i++) {
        if (trace->writes[i].cell->kind == CELL_BINDING) {
            result = release_name(statement, (Binding *)trace->writes[i].cell);
        }
    }
    for (Py_ssize_t i = 0; trace == NULL && names != NULL && result == 0
                           && i < PyTuple_GET_SIZE(names);
         i++) {
        Binding *binding =
            module_binding(statement->module, PyTuple_GET_ITEM(names, i), 0);
        if (binding != NULL) {
            result = release_name(statement, binding);
        }
    }
    return result < 0 || PyErr_Occurred() ? -1 : 0;
}


void
release_note(Statement *statement, Trace *trace)
{
    if (statement->released > trace->grown) {
        trace->grown = statement->released; /* the memory was there to take */
    }
    statement->released = 0;
}
