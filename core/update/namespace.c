/* Namespaces after a transaction: the right values, in the right order. */

#include "namespace.h"

#include "annotations.h"
#include "compat.h"
#include "frame.h"
#include "frame_parts.h"
#include "rules.h"
#include "text.h"


int
name_is_system(PyObject *name)
{
    static const char *const names[] = {
        "__name__",
        "__file__",
        "__package__",
        "__spec__",
        "__loader__",
        "__path__",
        "__cached__",
        "__builtins__",
        "__annotations__",
        "__dict__",
        "__class__",
        "__annotate__",
        "__conditional_annotations__",
        "__warningregistry__",
    };
    if (!PyUnicode_Check(name) || PyUnicode_GET_LENGTH(name) < 8
        || PyUnicode_READ_CHAR(name, 0) != '_'
        || PyUnicode_READ_CHAR(name, 1) != '_') {
        return 0;
    }
    return text_is_among(name, names, Py_ARRAY_LENGTH(names));
}


int
name_is_among(PyObject *names, PyObject *name)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(names, i), name) == 0) {
            return 1;
        }
    }
    return 0;
}


int
name_shows_namespace(PyObject *name)
{
    static const char *const names[] = {"globals", "vars", "dir", "locals"};
    return text_is_among(name, names, Py_ARRAY_LENGTH(names));
}


int
namespace_remember(Module *module)
{
    if (module->keys != NULL) {
        return 0;
    }
    module->ended_before = module->ended;
    module->keys = PyDict_Keys(module->ns);
    if (module->keys == NULL || annotations_remember(module) < 0) {
        Py_CLEAR(module->keys);
        return -1;
    }
    return 0;
}


int
namespaces_remember(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        if (namespace_remember(engine->order[i]) < 0) {
            return -1;
        }
    }
    return 0;
}


void
namespaces_forget(Engine *engine)
{
    engine->lacking = 0;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        engine->order[i]->lacks = engine->order[i]->passed_over = 0;
        Py_CLEAR(engine->order[i]->keys);
        Py_CLEAR(engine->order[i]->annotations_before);
        engine->order[i]->needed = engine->order[i]->concerned = 0;
    }
}


/* Move the names of a list to the end of the dict, in that order. */
static int
namespace_reorder(Engine *engine, PyObject *ns, PyObject *names)
{
    int result = 0;
    engine->syncing++;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value;
        int found = PyDict_GetItemRef(ns, name, &value);
        if (found <= 0) {
            result = found;
            continue;
        }
        if (PyDict_DelItem(ns, name) < 0
            || PyDict_SetItem(ns, name, value) < 0) {
            result = -1;
        }
        Py_DECREF(value);
    }
    engine->syncing--;
    return result;
}


/* Do the bound names stand in the order in which the walk bound them? */
static int
namespace_in_order(const Module *module, const Engine *engine)
{
    Py_ssize_t at = 0, pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(module->ns, &pos, &key, &value)) {
        while (at < module->order_count
               && cell_now(&module->order[at]->cell, engine) == NULL) {
            at++;
        }
        if (at < module->order_count && key == module->order[at]->name) {
            at++;
            continue;
        }
        Binding *binding =
            module_binding((Module *)module, key, 0); /* no creation */
        if (binding != NULL && binding->order_walk == module->walk) {
            return 0;
        }
    }
    return 1;
}


static int
namespace_restore_order(Engine *engine, Module *module)
{
    Py_ssize_t pos = 0, i = 0;
    PyObject *key, *value;
    int same = PyDict_GET_SIZE(module->ns) == PyList_GET_SIZE(module->keys);
    while (same && PyDict_Next(module->ns, &pos, &key, &value)) {
        same = key == PyList_GET_ITEM(module->keys, i++);
    }
    return same ? 0 : namespace_reorder(engine, module->ns, module->keys);
}


/* Are there names whose binder a partial walk skipped: submodules that others
 * import? */
static int
namespace_has_skipped(const Module *module)
{
    Py_ssize_t pos = 0;
    PyObject *key, *value;
    while (PyDict_Next(module->ns, &pos, &key, &value)) {
        Binding *binding = module_binding((Module *)module, key, 0);
        if (binding != NULL && !binding->unordered
            && binding->order_walk != module->walk
            && cell_now(&binding->cell, module->engine) != NULL) {
            return 1;
        }
    }
    return 0;
}


