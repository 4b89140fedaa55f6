/* Read-only views of the graph, and its end. */

#include "introspect.h"

#include "code.h"
#include "compat.h"
#include "files.h"
#include "paths.h"
#include "report.h"
#include "undo.h"

#include <stdlib.h>


/* ---- what to watch ------------------------------------------------------ */

/* Where a module would be if it were there: `name.py` and the folder `name` in
 * each place that was searched. */
static int
watch_missing(PyObject *files, PyObject *name)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(name);
    Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, length, -1);
    PyObject *tail = PyUnicode_Substring(name, dot + 1, length);
    PyObject *places = dot > 0 ? engine_search_path(name)
                               : Py_XNewRef(PySys_GetObject("path"));
    PyObject *list = places != NULL ? PySequence_List(places) : NULL;
    PyErr_Clear();
    int result = tail != NULL ? 0 : -1;
    for (Py_ssize_t i = 0;
         list != NULL && result == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *place = PyList_GET_ITEM(list, i);
        if (!PyUnicode_Check(place)) {
            continue;
        }
        place = path_absolute(place); /* "", "." and "src" may be there too */
        if (place == NULL || engine_is_library_path(hmr_engine, place)) {
            result = place != NULL ? 0 : -1;
            Py_XDECREF(place);
            continue;
        }
        PyObject *file = PyUnicode_FromFormat("%U/%U.py", place, tail);
        PyObject *init = PyUnicode_FromFormat("%U/%U/__init__.py", place, tail);
        PyObject *folder = PyUnicode_FromFormat("%U/%U", place, tail);
        if (file == NULL || init == NULL || folder == NULL
            || PySet_Add(files, file) < 0 || PySet_Add(files, init) < 0
            || PySet_Add(files, folder) < 0) {
            result = -1;
        }
        Py_XDECREF(file);
        Py_XDECREF(init);
        Py_XDECREF(folder);
        Py_DECREF(place);
    }
    Py_XDECREF(list);
    Py_XDECREF(places);
    Py_XDECREF(tail);
    return result;
}


/* A package of that name beside a module, `name/__init__.py`, would be found
 * before it. */
static int
watch_rival(PyObject *files, const Module *module)
{
    Py_ssize_t end = PyUnicode_GET_LENGTH(module->path) - 3; /* ".py" */
    if (end <= 0 || dict_peek(module->ns, "__path__") != NULL) {
        return 0;
    }
    PyObject *stem = PyUnicode_Substring(module->path, 0, end);
    PyObject *init =
        stem != NULL ? PyUnicode_FromFormat("%U/__init__.py", stem) : NULL;
    int result = init != NULL ? PySet_Add(files, init) : -1;
    Py_XDECREF(stem);
    Py_XDECREF(init);
    return result;
}


PyObject *
introspect_watched(Engine *engine)
{
    PyObject *files = PySet_New(NULL);
    PyObject *folders = PySet_New(NULL);
    int result = files != NULL && folders != NULL ? 0 : -1;
    Py_ssize_t pos = 0;
    PyObject *path, *capsule;
    while (result == 0 && PyDict_Next(engine->files, &pos, &path, &capsule)) {
        FileCell *file = PyCapsule_GetPointer(capsule, FILE_CAPSULE);
        result = PySet_Add(file->listed ? folders : files, path);
    }
    pos = 0;
    while (result == 0 && PyDict_Next(engine->missing, &pos, &path, &capsule)) {
        result = watch_missing(files, path);
    }
    PyObject *wanted = result == 0 ? PySequence_List(engine->wanted) : NULL;
    result = wanted != NULL ? result : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(wanted); i++) {
        result = watch_missing(files, PyList_GET_ITEM(wanted, i));
    }
    Py_XDECREF(wanted);
    for (Py_ssize_t i = 0; result == 0 && i < engine->module_count; i++) {
        result = PySet_Add(files, engine->order[i]->real) < 0
                     ? -1
                     : watch_rival(files, engine->order[i]);
    }
    PyObject *pair = result == 0 ? PyTuple_Pack(2, files, folders) : NULL;
    Py_XDECREF(files);
    Py_XDECREF(folders);
    return pair;
}


/* ---- modules and statements --------------------------------------------- */

static int
module_by_end(const void *a, const void *b)
{
    long x = (*(Module *const *)a)->ended, y = (*(Module *const *)b)->ended;
    return x < y ? -1 : x > y;
}


PyObject *
introspect_written(Engine *engine)
{
    return PySet_New(engine->written);
}


