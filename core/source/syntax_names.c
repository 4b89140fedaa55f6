/* Names that a statement binds, imports and annotates; what it is called. */

#include "compat.h"
#include "syntax_nodes.h"


/* ---- names, labels, imports --------------------------------------------- */

/* Collect the plain names of an assignment target into a list. */
static int
target_names(const SyntaxTypes *types, PyObject *target, PyObject *names)
{
    switch (node_kind(types, target)) {
    case NODE_NAME: {
        PyObject *id = PyObject_GetAttrString(target, "id");
        int result = id != NULL ? PyList_Append(names, id) : -1;
        Py_XDECREF(id);
        return result;
    }
    case NODE_STARRED: {
        PyObject *value = PyObject_GetAttrString(target, "value");
        int result = value != NULL ? target_names(types, value, names) : -1;
        Py_XDECREF(value);
        return result;
    }
    case NODE_LIST:
    case NODE_TUPLE: {
        PyObject *elements = PyObject_GetAttrString(target, "elts");
        int result = elements != NULL ? 0 : -1;
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(elements);
             i++) {
            result = target_names(types, PyList_GET_ITEM(elements, i), names);
        }
        Py_XDECREF(elements);
        return result;
    }
    default:
        return 0;
    }
}


/* Remove from names those that an expression below node loads. */
static int
names_drop_loaded(const SyntaxTypes *types, PyObject *node, PyObject *names)
{
    if (PyList_Check(node)) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(node); i++) {
            if (names_drop_loaded(types, PyList_GET_ITEM(node, i), names) < 0) {
                return -1;
            }
        }
        return 0;
    }
    int is_node = PyObject_IsInstance(node, types->base);
    if (is_node <= 0) {
        return is_node;
    }
    PyObject *fields = PyObject_GetAttrString(node, "_fields");
    int result = fields != NULL ? 0 : -1;
    if (result == 0 && node_kind(types, node) == NODE_NAME) {
        PyObject *id = PyObject_GetAttrString(node, "id");
        Py_ssize_t at = id != NULL ? PySequence_Index(names, id) : -1;
        if (at >= 0) {
            result = PySequence_DelItem(names, at);
        }
        else if (PyErr_Occurred()) {
            if (PyErr_ExceptionMatches(PyExc_ValueError)) {
                PyErr_Clear();
            }
            else {
                result = -1;
            }
        }
        Py_XDECREF(id);
    }
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *child;
        int found =
            PyObject_GetOptionalAttr(node, PyTuple_GET_ITEM(fields, i), &child);
        result = found < 0 ? -1 : 0;
        if (found > 0) {
            result = names_drop_loaded(types, child, names);
            Py_DECREF(child);
        }
    }
    Py_XDECREF(fields);
    return result;
}


/* Names bound before any read: `with ... as f`, a loop variable. */
PyObject *
own_names(const SyntaxTypes *types, PyObject *node)
{
    PyObject *names = PyList_New(0);
    if (names == NULL) {
        return NULL;
    }
    NodeKind kind = node_kind(types, node);
    int result = 0;
    if (kind == NODE_FOR) {
        PyObject *target = PyObject_GetAttrString(node, "target");
        PyObject *iter = PyObject_GetAttrString(node, "iter");
        PyObject *orelse = PyObject_GetAttrString(node, "orelse");
        result = target != NULL && iter != NULL && orelse != NULL ? 0 : -1;
        if (result == 0
            && (target_names(types, target, names) < 0
                || names_drop_loaded(types, iter, names) < 0
                || names_drop_loaded(types, orelse, names) < 0)) {
            result = -1;
        }
        Py_XDECREF(target);
        Py_XDECREF(iter);
        Py_XDECREF(orelse);
    }
    else if (kind == NODE_WITH) {
        PyObject *items = PyObject_GetAttrString(node, "items");
        result = items != NULL ? 0 : -1;
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(items); i++) {
            PyObject *item = PyList_GET_ITEM(items, i);
            PyObject *vars = PyObject_GetAttrString(item, "optional_vars");
            if (vars == NULL
                || (vars != Py_None && target_names(types, vars, names) < 0)) {
                result = -1;
            }
            Py_XDECREF(vars);
        }
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(items); i++) {
            PyObject *expr = PyObject_GetAttrString(PyList_GET_ITEM(items, i),
                                                    "context_expr");
            result = expr != NULL ? names_drop_loaded(types, expr, names) : -1;
            Py_XDECREF(expr);
        }
        Py_XDECREF(items);
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(names) : NULL;
    Py_DECREF(names);
    return tuple;
}


