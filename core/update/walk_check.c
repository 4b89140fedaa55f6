/* The end of a walk: what it has left undone, as the program stands now. */

#include "walk_check.h"

#include "adapters.h"
#include "callbacks.h"
#include "deferred.h"
#include "frame.h"
#include "namespace.h"
#include "rules.h"
#include "setters.h"

#include <string.h>


/* Modules that the walk did not reach are no more: what they did to others'
 * objects is undone by making these anew. */
static int
walk_check_unreached(Engine *engine)
{
    if (engine->partial) {
        return 0; /* all that was reached still is */
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module_is_reached(module, engine)) {
            continue;
        }
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *creator =
                trace_find_changed(module->statements[j]->trace, engine, 1);
            if (creator != NULL) {
                return frame_conflict(engine, creator,
                                      "%U, which changed it, is gone",
                                      module->name);
            }
        }
    }
    return 0;
}


/* What statements of modules that are no more had started ends. */
static int
walk_end_unreached(Engine *engine)
{
    for (Py_ssize_t i = 0; !engine->partial && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        if (module_is_reached(module, engine)) {
            continue;
        }
        for (Py_ssize_t j = module->count; j-- > 0;) {
            if (callbacks_dispose(module->statements[j]) < 0
                || adapters_end(module->statements[j]) < 0) {
                return -1;
            }
            setters_end(module->statements[j]);
        }
    }
    return 0;
}


/* A later statement had replaced the value of a name, and does no more: whoever
 * bound it has to run, since the value was released. */
static int
walk_check_released(Engine *engine)
{
    if (!rule(RELEASED_VALUES)) {
        return 0;
    }
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        const Version *now = cell_now(cell, engine);
        if (cell->kind == CELL_BINDING && now != NULL && now->gone
            && module_is_reached(((Binding *)cell)->module, engine)) {
            return frame_conflict(engine, now->producer,
                                  "its %U is no longer replaced",
                                  ((Binding *)cell)->name);
        }
    }
    return 0;
}


static int
is_alias(PyObject *value)
{
    return value != NULL
           && strcmp(Py_TYPE(value)->tp_name, "typing.TypeAliasType") == 0;
}


/* Of what was replaced since and let go, nothing says what it was: annotations
 * of a function may still hold it. */
static int
trace_may_make_alias(const Trace *trace)
{
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        const Version *version = trace->writes[i].version;
        if (trace->writes[i].cell->kind == CELL_BINDING && version != NULL
            && (version->gone || is_alias(version->value))) {
            return 1;
        }
    }
    return 0;
}


/* `type A = list[C]` keeps its value from when it is first asked for: by then,
 * C may have been bound below it. So does a model of pydantic. */
static int
walk_check_later(Engine *engine)
{
    for (Cell *cell = rule(LATER_NAMES) ? engine->touched : NULL; cell != NULL;
         cell = cell->touched_next) {
        const Binding *binding = (const Binding *)cell;
        if (cell->kind != CELL_BINDING || !cell_changed(cell, engine)) {
            continue;
        }
        const Module *module = binding->module;
        if (engine->partial
                ? module->gone
                      || (module->needed && module->walk != engine->walk)
                : !module_is_reached(module, engine)) {
            continue; /* it would never run; who is needed, in a whole walk */
        }
        for (Py_ssize_t i = 0; i < module->count; i++) {
            Statement *statement = module->statements[i];
            PyObject *names = statement->syntax.annotations;
            if (statement->fresh_walk != engine->walk && names != NULL
                && name_is_among(names, binding->name)
                && (trace_may_make_alias(statement->trace)
                    || deferred_is_complete(statement->trace))) {
                return frame_conflict(engine, statement, "%U has changed",
                                      binding->name);
            }
        }
    }
    return 0;
}


int
walk_check(Engine *engine)
{
    return walk_check_unreached(engine) < 0 || walk_check_released(engine) < 0
                   || walk_check_later(engine) < 0
                   || walk_end_unreached(engine) < 0
               ? -1
               : setters_check_order(engine);
}
