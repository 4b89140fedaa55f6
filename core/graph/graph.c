/* The dependency graph: its statements and modules. */

#include "graph.h"

#include "class_made.h"
#include "code.h"
#include "engine.h"

#include <stdarg.h>


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
statement_free(Statement *statement, Engine *engine)
{
    if (statement == NULL) {
        return;
    }
    trace_move_producer(statement->trace, statement, NULL);
    trace_move_producer(statement->attempt, statement, NULL);
    trace_free(statement->trace, engine);
    trace_free(statement->attempt, engine);
    class_made_forget(engine, statement);
    if (statement->code != NULL) {
        code_tree_forget(statement->code, statement);
    }
    syntax_fini(&statement->syntax);
    Py_XDECREF(statement->code);
    Py_XDECREF(statement->func);
    Py_XDECREF(statement->reason);
    PyMem_Free(statement);
}


Trace *
statement_trace(const Statement *statement)
{
    return statement->attempt != NULL
                   && statement->fresh_walk == statement->module->engine->walk
               ? statement->attempt
               : statement->trace;
}


int
group_is_fresh(const Group *group, const Engine *engine)
{
    return group->made_walk == engine->walk
           || (group->creator != NULL
               && group->creator->fresh_walk == engine->walk);
}


Statement *
cell_stale_creator(const Cell *cell, const Statement *statement)
{
    Statement *creator =
        cell->kind == CELL_GROUP ? ((const Group *)cell)->creator : NULL;
    return creator != NULL && creator != statement && !creator->dead
                   && !group_is_fresh((const Group *)cell,
                                      creator->module->engine)
               ? creator
               : NULL;
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


int
module_is_reached(const Module *module, const Engine *engine)
{
    return module->walk == engine->walk && !module->gone
           && module->failed_walk != engine->walk && !module->withheld;
}


Statement *
trace_find_changed(const Trace *trace, const Engine *engine, int stale)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        Cell *cell = trace->writes[i].cell;
        Statement *creator =
            cell->kind == CELL_GROUP ? ((Group *)cell)->creator : NULL;
        if (creator != NULL && !creator->dead
            && module_is_reached(creator->module, engine)
            && !(stale && creator->fresh_walk == engine->walk)) {
            ((Group *)cell)->must_be_fresh = 1;
            return creator;
        }
    }
    return NULL;
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
    PyMem_Free(module->names_readers.modules);
    version_unref(module->self);
    trace_free(module->raised, module->engine);
    if (module->file != NULL) {
        if (module->file->module == module) {
            module->file->module = NULL;
        }
        cell_unref(&module->file->cell, module->engine);
    }
    Py_XDECREF(module->name);
    Py_XDECREF(module->path);
    Py_XDECREF(module->real);
    Py_XDECREF(module->source);
    Py_XDECREF(module->keys);
    Py_XDECREF(module->loaded);
    Py_XDECREF(module->annotations_before);
    Py_XDECREF(module->annotate);
    Py_XDECREF(module->unreadable);
    Py_XDECREF(module->module);
    PyMem_Free(module);
}
