/* An edited source against the running one. */

#include "match.h"

#include "align.h"
#include "class_text.h"
#include "compat.h"
#include "patchable.h"
#include "rules.h"
#include "split.h"


/* ---- taking over -------------------------------------------------------- */

static int
lines_equal(PyObject *a, int a_line, PyObject *b, int b_line, int count)
{
    for (int i = 0; i < count; i++) {
        if (a_line + i > PyList_GET_SIZE(a) || b_line + i > PyList_GET_SIZE(b)
            || PyUnicode_Compare(PyList_GET_ITEM(a, a_line + i - 1),
                                 PyList_GET_ITEM(b, b_line + i - 1))
                   != 0) {
            return 0;
        }
    }
    return 1;
}


/* Give the old code the lines of the new text. Where lines break may change the
 * instructions (two loads on a line are one); functions then get new code,
 * which nobody can tell from the old. 0: done, 1: the new statement takes over,
 * -1. */
static int
statement_lay_out(Statement *fresh, Statement *old, Patches *patches)
{
    CodePairs pairs = {0};
    int result = 0;
    switch (code_tree_compare(old->code, fresh->code, &pairs)) {
    case CODE_ERROR:
        result = -1;
        break;
    case CODE_SAME:
        code_tree_copy_positions(old->code, fresh->code);
        break;
    case CODE_PATCHABLE:
        result = 1;
        for (Py_ssize_t i = 0; i < pairs.count && result > 0; i++) {
            if (code_pairs_add(&patches->pairs, pairs.pairs[i].old_code,
                               pairs.pairs[i].new_code, CHANGED_NOT)
                < 0) {
                result = -1;
            }
        }
        break;
    case CODE_DIFFERENT: /* the statement itself: its lines stay behind */
        if (code_tree_shift(old->code, fresh->syntax.line - old->syntax.line)
            < 0) {
            result = -1;
        }
        break;
    }
    code_pairs_fini(&pairs);
    return result;
}


/* May a statement import something at module level? By its text. 1, 0, -1. */
static int
mentions_import(const Statement *statement, PyObject *lines)
{
    StatementKind kind = statement->syntax.kind;
    if (kind == STATEMENT_FUNCTION || kind == STATEMENT_CLASS) {
        return 0;
    }
    PyObject *word = PyUnicode_FromString("import");
    int found = word != NULL ? 0 : -1;
    for (int line = statement->syntax.line;
         found == 0 && line <= statement->syntax.end_line
         && line <= PyList_GET_SIZE(lines);
         line++) {
        found = PyUnicode_Contains(PyList_GET_ITEM(lines, line - 1), word);
    }
    Py_XDECREF(word);
    return found;
}


/* The compiler calls methods of imported names in another way, so code depends
 * on what its file imports. Does that differ? Edited imports are a yes. 1, 0,
 * -1. */
static int
imports_differ(const Module *module, const Split *split, const Match *matches,
               PyObject *old_lines)
{
    Py_ssize_t kept = 0, imports = 0;
    for (Py_ssize_t j = 0; j < split->count; j++) {
        int found = mentions_import(split->statements[j], split->lines);
        if (found < 0 || (found && matches[j].same < 0)) {
            return found;
        }
        kept += found;
    }
    for (Py_ssize_t i = 0; i < module->count; i++) {
        int found = mentions_import(module->statements[i], old_lines);
        if (found < 0) {
            return -1;
        }
        imports += found;
    }
    return kept != imports;
}


/* An equal statement that stands elsewhere, or is laid out in another way, gets
 * its line numbers in place: no new code object. `compile`: its code may differ
 * all the same. 0, 1 when the new statement
 * has to take over the old one's trace, or -1 with an exception set. */
static int
statement_move(Split *split, Module *module, Py_ssize_t index, Statement *old,
               PyObject *old_lines, int compile, Patches *patches)
{
    Statement *fresh = split->statements[index];
    int count = old->syntax.end_line - old->syntax.line + 1;
    int stays = fresh->syntax.line == old->syntax.line;
    int same_text =
        !compile
        && (stays || old->code == NULL || !code_tree_holds_lines(old->code))
        && fresh->syntax.end_line - fresh->syntax.line + 1 == count
        && lines_equal(old_lines, old->syntax.line, split->lines,
                       fresh->syntax.line, count);
    if ((same_text && stays) || !rule(MOVED_LINES)) {
        return 0;
    }
    if (old->code != NULL) {
        if (code_positions_save(&patches->positions, old->code) < 0) {
            return -1;
        }
        if (same_text) {
            if (code_tree_shift(old->code,
                                fresh->syntax.line - old->syntax.line)
                < 0) {
                return -1;
            }
        }
        else {
            if (split_compile(split, module, index) < 0) {
                return -1;
            }
            int laid_out = statement_lay_out(fresh, old, patches);
            if (laid_out != 0) {
                return laid_out; /* the new statement takes over, or failed */
            }
        }
    }
    old->moved = 1;
    old->old_line = old->syntax.line;
    old->old_end_line = old->syntax.end_line;
    old->syntax.line = fresh->syntax.line;
    old->syntax.end_line = fresh->syntax.end_line;
    return 0;
}


