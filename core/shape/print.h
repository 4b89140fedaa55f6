/* Prints: what an object reaches, to see whether a statement changed it. */

#ifndef HMR_CORE_PRINT_H
#define HMR_CORE_PRINT_H

#include <Python.h>

/* How far a print looks. A statement that by its syntax exists to shape an
 * object needs only a glance; elsewhere the print decides. */
#define PRINT_GLANCE 64
#define PRINT_DEEP 200

typedef struct {
    PyObject *object; /* Owned: so that no address is used twice. */
    uint64_t content; /* of what holds no references: sizes, struct bytes */
    Py_ssize_t from;  /* the node that led there first; the root: itself */
} PrintNode;

/* Nodes in breadth-first order. */
typedef struct {
    PrintNode *nodes;
    Py_ssize_t count, room;
    int complete; /* nothing was left out for the budget */
    int private;  /* a glance: also at private attributes of the class */
} Print;

/* Look up types, once a process. 0, or -1 with an exception set. */
int print_init(void);

/* Is it a functools.lru_cache wrapper? */
int print_is_cache(PyObject *object);

/* Their type. Borrowed; NULL: there is none. */
PyTypeObject *print_cache_type(void);

/* Does anyone ever change such an object? Modules, code, immutable data and the
 * like are never printed. */
int print_applies(PyObject *object);

/* Print the object; looks at no more than `budget` nodes. Runs no Python code.
 * 0, or -1 with an exception set. GIL held. */
int print_take(Print *print, PyObject *object, Py_ssize_t budget);
void print_fini(Print *print);

/* Would a print of the same object be the same? What each node holds, and in
 * which order, is part of its content, so equal contents mean equal nodes. */
int print_holds(const Print *print);

/* Did the object of before->nodes[at] itself change, wherever it stands now? */
int print_node_changed(const Print *before, const Print *now, Py_ssize_t at);

/* Copies of the lists, dicts and sets among a print's objects, and of the
 * attributes and slots of its instances: what can be put back. */
typedef struct {
    struct {
        PyObject *container; /* Owned; or the object with the slots */
        PyObject *copy;      /* Owned; of slots a dict: offset -> value */
        int slots;
    } * items;
    Py_ssize_t count, room;
} PrintSaved;

int print_save(const Print *print, PrintSaved *saved);

/* Copies that were made later. 0, or -1 with an exception set. */
int print_saved_append(PrintSaved *saved, const PrintSaved *more);

/* Put back what differs. Problems are reported as unraisable. */
void print_restore(PrintSaved *saved);
void print_saved_fini(PrintSaved *saved);

/* Can `target` be reached from `root` within the budget? 1, 0, -1. */
int print_reaches(PyObject *root, PyObject *target, Py_ssize_t budget);

#endif
