/* What a top-level statement is, read from its syntax tree. */

#include "syntax.h"

#include "compat.h"
#include "ptrmap.h"

#include <string.h>

typedef enum {
    NODE_OTHER,
    NODE_NAME,
    NODE_ATTRIBUTE,
    NODE_SUBSCRIPT,
    NODE_CALL,
    NODE_STARRED,
    NODE_CONSTANT,
    NODE_LIST,
    NODE_TUPLE,
    NODE_DICT,
    NODE_SET,
    NODE_BINOP,
    NODE_EXPR,
    NODE_ASSIGN,
    NODE_ANN_ASSIGN,
    NODE_AUG_ASSIGN,
    NODE_DELETE,
    NODE_FOR,
    NODE_WITH,
    NODE_FUNCTION,
    NODE_CLASS,
    NODE_LAMBDA,
    NODE_IMPORT,
    NODE_IMPORT_FROM,
    NODE_COMPREHENSION,
    NODE_ARG,
    NODE_KEYWORD,
} NodeKind;

static const struct {
    const char *name;
    NodeKind kind;
} node_kinds[] = {
    {"Name", NODE_NAME},
    {"Attribute", NODE_ATTRIBUTE},
    {"Subscript", NODE_SUBSCRIPT},
    {"Call", NODE_CALL},
    {"Starred", NODE_STARRED},
    {"Constant", NODE_CONSTANT},
    {"List", NODE_LIST},
    {"Tuple", NODE_TUPLE},
    {"Dict", NODE_DICT},
    {"Set", NODE_SET},
    {"BinOp", NODE_BINOP},
    {"Expr", NODE_EXPR},
    {"Assign", NODE_ASSIGN},
    {"AnnAssign", NODE_ANN_ASSIGN},
    {"AugAssign", NODE_AUG_ASSIGN},
    {"Delete", NODE_DELETE},
    {"For", NODE_FOR},
    {"With", NODE_WITH},
    {"FunctionDef", NODE_FUNCTION},
    {"AsyncFunctionDef", NODE_FUNCTION},
    {"ClassDef", NODE_CLASS},
    {"Lambda", NODE_LAMBDA},
    {"Import", NODE_IMPORT},
    {"ImportFrom", NODE_IMPORT_FROM},
    {"comprehension", NODE_COMPREHENSION},
    {"arg", NODE_ARG},
    {"keyword", NODE_KEYWORD},
};

struct SyntaxTypes {
    PyObject *module; /* Owned; keeps the types alive. */
    PyObject *base;   /* ast.AST. Owned. */
    PtrMap kinds;     /* type -> NodeKind + 1 */
};

/* Lists that grow while a statement is read. All Owned. */
typedef struct {
    SyntaxTypes *types;
    PyObject *candidates;
    PyObject *annotations;
    PyObject *opaque;
} Scan;


SyntaxTypes *
syntax_types_new(void)
{
    SyntaxTypes *types = PyMem_Calloc(1, sizeof(*types));
    if (types == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    types->module = PyImport_ImportModule("ast");
    if (types->module == NULL) {
        goto error;
    }
    types->base = PyObject_GetAttrString(types->module, "AST");
    if (types->base == NULL) {
        goto error;
    }
    for (size_t i = 0; i < Py_ARRAY_LENGTH(node_kinds); i++) {
        PyObject *type =
            PyObject_GetAttrString(types->module, node_kinds[i].name);
        if (type == NULL) {
            goto error;
        }
        Py_DECREF(type); /* the module keeps it */
        if (ptrmap_set(&types->kinds, type,
                       (void *)(uintptr_t)(node_kinds[i].kind + 1)) < 0) {
            PyErr_NoMemory();
            goto error;
        }
    }
    return types;

error:
    syntax_types_free(types);
    return NULL;
}


void
syntax_types_free(SyntaxTypes *types)
{
    if (types != NULL) {
        Py_XDECREF(types->module);
        Py_XDECREF(types->base);
        ptrmap_fini(&types->kinds);
        PyMem_Free(types);
    }
}


static NodeKind
node_kind(const SyntaxTypes *types, PyObject *node)
{
    uintptr_t kind = (uintptr_t)ptrmap_get(&types->kinds, Py_TYPE(node));
    return kind == 0 ? NODE_OTHER : (NodeKind)(kind - 1);
}


static int
node_line(PyObject *node, const char *name)
{
    PyObject *value = PyObject_GetAttrString(node, name);
    if (value == NULL) {
        return -1;
    }
    int line = (int)PyLong_AsLong(value);
    Py_DECREF(value);
    return line;
}


/* ---- key ---------------------------------------------------------------- */

static void
key_mix(SyntaxKey *key, uint64_t word)
{
    for (int i = 0; i < 2; i++) {
        uint64_t h = key->words[i] ^ word;
        h *= i == 0 ? 0xFF51AFD7ED558CCDu : 0xC4CEB9FE1A85EC53u;
        h ^= h >> (31 + i);
        key->words[i] = h * 0x9FB21C651E98DF25u + 1;
    }
}


static void
key_mix_bytes(SyntaxKey *key, const void *data, Py_ssize_t size)
{
    const unsigned char *p = data;
    key_mix(key, (uint64_t)size);
    for (Py_ssize_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, p + i, (size_t)Py_MIN(8, size - i));
        key_mix(key, word);
    }
}