static int
patches_add(Patches *patches, Module *module, CodePairs *pairs)
{
    for (Py_ssize_t i = 0; i < pairs->count; i++) {
        const CodePair *pair = &pairs->pairs[i];
        if (pair->changed) {
            PyObject *name = PyUnicode_FromFormat(
                "%U:%U", module->name,
                ((PyCodeObject *)pair->new_code)->co_qualname);
            int result =
                name != NULL ? PyList_Append(patches->names, name) : -1;
            Py_XDECREF(name);
            if (result < 0) {
                return -1;
            }
        }
        if (code_pairs_add(&patches->pairs, pair->old_code, pair->new_code,
                           pair->changed)
            < 0) {
            return -1;
        }
    }
    return 0;
}


/* The new statement differs from the old in bodies of functions only: it takes
 * over the old one's trace. 1, 0 when it must run, -1 on error. */
static int
statement_patch(Statement *fresh, Statement *old, Patches *patches)
{
    if (old->trace == NULL || old->code == NULL || fresh->code == NULL
        || !patch_reaches_function(old)) {
        return 0;
    }
    if (code_positions_save(&patches->positions, old->code) < 0) {
        return -1; /* unchanged nested code moves to its new lines */
    }
    CodePairs pairs = {0};
    CodeDifference difference =
        code_tree_compare(old->code, fresh->code, &pairs);
    int result = 0;
    if (difference == CODE_ERROR) {
        result = -1;
    }
    else if (difference == CODE_PATCHABLE
             && patch_reaches_nested(old, &pairs)) {
        result = patches_add(patches, fresh->module, &pairs) < 0 ? -1 : 1;
    }
    else if (difference == CODE_DIFFERENT
             && fresh->syntax.kind == STATEMENT_CLASS) {
        fresh->replaces = old;
        fresh->shifted = 1; /* grafted code holds old lines as constants */
        result = class_text_graft(old->code, fresh->code, &patches->pairs);
    }
    code_pairs_fini(&pairs);
    return result;
}


/* ---- a module ----------------------------------------------------------- */

/* Decide about every statement of the new source. */
static int
match_statements(Module *module, Split *split, Match *matches,
                 PyObject *old_lines, Patches *patches)
{
    int compile = imports_differ(module, split, matches, old_lines);
    if (compile < 0) {
        return -1;
    }
    /* Before anything of the old code is touched. */
    for (Py_ssize_t j = 0; j < split->count; j++) {
        if (matches[j].same < 0 && split_compile(split, module, j) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t j = 0; j < split->count; j++) {
        Statement *fresh = split->statements[j];
        if (matches[j].same >= 0) {
            Statement *old = module->statements[matches[j].same];
            int moved = statement_move(split, module, j, old, old_lines,
                                       compile, patches);
            if (moved < 0) {
                return -1;
            }
            if (moved > 0 && old->trace != NULL) {
                matches[j] = (Match){-1, matches[j].same};
                fresh->patched = old;
                fresh->place = old->place;
            }
            continue;
        }
        if (matches[j].changed < 0) {
            statement_set_reason(fresh, "new");
            continue;
        }
        Statement *old = module->statements[matches[j].changed];
        fresh->place = old->place;
        int patched = statement_patch(fresh, old, patches);
        if (patched < 0) {
            return -1;
        }
        fresh->patched = patched ? old : NULL;
        statement_set_reason(fresh, "changed");
    }
    return 0;
}


/* Put the new list in place; the old statements that are not in it are dead. */
static void
match_install(Module *module, Split *split, const Match *matches,
              PyObject *source)
{
    module->old_statements = module->statements;
    module->old_count = module->count;
    module->old_source = module->source;
    module->old_future_flags = module->future_flags;
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        module->old_statements[i]->dead = 1;
    }
    for (Py_ssize_t j = 0; j < split->count; j++) {
        Statement *fresh = split->statements[j];
        if (matches[j].same >= 0) {
            Statement *old = module->old_statements[matches[j].same];
            old->dead = 0;
            statement_free(fresh, module->engine);
            split->statements[j] = old;
        }
        else if (fresh->patched != NULL) {
            fresh->trace = fresh->patched->trace; /* lent until the commit */
            trace_move_producer(fresh->trace, fresh->patched, fresh);
            fresh->undone = fresh->patched->undone;
        }
        else if (fresh->replaces != NULL) {
            /* grafted code changes hands; its infos exist: no failure */
            (void)code_tree_attach(fresh->code, fresh);
        }
    }
    module->statements = split->statements;
    module->count = split->count;
    module->source = Py_NewRef(source);
    module->future_flags = split->future_flags;
    module->edited = 1;
    split->statements = NULL;
    split->count = 0;
}


