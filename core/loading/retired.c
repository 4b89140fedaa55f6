/* Modules that are no more. */

#include "retired.h"


/* Does anybody still compare with what the name was? */
static int
binding_is_read(const Binding *binding)
{
    return binding->cell.readers > 0;
}


static void
binding_release(Binding *binding)
{
    version_set(&binding->actual, NULL);
    version_set(&binding->cell.env, NULL);
    version_set(&binding->cell.base, NULL);
}


/* Its names; those that nobody else knows go altogether. How many are left
 * that hold something. */
static Py_ssize_t
module_release_bindings(Module *module)
{
    PyObject *names = PyDict_Keys(module->bindings);
    if (names == NULL) {
        PyErr_Clear(); /* without memory: with the next edit */
        return 1;
    }
    Py_ssize_t left = 0;
    module->order_count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        Binding *binding = module_binding(module, name, 0);
        if (binding == NULL || binding_is_read(binding)) {
            left += binding != NULL;
            continue;
        }
        binding_release(binding);
        if (binding->cell.refs > 1
            || PyDict_DelItem(module->bindings, name) < 0) {
            left++;
            continue;
        }
        cell_unref(&binding->cell, module->engine);
    }
    Py_DECREF(names);
    PyErr_Clear();
    return left;
}


static void
module_release(Module *module)
{
    version_set(&module->self, NULL);
    trace_free(module->raised, module->engine);
    module->raised = NULL;
    Py_CLEAR(module->keys);
    Py_CLEAR(module->loaded);
    Py_CLEAR(module->annotations_before);
    Py_CLEAR(module->annotate);
    Py_CLEAR(module->unreadable);
    module->released = module_release_bindings(module) == 0;
}


void
retired_release(Engine *engine)
{
    PyObject *error = PyErr_GetRaisedException();
    /* an open trace knows cells by their addresses */
    Py_ssize_t count = engine->async_frames == NULL ? engine->retired_count : 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!engine->retired[i]->released) {
            module_release(engine->retired[i]);
        }
    }
    PyErr_SetRaisedException(error);
}
