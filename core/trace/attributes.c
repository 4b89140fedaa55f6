/* Attribute paths, and the objects that they come by. */

#include "attributes.h"

#include "value.h"


/* The object itself and its class. */
static int
visit_object(const Engine *engine, PyObject *object,
             int (*visit)(Group *, void *), void *arg)
{
    Group *group = group_of(engine, object);
    int result = group != NULL && !group->outside ? visit(group, arg) : 0;
    Group *class = group_of(engine, (PyObject *)Py_TYPE(object));
    return result == 0 && class != NULL && !class->outside ? visit(class, arg)
                                                           : result;
}


int
attributes_visit(Engine *engine, PyObject *value, PyObject *path,
                 int (*visit)(Group *, void *), void *arg)
{
    PyObject *at = Py_NewRef(value);
    int result = 0;
    for (Py_ssize_t i = 0; at != NULL && result == 0; i++) {
        result = visit_object(engine, at, visit, arg);
        PyObject *next = NULL;
        if (result == 0 && i + 1 < PyTuple_GET_SIZE(path)) {
            next = value_attribute(at, PyTuple_GET_ITEM(path, i));
        }
        Py_SETREF(at, next);
    }
    Py_XDECREF(at);
    return result;
}


typedef struct {
    const Engine *engine;
    uint64_t state;
    int here;
} State;


static int
visit_state(Group *group, void *arg)
{
    State *state = arg;
    const Version *now = cell_now(&group->cell, state->engine);
    state->here &= now == group->actual;
    state->state = (state->state ^ (now != NULL ? now->number : 0))
                   * 0x100000001B3u; /* FNV-1a, by words */
    return 0;
}


int
attributes_state(Engine *engine, PyObject *value, PyObject *path,
                 uint64_t *state)
{
    State found = {.engine = engine, .here = 1};
    int result = attributes_visit(engine, value, path, visit_state, &found);
    *state = found.state;
    return result < 0 ? -1 : found.here;
}