int
match_module(Module *module, PyObject *source, Patches *patches)
{
    Engine *engine = module->engine;
    Split split;
    if (split_source(&split, module, source) < 0) {
        return -1;
    }
    int result = -1;
    PyObject *old_lines = NULL;
    Match *matches = PyMem_Malloc((size_t)(split.count + 1) * sizeof(*matches));
    if (matches == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t j = 0; j < split.count; j++) {
        matches[j] = (Match){-1, -1};
    }
    old_lines = source_text_lines(module->source);
    if (old_lines == NULL) {
        goto done;
    }
    if ((split.future_flags == module->future_flags || !rule(FUTURES))
        && align(module->statements, module->count, split.statements,
                 split.count, matches)
               < 0) {
        goto done;
    }
    align_changed(module->statements, module->count, split.statements,
                  split.count, matches);
    if (match_statements(module, &split, matches, old_lines, patches) < 0) {
        goto done;
    }
    match_install(module, &split, matches, source);
    result = 0;

done:
    PyMem_Free(matches);
    Py_XDECREF(old_lines);
    split_fini(&split, engine);
    return result;
}


static void
match_forget(Module *module)
{
    PyMem_Free(module->old_statements);
    module->old_statements = NULL;
    module->old_count = 0;
    module->edited = 0;
}


Statement *
match_dead(const Module *module, Py_ssize_t i)
{
    Statement *old = module->old_statements[i];
    for (Py_ssize_t j = 0; old->dead && j < module->count; j++) {
        if (module->statements[j]->patched == old) {
            return NULL;
        }
    }
    return old->dead ? old : NULL;
}


void
match_commit(Module *module)
{
    Engine *engine = module->engine;
    for (Py_ssize_t j = 0; j < module->count; j++) {
        Statement *statement = module->statements[j];
        statement->moved = 0;
        statement->replaces = NULL;
        if (statement->patched != NULL) {
            statement->patched->trace = NULL; /* ours for good */
            statement->patched = NULL;
            /* grafted code changes hands; its infos exist: no failure */
            (void)code_tree_attach(statement->code, statement);
        }
    }
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        if (module->old_statements[i]->dead) {
            statement_free(module->old_statements[i], engine);
        }
    }
    Py_CLEAR(module->old_source);
    match_forget(module);
}


void
match_rollback(Module *module)
{
    Engine *engine = module->engine;
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        Statement *old = module->old_statements[i];
        if (old->code != NULL) {
            /* The infos exist: it cannot fail. */
            (void)code_tree_attach(old->code, old);
        }
    }
    /* Line numbers are put back by whoever holds the Patches. */
    for (Py_ssize_t j = 0; j < module->count; j++) {
        Statement *statement = module->statements[j];
        int kept = 0;
        for (Py_ssize_t i = 0; i < module->old_count && !kept; i++) {
            kept = module->old_statements[i] == statement;
        }
        if (!kept) {
            if (statement->patched != NULL) {
                statement->patched->undone |= statement->undone;
                trace_move_producer(statement->trace, statement,
                                    statement->patched);
                statement->trace = NULL; /* was lent */
            }
            statement_free(statement, engine);
        }
    }
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        Statement *old = module->old_statements[i];
        trace_reclaim(old->trace, old);
        old->dead = 0;
        if (old->moved) {
            old->moved = 0;
            old->syntax.line = old->old_line;
            old->syntax.end_line = old->old_end_line;
        }
    }
    PyMem_Free(module->statements);
    module->statements = module->old_statements;
    module->count = module->old_count;
    module->old_statements = NULL;
    Py_SETREF(module->source, module->old_source);
    module->old_source = NULL;
    module->future_flags = module->old_future_flags;
    match_forget(module);
}
