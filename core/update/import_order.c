/* What a module imports, in which order, and what else happens between. */

#include "import_order.h"

#include "rules.h"


/* Did the module's text import this (level, name, ...) before the edit? */
static int
module_had_import(const Module *module, PyObject *import)
{
    for (Py_ssize_t i = 0; i < module->old_count; i++) {
        PyObject *imports = module->old_statements[i]->syntax.imports;
        for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(imports); j++) {
            PyObject *other = PyTuple_GET_ITEM(imports, j);
            int same = 1;
            for (Py_ssize_t k = 0; same > 0 && k < 2; k++) {
                same =
                    PyObject_RichCompareBool(PyTuple_GET_ITEM(import, k),
                                             PyTuple_GET_ITEM(other, k), Py_EQ);
            }
            if (same != 0) {
                PyErr_Clear(); /* str, int, None: only memory can fail */
                return 1;
            }
        }
    }
    return 0;
}


int
module_has_new_import(const Module *module)
{
    for (Py_ssize_t i = 0; i < module->count; i++) {
        const Statement *statement = module->statements[i];
        PyObject *imports = statement->syntax.imports;
        for (Py_ssize_t j = 0;
             statement->trace == NULL && j < PyTuple_GET_SIZE(imports); j++) {
            if (!module_had_import(module, PyTuple_GET_ITEM(imports, j))) {
                return 1;
            }
        }
    }
    return 0;
}


int
imports_differ(const Trace *a, const Trace *b)
{
    Py_ssize_t count = a != NULL ? a->import_count : 0;
    if (count != (b != NULL ? b->import_count : 0)) {
        return 1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        if (a->imports[i].module != b->imports[i].module) {
            return 1;
        }
    }
    return 0;
}


/* The modules that the statements import, in the order in which each is first
 * imported. 0 or -1. */
static int
imports_collect(ModuleSet *set, Statement *const *statements, Py_ssize_t count,
                int now)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        const Trace *trace =
            now ? statement_trace(statements[i]) : statements[i]->trace;
        for (Py_ssize_t j = 0; trace != NULL && j < trace->import_count; j++) {
            if (module_set_add(set, trace->imports[j].module) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


/* Has a new statement imported in a way that its text does not show, what was
 * there only later? A cold start imports it here first. */
static int
imports_unseen(const Module *module)
{
    for (Py_ssize_t i = 0; i < module->count; i++) {
        const Statement *statement = module->statements[i];
        const Trace *trace = statement->attempt;
        if (statement->trace != NULL || trace == NULL
            || statement->syntax.kind == STATEMENT_IMPORT) {
            continue;
        }
        for (Py_ssize_t j = 0; j < trace->import_count; j++) {
            if (trace->imports[j].module->began >= statement->place) {
                return 1;
            }
        }
    }
    return 0;
}


/* Does it store into what is outside of the program, or read it? */
static int
trace_goes_outside(const Trace *trace)
{
    int outside = 0;
    for (Py_ssize_t i = 0; trace != NULL && !outside && i < trace->write_count;
         i++) {
        outside = trace->writes[i].cell->kind == CELL_SLOT;
    }
    for (Py_ssize_t i = 0; trace != NULL && !outside && i < trace->read_count;
         i++) {
        outside = trace->reads[i].cell->kind == CELL_SLOT;
    }
    return outside;
}


/* Is a statement that stands, and goes outside, on the other side of an import
 * now? What that imports, and where nothing else has changed, met or left
 * something else there. The order of what stands is the same in both. Of a new
 * one it is not known where it was. `imported`: how many modules are. */
static int
imports_passed(const Module *module, Py_ssize_t imported)
{
    ModuleSet before = {0}, now = {0};
    Py_ssize_t at = 0;
    int passed = 0;
    Py_ssize_t count = rule(IMPORTS_PASSED) && module->engine->slot_count > 0
                           ? module->count
                           : 0;
    for (Py_ssize_t i = 0; !passed && i < count; i++) {
        Statement *statement = module->statements[i];
        Statement *old =
            statement->patched != NULL ? statement->patched : statement;
        Py_ssize_t k = at;
        while (k < module->old_count && module->old_statements[k] != old) {
            k++;
        }
        if (k < module->old_count) {
            passed =
                imports_collect(&before, module->old_statements + at, k - at, 0)
                    < 0
                || (before.count != now.count
                    && (trace_goes_outside(old->trace)
                        || trace_goes_outside(statement_trace(statement))))
                || imports_collect(&before, &old, 1, 0) < 0;
            at = k + 1;
        }
        else {
            passed = now.count < imported
                     && trace_goes_outside(statement_trace(statement));
        }
        passed |= imports_collect(&now, &statement, 1, 1) < 0;
    }
    PyMem_Free(before.modules);
    PyMem_Free(now.modules);
    return passed;
}


int
module_imports_changed(const Module *module)
{
    if (!module->edited) {
        for (Py_ssize_t i = 0; i < module->count; i++) {
            Statement *statement = module->statements[i];
            if (imports_differ(statement->trace, statement_trace(statement))) {
                return 1;
            }
        }
        return 0;
    }
    ModuleSet before = {0}, now = {0};
    int changed =
        imports_collect(&before, module->old_statements, module->old_count, 0)
            < 0
        || imports_collect(&now, module->statements, module->count, 1) < 0
        || before.count != now.count;
    for (Py_ssize_t i = 0; !changed && i < now.count; i++) {
        changed = before.modules[i] != now.modules[i];
    }
    changed =
        changed || imports_unseen(module) || imports_passed(module, now.count);
    PyMem_Free(before.modules);
    PyMem_Free(now.modules);
    return changed;
}
