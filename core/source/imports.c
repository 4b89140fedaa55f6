/* What an import statement names. */

#include "imports.h"

#include "compat.h"
#include "rules.h"
#include "text.h"


/* The absolute name of an import's module, as importlib resolves it. New
 * reference; NULL without an exception when it goes beyond the top. */
static PyObject *
import_name(Module *module, long level, PyObject *name)
{
    if (level == 0) {
        return Py_NewRef(name);
    }
    PyObject *package = dict_peek(module->ns, "__package__"); /* borrowed */
    if (package == NULL || !PyUnicode_Check(package)) {
        return NULL;
    }
    Py_ssize_t end = PyUnicode_GET_LENGTH(package);
    while (--level > 0 && end > 0) {
        end = PyUnicode_FindChar(package, '.', 0, end, -1);
        if (end < 0) {
            return NULL;
        }
    }
    PyObject *base = PyUnicode_Substring(package, 0, end);
    if (base == NULL || name == Py_None) {
        return base;
    }
    PyObject *full = text_dotted(base, name);
    Py_DECREF(base);
    return full;
}


/* Call `visit` for the tracked module of that name and its packages, outermost
 * first. */
static int
import_visit_chain(Engine *engine, PyObject *name,
                   int (*visit)(Module *, void *), void *arg)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    for (Py_ssize_t end = 0; end < length; end++) {
        end = PyUnicode_FindChar(name, '.', end, length, 1);
        if (end < 0) {
            end = length;
        }
        PyObject *head = PyUnicode_Substring(name, 0, end);
        Module *module = head != NULL ? engine_module(engine, head) : NULL;
        Py_XDECREF(head);
        if (PyErr_Occurred() || (module != NULL && visit(module, arg) < 0)) {
            return -1;
        }
    }
    return 0;
}


/* The same for a string of the code, and those in a tuple. */
static int
visit_string(Engine *engine, PyObject *item, int (*visit)(Module *, void *),
             void *arg)
{
    if (PyUnicode_CheckExact(item)) {
        return import_visit_chain(engine, item, visit, arg);
    }
    int result = 0;
    for (Py_ssize_t i = 0;
         result == 0 && PyTuple_CheckExact(item) && i < PyTuple_GET_SIZE(item);
         i++) {
        result = visit_string(engine, PyTuple_GET_ITEM(item, i), visit, arg);
    }
    return result;
}


/* Modules that `__import__("m")` or `importlib.import_module("m")` names. */
static int
visit_by_name(const Statement *statement, int (*visit)(Module *, void *),
              void *arg)
{
    const PyCodeObject *code = (const PyCodeObject *)statement->code;
    int imports = 0, result = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(code->co_names); i++) {
        PyObject *name = PyTuple_GET_ITEM(code->co_names, i);
        imports |=
            text_is(name, "__import__") || text_is(name, "import_module");
    }
    for (Py_ssize_t i = 0;
         imports && result == 0 && i < PyTuple_GET_SIZE(code->co_consts); i++) {
        result = visit_string(statement->module->engine,
                              PyTuple_GET_ITEM(code->co_consts, i), visit, arg);
    }
    return result;
}


int
import_visit(Statement *statement, int (*visit)(Module *, void *), void *arg)
{
    Engine *engine = statement->module->engine;
    PyObject *imports = statement->syntax.imports;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(imports); i++) {
        PyObject *item = PyTuple_GET_ITEM(imports, i);
        PyObject *name = import_name(statement->module,
                                     PyLong_AsLong(PyTuple_GET_ITEM(item, 0)),
                                     PyTuple_GET_ITEM(item, 1));
        if (name == NULL) {
            if (PyErr_Occurred()) {
                return -1;
            }
            continue;
        }
        int result = import_visit_chain(engine, name, visit, arg);
        PyObject *from = PyTuple_GET_ITEM(item, 2);
        for (Py_ssize_t j = 0; result == 0 && j < PyTuple_GET_SIZE(from); j++) {
            PyObject *full = text_dotted(name, PyTuple_GET_ITEM(from, j));
            Module *module = full != NULL ? engine_module(engine, full) : NULL;
            result = PyErr_Occurred() ? -1
                     : module != NULL ? visit(module, arg)
                                      : 0;
            Py_XDECREF(full);
        }
        Py_DECREF(name);
        if (result < 0) {
            return -1;
        }
    }
    return statement->code != NULL ? visit_by_name(statement, visit, arg) : 0;
}


