/* Running one statement: what has to be in place before, what is kept after. */

#include "run.h"

#include "annotations.h"
#include "class_made.h"
#include "code.h"
#include "compat.h"
#include "contribute.h"
#include "deferred.h"
#include "frame.h"
#include "imports.h"
#include "journal.h"
#include "mentions.h"
#include "namespace.h"
#include "needed.h"
#include "release.h"
#include "rules.h"
#include "value.h"


/* ---- before ------------------------------------------------------------- */

static int
statement_read_names(Statement *statement, Frame *frame)
{
    CodeInfo *info = code_info(statement->code);
    if (info == NULL || code_info_scan(info) < 0) {
        return -1;
    }
    Module *module = statement->module;
    if (info->imports_star && module->engine->transaction
        && statement->syntax.kind != STATEMENT_IMPORT
        && namespace_settle(module) < 0) {
        return -1; /* what it binds is seen only where nothing stands yet */
    }
    for (Py_ssize_t i = 0; i < info->name_count; i++) {
        const NameRead *read = &info->names[i];
        if (rule(READ_NAMES)
            && !name_is_among(statement->syntax.own_names, read->name)
            && frame_read_name(frame, module, read->name, read->path,
                               read->called)
                   < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(info->stores); i++) {
        PyObject *name = PyTuple_GET_ITEM(info->stores, i);
        int sure = name_is_among(statement->syntax.binds, name)
                   && !name_is_among(statement->syntax.own_names, name);
        PyObject *one = sure ? NULL : PyTuple_Pack(1, name);
        int result = one != NULL ? frame_prepare_stores(
                         frame, module, one, statement->syntax.own_names)
                                 : 0;
        Py_XDECREF(one);
        if (result < 0 || PyErr_Occurred()) {
            return -1;
        }
    }
    if (frame_read_deleted(frame, module, info->deletes,
                           statement->syntax.own_names)
        < 0) {
        return -1;
    }
    PyObject *annotations = statement->syntax.annotations;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(annotations); i++) {
        if (frame_read_name(frame, module, PyTuple_GET_ITEM(annotations, i),
                            NULL, 0)
            < 0) {
            return -1;
        }
    }
    return deferred_prepare(frame);
}


/* Names that an earlier run bound without the text saying so: `import *`, a
 * function that stores a global. */
