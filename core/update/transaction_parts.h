/* What the parts of a transaction share: transaction.c plans and runs it,
 * changes.c finds what changed, commit.c ends it. GIL held. */

#ifndef HMR_CORE_TRANSACTION_PARTS_H
#define HMR_CORE_TRANSACTION_PARTS_H

#include "engine.h"
#include "match.h"
#include "report.h"
#include "undo.h"

typedef struct {
    Engine *engine;
    PyObject *paths; /* set of str. Owned. */
    PyObject *named; /* the same as a list. Owned; NULL before they are read */
    PyObject *environ; /* dict of variables that changed, or NULL. Borrowed. */
    Patches patches;
    Undo *undo; /* Owned; function code and names, to go back */
    ReportData report;
    int changed;      /* something may have to run */
    int redo;         /* of the applied revision: see transaction.h */
    const Undo *back; /* run the old texts; or NULL. Borrowed, valid while
                         changes are read */
    int touched;      /* sources were replaced, if only by a comment */
    double started;
} Transaction;

/* Read changed sources and files, and match statements. 0, or -1 with an
 * exception set. */
int transaction_read_changes(Transaction *tx);

/* The same for a transaction that goes back. */
int transaction_read_back(Transaction *tx);

/* Make what the walk found final; or, where nothing had to run, new lines and
 * patched bodies. 0, or -1 with an exception set. */
int transaction_commit(Transaction *tx);
int transaction_commit_unwalked(Transaction *tx);

/* Everything as it was before; keeps the exception. */
void transaction_rollback(Transaction *tx, int walked);

/* After either end: marks of the transaction on groups go. */
void groups_settle(Engine *engine);

/* Add every run so far to the report. 0, or -1 with an exception set. */
int report_log(Transaction *tx);

#endif