/* See import_claim_untracked: the submodule of that full name, if it is one. */
static int
claim_untracked(Frame *frame, Engine *engine, PyObject *full)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(full);
    Py_ssize_t dot = PyUnicode_FindChar(full, '.', 0, length, -1);
    PyObject *child =
        dot > 0 && engine_module(engine, full) == NULL && !PyErr_Occurred()
            ? PyDict_GetItemWithError(PyImport_GetModuleDict(), full)
            : NULL;
    if (child == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *head = PyUnicode_Substring(full, 0, dot);
    PyObject *tail = PyUnicode_Substring(full, dot + 1, length);
    Module *parent =
        head != NULL && tail != NULL ? engine_module(engine, head) : NULL;
    Binding *binding = parent != NULL ? module_binding(parent, tail, 1) : NULL;
    int result = PyErr_Occurred() ? -1 : 0;
    if (binding != NULL && cell_now(&binding->cell, engine) != NULL) {
        result = frame_read_cell(frame, &binding->cell);
    }
    else if (binding != NULL) {
        result = PyDict_SetItem(parent->ns, tail, child) < 0
                     ? -1
                     : frame_bind(frame, parent, tail);
    }
    Py_XDECREF(head);
    Py_XDECREF(tail);
    return result;
}


/* The same for each package on the way and for what is imported from it. */
static int
claim_untracked_chain(Frame *frame, Engine *engine, PyObject *name,
                      PyObject *from)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    int result = 0;
    for (Py_ssize_t end = 0; result == 0 && end >= 0 && end < length; end++) {
        end = PyUnicode_FindChar(name, '.', end, length, 1);
        PyObject *head = PyUnicode_Substring(name, 0, end < 0 ? length : end);
        result = head != NULL ? claim_untracked(frame, engine, head) : -1;
        Py_XDECREF(head);
        if (end < 0) {
            break;
        }
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(from); i++) {
        PyObject *full = text_dotted(name, PyTuple_GET_ITEM(from, i));
        result = full != NULL ? claim_untracked(frame, engine, full) : -1;
        Py_XDECREF(full);
    }
    return result;
}


int
import_claim_untracked(Statement *statement, Frame *frame)
{
    Engine *engine = statement->module->engine;
    PyObject *imports = statement->syntax.imports;
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(imports); i++) {
        PyObject *item = PyTuple_GET_ITEM(imports, i);
        PyObject *name = import_name(statement->module,
                                     PyLong_AsLong(PyTuple_GET_ITEM(item, 0)),
                                     PyTuple_GET_ITEM(item, 1));
        if (name != NULL) {
            result = claim_untracked_chain(frame, engine, name,
                                           PyTuple_GET_ITEM(item, 2));
            Py_DECREF(name);
        }
        else if (PyErr_Occurred()) {
            result = -1;
        }
    }
    return result;
}


/* The names that `import *` takes from a module. New list. */
static PyObject *
star_names(PyObject *source)
{
    PyObject *dict = PyModule_Check(source) ? PyModule_GetDict(source) : NULL;
    if (dict == NULL) {
        return PyList_New(0);
    }
    PyObject *all = dict_peek(dict, "__all__"); /* borrowed */
    if (all != NULL) {
        return PySequence_List(all);
    }
    PyObject *names = PyList_New(0);
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (names != NULL && PyDict_Next(dict, &pos, &name, &value)) {
        if (PyUnicode_Check(name) && PyUnicode_GET_LENGTH(name) > 0
            && PyUnicode_READ_CHAR(name, 0) != '_'
            && PyList_Append(names, name) < 0) {
            Py_CLEAR(names);
        }
    }
    return names;
}


static int
claim_names(Statement *statement, Frame *frame, PyObject *source)
{
    PyObject *ns = statement->module->ns;
    PyObject *names = star_names(source);
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        int found = PyDict_Contains(ns, PyList_GET_ITEM(names, i));
        result = found > 0 ? frame_bind_last(frame, statement->module,
                                             PyList_GET_ITEM(names, i))
                           : found;
    }
    Py_XDECREF(names);
    return result;
}


