/* What a statement may shape, by its text alone. */

#include "compat.h"
#include "syntax_nodes.h"
#include "text.h"


/* ---- candidates: what a statement may shape ----------------------------- */

PyObject *
chain_path(const SyntaxTypes *types, PyObject *node)
{
    NodeKind kind = node_kind(types, node);
    if (kind == NODE_NAME) {
        PyObject *id = PyObject_GetAttrString(node, "id");
        PyObject *path = id != NULL ? PyTuple_Pack(1, id) : NULL;
        Py_XDECREF(id);
        return path;
    }
    if (kind == NODE_CALL) {
        PyObject *func = PyObject_GetAttrString(node, "func");
        PyObject *path = NULL;
        if (func != NULL && node_kind(types, func) == NODE_ATTRIBUTE) {
            PyObject *receiver = PyObject_GetAttrString(func, "value");
            path = receiver != NULL ? chain_path(types, receiver) : NULL;
            Py_XDECREF(receiver);
        }
        Py_XDECREF(func);
        return path;
    }
    if (kind != NODE_ATTRIBUTE && kind != NODE_SUBSCRIPT) {
        return NULL;
    }
    PyObject *value = PyObject_GetAttrString(node, "value");
    if (value == NULL) {
        return NULL;
    }
    PyObject *path = chain_path(types, value);
    NodeKind value_kind = node_kind(types, value);
    Py_DECREF(value);
    if (path == NULL || kind == NODE_SUBSCRIPT
        || (value_kind != NODE_NAME && value_kind != NODE_ATTRIBUTE)) {
        return path;
    }
    PyObject *attr = PyObject_GetAttrString(node, "attr");
    PyObject *tail = attr != NULL ? PyTuple_Pack(1, attr) : NULL;
    PyObject *longer = tail != NULL ? PySequence_Concat(path, tail) : NULL;
    Py_XDECREF(attr);
    Py_XDECREF(tail);
    Py_DECREF(path);
    return longer;
}


static int
scan_add(Scan *scan, PyObject *node, CandidateKind kind)
{
    PyObject *path = chain_path(scan->types, node);
    if (path == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *item = Py_BuildValue("(iN)", (int)kind, path);
    int result = item != NULL ? PyList_Append(scan->candidates, item) : -1;
    Py_XDECREF(item);
    return result;
}


static int
scan_add_attr(Scan *scan, PyObject *node, const char *field, CandidateKind kind)
{
    PyObject *value = PyObject_GetAttrString(node, field);
    int result = value != NULL ? scan_add(scan, value, kind) : -1;
    Py_XDECREF(value);
    return result;
}


/* The receiver of a method call, or the called object itself. */
static int
scan_callee(Scan *scan, PyObject *call, CandidateKind kind)
{
    PyObject *func = PyObject_GetAttrString(call, "func");
    if (func == NULL) {
        return -1;
    }
    int result;
    if (node_kind(scan->types, func) == NODE_ATTRIBUTE) {
        result = scan_add_attr(scan, func, "value", kind);
    }
    else {
        result = scan_add(scan, func, CANDIDATE_USED);
    }
    Py_DECREF(func);
    return result;
}


int
scan_each(Scan *scan, PyObject *node, const char *field,
          int (*visit)(Scan *, PyObject *))
{
    PyObject *list = PyObject_GetAttrString(node, field);
    if (list == NULL) {
        return -1;
    }
    int result = 0;
    if (PyList_Check(list)) {
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(list); i++) {
            result = visit(scan, PyList_GET_ITEM(list, i));
        }
    }
    else if (list != Py_None) {
        result = visit(scan, list);
    }
    Py_DECREF(list);
    return result;
}


/* A store or delete target: `x.a = `, `x[i] = ` shape x. */
static int
scan_target(Scan *scan, PyObject *target)
{
    switch (node_kind(scan->types, target)) {
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT:
        return scan_add_attr(scan, target, "value", CANDIDATE_SET);
    case NODE_LIST:
    case NODE_TUPLE:
        return scan_each(scan, target, "elts", scan_target);
    case NODE_STARRED:
        return scan_each(scan, target, "value", scan_target);
    default:
        return 0;
    }
}


/* `with context as target` */
static int
scan_with_item(Scan *scan, PyObject *item)
{
    return scan_add_attr(scan, item, "context_expr", CANDIDATE_USED) < 0
               ? -1
               : scan_each(scan, item, "optional_vars", scan_target);
}


/* An argument may be shaped by who gets it, alone or inside a display. */
static int
scan_argument(Scan *scan, PyObject *node)
{
    switch (node_kind(scan->types, node)) {
    case NODE_LIST:
    case NODE_TUPLE:
    case NODE_SET:
        return scan_each(scan, node, "elts", scan_argument);
    case NODE_DICT:
        return scan_each(scan, node, "values", scan_argument);
    case NODE_STARRED:
    case NODE_KEYWORD:
        return scan_each(scan, node, "value", scan_argument);
    case NODE_NAME:
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT:
        return scan_add(scan, node, CANDIDATE_USED);
    default:
        return 0;
    }
}


