/* Statements that dispose of what they, or others, have made. */

#include "callbacks_parts.h"

#include "frame.h"
#include "match.h"
#include "walk.h"


/* Who made the objects that callbacks of the trace act on, other than
 * `statement`: the first for which `accept` holds. Borrowed; NULL: none. */
static Statement *
trace_find_maker(const Trace *trace, int (*accept)(Statement *, Statement *),
                 Statement *statement)
{
    PyObject *list = trace->callbacks;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *item = PyList_GET_ITEM(list, i);
        PyObject *targets = PyTuple_GET_ITEM(item, 2);
        for (Py_ssize_t j = 0; callback_kind(item) == CALLBACK_DISPOSE
                               && j < PyList_GET_SIZE(targets);
             j++) {
            Group *group = group_of(hmr_engine, PyList_GET_ITEM(targets, j));
            Statement *maker = group != NULL ? group->creator : NULL;
            if (maker != NULL && accept(maker, statement)) {
                return maker;
            }
        }
    }
    return NULL;
}


static int
is_same(Statement *maker, Statement *statement)
{
    return maker == statement;
}


/* Does what it made stand, and is about to be disposed of? */
static int
stands(Statement *maker, Statement *statement)
{
    return maker != statement && !maker->dead && !maker->forced;
}


/* The same in a walk, where it may have run. */
static int
stands_in_walk(Statement *maker, Statement *statement)
{
    return stands(maker, statement) && maker->fresh_walk != hmr_engine->walk;
}


static int
is_visited(Statement *maker, Statement *statement)
{
    const Module *module = maker->module;
    const Engine *engine = hmr_engine;
    int passed = 0;
    for (Py_ssize_t i = 0; i < module->passed && !passed; i++) {
        passed = i < module->count && module->statements[i] == maker;
    }
    return maker != statement && maker->forced && passed
           && module->walk == engine->walk && maker->fresh_walk != engine->walk;
}


/* What the statement has started ends. Whoever made it has to run again: where
 * the walk has passed that, it starts again. 0, or -1 with an exception set. */
static int
dispose_of(Statement *statement, int walking)
{
    Engine *engine = statement->module->engine;
    Statement *maker;
    while ((maker = trace_find_maker(
                statement->trace, walking ? stands_in_walk : stands, statement))
           != NULL) {
        statement_set_reason(maker, "%U disposes of what it made",
                             statement->syntax.label);
        maker->undone = 1;
        walk_force(engine, maker, NULL);
    }
    Statement *passed =
        walking ? trace_find_maker(statement->trace, is_visited, statement)
                : NULL;
    statement->undone = 1;
    engine->undone = 1;
    callbacks_dispose_trace(statement->trace);
    return passed != NULL
               ? frame_conflict(engine, passed, "%U disposes of what it made",
                                statement->syntax.label)
               : 0;
}


/* Runs of this transaction that act on what the statement made are void. */
static void
drop_attempts_of_users(Statement *maker)
{
    Engine *engine = maker->module->engine;
    for (Py_ssize_t i = engine->module_count; i-- > 0;) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = module->count; j-- > 0;) {
            Statement *user = module->statements[j];
            Trace *attempt = user->attempt;
            if (user != maker && callbacks_has(attempt, CALLBACK_DISPOSE)
                && trace_find_maker(attempt, is_same, maker) != NULL) {
                callbacks_dispose_trace(attempt);
                user->attempt = NULL;
                trace_free(attempt, engine);
            }
        }
    }
}


/* Those that act on what the statement made: it is about to be made anew. */
static int
dispose_of_users(Statement *maker, int walking)
{
    Engine *engine = maker->module->engine;
    FoundStatements found = {0};
    if (maker->trace == NULL || maker->syntax.kind == STATEMENT_IMPORT) {
        return 0;
    }
    int result = callbacks_find(engine, CALLBACK_DISPOSE, &found);
    for (Py_ssize_t i = found.count; result == 0 && i-- > 0;) {
        Statement *user = found.items[i];
        if (user == maker || user->async
            || trace_find_maker(user->trace, is_same, maker) == NULL) {
            continue;
        }
        maker->undone = 1;
        result = dispose_of(user, walking);
        if (!user->dead) {
            statement_set_reason(user, "disposed of, because %U runs again",
                                 maker->syntax.label);
            walk_force(engine, user, NULL);
        }
    }
    PyMem_Free(found.items);
    return result;
}


static int
dispose(Statement *statement, int walking)
{
    if (statement->attempt != NULL) {
        drop_attempts_of_users(statement);
    }
    if (callbacks_has(statement->attempt, CALLBACK_DISPOSE)) {
        callbacks_dispose_trace(statement->attempt);
    }
    int result = dispose_of_users(statement, walking);
    return result == 0 && callbacks_has(statement->trace, CALLBACK_DISPOSE)
               ? dispose_of(statement, walking)
               : result;
}


int
callbacks_dispose(Statement *statement)
{
    const Engine *engine = statement->module->engine;
    return engine->callbacks_used && engine->transaction ? dispose(statement, 1)
                                                         : 0;
}


int
callbacks_dispose_dead(Engine *engine)
{
    int result = 0;
    for (Py_ssize_t i = engine->callbacks_used ? engine->module_count : 0;
         result == 0 && i-- > 0;) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = module->old_count; result == 0 && j-- > 0;) {
            Statement *old = match_dead(module, j);
            if (old != NULL && old->trace != NULL) {
                result = dispose(old, 0);
            }
        }
    }
    return result;
}


int
callbacks_plan_undone(Engine *engine)
{
    int any = 0;
    for (Py_ssize_t i = 0; engine->undone && i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            Statement *statement = module->statements[j];
            if (statement->undone) {
                statement_set_reason(statement, "disposed of for an edit that "
                                                "was not applied");
                walk_force(engine, statement, NULL);
                any = 1;
            }
        }
    }
    return any;
}