PyObject *
import_target(PyObject *node, int is_from)
{
    PyObject *found = PyList_New(0);
    PyObject *aliases = PyObject_GetAttrString(node, "names");
    PyObject *result = NULL;
    if (found == NULL || aliases == NULL) {
        goto done;
    }
    PyObject *names = PyList_New(0);
    if (names == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(aliases); i++) {
        PyObject *name =
            PyObject_GetAttrString(PyList_GET_ITEM(aliases, i), "name");
        if (name == NULL || PyList_Append(names, name) < 0) {
            Py_XDECREF(name);
            Py_DECREF(names);
            goto done;
        }
        Py_DECREF(name);
    }
    if (is_from) {
        PyObject *module = PyObject_GetAttrString(node, "module");
        PyObject *level = PyObject_GetAttrString(node, "level");
        if (module != NULL && level != NULL) {
            PyObject *tuple = PyList_AsTuple(names);
            result = Py_BuildValue("((OON))", level, module, tuple);
        }
        Py_XDECREF(module);
        Py_XDECREF(level);
    }
    else {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
            PyObject *item =
                Py_BuildValue("(iO())", 0, PyList_GET_ITEM(names, i));
            if (item == NULL || PyList_Append(found, item) < 0) {
                Py_XDECREF(item);
                Py_DECREF(names);
                goto done;
            }
            Py_DECREF(item);
        }
        result = PyList_AsTuple(found);
    }
    Py_DECREF(names);

done:
    Py_XDECREF(found);
    Py_XDECREF(aliases);
    return result;
}


/* The names that an import statement binds; none for `import *`. */
static int
import_names(PyObject *node, int is_from, PyObject *names)
{
    PyObject *aliases = PyObject_GetAttrString(node, "names");
    int result = aliases != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(aliases); i++) {
        PyObject *alias = PyList_GET_ITEM(aliases, i);
        PyObject *name = PyObject_GetAttrString(alias, "asname");
        if (name == Py_None) {
            Py_SETREF(name, PyObject_GetAttrString(alias, "name"));
            Py_ssize_t dot = name != NULL && !is_from ? PyUnicode_FindChar(
                                 name, '.', 0, PyUnicode_GET_LENGTH(name), 1)
                                                      : -1;
            if (dot > 0) {
                Py_SETREF(name, PyUnicode_Substring(name, 0, dot));
            }
        }
        result = name == NULL ? -1
                 : PyUnicode_CompareWithASCIIString(name, "*") != 0
                     ? PyList_Append(names, name)
                     : 0;
        Py_XDECREF(name);
    }
    Py_XDECREF(aliases);
    return result;
}


/* Call visit for a node and all statements in its blocks that belong to the
 * same scope. */
static int
scope_each(const SyntaxTypes *types, PyObject *node, PyObject *names,
           int (*visit)(const SyntaxTypes *, PyObject *, PyObject *))
{
    static const char *const blocks[] = {"body", "orelse", "finalbody",
                                         "handlers", "cases"};
    NodeKind kind = node_kind(types, node);
    if (kind == NODE_FUNCTION || kind == NODE_CLASS) {
        return 0;
    }
    if (visit(types, node, names) < 0) {
        return -1;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(blocks); i++) {
        PyObject *name = PyUnicode_FromString(blocks[i]);
        PyObject *list = NULL;
        int result =
            name != NULL ? PyObject_GetOptionalAttr(node, name, &list) : -1;
        Py_XDECREF(name);
        result = result < 0 ? -1 : 0;
        if (list != NULL && PyList_Check(list)) {
            for (Py_ssize_t j = 0; result == 0 && j < PyList_GET_SIZE(list);
                 j++) {
                result =
                    scope_each(types, PyList_GET_ITEM(list, j), names, visit);
            }
        }
        Py_XDECREF(list);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}


static int
visit_import(const SyntaxTypes *types, PyObject *node, PyObject *names)
{
    NodeKind kind = node_kind(types, node);
    return kind == NODE_IMPORT || kind == NODE_IMPORT_FROM
               ? import_names(node, kind == NODE_IMPORT_FROM, names)
               : 0;
}


int
syntax_imported_names(SyntaxTypes *types, PyObject *node, PyObject *names)
{
    return scope_each(types, node, names, visit_import);
}


static int
visit_annotation(const SyntaxTypes *types, PyObject *node, PyObject *names)
{
    if (node_kind(types, node) != NODE_ANN_ASSIGN) {
        return 0;
    }
    PyObject *target = PyObject_GetAttrString(node, "target");
    int result = target != NULL ? target_names(types, target, names) : -1;
    Py_XDECREF(target);
    return result;
}


/* Names annotated in the module's own scope. New tuple. */
PyObject *
annotated_names(const SyntaxTypes *types, PyObject *node)
{
    PyObject *names = PyList_New(0);
    PyObject *tuple = NULL;
    if (names != NULL
        && scope_each(types, node, names, visit_annotation) == 0) {
        tuple = PyList_AsTuple(names);
    }
    Py_XDECREF(names);
    return tuple;
}


/* Names that the statement surely binds when it ends well. Storing the object
 * that a name has already raises no event, so these are taken from the text. */
PyObject *
bound_names(const SyntaxTypes *types, PyObject *node, PyObject *own)
{
    NodeKind kind = node_kind(types, node);
    /* a loop may run no time at all */
    PyObject *names = kind == NODE_FOR ? PyList_New(0) : PySequence_List(own);
    if (names == NULL) {
        return NULL;
    }
    int result = 0;
    const char *field = NULL;
    switch (kind) {
    case NODE_FUNCTION:
    case NODE_CLASS:
        field = "name";
        break;
    case NODE_ASSIGN:
        field = "targets";
        break;
    case NODE_AUG_ASSIGN:
        field = "target";
        break;
    case NODE_ANN_ASSIGN: {
        PyObject *value = PyObject_GetAttrString(node, "value");
        field = value != Py_None ? "target" : NULL;
        Py_XDECREF(value);
        break;
    }
    case NODE_IMPORT:
    case NODE_IMPORT_FROM:
        result = import_names(node, kind == NODE_IMPORT_FROM, names);
        break;
    default:
        break;
    }
    PyObject *value =
        field != NULL ? PyObject_GetAttrString(node, field) : NULL;
    if (value != NULL && PyUnicode_Check(value)) {
        result = PyList_Append(names, value);
    }
    else if (value != NULL && PyList_Check(value)) {
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(value); i++) {
            result = target_names(types, PyList_GET_ITEM(value, i), names);
        }
    }
    else if (value != NULL) {
        result = target_names(types, value, names);
    }
    Py_XDECREF(value);
    PyObject *tuple =
        result == 0 && !PyErr_Occurred() ? PyList_AsTuple(names) : NULL;
    Py_DECREF(names);
    return tuple;
}


