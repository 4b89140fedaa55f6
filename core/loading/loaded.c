/* What sys.modules holds while a walk runs. */

#include "loaded.h"

#include "compat.h"


/* What is below a package that is gone is gone with it. */
static int
loaded_spread_gone(Engine *engine, const Module *package)
{
    PyObject *prefix = PyUnicode_FromFormat("%U.", package->name);
    if (prefix == NULL) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (PyUnicode_Tailmatch(module->name, prefix, 0, PY_SSIZE_T_MAX, -1)
            == 1) {
            module->gone = 1;
        }
    }
    Py_DECREF(prefix);
    return 0;
}


/* Take the module, or what stands in sys.modules in its place, out. */
static int
loaded_hide_module(Engine *engine, Module *module)
{
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    PyObject *now = PyDict_GetItemWithError(loaded, module->name);
    if (now == NULL && PyErr_Occurred()) {
        return -1;
    }
    module->withheld = 0;
    if (!module->hidden) {
        module->hidden = 1;
        module->loaded = Py_XNewRef(now);
    }
    /* A name that another record stands for is that one's affair. */
    return now == NULL || engine_module(engine, module->name) != module
               ? 0
               : PyDict_DelItem(loaded, module->name);
}


int
loaded_hide(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (engine->order[i]->gone
            && loaded_spread_gone(engine, engine->order[i]) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (loaded_hide_module(engine, engine->order[i]) < 0) {
            return -1;
        }
    }
    return 0;
}


/* Names of modules that are being imported, as the spec of the package that
 * they are in lists them for error messages (PEP 451 knows nothing of it:
 * importlib._bootstrap). New reference; NULL without an exception where there
 * is no such list. */
static PyObject *
package_importing(const Module *module, PyObject **tail)
{
    Py_ssize_t length = PyUnicode_GET_LENGTH(module->name);
    Py_ssize_t dot = PyUnicode_FindChar(module->name, '.', 0, length, -1);
    PyObject *head = dot > 0 ? PyUnicode_Substring(module->name, 0, dot) : NULL;
    PyObject *package =
        head != NULL ? PyDict_GetItemWithError(PyImport_GetModuleDict(), head)
                     : NULL; /* borrowed */
    PyObject *spec = package != NULL && PyModule_Check(package)
                         ? dict_peek(PyModule_GetDict(package), "__spec__")
                         : NULL; /* borrowed */
    PyObject *list = NULL;
    if (spec != NULL
        && PyObject_GetOptionalAttrString(spec, "_uninitialized_submodules",
                                          &list)
               > 0
        && !PyList_Check(list)) {
        Py_CLEAR(list);
    }
    *tail = list != NULL ? PyUnicode_Substring(module->name, dot + 1, length)
                         : NULL;
    Py_XDECREF(head);
    if (PyErr_Occurred()) {
        Py_CLEAR(list);
    }
    return list;
}


int
loaded_begin_import(const Module *module)
{
    PyObject *tail;
    PyObject *list = package_importing(module, &tail);
    int result = list != NULL       ? PyList_Append(list, tail)
                 : PyErr_Occurred() ? -1
                                    : 0;
    Py_XDECREF(list);
    Py_XDECREF(tail);
    return result;
}


void
loaded_end_import(const Module *module)
{
    PyObject *error = PyErr_GetRaisedException();
    PyObject *tail;
    PyObject *list = package_importing(module, &tail);
    Py_ssize_t last = list != NULL ? PyList_GET_SIZE(list) - 1 : -1;
    if (last >= 0 && PyUnicode_Compare(PyList_GET_ITEM(list, last), tail) == 0
        && PyList_SetSlice(list, last, last + 1, NULL) < 0) {
        PyErr_WriteUnraisable(module->name);
    }
    Py_XDECREF(list);
    Py_XDECREF(tail);
    PyErr_Clear(); /* without memory: an error message with another wording */
    PyErr_SetRaisedException(error);
}


int
loaded_begin(Module *module)
{
    if (module->engine->partial) {
        return 0; /* it is there */
    }
    return PyDict_SetItem(PyImport_GetModuleDict(), module->name,
                          module->module);
}


int
loaded_end(Module *module)
{
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    if (module->engine->partial || module->loaded == NULL
        || module->loaded == module->module || module->edited
        || PyDict_GetItemWithError(loaded, module->name) != module->module) {
        return PyErr_Occurred() ? -1 : 0;
    }
    /* It had put something else in its place. */
    return PyDict_SetItem(loaded, module->name, module->loaded);
}


void
loaded_remove(Module *module)
{
    PyObject *error = PyErr_GetRaisedException();
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    if (PyDict_GetItemWithError(loaded, module->name) != NULL
        && PyDict_DelItem(loaded, module->name) < 0) {
        PyErr_WriteUnraisable(module->name);
    }
    PyErr_SetRaisedException(error);
}


void
loaded_withhold(Engine *engine, long ended)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (module_is_reached(engine->order[i], engine)
            && engine->order[i]->ended > ended) {
            loaded_remove(engine->order[i]);
            engine->order[i]->withheld = 1;
        }
    }
}


void
loaded_release(Engine *engine, long ended)
{
    PyObject *error = PyErr_GetRaisedException();
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (!module->withheld || module->ended <= ended) {
            continue;
        }
        module->withheld = 0;
        if (loaded_begin(module) < 0 || loaded_end(module) < 0) {
            PyErr_WriteUnraisable(module->name);
        }
    }
    PyErr_SetRaisedException(error);
}


void
loaded_restore(Engine *engine)
{
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    for (Py_ssize_t i = engine->module_count; i-- > 0;) {
        Module *module = engine->order[i];
        if (module->newborn) {
            loaded_remove(module);
            engine_drop_module(engine, module);
        }
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->loaded != NULL
            && (PyDict_SetItem(loaded, module->name, module->loaded) < 0
                || engine_name_module(engine, module) < 0)) {
            PyErr_WriteUnraisable(module->name);
        }
        module->gone = 0; /* looked for again at the next save */
    }
}


void
loaded_forget(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        engine->order[i]->hidden = 0;
        engine->order[i]->withheld = 0;
        Py_CLEAR(engine->order[i]->loaded);
        Py_CLEAR(engine->order[i]->unreadable);
    }
}
