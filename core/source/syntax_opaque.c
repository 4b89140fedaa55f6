/* Functions whose bodies cannot be patched, by their place in the text. */

#include "compat.h"
#include "syntax_nodes.h"
#include "text.h"


/* ---- decorators --------------------------------------------------------- */

/* Decorators that give back the function itself, or call it anew each time:
 * giving the function new code reaches whoever uses the result. */
static const char *const transparent[] = {
    "property",
    "staticmethod",
    "classmethod",
    "setter",
    "getter",
    "deleter",
    "abstractmethod",
    "override",
    "overload",
    "final",
    "wraps",
    "contextmanager",
    "asynccontextmanager",
    "fixture",
    /* routes of web frameworks */
    "get",
    "post",
    "put",
    "delete",
    "patch",
    "head",
    "options",
    "trace",
    "websocket",
    "route",
    "api_route",
    "websocket_route",
    "middleware",
    "exception_handler",
    "on_event",
    /* pydantic calls the function it was given */
    "field_validator",
    "model_validator",
    "field_serializer",
    "model_serializer",
    "computed_field",
    "validator",
    "root_validator",
    /* SQLAlchemy calls it for each access and expression */
    "hybrid_property",
    "hybrid_method",
    "expression",
    "update_expression",
};


PyObject *
called_name(const SyntaxTypes *types, PyObject *node)
{
    switch (node_kind(types, node)) {
    case NODE_NAME:
        return PyObject_GetAttrString(node, "id");
    case NODE_ATTRIBUTE:
        return PyObject_GetAttrString(node, "attr");
    case NODE_CALL: {
        PyObject *func = PyObject_GetAttrString(node, "func");
        PyObject *name = func != NULL ? called_name(types, func) : NULL;
        Py_XDECREF(func);
        return name;
    }
    default:
        return NULL;
    }
}


static int
decorator_is_transparent(const SyntaxTypes *types, PyObject *node)
{
    PyObject *name = called_name(types, node);
    int found =
        name != NULL
        && text_is_among(name, transparent, Py_ARRAY_LENGTH(transparent));
    Py_XDECREF(name);
    return found;
}


/* ---- evaluated once ----------------------------------------------------- */

/* What is evaluated when somebody asks, and kept then, is never patched: the
 * value of a type alias, bounds and defaults of type parameters. Their code has
 * the name of what they belong to. */
static int
scan_lazy(Scan *scan, PyObject *node, const char *field, const char *value)
{
    PyObject *held = PyObject_GetAttrString(node, value);
    PyObject *name = held != NULL ? PyObject_GetAttrString(node, field) : NULL;
    if (name != NULL && !PyUnicode_Check(name)) {
        Py_SETREF(name, PyObject_GetAttrString(name, "id"));
    }
    int result = name == NULL      ? -1
                 : held == Py_None ? 0
                                   : PyList_Append(scan->opaque, name);
    Py_XDECREF(name);
    Py_XDECREF(held);
    return result;
}


static int
scan_lazy_parameter(Scan *scan, PyObject *node)
{
    if (PyObject_HasAttrString(node, "default_value") /* LINT_OK: no code */
        && scan_lazy(scan, node, "name", "default_value") < 0) {
        return -1;
    }
    return PyObject_HasAttrString(node, "bound") /* LINT_OK: runs no code */
               ? scan_lazy(scan, node, "name", "bound")
               : 0;
}


/* Functions under opaque decorators, and what is like them, at any depth. */
static int
scan_opaque_children(Scan *scan, PyObject *node)
{
    static const char *const fields[] = {"body", "orelse", "finalbody",
                                         "handlers"};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(fields); i++) {
        if (PyObject_HasAttrString(node, fields[i]) /* LINT_OK: runs no code */
            && scan_each(scan, node, fields[i], scan_opaque) < 0) {
            return -1;
        }
    }
    return 0;
}


int
scan_opaque(Scan *scan, PyObject *node)
{
    NodeKind kind = node_kind(scan->types, node);
    if ((kind == NODE_FUNCTION || kind == NODE_CLASS || kind == NODE_TYPE_ALIAS)
        && scan_each(scan, node, "type_params", scan_lazy_parameter) < 0) {
        return -1;
    }
    if (kind == NODE_TYPE_ALIAS) {
        return scan_lazy(scan, node, "name", "value");
    }
    if (kind == NODE_FUNCTION) {
        PyObject *list = PyObject_GetAttrString(node, "decorator_list");
        PyObject *name = PyObject_GetAttrString(node, "name");
        int result = list != NULL && name != NULL ? 0 : -1;
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(list); i++) {
            if (!decorator_is_transparent(scan->types,
                                          PyList_GET_ITEM(list, i))) {
                result = PyList_Append(scan->opaque, name);
            }
        }
        Py_XDECREF(list);
        Py_XDECREF(name);
        if (result < 0) {
            return -1;
        }
    }
    int is_node = PyObject_IsInstance(node, scan->types->base);
    return is_node <= 0 ? is_node : scan_opaque_children(scan, node);
}