/* Constants are told apart by exact type and value: 1, True and 1.0 differ,
 * and so do 0.0 and -0.0 (repr keeps both apart). */
static int
key_mix_constant(SyntaxKey *key, PyObject *value)
{
    const char *name = Py_TYPE(value)->tp_name;
    key_mix_bytes(key, name, (Py_ssize_t)strlen(name));
    if (PyUnicode_Check(value)) {
        /* Surrogates have no UTF-8 form: hash the characters as stored. */
        key_mix_bytes(key, PyUnicode_DATA(value),
                      PyUnicode_GET_LENGTH(value) * PyUnicode_KIND(value));
        key_mix(key, (uint64_t)PyUnicode_KIND(value));
        return 0;
    }
    if (PyBytes_Check(value)) {
        key_mix_bytes(key, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
        return 0;
    }
    if (value == Py_None) {
        return 0; /* its type says it all; most optional fields are None */
    }
    PyObject *text = PyObject_Repr(value);
    if (text == NULL) {
        return -1;
    }
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (utf8 != NULL) {
        key_mix_bytes(key, utf8, size);
    }
    Py_DECREF(text);
    return utf8 != NULL ? 0 : -1;
}


/* Mix in a field's value: a node, a list of nodes, or a constant. */
static int
key_mix_tree(SyntaxKey *key, const SyntaxTypes *types, PyObject *value)
{
    if (PyList_Check(value)) {
        key_mix(key, 0x11 + (uint64_t)PyList_GET_SIZE(value));
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(value); i++) {
            if (key_mix_tree(key, types, PyList_GET_ITEM(value, i)) < 0) {
                return -1;
            }
        }
        return 0;
    }
    int is_node = PyObject_IsInstance(value, types->base);
    if (is_node < 0) {
        return -1;
    }
    if (!is_node) {
        return key_mix_constant(key, value);
    }
    const char *name = Py_TYPE(value)->tp_name;
    key_mix_bytes(key, name, (Py_ssize_t)strlen(name));
    PyObject *fields = PyObject_GetAttrString(value, "_fields");
    if (fields == NULL) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(fields); i++) {
        PyObject *child;
        result = PyObject_GetOptionalAttr(value, PyTuple_GET_ITEM(fields, i),
                                          &child);
        if (result > 0) {
            result = key_mix_tree(key, types, child);
            Py_DECREF(child);
        }
        else {
            key_mix(key, 0x0F);
        }
    }
    Py_DECREF(fields);
    return result;
}


int
syntax_key_equal(const SyntaxKey *a, const SyntaxKey *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}


/* ---- candidates: what a statement may shape ----------------------------- */

/* The path of a chain of names, `a.b[0].c` being (a, b): new tuple, or NULL
 * without an exception when node is no chain. Subscripts end the path: what is
 * reached through them belongs to the object in front. */
static PyObject *
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
scan_add(Scan *scan, PyObject *node, int effect)
{
    PyObject *path = chain_path(scan->types, node);
    if (path == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *item = PyTuple_Pack(2, effect ? Py_True : Py_False, path);
    Py_DECREF(path);
    int result = item != NULL ? PyList_Append(scan->candidates, item) : -1;
    Py_XDECREF(item);
    return result;
}


static int
scan_add_attr(Scan *scan, PyObject *node, const char *field, int effect)
{
    PyObject *value = PyObject_GetAttrString(node, field);
    int result = value != NULL ? scan_add(scan, value, effect) : -1;
    Py_XDECREF(value);
    return result;
}


/* The receiver of a method call, or the called object itself. */
static int
scan_callee(Scan *scan, PyObject *call, int effect)
{
    PyObject *func = PyObject_GetAttrString(call, "func");
    if (func == NULL) {
        return -1;
    }
    int result;
    if (node_kind(scan->types, func) == NODE_ATTRIBUTE) {
        result = scan_add_attr(scan, func, "value", effect);
    }
    else {
        result = scan_add(scan, func, 0);
    }
    Py_DECREF(func);
    return result;
}


/* A store or delete target: `x.a = `, `x[i] = ` shape x. */
static int
scan_target(Scan *scan, PyObject *target)
{
    NodeKind kind = node_kind(scan->types, target);
    if (kind == NODE_ATTRIBUTE || kind == NODE_SUBSCRIPT) {
        return scan_add_attr(scan, target, "value", 1);
    }
    return 0;
}


static int
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
        return scan_add(scan, node, 0);
    default:
        return 0;
    }
}