int
import_claim_star(Statement *statement, Frame *frame)
{
    if (!rule(STAR_BINDS)) {
        return 0;
    }
    PyObject *imports = statement->syntax.imports;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(imports); i++) {
        PyObject *item = PyTuple_GET_ITEM(imports, i);
        PyObject *from = PyTuple_GET_ITEM(item, 2);
        if (PyTuple_GET_SIZE(from) != 1
            || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(from, 0), "*")
                   != 0) {
            continue;
        }
        PyObject *name = import_name(statement->module,
                                     PyLong_AsLong(PyTuple_GET_ITEM(item, 0)),
                                     PyTuple_GET_ITEM(item, 1));
        PyObject *source =
            name != NULL
                ? PyDict_GetItemWithError(PyImport_GetModuleDict(), name)
                : NULL;
        Py_XDECREF(name);
        if (PyErr_Occurred()
            || (source != NULL && claim_names(statement, frame, source) < 0)) {
            return -1;
        }
    }
    return 0;
}


/* The namespace of a loaded module that answers as modules do. Borrowed; NULL
 * without an exception. */
static PyObject *
loaded_namespace(const Engine *engine, PyObject *name)
{
    PyObject *module = PyDict_GetItemWithError(PyImport_GetModuleDict(), name);
    return module != NULL
                   && (PyModule_CheckExact(module)
                       || Py_IS_TYPE(module, engine->module_type))
               ? PyModule_GetDict(module)
               : NULL;
}


/* It has the name, and not only a promise to import it (PEP 810, since 3.15).
 */
static int
namespace_has(PyObject *ns, PyObject *name)
{
    PyObject *value = PyDict_GetItemWithError(ns, name);
    return value != NULL && strcmp(Py_TYPE(value)->tp_name, "lazy_import") != 0;
}


/* `import a.b.c`, with or without `as`: each is loaded, and its package has
 * it. */
static int
chain_is_loaded(const Engine *engine, PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name), start = 0;
    PyObject *holder = NULL;
    while (start < length) {
        Py_ssize_t end = PyUnicode_FindChar(name, '.', start, length, 1);
        end = end < 0 ? length : end;
        PyObject *head = PyUnicode_Substring(name, 0, end);
        PyObject *last = PyUnicode_Substring(name, start, end);
        PyObject *ns = head != NULL ? loaded_namespace(engine, head) : NULL;
        int there = ns != NULL && last != NULL
                    && (holder == NULL || namespace_has(holder, last));
        Py_XDECREF(head);
        Py_XDECREF(last);
        if (!there) {
            return 0;
        }
        holder = ns;
        start = end + 1;
    }
    return holder != NULL;
}


/* `from name import from`: `*` asks the module what that is, and any asks
 * whether it has a __path__. */
static int
names_are_loaded(const Engine *engine, PyObject *name, PyObject *from)
{
    PyObject *ns = loaded_namespace(engine, name);
    int there = ns != NULL
                && (dict_peek(ns, "__path__") != NULL
                    || PyDict_Contains(ns, engine->name_getattr) == 0);
    for (Py_ssize_t i = 0; there && i < PyTuple_GET_SIZE(from); i++) {
        there = namespace_has(ns, PyTuple_GET_ITEM(from, i));
    }
    return there;
}


int
import_is_idle(Statement *statement)
{
    const Engine *engine = statement->module->engine;
    PyObject *imports = statement->syntax.imports;
    PyObject *import = dict_peek(PyEval_GetBuiltins(), "__import__");
    int idle = statement->syntax.kind == STATEMENT_IMPORT && import != NULL
               && PyCFunction_Check(import);
    for (Py_ssize_t i = 0; idle && i < PyTuple_GET_SIZE(imports); i++) {
        PyObject *item = PyTuple_GET_ITEM(imports, i);
        PyObject *from = PyTuple_GET_ITEM(item, 2);
        PyObject *name = import_name(statement->module,
                                     PyLong_AsLong(PyTuple_GET_ITEM(item, 0)),
                                     PyTuple_GET_ITEM(item, 1));
        idle = name != NULL
               && (PyTuple_GET_SIZE(from) > 0
                       ? names_are_loaded(engine, name, from)
                       : chain_is_loaded(engine, name));
        Py_XDECREF(name);
    }
    PyErr_Clear(); /* not known */
    return idle;
}