static int
scan_decorator(Scan *scan, PyObject *node)
{
    switch (node_kind(scan->types, node)) {
    case NODE_CALL:
        return scan_callee(scan, node, CANDIDATE_CHANGED);
    case NODE_ATTRIBUTE:
        return scan_add_attr(scan, node, "value", CANDIDATE_CHANGED);
    default:
        return scan_add(scan, node, CANDIDATE_USED);
    }
}


/* Descend into every field of a node. */
static int
scan_children(Scan *scan, PyObject *node)
{
    PyObject *fields = PyObject_GetAttrString(node, "_fields");
    if (fields == NULL) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result >= 0 && i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *child;
        result =
            PyObject_GetOptionalAttr(node, PyTuple_GET_ITEM(fields, i), &child);
        if (result <= 0) {
            continue;
        }
        if (PyList_Check(child)) {
            result = 0;
            for (Py_ssize_t j = 0; result == 0 && j < PyList_GET_SIZE(child);
                 j++) {
                result = scan_node(scan, PyList_GET_ITEM(child, j));
            }
        }
        else {
            result = scan_node(scan, child);
        }
        Py_DECREF(child);
    }
    Py_DECREF(fields);
    return result < 0 ? -1 : 0;
}


/* A function's body runs later: only its decorators and defaults count. */
static int
scan_function(Scan *scan, PyObject *node)
{
    if (scan_each(scan, node, "decorator_list", scan_decorator) < 0
        || scan_each(scan, node, "decorator_list", scan_node) < 0) {
        return -1;
    }
    PyObject *args = PyObject_GetAttrString(node, "args");
    if (args == NULL) {
        return -1;
    }
    int result = scan_each(scan, args, "defaults", scan_node);
    if (result == 0) {
        result = scan_each(scan, args, "kw_defaults", scan_node);
    }
    Py_DECREF(args);
    return result;
}


static int
scan_expr_statement(Scan *scan, PyObject *node)
{
    PyObject *value = PyObject_GetAttrString(node, "value");
    if (value == NULL) {
        return -1;
    }
    int result = 0;
    switch (node_kind(scan->types, value)) {
    case NODE_CALL:
        result = scan_callee(scan, value, CANDIDATE_CHANGED);
        break;
    case NODE_BINOP: /* `first >> second` */
        result = scan_add_attr(scan, value, "left", CANDIDATE_USED);
        if (result == 0) {
            result = scan_add_attr(scan, value, "right", CANDIDATE_USED);
        }
        break;
    default:
        break;
    }
    Py_DECREF(value);
    return result;
}


/* `setattr(x, name, value)` is `x.name = value`. */
static int
scan_setattr(Scan *scan, PyObject *call)
{
    PyObject *func = PyObject_GetAttrString(call, "func");
    PyObject *args = PyObject_GetAttrString(call, "args");
    PyObject *path = func != NULL && node_kind(scan->types, func) == NODE_NAME
                         ? chain_path(scan->types, func)
                         : NULL;
    int result = PyErr_Occurred() ? -1 : 0;
    if (path != NULL && text_is(PyTuple_GET_ITEM(path, 0), "setattr")
        && PyList_GET_SIZE(args) > 0) {
        result = scan_add(scan, PyList_GET_ITEM(args, 0), CANDIDATE_SET);
    }
    Py_XDECREF(func);
    Py_XDECREF(args);
    Py_XDECREF(path);
    return result;
}


static int
scan_own_shapes(Scan *scan, PyObject *node)
{
    switch (node_kind(scan->types, node)) {
    case NODE_EXPR:
        return scan_expr_statement(scan, node);
    case NODE_CALL:
        if (scan_deferred(scan, node) < 0 || scan_setattr(scan, node) < 0
            || scan_callee(scan, node, CANDIDATE_USED) < 0
            || scan_each(scan, node, "args", scan_argument) < 0) {
            return -1;
        }
        return scan_each(scan, node, "keywords", scan_argument);
    case NODE_ASSIGN:
    case NODE_DELETE:
        return scan_each(scan, node, "targets", scan_target);
    case NODE_ANN_ASSIGN:
        return scan_each(scan, node, "target", scan_target);
    case NODE_AUG_ASSIGN: {
        PyObject *target = PyObject_GetAttrString(node, "target");
        if (target == NULL) {
            return -1;
        }
        /* `sys.path += [x]` changes the list, and stores it */
        int result = scan_add(scan, target, CANDIDATE_CHANGED);
        if (result == 0 && node_kind(scan->types, target) != NODE_NAME) {
            result = scan_target(scan, target);
        }
        Py_DECREF(target);
        return result;
    }
    case NODE_FOR:
    case NODE_COMPREHENSION:
        return scan_add_attr(scan, node, "iter", CANDIDATE_USED) < 0
                   ? -1
                   : scan_each(scan, node, "target", scan_target);
    case NODE_CLASS:
        if (scan_each(scan, node, "decorator_list", scan_decorator) < 0) {
            return -1;
        }
        if (scan_each(scan, node, "bases", scan_argument) < 0) {
            return -1;
        }
        return scan_each(scan, node, "keywords", scan_argument);
    case NODE_WITH:
        return scan_each(scan, node, "items", scan_with_item);
    default:
        return 0;
    }
}