static int
scan_decorator(Scan *scan, PyObject *node)
{
    switch (node_kind(scan->types, node)) {
    case NODE_CALL:
        return scan_callee(scan, node, 1);
    case NODE_ATTRIBUTE:
        return scan_add_attr(scan, node, "value", 1);
    default:
        return scan_add(scan, node, 0);
    }
}


static int scan_node(Scan *scan, PyObject *node);


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
        result = PyObject_GetOptionalAttr(node, PyTuple_GET_ITEM(fields, i),
                                          &child);
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
        result = scan_callee(scan, value, 1);
        break;
    case NODE_BINOP: /* `first >> second` */
        result = scan_add_attr(scan, value, "left", 0);
        if (result == 0) {
            result = scan_add_attr(scan, value, "right", 0);
        }
        break;
    default:
        break;
    }
    Py_DECREF(value);
    return result;
}


static int
scan_own_shapes(Scan *scan, PyObject *node)
{
    switch (node_kind(scan->types, node)) {
    case NODE_EXPR:
        return scan_expr_statement(scan, node);
    case NODE_CALL:
        if (scan_callee(scan, node, 0) < 0
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
        int result = node_kind(scan->types, target) == NODE_NAME
                         ? scan_add(scan, target, 1)
                         : scan_target(scan, target);
        Py_DECREF(target);
        return result;
    }
    case NODE_FOR:
    case NODE_COMPREHENSION:
        return scan_add_attr(scan, node, "iter", 0);
    case NODE_CLASS:
        if (scan_each(scan, node, "decorator_list", scan_decorator) < 0) {
            return -1;
        }
        if (scan_each(scan, node, "bases", scan_argument) < 0) {
            return -1;
        }
        return scan_each(scan, node, "keywords", scan_argument);
    case NODE_WITH: {
        PyObject *items = PyObject_GetAttrString(node, "items");
        int result = items != NULL ? 0 : -1;
        for (Py_ssize_t i = 0;
             result == 0 && i < PyList_GET_SIZE(items); i++) {
            result = scan_add_attr(scan, PyList_GET_ITEM(items, i),
                                   "context_expr", 0);
        }
        Py_XDECREF(items);
        return result;
    }
    default:
        return 0;
    }
}


static int
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

static int
scan_annotation(Scan *scan, PyObject *node)
{
    int is_node = PyObject_IsInstance(node, scan->types->base);
    if (is_node <= 0) {
        return is_node;
    }
    NodeKind kind = node_kind(scan->types, node);
    if (kind == NODE_NAME || kind == NODE_CONSTANT) {
        PyObject *name = PyObject_GetAttrString(
            node, kind == NODE_NAME ? "id" : "value");
        int result = name != NULL ? 0 : -1;
        if (result == 0 && PyUnicode_Check(name)
            && PyUnicode_IsIdentifier(name)) {
            result = PyList_Append(scan->annotations, name);
        }
        Py_XDECREF(name);
        return result;
    }
    PyObject *fields = PyObject_GetAttrString(node, "_fields");
    int result = fields != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(fields); i++) {
        const char *field = PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields, i));
        result = field != NULL ? scan_each(scan, node, field, scan_annotation)
                               : -1;
    }
    Py_XDECREF(fields);
    return result;
}


static int
scan_argument_annotation(Scan *scan, PyObject *node)
{
    return scan_each(scan, node, "annotation", scan_annotation);
}


/* Annotations of functions (also of methods in a class body) and variables. */
static int
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
            result =
                scan_each(scan, args, groups[i], scan_argument_annotation);
        }
        Py_DECREF(args);
        if (result == 0) {
            result = scan_each(scan, node, "returns", scan_annotation);
        }
        return result;
    }
    case NODE_CLASS:
        return scan_each(scan, node, "body", scan_annotations);
    case NODE_ANN_ASSIGN:
        return scan_each(scan, node, "annotation", scan_annotation);
    default:
        return 0;
    }
}


/* ---- decorators --------------------------------------------------------- */

