/* One walk of the whole program, or of what an update needs of it. */

#include "walk.h"

#include "failure.h"
#include "loaded.h"
#include "needed.h"
#include "rules.h"
#include "walk_check.h"
#include "walk_package.h"


/* Modules that nobody we trace imported. */
static int
walk_roots(Engine *engine, ModuleRoot root)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->root != root || module->passed_over
            || (root == ROOT_LATE && package_failed(module))) {
            continue;
        }
        if (walk_module(module) < 0
            && (root != ROOT_LATE || failure_pass_over(engine) < 0)) {
            return -1;
        }
    }
    return 0;
}


/* A whole walk begins: nothing is bound, and nobody has written anything. */
static void
walk_begin_whole(Engine *engine)
{
    engine->valid_from = engine->walk;
    engine->ended = 0;
    engine->place = 0;
    for (Cell *cell = engine->cells; cell != NULL; cell = cell->next) {
        cell->writer = NULL;
        cell->shared = 0;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        engine->order[i]->shared = 0;
    }
}


int
walk_program(Engine *engine)
{
    engine->walk++;
    engine->walking = NULL;
    failure_forget(engine); /* of a walk that was given up */
    if (engine->partial) {
        needed_begin(engine);
    }
    else {
        walk_begin_whole(engine);
        if (rule(MODULES_HIDDEN) && loaded_hide(engine) < 0) {
            return -1;
        }
    }
    if (walk_roots(engine, ROOT_EARLY) < 0) {
        return -1;
    }
    Module *probes = engine->probes;
    probes->walk = engine->walk;
    for (Py_ssize_t i = 0; i < probes->count; i++) {
        if (walk_statement(probes->statements[i]) < 0) {
            return -1;
        }
    }
    if (walk_roots(engine, ROOT_LATE) < 0) {
        return -1;
    }
    return walk_check(engine);
}
