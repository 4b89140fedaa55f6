/* The dependency graph: modules, statements, cells, versions, traces.
 *
 * A *cell* is anything that a statement can read and that changes in versions:
 * a binding (module, name), the shape of an object (group), the code of a
 * function, a file, the set of names of a module, a place outside of the
 * program (an environment variable). Running a statement reads versions and
 * writes versions; its *trace* is the list of both. A statement is clean when
 * every version it read is still the one that the cell has at the statement's
 * place in cold order.
 *
 * Everything here needs the GIL. Statements, modules and bindings belong to the
 * engine; cells and versions are reference counted. */

#ifndef HMR_CORE_GRAPH_H
#define HMR_CORE_GRAPH_H

#include <Python.h>

#include "ptrmap.h"
#include "syntax.h"

typedef struct Engine Engine;
typedef struct Module Module;
typedef struct Statement Statement;

/* One value of a cell, by identity: two versions are never "equal". */
typedef struct {
    Py_ssize_t refs;
    PyObject *value;     /* Owned. NULL: deleted, gone, or not an object */
    Statement *producer; /* Borrowed; whose run made it; may be NULL. Valid only
                            while the version is current somewhere */
    const void *gone;    /* where the value was that was released: only a rerun
                         brings it back; or NULL */
    uint32_t number;     /* addresses are used again, numbers are not */
} Version;

typedef enum {
    CELL_BINDING,
    CELL_GROUP,
    CELL_CODE,
    CELL_DOC,
    CELL_FILE,
    CELL_SLOT,
    CELL_SUBCLASSES,
    CELL_RESULT,
    CELL_FILL,
    CELL_MEMBER,
} CellKind;

#define BINDING_CAPSULE "hmr_serve._core.Binding"
#define MEMBER_CAPSULE "hmr_serve._core.Member"

/* A few modules, each once. */
typedef struct {
    Module **modules; /* Owned array of borrowed records. */
    Py_ssize_t count, room;
} ModuleSet;

/* Responsibilities: hold the version that the running walk has reached (env),
 * the one that stands when no statement wrote it (base), and the one of the
 * last applied revision (live); know which modules an update has to visit
 * because of it. */
typedef struct Cell {
    CellKind kind;
    Py_ssize_t refs;
    uint32_t walk;            /* the walk that wrote env */
    Version *env;             /* Owned; NULL: unbound */
    Version *base;            /* Owned; may be NULL */
    Version *live;            /* Owned; of a touched cell */
    Statement *live_producer; /* Borrowed; of that, to put back: a statement
                                 that gives an equal value takes it over */
    Py_ssize_t readers;       /* committed traces that read it */
    Module *writer;           /* Borrowed; the module whose statements write
                                 it; NULL: none does */
    int shared;               /* statements of several modules write it */
    int touched;              /* the running transaction may have changed it */
    ModuleSet readers_in;     /* other modules that have read it; may be more
                                 than still do */
    struct Cell *next, *prev; /* the engine's list of all cells */
    struct Cell *touched_next;
} Cell;

/* (module, name). Lives as long as its module record. */
typedef struct {
    Cell cell;
    Module *module;      /* Borrowed. */
    PyObject *name;      /* Owned, interned. */
    Version *actual;     /* Owned; what the namespace holds as far as we know */
    int unordered;       /* __doc__: its place is the import system's */
    uint32_t order_walk; /* the module's walk that put it into its order */
} Binding;

/* An object that a statement created, with the statements that shaped it. */
typedef struct {
    Cell cell;
    PyObject *object;   /* Owned; NULL when released */
    Statement *creator; /* Borrowed; NULL when the statement is no more */
    Version *actual;    /* Owned; the last shape physically applied */
    Cell **holders;     /* Owned groups that the creator had read: the object
                            may be a part of one of them */
    Py_ssize_t holder_count;
    uint32_t made_walk;        /* the walk in which its creator made it: this
                                  one may not be over */
    uint64_t setup, added;     /* what made it, what was added: contribute.h */
    Statement *creator_before; /* Borrowed; where a rerun gave the object again
                                  in this transaction (moved): its creator until
                                  then */
    int moved;
    int told;          /* who had read a function before it had a group reads
                            that, too */
    int must_be_fresh; /* the creator reruns to undo a shape: it must give
                            another object */
    int spoiled; /* an import of a request has changed the object and failed */
    int outside; /* nobody tracked created it; what was stored into it is in
                    slots (journal.c), which put it back */
} Group;