#define LABEL_WIDTH 60

/* The first source line of a statement, cut to LABEL_WIDTH. */
static PyObject *
label_from_source(PyObject *lines, int line)
{
    if (line < 1 || line > PyList_GET_SIZE(lines)) {
        return PyUnicode_FromString("?");
    }
    PyObject *text =
        PyObject_CallMethod(PyList_GET_ITEM(lines, line - 1), "strip", NULL);
    if (text == NULL || PyUnicode_GET_LENGTH(text) <= LABEL_WIDTH) {
        return text;
    }
    PyObject *head = PyUnicode_Substring(text, 0, LABEL_WIDTH - 3);
    PyObject *cut = head != NULL ? PyUnicode_FromFormat("%U...", head) : NULL;
    Py_XDECREF(head);
    Py_DECREF(text);
    return cut;
}


/* `a, b` for an assignment to plain names, else NULL without an exception. */
static PyObject *
label_from_targets(const SyntaxTypes *types, PyObject *node, NodeKind kind)
{
    PyObject *names = PyList_New(0);
    PyObject *targets = PyObject_GetAttrString(
        node, kind == NODE_ASSIGN ? "targets" : "target");
    PyObject *label = NULL;
    if (names == NULL || targets == NULL) {
        goto done;
    }
    int result = 0;
    if (PyList_Check(targets)) {
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(targets);
             i++) {
            result = target_names(types, PyList_GET_ITEM(targets, i), names);
        }
    }
    else {
        result = target_names(types, targets, names);
    }
    if (result == 0 && PyList_GET_SIZE(names) > 0) {
        PyObject *comma = PyUnicode_FromString(", ");
        label = comma != NULL ? PyUnicode_Join(comma, names) : NULL;
        Py_XDECREF(comma);
    }

done:
    Py_XDECREF(names);
    Py_XDECREF(targets);
    return label;
}


PyObject *
statement_label(const SyntaxTypes *types, PyObject *node, NodeKind kind,
                PyObject *lines, int line)
{
    PyObject *label = NULL;
    if (kind == NODE_FUNCTION) {
        return PyObject_GetAttrString(node, "name");
    }
    if (kind == NODE_CLASS) {
        PyObject *name = PyObject_GetAttrString(node, "name");
        label = name != NULL ? PyUnicode_FromFormat("class %U", name) : NULL;
        Py_XDECREF(name);
        return label;
    }
    if (kind == NODE_ASSIGN || kind == NODE_ANN_ASSIGN
        || kind == NODE_AUG_ASSIGN) {
        label = label_from_targets(types, node, kind);
    }
    if (label == NULL && !PyErr_Occurred()) {
        label = label_from_source(lines, line);
    }
    return label;
}
