/* The engine's state: what is tracked, what is running, which hooks are on.
 *
 * One engine is installed at a time. Everything needs the GIL. */

#ifndef HMR_CORE_ENGINE_H
#define HMR_CORE_ENGINE_H

#include <Python.h>

#include "code.h"
#include "graph.h"
#include "print.h"
#include "ptrmap.h"
#include "syntax.h"

typedef struct Frame Frame;

/* An import that failed before the statement that tries it ran: failure.h. */
typedef struct {
    Module *module;  /* Borrowed; NULL: none */
    PyObject *error; /* Owned. */
    Trace *trace;    /* Owned; what its statements did; may be NULL */
    long before;     /* engine->ended when its import began: what it imported
                        is not in sys.modules until the error is met */
} Failure;

struct Engine {
    PyObject_HEAD
    PyObject *roots;   /* Owned tuple of real paths, each with a final '/'. */
    PyObject *outside; /* Owned tuple of real path prefixes never tracked. */
    PyObject *library_loader_type; /* Owned; see library.h */
    PyObject *loader_type; /* Owned; a SourceFileLoader, exec_module is ours */
    PyObject *portions_loader_type; /* Owned; a NamespaceLoader, likewise */
    PyObject *path_finder;          /* Owned; importlib.machinery.PathFinder */
    PyObject *compile;              /* Owned; builtins.compile */
    PyObject *ast_module;           /* Owned; ast.Module */
    PyObject *name_getattr;         /* Owned; "__getattr__" */
    SyntaxTypes *syntax_types;      /* Owned. */
    Opcodes opcodes;
    int installed;

    /* The graph. */
    PyObject *modules; /* Owned dict: name -> capsule of Module */
    long names;        /* counts the changes of `modules` */
    int lacking;       /* some module `lacks` */
    Module **order;    /* modules in the order in which they were added. */
    Py_ssize_t module_count, module_room;
    PtrMap by_namespace; /* namespace dict -> Module */
    PtrMap groups;       /* object -> Group */
    PyObject *files;     /* Owned dict: path -> capsule of FileCell */
    PyObject *wanted;    /* Owned set of module names that a failed edit looked
                             for in vain */
    PyObject *written;   /* Owned set of paths that this process wrote */
    PyObject *missing;   /* Owned dict: module name -> capsule of FileCell */
    PyObject *slots;     /* Owned dict: (id of owner, key) -> capsule of Slot */
    Slot **slot_list;    /* the same ones. Owned array. */
    Py_ssize_t slot_count, slot_room;
    Py_ssize_t outside_groups; /* objects outside that were stored into */
    Cell *cells;               /* all cells */
    Cell *touched;  /* those that the running transaction may have changed.
                            Owned. */
    PtrMap caches;  /* bindings that have held caches of functions */
    PtrMap lazies;  /* bindings that statements have given None: lazies.c */
    PtrMap classes; /* class -> who made it: class_made.c. Owned records. */
    PtrMap bases;   /* class -> SubclassCell */
    PtrMap members; /* class -> its attributes: class_members.c. Owned
                       records. */
    PyObject *super_members;   /* Owned dict: name -> capsule of MemberCell; or
                                  NULL */
    PyObject *patched_classes; /* Owned list of "module:class Name": those that
                                  got new members in this transaction */
    PyObject *name_dict;       /* Owned; "__dict__" */
    PyObject *name_name;       /* Owned; "__name__" */
    PyObject *name_look;       /* Owned; "look" */
    long class_number;
    PtrMap results;     /* functools cache -> ResultCell */
    PtrMap fills;       /* functools cache -> FillCell */
    PyObject *computed; /* Owned list: instances whose cached properties this
                           transaction has computed; or NULL */
    PyObject *cleared;  /* Owned dict: cache that this transaction cleared ->
                          for which state (caches.h) */
    PrintSaved shaped;  /* objects without a creator that this transaction has
                          changed, as they were */
    Py_ssize_t cell_count;
    Module **retired; /* records of modules that are no more: traces may
                             still name them. */
    Py_ssize_t retired_count, retired_room;
    Module *probes;      /* the module of entries and lifespans. Owned. */
    uint32_t walk;       /* number of the last or the running walk */
    uint32_t valid_from; /* what cells were given in this walk and later counts
                            in the running one */
    PyObject *log;       /* Owned list of (module, label, line, reason, cost):
                             every run of this transaction, in order */
    long ran;            /* statements that ran in this transaction */
    long ended;          /* imports that ended in this walk */
    uint64_t generation; /* changes whenever watched() may have changed */
    Module *walking;     /* the module whose statements the walk is visiting.
                            Borrowed. */
    long place;          /* in the last whole walk: of the last statement */

    /* See needed.h. */
    int partial;        /* the running walk visits needed modules only */
    int walk_whole;     /* this transaction needs whole walks */
    int walk_again;     /* a module turned out to be needed too late */
    int request_failed; /* an import that a request did, since the last walk */
    int unsettled;      /* the last walk did not leave the graph as it should be
                         for a partial one to build upon */
    int readers_lost;   /* memory was short: nobody knows who reads what */
    Py_ssize_t needed_count;