int
namespace_keeps_order(const Module *module)
{
    Py_ssize_t at = 0;
    for (Py_ssize_t i = 0; i < module->order_count; i++) {
        const Binding *binding = module->order[i];
        if (cell_now(&binding->cell, module->engine) == NULL) {
            continue;
        }
        while (at < PyList_GET_SIZE(module->keys)
               && PyList_GET_ITEM(module->keys, at) != binding->name) {
            at++;
        }
        if (at == PyList_GET_SIZE(module->keys)) {
            return dict_peek(module->ns, "__path__") == NULL;
        }
    }
    return 1;
}


static int
namespace_order(Module *module, Engine *engine)
{
    if (rule(NAME_ORDER) && engine->partial && module->keys != NULL
        && namespace_has_skipped(module)) {
        return namespace_restore_order(engine, module);
    }
    if (!rule(NAME_ORDER) || namespace_in_order(module, engine)) {
        return 0;
    }
    PyObject *names = PyList_New(0);
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < module->order_count; i++) {
        result = PyList_Append(names, module->order[i]->name);
    }
    if (result == 0) {
        result = namespace_reorder(engine, module->ns, names);
    }
    Py_XDECREF(names);
    return result;
}


/* Has a statement that is at work bound the name? */
static int
binding_is_in_work(const Binding *binding, Engine *engine)
{
    for (Frame *f = frame_current(engine); f != NULL; f = f->up) {
        if (ptrmap_get(&f->seen, BOUND_KEY(binding)) != NULL) {
            return 1;
        }
    }
    return 0;
}


/* Put the module's names into its namespace as they are at this place. `bound`:
 * only those that are bound by now, which no statement at work has bound. */
static int
namespace_sync(Module *module, int bound)
{
    Engine *engine = module->engine;
    Py_ssize_t pos = 0;
    PyObject *name, *capsule;
    while (PyDict_Next(module->bindings, &pos, &name, &capsule)) {
        Binding *binding = PyCapsule_GetPointer(capsule, BINDING_CAPSULE);
        Version *now = cell_now(&binding->cell, engine);
        int concerned = !bound ? now == NULL || !now->gone
                               : now != NULL && now->value != NULL
                                     && now != binding->actual
                                     && !binding_is_in_work(binding, engine);
        if (concerned && binding_sync(binding, now) < 0) {
            return -1;
        }
    }
    return 0;
}


int
namespace_settle(Module *module)
{
    return namespace_sync(module, 0) < 0
               ? -1
               : namespace_order(module, module->engine);
}


int
namespaces_show(Engine *engine)
{
    if (!engine->lacking || !rule(SHOW_NAMES)) {
        return 0;
    }
    int lacking = 0;
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (!module->lacks || module->ns == NULL) {
            continue;
        }
        module->lacks =
            module->walk != engine->walk || module->passed < module->count;
        if (namespace_sync(module, 1) < 0) {
            return -1;
        }
        lacking |= module->lacks;
    }
    engine->lacking = lacking;
    return 0;
}


int
namespaces_settle(Engine *engine)
{
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        Binding *binding = (Binding *)cell;
        if (cell->kind == CELL_BINDING && binding->module->ns != NULL
            && (cell_now(cell, engine) != NULL || rule(REMOVED_NAMES))
            && binding_sync(binding, cell_now(cell, engine)) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->walk == engine->walk
            && namespace_order(module, engine) < 0) {
            return -1;
        }
    }
    return 0;
}


void
namespaces_restore(Engine *engine)
{
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        Binding *binding = (Binding *)cell;
        if (cell->kind == CELL_BINDING && binding->module->ns != NULL
            && rule(ROLLBACK_NAMES) && binding_sync(binding, cell->live) < 0) {
            PyErr_WriteUnraisable(binding->name);
        }
    }
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        Module *module = engine->order[i];
        if (module->keys == NULL) {
            continue;
        }
        module->ended = module->ended_before;
        if (annotations_restore(module) < 0
            || namespace_restore_order(engine, module) < 0) {
            PyErr_WriteUnraisable(module->name);
        }
    }
}