PyObject *
introspect_modules(Engine *engine)
{
    size_t count = (size_t)engine->module_count;
    Module **sorted = PyMem_Calloc(count + 1, sizeof(*sorted));
    PyObject *names = PyList_New(0);
    int result = sorted != NULL && names != NULL ? 0 : -1;
    for (size_t i = 0; result == 0 && i < count; i++) {
        sorted[i] = engine->order[i];
    }
    if (result == 0) {
        qsort(sorted, count, sizeof(*sorted), module_by_end);
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        if (!sorted[i]->portions && !undo_hides(engine->undo, sorted[i])) {
            result = PyList_Append(names, sorted[i]->name);
        }
    }
    PyMem_Free(sorted);
    if (result < 0) {
        Py_CLEAR(names);
    }
    return names;
}


static int
list_add_binding(PyObject *list, const Binding *binding, int with_module)
{
    PyObject *name = with_module ? PyUnicode_FromFormat(
                         "%U.%U", binding->module->name, binding->name)
                                 : Py_NewRef(binding->name);
    int result = name != NULL ? PyList_Append(list, name) : -1;
    Py_XDECREF(name);
    return result;
}


static PyObject *
statement_view(const Statement *statement)
{
    const Trace *trace = statement->trace;
    PyObject *reads = PyList_New(0);
    PyObject *binds = PyList_New(0);
    PyObject *shapes = PyList_New(0);
    PyObject *view = NULL;
    int result = reads != NULL && binds != NULL && shapes != NULL ? 0 : -1;
    for (Py_ssize_t i = 0;
         result == 0 && trace != NULL && i < trace->read_count; i++) {
        Cell *cell = trace->reads[i].cell;
        if (cell->kind == CELL_BINDING) {
            result = list_add_binding(reads, (Binding *)cell, 1);
        }
    }
    for (Py_ssize_t i = 0;
         result == 0 && trace != NULL && i < trace->write_count; i++) {
        Cell *cell = trace->writes[i].cell;
        if (cell->kind == CELL_BINDING && trace->writes[i].version != NULL) {
            Binding *binding = (Binding *)cell;
            result = list_add_binding(binds, binding,
                                      binding->module != statement->module);
        }
        else if (cell->kind == CELL_GROUP) {
            Statement *creator = ((Group *)cell)->creator;
            if (creator != NULL && creator != statement) {
                PyObject *name = PyUnicode_FromFormat(
                    "%U.%U", creator->module->name, creator->syntax.label);
                result = name != NULL ? PyList_Append(shapes, name) : -1;
                Py_XDECREF(name);
            }
        }
    }
    if (result == 0) {
        view = statement_view_new(statement->syntax.label,
                                  statement->syntax.line, reads, binds, shapes,
                                  trace != NULL ? trace->cost : 0.0);
    }
    Py_XDECREF(reads);
    Py_XDECREF(binds);
    Py_XDECREF(shapes);
    return view;
}


PyObject *
introspect_statements(Module *module)
{
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list != NULL && i < module->count; i++) {
        PyObject *view = statement_view(module->statements[i]);
        if (view == NULL || PyList_Append(list, view) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(view);
    }
    return list;
}


/* ---- the end ------------------------------------------------------------ */

static void
code_tree_detach(PyObject *code, Engine *engine)
{
    CodeInfo *info = code_info(code);
    if (info != NULL) {
        info->statement = NULL;
        info->module = NULL;
        if (info->cell != NULL) {
            cell_unref(&info->cell->cell, engine);
            info->cell = NULL;
        }
    }
    PyObject *consts = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(consts); i++) {
        if (PyCode_Check(PyTuple_GET_ITEM(consts, i))) {
            code_tree_detach(PyTuple_GET_ITEM(consts, i), engine);
        }
    }
}


void
introspect_detach(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            if (module->statements[j]->code != NULL) {
                code_tree_detach(module->statements[j]->code, engine);
            }
        }
    }
}


void
introspect_free_graph(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        for (Py_ssize_t j = 0; j < module->count; j++) {
            statement_free(module->statements[j], engine);
        }
        module->count = 0;
    }
    if (engine->probes != NULL) {
        for (Py_ssize_t j = 0; j < engine->probes->count; j++) {
            statement_free(engine->probes->statements[j], engine);
        }
        engine->probes->count = 0;
        module_free(engine->probes);
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        module_free(engine->order[i]);
    }
    for (Py_ssize_t i = 0; i < engine->retired_count; i++) {
        module_free(engine->retired[i]);
    }
    PyMem_Free(engine->order);
    PyMem_Free(engine->retired);
}