static int
statement_prepare_rebinds(Statement *statement, Frame *frame)
{
    const Trace *trace = statement->trace;
    for (Py_ssize_t i = 0; trace != NULL && i < trace->write_count; i++) {
        if (trace->writes[i].cell->kind != CELL_BINDING) {
            continue;
        }
        Binding *binding = (Binding *)trace->writes[i].cell;
        if (binding->module == statement->module
            && name_is_among(statement->syntax.binds, binding->name)
            && !name_is_among(statement->syntax.own_names, binding->name)) {
            continue;
        }
        if (statement->module->engine->partial
            && binding->module == statement->module && !binding->cell.shared
            && binding->cell.walk != statement->module->engine->walk) {
            /* nobody has bound it above */
            cell_write(&binding->cell, NULL, NULL, statement->module->engine);
        }
        PyObject *one = PyTuple_Pack(1, binding->name);
        int result =
            one != NULL ? frame_prepare_stores(frame, binding->module, one, one)
                        : -1;
        Py_XDECREF(one);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


/* Run the code or the callable inside a pushed frame. */
static int
statement_run_code(Statement *statement, Frame *frame)
{
    if (statement->func != NULL) {
        PyObject *result = PyObject_CallNoArgs(statement->func);
        Py_XSETREF(frame->trace->result, result);
        return result != NULL ? 0 : -1;
    }
    if (statement->code == NULL) {
        return 0;
    }
    if (statement_read_names(statement, frame) < 0
        || mentions_read(frame, statement->code) < 0
        || statement_prepare_rebinds(statement, frame) < 0
        || frame_add_text_candidates(frame) < 0) {
        return -1;
    }
    if (annotations_enter(frame) < 0) {
        return -1;
    }
    const Engine *engine = statement->module->engine;
    PyObject *ns = statement->module->ns;
    frame->entered = 1;
    frame->idle = !engine->transaction && engine->adapter_count > 0
                  && import_is_idle(statement);
    PyObject *result = PyEval_EvalCode(statement->code, ns, ns);
    Py_XDECREF(result);
    if (result == NULL || import_claim_untracked(statement, frame) < 0) {
        return -1;
    }
    return import_claim_star(statement, frame);
}


/* Keep the trace of a run where it belongs: at once outside of a transaction,
 * as an attempt inside. */
static void
statement_keep(Statement *statement, Trace *trace)
{
    Engine *engine = statement->module->engine;
    statement->fresh_walk = engine->walk;
    release_note(statement, trace);
    if (engine->transaction) {
        trace_free(statement->attempt, engine);
        statement->attempt = trace;
        statement->ran = ++engine->ran;
        statement->module->concerned = 1;
        for (Py_ssize_t i = 0; engine->partial && i < trace->write_count; i++) {
            if (cell_changed(trace->writes[i].cell, engine)) {
                cell_need_readers(trace->writes[i].cell, engine);
            }
        }
        class_made_need_readers(engine, statement->trace);
        class_made_need_readers(engine, trace);
        return;
    }
    trace_free(statement->trace, engine);
    statement->trace = trace;
    trace_adopt(trace, statement->module);
}


/* Note a run in the transaction's log. Keeps a current exception. */
static void
statement_log(Statement *statement, const Frame *frame)
{
    Engine *engine = statement->module->engine;
    if (!engine->transaction || !frame->entered) {
        return;
    }
    PyObject *error = PyErr_GetRaisedException();
    if (frame->patched_class) {
        PyObject *name = PyUnicode_FromFormat("%U:%U", statement->module->name,
                                              statement->syntax.label);
        if (name == NULL || PyList_Append(engine->patched_classes, name) < 0) {
            PyErr_Clear(); /* without memory: a report short of a line */
        }
        Py_XDECREF(name);
        PyErr_SetRaisedException(error);
        return;
    }
    PyObject *reason = Py_XNewRef(statement->reason);
    if (statement->released > 0 && reason != NULL) {
        Py_SETREF(reason, PyUnicode_FromFormat(
                              "%U; its old value was released first", reason));
    }
    PyObject *entry = Py_BuildValue(
        "(OOiOd)", statement->module->name, statement->syntax.label,
        statement->syntax.line, reason != NULL ? reason : Py_None, frame->cost);
    Py_XDECREF(reason);
    if (entry == NULL || PyList_Append(engine->log, entry) < 0) {
        PyErr_Clear(); /* without memory: a report short of a line */
    }
    Py_XDECREF(entry);
    PyErr_SetRaisedException(error);
}


/* The program may have caught engine->again, as it catches everything with a
 * bare `except:`; what it did then is void. */
static int
statement_check_conflict(Engine *engine)
{
    if (engine->conflict == NULL) {
        return 0;
    }
    PyErr_SetNone(engine->again);
    return -1;
}


/* Is the package that the module is in among the imports? */
static int
trace_has_parent(const Trace *trace, const Module *module)
{
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        PyObject *name = trace->imports[i].module->name;
        Py_ssize_t length = PyUnicode_GET_LENGTH(name);
        if (PyUnicode_FindChar(module->name, '.', 0,
                               PyUnicode_GET_LENGTH(module->name), -1)
                == length
            && PyUnicode_Tailmatch(module->name, name, 0, length, -1) == 1) {
            return 1;
        }
    }
    return 0;
}


/* Modules that a statement's text imports; nested: below an `if` or `try`. */
typedef struct {
    Trace *trace;
    int nested;
} Noted;


static int
visit_note(Module *module, void *arg)
{
    Noted *noted = arg;
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    /* `import a.b` is not seen where importing a has imported a.b. Below an
     * `if`, it ran if a was imported. */
    if (module->gone || PyDict_GetItemWithError(loaded, module->name) == NULL
        || (noted->nested && !trace_has_parent(noted->trace, module)
            && Py_IS_TYPE(module->module, module->engine->module_type))) {
        return PyErr_Occurred() ? -1 : 0;
    }
    return trace_add_import(noted->trace, module);
}


int
statement_execute(Statement *statement)
{
    Engine *engine = statement->module->engine;
    Frame frame;
    if (namespaces_show(engine) < 0
        || frame_push(&frame, engine, statement) < 0) {
        return -1;
    }
    int result = journal_enter(&frame);
    if (result == 0) {
        result = statement_run_code(statement, &frame);
    }
    if (statement_check_conflict(engine) < 0 || result < 0) {
        frame_abandon(&frame, engine);
        statement_log(statement, &frame);
        return -1;
    }
    PyObject *owner = Py_XNewRef(frame.owner);
    PyObject *mark = Py_XNewRef(frame.mark);
    Trace *trace = frame_pop(&frame, engine);
    statement_log(statement, &frame);
    Noted noted = {trace, statement->syntax.kind != STATEMENT_IMPORT};
    int ended = trace != NULL
                && import_visit(statement, visit_note, &noted) == 0
                && contribute_end(statement, trace, owner, mark) == 0;
    Py_XDECREF(owner);
    Py_XDECREF(mark);
    if (!ended) {
        trace_free(trace, engine);
        return -1;
    }
    statement_keep(statement, trace);
    engine->looked = !engine->transaction;
    return annotations_note(&frame);
}