/* The code of one function, over its patches; or its docstring. */
typedef struct {
    Cell cell;
    PyObject *name; /* Owned; the qualified name, for reasons */
    PyObject *code; /* Borrowed; the newest; NULL when that is gone, and of a
                       docstring */
} CodeCell;

/* A path whose content, absence or listing was read. */
typedef struct {
    Cell cell;
    PyObject *table;         /* Borrowed dict of the engine that lists it */
    PyObject *path;          /* Owned, absolute; or a module name not found */
    int listed;              /* a directory that was listed */
    Module *module;          /* Borrowed; whose source it is; or NULL */
    uint64_t content;        /* hash of what was there; 0: nothing */
    uint64_t content_before; /* while a transaction runs */
} FileCell;

/* A functools cache that is called for attributes of its record only: no
 * versions, its reads compare what they saw. See result.h. */
typedef struct {
    Cell cell;
    PyObject *cache;       /* Owned. */
    struct Trace *trace;   /* Owned; what the function may read; may be NULL */
    struct Trace *attempt; /* Owned; the same, of the running transaction */
} ResultCell;

/* What a functools cache is full of: its versions hold the state of all that
 * the function read. See fills.h. */
typedef struct {
    Cell cell;
    PyObject *cache; /* Owned. */
    uint64_t held;   /* the state that it was filled from; 0: not known */
} FillCell;

/* Which subclasses a class has: no versions, its reads compare what they saw.
 * See class_made.h. */
typedef struct {
    Cell cell;
    PyObject *base; /* Owned class. */
} SubclassCell;

/* An attribute of a class that was looked up. See class_members.h. */
typedef struct {
    Cell cell;
    PyObject *table; /* Owned dict that lists it */
    PyObject *name;  /* Owned. */
    PyObject *owner; /* Owned str: the name of the class, for reasons */
} MemberCell;

typedef enum {
    SLOT_ITEM,          /* of a dict: a plain one, a module's, an instance's */
    SLOT_CLASS,         /* an attribute of a class */
    SLOT_LIST,          /* the items of a list, as a tuple */
    SLOT_ENVIRON,       /* an environment variable, as bytes */
    SLOT_ENVIRON_NAMES, /* which ones there are */
    SLOT_ADAPTED,       /* a place that an adapter knows; the owner is that */
} SlotKind;

/* When something was put into a dict: in cold order, then by number. 0: it was
 * there without any statement. */
typedef struct {
    long place;
    uint64_t number;
} Since;

/* A place outside of the program. Its base is what it holds when no statement
 * has stored into it. See slots.h. */
typedef struct {
    Cell cell;
    SlotKind kind;
    PyObject *owner; /* Owned; the dict, class or list */
    PyObject *key;   /* Owned; None for a whole list */
    PyObject *index; /* Owned; its key in the engine's table */
    PyObject *names; /* Owned tuple of str: code that has one may look at it,
                        see mentions.h */
    Version *actual; /* Owned; what it holds as far as we know */
    Version *older;  /* Owned; the base until a library that was imported
                        stored into it */
    int grown;       /* there is an older one, NULL included */
    Since since;     /* in this walk: slot_order.h */
    uint64_t put;    /* counts insertions; 0: it was there already */
    /* While a transaction runs: */
    Version *before;      /* Owned; the base before it */
    Version *stray;       /* Owned; what somebody else had put there */
    int rebased, strayed; /* these two hold, NULL included */
    int moved;            /* the place of an adapter was put or stored into */
    Since since_live;
} Slot;

typedef struct {
    Cell *cell;       /* Owned. */
    Version *version; /* Owned; NULL: unbound or missing */
    PyObject *path;   /* Owned; tuple of attribute names, or NULL: all of it */
    PyObject *value;  /* Owned; what the path led to; of SLOT_ENVIRON_NAMES a
                         list of those that were seen, of CELL_SUBCLASSES the
                         classes */
    uint64_t state;   /* of the objects along a path: attributes.h; of what a
                         cache is full of: fills.h */
    int bound;        /* only whether the name is bound: `del x` */
    int once;   /* by a library while it was imported: it will not read again */
    int called; /* CELL_BINDING: a cache, only for attributes of what it gives;
                   CELL_RESULT: of a cache that took the place of the one read
                 */
} Read;