/* Decorators that give back the function itself, or call it anew each time:
 * giving the function new code reaches whoever uses the result. */
static const char *const transparent[] = {
    "property", "staticmethod", "classmethod", "setter", "getter", "deleter",
    "abstractmethod", "override", "overload", "final", "wraps",
    "contextmanager", "asynccontextmanager", "fixture",
    /* routes of web frameworks */
    "get", "post", "put", "delete", "patch", "head", "options", "trace",
    "websocket", "route", "api_route", "websocket_route", "middleware",
    "exception_handler", "on_event",
    /* pydantic calls the function it was given */
    "field_validator", "model_validator", "field_serializer",
    "model_serializer", "computed_field", "validator", "root_validator",
};


/* The last name of a decorator: `app.get("/")` is get. New reference, or NULL
 * without an exception. */
static PyObject *
decorator_name(const SyntaxTypes *types, PyObject *node)
{
    switch (node_kind(types, node)) {
    case NODE_NAME:
        return PyObject_GetAttrString(node, "id");
    case NODE_ATTRIBUTE:
        return PyObject_GetAttrString(node, "attr");
    case NODE_CALL: {
        PyObject *func = PyObject_GetAttrString(node, "func");
        PyObject *name = func != NULL ? decorator_name(types, func) : NULL;
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
    PyObject *name = decorator_name(types, node);
    int found = 0;
    for (size_t i = 0; name != NULL && !found
                       && i < Py_ARRAY_LENGTH(transparent); i++) {
        found = PyUnicode_CompareWithASCIIString(name, transparent[i]) == 0;
    }
    Py_XDECREF(name);
    return found;
}


static int scan_opaque(Scan *scan, PyObject *node);


/* Functions under opaque decorators, at any depth. */
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


static int
scan_opaque(Scan *scan, PyObject *node)
{
    if (node_kind(scan->types, node) == NODE_FUNCTION) {
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
        for (Py_ssize_t i = 0;
             result == 0 && i < PyList_GET_SIZE(elements); i++) {
            result =
                target_names(types, PyList_GET_ITEM(elements, i), names);
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
            if (names_drop_loaded(types, PyList_GET_ITEM(node, i), names)
                < 0) {
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
        int found = PyObject_GetOptionalAttr(
            node, PyTuple_GET_ITEM(fields, i), &child);
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
static PyObject *
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
        for (Py_ssize_t i = 0;
             result == 0 && i < PyList_GET_SIZE(items); i++) {
            PyObject *item = PyList_GET_ITEM(items, i);
            PyObject *vars = PyObject_GetAttrString(item, "optional_vars");
            if (vars == NULL
                || (vars != Py_None && target_names(types, vars, names) < 0)) {
                result = -1;
            }
            Py_XDECREF(vars);
        }
        for (Py_ssize_t i = 0;
             result == 0 && i < PyList_GET_SIZE(items); i++) {
            PyObject *expr = PyObject_GetAttrString(
                PyList_GET_ITEM(items, i), "context_expr");
            result =
                expr != NULL ? names_drop_loaded(types, expr, names) : -1;
            Py_XDECREF(expr);
        }
        Py_XDECREF(items);
    }
    PyObject *tuple = result == 0 ? PyList_AsTuple(names) : NULL;
    Py_DECREF(names);
    return tuple;
}


static PyObject *
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
            PyObject *item = Py_BuildValue(
                "(iO())", 0, PyList_GET_ITEM(names, i));
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
            Py_ssize_t dot =
                name != NULL && !is_from
                    ? PyUnicode_FindChar(name, '.', 0,
                                         PyUnicode_GET_LENGTH(name), 1)
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
                result = scope_each(types, PyList_GET_ITEM(list, j), names,
                                    visit);
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
static PyObject *
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
static PyObject *
bound_names(const SyntaxTypes *types, PyObject *node, PyObject *own)
{
    PyObject *names = PySequence_List(own);
    if (names == NULL) {
        return NULL;
    }
    int result = 0;
    NodeKind kind = node_kind(types, node);
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
        for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(value);
             i++) {
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
    PyObject *text = PyObject_CallMethod(PyList_GET_ITEM(lines, line - 1),
                                         "strip", NULL);
    if (text == NULL || PyUnicode_GET_LENGTH(text) <= LABEL_WIDTH) {
        return text;
    }
    PyObject *head = PyUnicode_Substring(text, 0, LABEL_WIDTH - 3);
    PyObject *cut =
        head != NULL ? PyUnicode_FromFormat("%U...", head) : NULL;
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
        for (Py_ssize_t i = 0;
             result == 0 && i < PyList_GET_SIZE(targets); i++) {
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


static PyObject *
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


/* ---- a statement -------------------------------------------------------- */

static StatementKind
statement_kind(const SyntaxTypes *types, PyObject *node, NodeKind kind)
{
    switch (kind) {
    case NODE_FUNCTION:
        return STATEMENT_FUNCTION;
    case NODE_CLASS:
        return STATEMENT_CLASS;
    case NODE_IMPORT:
    case NODE_IMPORT_FROM:
        return STATEMENT_IMPORT;
    case NODE_EXPR: {
        PyObject *value = PyObject_GetAttrString(node, "value");
        PyObject *constant = NULL;
        if (value != NULL && node_kind(types, value) == NODE_CONSTANT) {
            constant = PyObject_GetAttrString(value, "value");
        }
        int is_string = constant != NULL && PyUnicode_Check(constant);
        Py_XDECREF(constant);
        Py_XDECREF(value);
        PyErr_Clear(); /* an Expr without a value is no string */
        return is_string ? STATEMENT_STRING : STATEMENT_OTHER;
    }
    default:
        return STATEMENT_OTHER;
    }
}


/* The line on which the statement begins: its first decorator's, if any. */
static int
statement_line(PyObject *node, NodeKind kind)
{
    int line = node_line(node, "lineno");
    if (line < 0 || (kind != NODE_FUNCTION && kind != NODE_CLASS)) {
        return line;
    }
    PyObject *decorators = PyObject_GetAttrString(node, "decorator_list");
    if (decorators == NULL) {
        return -1;
    }
    if (PyList_GET_SIZE(decorators) > 0) {
        int first = node_line(PyList_GET_ITEM(decorators, 0), "lineno");
        line = first < line ? first : line;
    }
    Py_DECREF(decorators);
    return line;
}


static PyObject *
list_take_tuple(PyObject **list)
{
    PyObject *tuple = PyList_AsTuple(*list);
    Py_CLEAR(*list);
    return tuple;
}


int
syntax_init(Syntax *syntax, SyntaxTypes *types, PyObject *node,
            PyObject *lines)
{
    *syntax = (Syntax){.key = {{0x243F6A8885A308D3u, 0x13198A2E03707344u}}};
    NodeKind kind = node_kind(types, node);
    Scan scan = {.types = types};
    syntax->line = statement_line(node, kind);
    syntax->end_line = node_line(node, "end_lineno");
    if (syntax->line < 0 || syntax->end_line < 0
        || key_mix_tree(&syntax->key, types, node) < 0) {
        goto error;
    }
    syntax->kind = statement_kind(types, node, kind);
    scan.candidates = PyList_New(0);
    scan.annotations = PyList_New(0);
    scan.opaque = PyList_New(0);
    if (scan.candidates == NULL || scan.annotations == NULL
        || scan.opaque == NULL || scan_node(&scan, node) < 0
        || scan_annotations(&scan, node) < 0
        || scan_opaque(&scan, node) < 0) {
        goto error;
    }
    syntax->opaque = list_take_tuple(&scan.opaque);
    syntax->candidates = list_take_tuple(&scan.candidates);
    syntax->annotations = list_take_tuple(&scan.annotations);
    syntax->annotated = annotated_names(types, node);
    syntax->own_names = own_names(types, node);
    syntax->binds = syntax->own_names != NULL
                        ? bound_names(types, node, syntax->own_names)
                        : NULL;
    syntax->label = statement_label(types, node, kind, lines, syntax->line);
    syntax->imports = syntax->kind == STATEMENT_IMPORT
                          ? import_target(node, kind == NODE_IMPORT_FROM)
                          : PyTuple_New(0);
    if (syntax->annotated != NULL && syntax->binds != NULL
        && syntax->opaque != NULL && syntax->candidates != NULL
        && syntax->annotations != NULL
        && syntax->own_names != NULL && syntax->label != NULL
        && syntax->imports != NULL) {
        return 0;
    }

error:
    Py_XDECREF(scan.candidates);
    Py_XDECREF(scan.annotations);
    Py_XDECREF(scan.opaque);
    syntax_fini(syntax);
    return -1;
}


void
syntax_fini(Syntax *syntax)
{
    Py_CLEAR(syntax->label);
    Py_CLEAR(syntax->candidates);
    Py_CLEAR(syntax->annotations);
    Py_CLEAR(syntax->annotated);
    Py_CLEAR(syntax->own_names);
    Py_CLEAR(syntax->binds);
    Py_CLEAR(syntax->opaque);
    Py_CLEAR(syntax->imports);
}
