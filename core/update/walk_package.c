/* A package, while the walk imports a module in it. */

#include "walk_package.h"

#include "frame.h"
#include "walk.h"


/* Its name in its package. Borrowed, or NULL with an exception set. */
static Binding *
package_binding(const Module *module, Module *parent, int create)
{
    Py_ssize_t end = PyUnicode_GET_LENGTH(module->name);
    Py_ssize_t dot = PyUnicode_FindChar(module->name, '.', 0, end, -1);
    PyObject *tail = PyUnicode_Substring(module->name, dot + 1, end);
    Binding *binding =
        tail != NULL ? module_binding(parent, tail, create) : NULL;
    Py_XDECREF(tail);
    return binding;
}


/* Is the package's name for the module hidden, in this walk? */
static int
is_hidden(const Binding *binding, const Module *module)
{
    return binding->cell.walk == module->engine->walk
           && binding->cell.env == NULL && binding->cell.live == module->self;
}


int
package_hide_name(Module *module)
{
    Engine *engine = module->engine;
    Module *parent = engine->partial ? module_package(module) : NULL;
    if (parent == NULL || parent->walk == engine->walk) {
        return PyErr_Occurred() ? -1 : 0;
    }
    Binding *binding = package_binding(module, parent, 0);
    if (binding != NULL && cell_now(&binding->cell, engine) == module->self) {
        cell_write(&binding->cell, NULL, NULL, engine);
    }
    return PyErr_Occurred() ? -1 : 0;
}


int
package_bind_name(Module *module)
{
    Engine *engine = module->engine;
    Module *parent = module_package(module);
    if (parent == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int skipped = engine->partial && parent->walk != engine->walk;
    Binding *binding =
        package_binding(module, parent, !skipped || module->newborn);
    if (binding != NULL && skipped && is_hidden(binding, module)) {
        /* Who has looked for it has taken it from its place among the names. */
        engine->walk_whole |= binding->actual != module->self;
        cell_write(&binding->cell, module->self, NULL, engine);
        return binding_sync(binding, module->self);
    }
    if (skipped && !module->newborn) {
        return PyErr_Occurred() ? -1 : 0;
    }
    int result = binding != NULL ? 0 : -1;
    if (result == 0 && (skipped || !engine->transaction)) {
        /* importlib sets the attribute, for a first import right after us */
        version_set(&binding->actual, module->self);
    }
    else if (result == 0) {
        result = binding_sync(binding, module->self);
    }
    if (result == 0 && !skipped) {
        cell_write(&binding->cell, module->self, NULL, engine);
        result = module_order_add(parent, binding);
    }
    return result;
}


int
package_failed(Module *module)
{
    Module *parent = module_package(module);
    return parent != NULL
           && (parent->failed_walk == module->engine->walk
               || (!walk_is_settled(parent) && package_failed(parent)));
}


int
package_is_lacking(Module *module)
{
    PyObject *name = module->name;
    Py_ssize_t dot =
        PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), -1);
    if (dot <= 0 || module->engine->partial) {
        return 0;
    }
    Module *parent = module_package(module);
    if (parent != NULL || PyErr_Occurred()) {
        PyErr_Clear(); /* without memory: the import itself tells */
        return parent != NULL && !walk_is_settled(parent)
               && package_is_lacking(parent);
    }
    PyObject *head = PyUnicode_Substring(name, 0, dot);
    int lacks =
        head != NULL && PyDict_Contains(PyImport_GetModuleDict(), head) == 0;
    Py_XDECREF(head);
    PyErr_Clear();
    return lacks;
}