typedef struct {
    Cell *cell;       /* Owned. */
    Version *version; /* Owned; NULL: deleted */
} Write;

/* All names of a module at some moment: `import *`, vars(), dir(). */
typedef struct {
    Module *module;  /* Borrowed. */
    PyObject *names; /* Owned tuple, in order. */
} NamesRead;

/* A module that the statement imported or looked into. */
typedef struct {
    Module *module;     /* Borrowed. */
    Py_ssize_t after;   /* how many of the reads came before */
    Py_ssize_t wrote;   /* so many of the writes surely did */
    Version **versions; /* Owned array of owned ones: what these were by then;
                           NULL: what they are in the end */
    int nested;         /* by a module whose own import failed */
} Import;

typedef struct Trace {
    Read *reads;
    Py_ssize_t read_count, read_room;
    Write *writes;
    Py_ssize_t write_count, write_room;
    Import *imports; /* in order */
    Py_ssize_t import_count, import_room;
    NamesRead *names;
    Py_ssize_t names_count, names_room;
    PyObject *result;    /* Owned; a probe's result. */
    PyObject *annotated; /* Owned; the module's annotations that it made: a dict
                            of them, since 3.14 a tuple of their numbers in the
                            statement; or NULL */
    double cost;         /* seconds, without nested imports */
    Py_ssize_t grown;    /* bytes that the process grew by; see release.h */
    PyObject *callbacks; /* Owned list of (kind, callable, list of what it acts
                            on): callbacks.h; or NULL */
    PyObject *items; /* Owned tuple; what it only added to an object; or NULL */
    uint64_t effect, setup; /* its own, and the object's before: contribute.h */
    int instead;            /* not of a run: `items` were added again */
    int committed;          /* counted in the cells' readers */
    int makes_classes;      /* the engine's table of classes names it */
    int incomplete;         /* a model waits for a name: deferred.h */
    PyObject *setter; /* Owned str; a call of a library whose effect nobody can
                         undo: setters.h; or NULL */
    int unsteady;     /* an import failed that others had looked into: what
                            they saw is not known, so it is never clean */
} Trace;

typedef enum {
    ROOT_NONE,
    ROOT_EARLY, /* imported before any entry ran */
    ROOT_LATE,  /* imported at run time, by a request */
} ModuleRoot;

struct Statement {
    Module *module; /* Borrowed. */
    Syntax syntax;
    PyObject *code;      /* Owned; NULL for a bare string and for probes */
    PyObject *func;      /* Owned; a probe's callable */
    Trace *trace;        /* Owned; of the applied revision; NULL: never ran */
    Trace *attempt;      /* Owned; of the running transaction */
    PyObject *reason;    /* Owned str; why it has to run */
    int forced;          /* runs whatever its reads say */
    int async;           /* a trace opened by begin(): never run from here */
    int always_stale;    /* an async trace of a world that was given up */
    int stale;           /* an async trace that is no longer clean */
    Py_ssize_t released; /* the old value went first: bytes. See release.h */
    int undone;          /* an edit that was not applied has disposed of it */
    int makes_classes;   /* class_made.c may know it */
    int dead; /* not in the edited source; freed when that is applied */
    Statement *patched;  /* Borrowed; the old statement that this one is but for
                         bodies of functions, while the edit is applied */
    Statement *replaces; /* Borrowed; the old statement of that kind and name
                            in its place, while the edit is applied */
    int shifted;         /* it was moved or patched since it was compiled */
    int moved;           /* line numbers were changed in this transaction */
    int old_line, old_end_line; /* what they were */
    long ran;              /* when it ran in this transaction; 0: it did not */
    uint32_t fresh_walk;   /* the walk in which it ran or was reused */
    uint32_t instead_walk; /* or in which its items were added instead */
    long place; /* in cold order: what it visits on the way comes before */
};

