/* What a top-level statement is, read from its syntax tree.
 *
 * Everything here works on the objects of CPython's ast module. All functions
 * need the GIL. */

#ifndef HMR_CORE_SYNTAX_H
#define HMR_CORE_SYNTAX_H

#include <Python.h>

typedef enum {
    STATEMENT_OTHER,
    STATEMENT_FUNCTION,
    STATEMENT_CLASS,
    STATEMENT_IMPORT,
    STATEMENT_STRING, /* a bare string: a docstring when it comes first */
    STATEMENT_PROBE,  /* no source: a function the server gave (the entry) */
} StatementKind;

/* Hash of a syntax tree without positions. */
typedef struct {
    uint64_t words[2];
} SyntaxKey;

/* How a statement may shape an object, by its text. */
typedef enum {
    CANDIDATE_USED,
    CANDIDATE_CHANGED, /* there is no other purpose */
    CANDIDATE_SET,     /* the same: an attribute or an item is set */
} CandidateKind;

/* Facts about one statement. All objects Owned. */
typedef struct {
    SyntaxKey key;
    StatementKind kind;
    int line;              /* first line, decorators included; 1-based */
    int end_line;          /* last line */
    PyObject *label;       /* str: what a report calls it */
    PyObject *candidates;  /* tuple of (CandidateKind, path: tuple of str):
                                objects that the statement may shape */
    PyObject *annotations; /* tuple of str: names in annotations */
    PyObject *annotated;   /* tuple of str: names with an annotation in the
                                module's own scope */
    PyObject *own_names;   /* tuple of str: bound before they are read */
    PyObject *binds;       /* tuple of str: names it surely binds */
    PyObject *opaque;      /* tuple of str: functions whose decorators may
                                put something else in their place */
    PyObject *deferred;    /* tuple of path: functions that a library calls
                                once, when it needs what they give; models whose
                                annotations it evaluates here */
    PyObject *imports;     /* tuple of (level, module or None, names) */
} Syntax;

typedef struct SyntaxTypes SyntaxTypes;

/* Look up the node types of the ast module. NULL with an exception set on
 * failure. */
SyntaxTypes *syntax_types_new(void);
void syntax_types_free(SyntaxTypes *types);

/* Fill *syntax from node (an ast.stmt). source_line(line) is not needed: the
 * label of an unnamed statement is ast.unparse-free and comes from `lines`, the
 * file's list of source lines. 0, or -1 with an exception set. */
int syntax_init(Syntax *syntax, SyntaxTypes *types, PyObject *node,
                PyObject *lines);
void syntax_fini(Syntax *syntax);

/* Append to a list the names that imports bind at module level inside node, in
 * nested blocks too. 0, or -1 with an exception set. */
int syntax_imported_names(SyntaxTypes *types, PyObject *node, PyObject *names);

int syntax_key_equal(const SyntaxKey *a, const SyntaxKey *b);

#endif
