/* What the readers of a syntax tree share. Internal to syntax*.c; GIL held. */

#ifndef HMR_CORE_SYNTAX_NODES_H
#define HMR_CORE_SYNTAX_NODES_H

#include <Python.h>

#include "ptrmap.h"
#include "syntax.h"

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
    NODE_TYPE_ALIAS,
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
    PyObject *deferred;
} Scan;


/* The kind of a node; NODE_OTHER for what is not told apart. */
NodeKind node_kind(const SyntaxTypes *types, PyObject *node);

/* An attribute that holds a line number; -1 with an exception set. */
int node_line(PyObject *node, const char *name);

/* syntax_shapes.c. Collect into the scan's lists: what a node may shape, names
 * in its annotations. 0, or -1 with an exception set. */
int scan_node(Scan *scan, PyObject *node);
int scan_annotations(Scan *scan, PyObject *node);

/* Visit what the field holds: a list of nodes, one, or None. 0, or -1. */
int scan_each(Scan *scan, PyObject *node, const char *field,
              int (*visit)(Scan *, PyObject *));

/* syntax_opaque.c. The same: functions under decorators that may replace them.
 */
int scan_opaque(Scan *scan, PyObject *node);

/* syntax_deferred.c. The same: functions among the arguments of a call that are
 * called once, and later. */
int scan_deferred(Scan *scan, PyObject *call);

/* syntax_shapes.c. The path of a chain of names, `a.b[0].c` being (a, b): new
 * tuple, or NULL without an exception when node is no chain. Subscripts end the
 * path: what is reached through them belongs to the object in front. */
PyObject *chain_path(const SyntaxTypes *types, PyObject *node);

/* syntax_opaque.c. The last name of a decorator or a call: `app.get("/")` is
 * get. New reference, or NULL without an exception. */
PyObject *called_name(const SyntaxTypes *types, PyObject *node);

/* syntax_names.c. New references; NULL with an exception set. */
PyObject *own_names(const SyntaxTypes *types, PyObject *node);
PyObject *bound_names(const SyntaxTypes *types, PyObject *node, PyObject *own);
PyObject *annotated_names(const SyntaxTypes *types, PyObject *node);
PyObject *import_target(PyObject *node, int is_from);
PyObject *statement_label(const SyntaxTypes *types, PyObject *node,
                          NodeKind kind, PyObject *lines, int line);

#endif
