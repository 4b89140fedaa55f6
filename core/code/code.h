/* Code objects: what they read, which functions run them, how two compare.
 *
 * Every tracked code object carries a CodeInfo (PyUnstable_Code_SetExtra); it
 * dies with the code object. All functions need the GIL. */

#ifndef HMR_CORE_CODE_H
#define HMR_CORE_CODE_H

#include <Python.h>

#include "graph.h"
#include "instructions.h"

/* A global name that code reads, as a whole or by attributes only. */
typedef struct {
    PyObject *name; /* Owned, interned. */
    PyObject *path; /* Owned tuple of str; NULL: the whole object. It may begin
                       with RESULT_CALL: see result.h */
    int called;     /* some read of the name calls it */
    int shaped;     /* or sets an attribute of what it is bound to */
} NameRead;

typedef struct {
    PyCodeObject *code;   /* Borrowed: it owns us. */
    Statement *statement; /* Borrowed; NULL: none, or no more */
    Module *module;       /* Borrowed; whose globals it runs on; may be NULL */
    CodeCell *cell;       /* Owned; NULL unless it is a function's code */
    CodeCell *doc;        /* Owned; NULL: nobody has looked: docstring.h */
    int doc_set;          /* a statement gave a function another docstring */
    NameRead *names;      /* Owned. */
    Py_ssize_t name_count;
    PyObject *stores;  /* Owned tuple of str: global names it may bind */
    PyObject *deletes; /* Owned tuple of str: global names it may delete */
    int imports_star;  /* somewhere in it is an `import *` */
    int calls;         /* it calls or imports something */
    int invokes;       /* it calls something: an import alone does not */
    int discards;      /* it calls something and throws the value away, or that
                          by its name sets something */
    int calls_watched; /* sys.monitoring tells of its calls: setters.h */
    long calls_judged; /* Engine.traced when that was decided */
    int memo;          /* it computes a cached property: member_caches.h */
    int scanned;       /* names and stores are filled in */
    Cell **made_of;    /* Owned: remembered.h */
    Py_ssize_t made_of_count, made_of_room;
    PyObject **functions; /* live functions with this code. Borrowed. */
    Py_ssize_t function_count, function_room;
} CodeInfo;

/* Does the code itself import something? 1, 0, -1. */
int code_imports(PyObject *code);

/* Reserve the code-extra slot. 0, or -1 with an exception set. */
int code_extra_init(void);

/* The info of a code object, or NULL. Borrowed. Never sets an exception. */
CodeInfo *code_info(PyObject *code);

/* The module on whose globals the code runs; NULL: none, or it is no more (a
 * function of it may still be called). Borrowed. */
Module *code_info_module(const CodeInfo *info);

/* A cell of that kind, for what has that name. New reference; NULL with an
 * exception set. */
CodeCell *code_cell_new(Engine *engine, CellKind kind, PyObject *name);

/* Attach infos to a statement's code and all code nested in it.
 * 0, or -1 with an exception set. */
int code_tree_attach(PyObject *code, Statement *statement);

/* The info of code that no statement holds (eval, exec): attached on demand.
 * NULL with an exception set. */
CodeInfo *code_attach_dynamic(PyObject *code, Module *module);

/* The statement dies: infos of its code tree no longer point to it, and whoever
 * called its functions is stale. */
void code_tree_forget(PyObject *code, const Statement *statement);

/* Fill info->names, info->stores, info->deletes. 0, or -1 with an exception
 * set. */
int code_info_scan(CodeInfo *info);

/* Empty them. */
void code_info_unscan(CodeInfo *info);

/* Live functions. Called from the function watcher. */
int code_info_add_function(CodeInfo *info, PyObject *function);
void code_info_remove_function(CodeInfo *info, PyObject *function);

typedef enum {
    CHANGED_NOT, /* but something nested in it */
    CHANGED_DOCSTRING,
    CHANGED_BODY, /* its own instructions differ, its docstring may */
} CodeChange;

/* Two code objects that stand at the same place of an old and a new tree. */
typedef struct {
    PyObject *old_code; /* Owned. */
    PyObject *new_code; /* Owned. */
    CodeChange changed;
} CodePair;

typedef struct {
    CodePair *pairs;
    Py_ssize_t count, room;
} CodePairs;

/* How two code trees compare. */
typedef enum {
    CODE_ERROR = -1,
    CODE_SAME,      /* nothing but positions differs */
    CODE_PATCHABLE, /* only bodies of functions differ: see pairs */
    CODE_DIFFERENT,
} CodeDifference;

/* Does the code make the type parameters of a function, class or alias, and the
 * thing itself? It runs with the statement, and nobody calls it again. */
int code_makes_parameters(const PyCodeObject *code);

/* Does the code hold the line of a class in a function as a constant? Then it
 * has to be compiled again where that moves (CPython 3.13 and later). */
int code_tree_holds_lines(PyObject *code);

/* Compare two statements' code. With CODE_PATCHABLE, pairs holds the functions
 * to be given new code, and unchanged nested code of the old tree has been
 * grafted into the new one. */
CodeDifference
code_tree_compare(PyObject *old_code, PyObject *new_code, CodePairs *pairs);
int code_pairs_add(CodePairs *pairs, PyObject *old_code, PyObject *new_code,
                   CodeChange changed);
void code_pairs_fini(CodePairs *pairs);

/* The nth code object among the constants, and where it stands. Borrowed, or
 * NULL. */
PyObject *code_nested(PyObject *code, Py_ssize_t n, Py_ssize_t *index);

/* Put old nested code where the equal new one stands, with its lines. Nobody
 * has seen the new tree yet. */
void code_graft(PyObject *new_parent, Py_ssize_t index, PyObject *old_child);

/* Line numbers as they were, to put back. */
typedef struct {
    PyObject *code;      /* Owned. */
    PyObject *linetable; /* Owned. */
    int firstlineno;
} CodePosition;

typedef struct {
    CodePosition *items;
    Py_ssize_t count, room;
} CodePositions;

/* Remember the line numbers of a code tree. 0, or -1 with an exception set. */
int code_positions_save(CodePositions *positions, PyObject *code);
void code_positions_restore(CodePositions *positions);
void code_positions_fini(CodePositions *positions);

/* Give the code tree `target` the line numbers of the equal tree `source`. */
void code_tree_copy_positions(PyObject *target, PyObject *source);

/* Move the line numbers of a statement's code tree, in place. 0, or -1 with an
 * exception set. */
int code_tree_shift(PyObject *code, int delta);

#endif