int
scan_node(Scan *scan, PyObject *node)
{
    int is_node = PyObject_IsInstance(node, scan->types->base);
    if (is_node <= 0) {
        return is_node;
    }
    switch (node_kind(scan->types, node)) {
    case NODE_FUNCTION:
        return scan_function(scan, node);
    case NODE_LAMBDA:
    case NODE_NAME:
    case NODE_CONSTANT:
        return 0;
    default:
        if (Py_EnterRecursiveCall(" while reading a statement")) {
            return -1;
        }
        int result = scan_own_shapes(scan, node);
        if (result == 0) {
            result = scan_children(scan, node);
        }
        Py_LeaveRecursiveCall();
        return result;
    }
}


/* ---- names in annotations ----------------------------------------------- */

/* Is it one word after another, and so no annotation? */
static int
text_is_prose(PyObject *text)
{
    int spaces = 0, words = 0; /* since the last sign */
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); i++) {
        Py_UCS4 c = PyUnicode_READ_CHAR(text, i);
        int in_word = c == '_' || Py_UNICODE_ISALNUM(c);
        if (in_word && spaces && words) {
            return 1;
        }
        spaces = Py_UNICODE_ISSPACE(c) ? 1 : 0;
        words = in_word || (words && spaces);
    }
    return 0;
}


/* Names in a text that may be an annotation: `'Later | None'`. */
static int
scan_identifiers(Scan *scan, PyObject *text)
{
    Py_ssize_t length = text_is_prose(text) ? -1 : PyUnicode_GET_LENGTH(text);
    Py_ssize_t start = 0;
    for (Py_ssize_t i = 0; i <= length; i++) {
        Py_UCS4 c = i < length ? PyUnicode_READ_CHAR(text, i) : ' ';
        if (c == '_' || Py_UNICODE_ISALNUM(c)) {
            continue;
        }
        PyObject *name = PyUnicode_Substring(text, start, i);
        int result = name == NULL ? -1
                     : PyUnicode_IsIdentifier(name)
                         ? PyList_Append(scan->annotations, name)
                         : 0;
        Py_XDECREF(name);
        if (result < 0) {
            return -1;
        }
        start = i + 1;
    }
    return 0;
}


static int
scan_annotation(Scan *scan, PyObject *node)
{
    int is_node = PyObject_IsInstance(node, scan->types->base);
    if (is_node <= 0) {
        return is_node;
    }
    NodeKind kind = node_kind(scan->types, node);
    if (kind == NODE_NAME || kind == NODE_CONSTANT) {
        PyObject *name =
            PyObject_GetAttrString(node, kind == NODE_NAME ? "id" : "value");
        int result = name != NULL ? 0 : -1;
        if (result == 0 && PyUnicode_Check(name)) {
            result = scan_identifiers(scan, name);
        }
        Py_XDECREF(name);
        return result;
    }
    PyObject *fields = PyObject_GetAttrString(node, "_fields");
    int result = fields != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(fields); i++) {
        const char *field = PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields, i));
        result =
            field != NULL ? scan_each(scan, node, field, scan_annotation) : -1;
    }
    Py_XDECREF(fields);
    return result;
}


static int
scan_argument_annotation(Scan *scan, PyObject *node)
{
    return scan_each(scan, node, "annotation", scan_annotation);
}


/* Bounds and defaults: evaluated when somebody asks, and kept. */
static int
scan_type_parameters(Scan *scan, PyObject *node)
{
    return scan_each(scan, node, "type_params", scan_annotation);
}


/* Annotations of functions (also of methods in a class body) and variables. */
int
scan_annotations(Scan *scan, PyObject *node)
{
    switch (node_kind(scan->types, node)) {
    case NODE_FUNCTION: {
        PyObject *args = PyObject_GetAttrString(node, "args");
        if (args == NULL) {
            return -1;
        }
        int result = 0;
        static const char *const groups[] = {"posonlyargs", "args",
                                             "kwonlyargs", "vararg", "kwarg"};
        for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(groups); i++) {
            result = scan_each(scan, args, groups[i], scan_argument_annotation);
        }
        Py_DECREF(args);
        if (result == 0) {
            result = scan_each(scan, node, "returns", scan_annotation);
        }
        return result < 0 ? -1 : scan_type_parameters(scan, node);
    }
    case NODE_CLASS:
        return scan_type_parameters(scan, node) < 0
                   ? -1
                   : scan_each(scan, node, "body", scan_annotations);
    case NODE_ANN_ASSIGN:
        return scan_each(scan, node, "annotation", scan_annotation);
    case NODE_TYPE_ALIAS:
        return scan_type_parameters(scan, node) < 0
                   ? -1
                   : scan_each(scan, node, "value", scan_annotation);
    default:
        return 0;
    }
}