struct Module {
    Engine *engine;         /* Borrowed. */
    PyObject *name;         /* Owned str. */
    PyObject *path;         /* Owned str; NULL for the module of probes */
    PyObject *real;         /* Owned str: path with symlinks resolved */
    Module *package;        /* Borrowed; see module_package() */
    long package_names;     /* Engine.names when that was found out */
    PyObject *module;       /* Owned module object. */
    PyObject *ns;           /* Borrowed dict of `module`. */
    PyObject *source;       /* Owned bytes that the statements come from */
    Statement **statements; /* Owned, file order. */
    Py_ssize_t count;
    PyObject *bindings;   /* Owned dict: name -> PyCapsule of Binding */
    FileCell *file;       /* Owned; the source file. */
    PyObject *annotate;   /* Owned; of the whole file (3.14 on), or NULL */
    int future_flags;     /* compiler flags of __future__ imports */
    uint32_t walk;        /* the walk that visited it last */
    uint32_t failed_walk; /* the walk in which a statement of it raised */
    uint32_t seen_walk;   /* the walk in which others looked into it last */
    Py_ssize_t passed;    /* statements that the walk is over with */
    Trace *raised;        /* Owned; of the statement that raised; or NULL */
    PyObject *unreadable; /* Owned; the exception that its edited source gives
                             instead of statements; or NULL */
    PyObject *loaded; /* Owned; what sys.modules held before the transaction */
    int hidden;       /* `loaded` is set, be it NULL */
    int withheld;     /* imported in this walk, but the statement that did so
                         runs, and has to import it itself */
    uint32_t skipped_walk; /* the partial walk that came by and left it out */
    int needed;            /* this transaction's walks have to visit it */
    int shared;            /* other modules bind names in it */
    int lacks;             /* a name was taken away or set back for a place in
                              this transaction */
    int released;          /* it is no more, and holds nothing: retired.h */
    Module *importer;      /* Borrowed; the module through which the last whole
                              walk got here; NULL: a root */
    ModuleSet names_readers; /* modules that have read all of its names */
    long began, ended_place; /* in cold order, by Statement.place */
    int gone;                /* its file is no more */
    int portions;            /* a namespace package: no statements; `path` is
                                the __init__.py that would make it another */
    ModuleRoot root;         /* imported by nobody that we trace */
    long ended_before;       /* `ended` when the transaction began */
    long ended;              /* its place among the imports of a walk, by end */
    Binding **order; /* names in the order the walk bound them. Owned. */
    Py_ssize_t order_count, order_room;
    Version *self; /* Owned; the version "this module object" */
    /* Set while a transaction applies an edit to this module. */
    Statement **old_statements; /* Owned. */
    Py_ssize_t old_count;
    PyObject *old_source; /* Owned. */
    int old_future_flags;
    int edited;
    int concerned;   /* a statement of it ran in this transaction */
    int passed_over; /* only a request had imported it, and in this transaction
                        that has failed: no root of the program any more */
    int newborn;     /* first imported in the running transaction */
    long born;       /* the revision that imported it first; 0: the start */
    PyObject *annotations_before; /* Owned dict: see annotations.c */
    PyObject *keys;               /* Owned list: the namespace's names before */
};

/* Versions. version_new steals nothing; value may be NULL. */
Version *version_new(PyObject *value, Statement *producer);
Version *version_ref(Version *version); /* NULL is passed through */
void version_unref(Version *version);   /* NULL is ignored */

/* Put `version` (a new reference is taken) into *slot. */
void version_set(Version **slot, Version *version);

/* Cells. */
void cell_init(Cell *cell, CellKind kind, Engine *engine);

/* The cell of `key` in the table; where there is none, one made of `size` zero
 * bytes: the caller fills in what comes after the Cell. The table does not own
 * it (cell_unref takes it out). New reference; NULL with MemoryError set. */
void *cell_in(PtrMap *table, const void *key, CellKind kind, size_t size,
              Engine *engine);

Cell *cell_ref(Cell *cell);
void cell_unref(Cell *cell, Engine *engine);

/* The version that the cell has now: in the running walk, or since the last
 * one. Borrowed; NULL: unbound. */
Version *cell_now(const Cell *cell, const Engine *engine);

/* Give the cell a version in the current walk. `writer`: the module of the
 * statement whose doing it is, or NULL where a version is only put back. */
void cell_write(Cell *cell, Version *version, Module *writer, Engine *engine);

/* In a transaction, remember where the cell stood before its first change. */
void cell_touch(Cell *cell, Engine *engine);

