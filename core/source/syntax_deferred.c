/* What a call leaves to a library that looks for it once, and keeps what it
 * finds: functions that it calls later, names in annotations. */

#include "compat.h"
#include "syntax_nodes.h"
#include "text.h"


/* SQLAlchemy evaluates their arguments when mappers are configured, which a
 * request may be the first to need. */
static const char *const deferring[] = {
    "relationship",
    "Relationship",
    "backref",
};


/* pydantic's, which evaluate annotations where they are called. */
static const char *const rebuilding[] = {
    "model_rebuild",
    "update_forward_refs",
};


/* A function of the statement's own is defined again rather than patched. */
static int
scan_add_deferred(Scan *scan, PyObject *path)
{
    return PyList_Append(scan->deferred, path) < 0
                   || PyList_Append(scan->opaque, PyTuple_GET_ITEM(path, 0)) < 0
               ? -1
               : 0;
}


static int
scan_deferred_argument(Scan *scan, PyObject *node)
{
    PyObject *path = NULL;
    switch (node_kind(scan->types, node)) {
    case NODE_LIST:
    case NODE_TUPLE:
        return scan_each(scan, node, "elts", scan_deferred_argument);
    case NODE_KEYWORD:
        return scan_each(scan, node, "value", scan_deferred_argument);
    case NODE_LAMBDA:
        path = Py_BuildValue("(s)", "<lambda>");
        break;
    case NODE_NAME:
    case NODE_ATTRIBUTE:
        path = chain_path(scan->types, node);
        break;
    default:
        break;
    }
    int result = path != NULL ? scan_add_deferred(scan, path) : 0;
    Py_XDECREF(path);
    return result < 0 || PyErr_Occurred() ? -1 : 0;
}


/* `Model.model_rebuild()` looks for names that the model's annotations have. */
static int
scan_rebuilt(Scan *scan, PyObject *call)
{
    PyObject *function = PyObject_GetAttrString(call, "func");
    PyObject *path =
        function != NULL ? chain_path(scan->types, function) : NULL;
    Py_ssize_t length = path != NULL ? PyTuple_GET_SIZE(path) : 0;
    PyObject *model = length > 1 ? PyTuple_GetSlice(path, 0, length - 1) : NULL;
    int result = model != NULL ? PyList_Append(scan->deferred, model) : 0;
    Py_XDECREF(function);
    Py_XDECREF(path);
    Py_XDECREF(model);
    return result < 0 || PyErr_Occurred() ? -1 : 0;
}


int
scan_deferred(Scan *scan, PyObject *call)
{
    PyObject *name = called_name(scan->types, call);
    int defers = name != NULL
                 && text_is_among(name, deferring, Py_ARRAY_LENGTH(deferring));
    int rebuilds =
        name != NULL
        && text_is_among(name, rebuilding, Py_ARRAY_LENGTH(rebuilding));
    Py_XDECREF(name);
    PyErr_Clear();
    if (rebuilds) {
        return scan_rebuilt(scan, call);
    }
    if (!defers) {
        return 0;
    }
    return scan_each(scan, call, "args", scan_deferred_argument) < 0
               ? -1
               : scan_each(scan, call, "keywords", scan_deferred_argument);
}
