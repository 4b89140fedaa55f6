/* The Report of an update, as Python sees it (hmr_serve/_core.pyi). GIL held.
 */

#ifndef HMR_CORE_REPORT_H
#define HMR_CORE_REPORT_H

#include <Python.h>

/* Collected while an update is applied. Lists Owned. */
typedef struct {
    PyObject *files, *patched, *reran, *removed, *kept, *stale, *visited;
    PyObject *restart;             /* Owned str or NULL */
    PyObject *error;               /* Owned exception or NULL */
    double read, plan, run, total; /* seconds */
} ReportData;

/* Create the result types in the extension module. 0, or -1. */
int report_init_types(PyObject *module);

/* Zero the data and create its lists. 0, or -1 with an exception set. */
int report_data_init(ReportData *data);
void report_data_fini(ReportData *data);

/* Add a statement that ran. */
int report_add_rerun(ReportData *data, PyObject *module, PyObject *label,
                     int line, PyObject *reason, double cost);

/* A Report with the data. New reference. */
PyObject *report_new(const ReportData *data, long revision);

/* A Statement view. Steals nothing. New reference. */
PyObject *statement_view_new(PyObject *label, int line, PyObject *reads,
                             PyObject *binds, PyObject *shapes, double cost);

#endif