    /* Hooks. */
    int dict_watcher, function_watcher; /* -1: none */
    int tool;                           /* sys.monitoring tool id, -1: none */
    int tracing;               /* how many reasons there are to trace now */
    long traced;               /* how often that began */
    PyTypeObject *module_type; /* Owned; what modules are while tracing */
    PyObject *disable;         /* Owned; sys.monitoring.DISABLE */
    PyObject *monitoring;      /* Owned; sys.monitoring */
    PyObject *call_event;      /* Owned; sys.monitoring.events.CALL */
    PyObject *calling;         /* Owned list of code: setters.h */
    int setters_made;          /* a trace has one */
    PyObject *foreign;         /* Owned dict: module -> its top package, None
                                  where that keeps nothing: kept.h */
    PyObject *async_current;   /* Owned ContextVar: the open async trace */
    Frame *async_frames;       /* open async traces, linked by `up`. */
    long async_number;         /* of the last one */
    int async_count;           /* open ones */
    PyObject *stat_functions;  /* Owned dict: name -> os's own function, while
                             they are replaced */
    int collects_at; /* new objects, while the garbage collector rests:
                        collector.h; or 0 */
    int syncing;     /* the engine itself is writing into a namespace */
    int looked;      /* nothing has run since the adapters looked last */
    Failure held;
    struct Adapter *adapters; /* Owned array: adapters.h */
    Py_ssize_t adapter_count, adapter_room;
    Slot **left; /* Owned array of owned slots: what runs that were given up
                    have started */
    Py_ssize_t left_count, left_room;
    int restoring;      /* what was outside is put back: too late to restart */
    int interrupted;    /* Ctrl+C came while a callback ran */
    int callbacks_used; /* somebody has registered one: callbacks.h */
    PyObject *on_watched; /* Owned; to be called when there is more to watch, or
                             NULL */
    PyObject *leftover;   /* Owned list: to be called when nothing is half
                               done */
    int undone;           /* there are statements that are */
    double release_cost;  /* seconds, and */
    Py_ssize_t release_size; /* bytes, that the value of a statement has to have
                                taken: release.h; 0: none goes */
    int release_spares;      /* what lifespans may need to shut down stays */
    Py_ssize_t memory;       /* that the process held */
    int64_t memory_at;       /* then: frame_clock(); 0: not known */
    PyTypeObject *environ_type; /* Owned; what environ is while tracing */
    PyObject *build_class; /* Owned; builtins.__build_class__ while tracing */
    PyObject *environ;  /* Owned; the dict behind os.environ, while tracing */
    uint64_t slot_sets; /* counts Since.number */
    uint64_t slot_puts; /* counts Slot.put */
    int slots_moved;    /* dicts may not be in order: slot_order.h */
    PyObject *contributions;     /* Owned; or NULL: contribute.h */
    PyObject *contributed_types; /* Owned tuple; NULL: not known yet */
    PyObject *contributing;      /* Owned tuple of str: methods; the same */
    uint64_t effects;            /* counts Trace.effect */
    PyObject *arrived; /* Owned list; modules loaded since, not yet watched */
    PtrMap containers; /* dict -> Container: see journal.c */

    /* The running transaction. */
    int transaction;
    Statement *conflict; /* must run before what is running can: walk again */
    PyObject *conflict_reason; /* Owned str. */
    PyObject *again;     /* Owned; the BaseException that a conflict raises */
    PyObject *restart;   /* Owned str; why only a new process can apply it */
    PyObject *spared_in; /* Owned str or NULL; see spare.h */
    int spared_line;
    PyObject *pending; /* Owned set of paths whose change failed to apply */
    long revision;
    struct Undo *undo;    /* how to go back over the last revision. Owned. */
    struct Undo *undoing; /* and over the running one. Borrowed. */
};

/* The installed engine; dict and function watchers carry no data of their own.
 */
extern Engine *hmr_engine;

/* The module record for a namespace dict, or NULL. Borrowed. */
Module *engine_module_by_ns(const Engine *engine, PyObject *ns);

/* The module record by name, or NULL without an exception. Borrowed. */
Module *engine_module(const Engine *engine, PyObject *name);

/* The package that the module is in. Borrowed; NULL without an exception: there
 * is none that we track; or with one. */
Module *module_package(Module *module);

/* Register a module record (stolen). 0, or -1 with an exception set. */
int engine_add_module(Engine *engine, Module *module);

/* Let the module's name stand for this record. 0, or -1. */
int engine_name_module(Engine *engine, Module *module);

/* The module is no longer part of the program: forget its statements. */
void engine_drop_module(Engine *engine, Module *module);

/* importlib.invalidate_caches(). 0, or -1 with an exception set. */
int engine_invalidate_caches(Engine *engine);

/* Where an import of this name looks: the __path__ of the package that it is
 * in, or None when it is in none. New reference; NULL without an exception: the
 * package is not there. */
PyObject *engine_search_path(PyObject *name);

/* What an import of this name would find now: the path of a file, None for a
 * folder without one, False for nothing. New reference, NULL with an exception
 * set. */
PyObject *engine_find_file(Engine *engine, PyObject *name);

/* Only a new process can apply the edit; keeps the first reason. */
void engine_need_restart(Engine *engine, const char *format, ...);

/* Does the path belong to an installed library or to Python itself? */
int engine_is_library_path(const Engine *engine, PyObject *path);

/* Is tracked code at work: not a library on its behalf? */
int engine_caller_is_tracked(const Engine *engine);

/* Is this real path a file that we track? */
int engine_tracks_path(const Engine *engine, PyObject *path);

#endif
