/* A statement that updates leave as it is, whatever its reads say. */

#include "spare.h"

#include "walk.h"


int
statement_is_spared(const Statement *statement)
{
    const Engine *engine = statement->module->engine;
    return engine->spared_in != NULL && statement->trace != NULL
           && statement->syntax.line == engine->spared_line
           && PyUnicode_Compare(statement->module->name, engine->spared_in)
                  == 0;
}


int
spare_apply(Statement *statement)
{
    const Trace *trace = statement->trace;
    for (Py_ssize_t i = 0; i < trace->import_count; i++) {
        if (walk_module(trace->imports[i].module) < 0) {
            return -1;
        }
    }
    return walk_apply(trace, statement->module);
}


PyObject *
engine_spare(PyObject *self, PyObject *args)
{
    Engine *engine = (Engine *)self;
    PyObject *module;
    int line;
    if (!PyArg_ParseTuple(args, "Ui:spare", &module, &line)) {
        return NULL;
    }
    Py_XSETREF(engine->spared_in, Py_NewRef(module));
    engine->spared_line = line;
    return Py_NewRef(Py_None);
}