/* The same for all cells. */
void cells_touch(Engine *engine);

/* Is it another version than before the transaction? */
int cell_changed(const Cell *cell, const Engine *engine);

/* A name's value that a later statement replaced is not needed any more, except
 * to run readers in between again: then its producer runs first. */
void
cell_release_superseded(const Cell *cell, Version *version, Engine *engine);

/* The transaction is over: no cell is touched any more. */
void cells_forget(Engine *engine);

/* Add the module. 0, or -1 when memory is short (no exception set). */
int module_set_add(ModuleSet *set, Module *module);

/* The binding of a name, created on demand (create != 0). Borrowed. NULL
 * without an exception: there is none; with: out of memory. */
Binding *module_binding(Module *module, PyObject *name, int create);

/* Note that the walk bound the name: keeps module->order. 0 or -1. */
int module_order_add(Module *module, Binding *binding);

/* The name is deleted: it takes a new place when it is bound again. */
void module_order_remove(Module *module, Binding *binding);

/* The group of an object, or NULL. Borrowed. */
Group *group_of(const Engine *engine, PyObject *object);

/* A group for `object`, with its first version. Borrowed; the engine's table
 * and the writes of the creator hold it. NULL with an exception. */
Group *group_new(Engine *engine, PyObject *object, Statement *creator);

/* Is the statement that made the object still one of the program's? */
int group_has_creator(const Group *group);

/* Functions and classes tell where they come from; those of a library are not
 * the creation of whoever imports them. */
int group_is_outside(const Engine *engine, PyObject *value);

/* Traces. */
Trace *trace_new(void);
void trace_free(Trace *trace, Engine *engine);
int trace_add_read(Trace *trace, Cell *cell, Version *version);
/* Has it read the cell, in whatever version? */
int trace_has_read(const Trace *trace, const Cell *cell);
/* The same read, of this version of the cell. */
int
trace_copy_read(Trace *into, const Read *read, Cell *cell, Version *version);
void trace_drop_reads(Trace *trace, Py_ssize_t from, Engine *engine);
int trace_add_write(Trace *trace, Cell *cell, Version *version);
int trace_add_import(Trace *trace, Module *module);
int trace_imports(const Trace *trace, const Module *module);
void trace_drop_import(Trace *trace, const Module *module);
int trace_add_names(Trace *trace, Module *module, PyObject *names);

/* What the statements of a module did before its import failed is the doing of
 * the statement that tried: add `from` to `into`, without what concerns only
 * the module itself. `importer` may be NULL. 0 or -1. */
int trace_absorb(Trace *into, const Trace *from, const Module *failed,
                 Statement *importer);

/* What `from` wrote is now the doing of `to`: versions and groups. */
void trace_move_producer(Trace *trace, const Statement *from, Statement *to);

/* An edit is taken back: what the statement wrote is its own again, also where
 * another would have written the same. */
void trace_reclaim(const Trace *trace, Statement *statement);

/* Count the trace among the cells' readers. */
void trace_commit(Trace *trace);

/* Statements and modules. */
Statement *statement_new(Module *module);
void statement_free(Statement *statement, Engine *engine);

/* What it did as far as the walk has come: of its run in this walk, or of the
 * applied revision. Borrowed; may be NULL. */
Trace *statement_trace(const Statement *statement);

/* Was the object made in this walk? */
int group_is_fresh(const Group *group, const Engine *engine);

/* Who made the object of a group, where that is another statement that has not
 * run in this walk: to undo what `statement` did to it, it has to. Borrowed, or
 * NULL. */
Statement *cell_stale_creator(const Cell *cell, const Statement *statement);

/* Set why it runs; keeps the first reason. */
void statement_set_reason(Statement *statement, const char *format, ...);

/* Is the module part of the program, as far as the walk has come? */
int module_is_reached(const Module *module, const Engine *engine);

/* Whose object, of a module that the walk has reached, has the trace of another
 * changed? It has to be made anew. `stale`: one that this walk has not made.
 * Borrowed, or NULL. */
Statement *
trace_find_changed(const Trace *trace, const Engine *engine, int stale);

Module *
module_new(Engine *engine, PyObject *name, PyObject *path, PyObject *object);
void module_free(Module *module);

#endif
