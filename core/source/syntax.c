/* What a top-level statement is, read from its syntax tree. */

#include "syntax.h"

#include "compat.h"
#include "syntax_nodes.h"

#include <string.h>

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
    {"TypeAlias", NODE_TYPE_ALIAS},
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
                       (void *)(uintptr_t)(node_kinds[i].kind + 1))
            < 0) {
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


NodeKind
node_kind(const SyntaxTypes *types, PyObject *node)
{
    uintptr_t kind = (uintptr_t)ptrmap_get(&types->kinds, Py_TYPE(node));
    return kind == 0 ? NODE_OTHER : (NodeKind)(kind - 1);
}


int
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
syntax_init(Syntax *syntax, SyntaxTypes *types, PyObject *node, PyObject *lines)
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
    scan.deferred = PyList_New(0);
    if (scan.candidates == NULL || scan.annotations == NULL
        || scan.opaque == NULL || scan.deferred == NULL
        || scan_node(&scan, node) < 0 || scan_annotations(&scan, node) < 0
        || scan_opaque(&scan, node) < 0) {
        goto error;
    }
    syntax->opaque = list_take_tuple(&scan.opaque);
    syntax->deferred = list_take_tuple(&scan.deferred);
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
        && syntax->opaque != NULL && syntax->deferred != NULL
        && syntax->candidates != NULL && syntax->annotations != NULL
        && syntax->own_names != NULL && syntax->label != NULL
        && syntax->imports != NULL) {
        return 0;
    }

error:
    Py_XDECREF(scan.candidates);
    Py_XDECREF(scan.annotations);
    Py_XDECREF(scan.opaque);
    Py_XDECREF(scan.deferred);
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
    Py_CLEAR(syntax->deferred);
    Py_CLEAR(syntax->imports);
}
