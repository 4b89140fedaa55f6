/* The Report of an update, as Python sees it. */

#include "report.h"

#include <structmember.h>

static PyStructSequence_Field report_fields[] = {
    {"revision", "number of the applied save"},
    {"files", "changed files"},
    {"patched", "functions that got new code in place"},
    {"reran", "statements that ran"},
    {"removed", "(module, label) of statements that are no more"},
    {"kept", "expensive names that did not run again"},
    {"stale", "traces that have to start anew"},
    {"restart", "why only a new process can apply the edit"},
    {"error", "what the edited code raised"},
    {"times", "seconds by phase"},
    {NULL, NULL},
};

static PyStructSequence_Desc report_desc = {
    "hmr_serve._core.Report", "What one apply did.", report_fields, 10};

static PyStructSequence_Field rerun_fields[] = {
    {"module", "dotted module name"},
    {"label", "what the statement binds, or its source line"},
    {"line", "1-based line"},
    {"reason", "why it ran"},
    {"cost", "seconds"},
    {NULL, NULL},
};

static PyStructSequence_Desc rerun_desc = {
    "hmr_serve._core.Rerun", "A statement that ran.", rerun_fields, 5};

static PyStructSequence_Field statement_fields[] = {
    {"label", "what it binds, or its source line"},
    {"line", "1-based line"},
    {"reads", "module.name of what it read"},
    {"binds", "names it bound in its module"},
    {"shapes", "module.name of groups that it shaped"},
    {"cost", "seconds"},
    {NULL, NULL},
};

static PyStructSequence_Desc statement_desc = {
    "hmr_serve._core.Statement", "A tracked statement.", statement_fields, 6};

/* Types without state of an engine: created once a process. */
static PyTypeObject *report_type, *rerun_type, *statement_type;


int
report_init_types(PyObject *module)
{
    if (report_type == NULL) {
        report_type = PyStructSequence_NewType(&report_desc);
        rerun_type = PyStructSequence_NewType(&rerun_desc);
        statement_type = PyStructSequence_NewType(&statement_desc);
    }
    if (report_type == NULL || rerun_type == NULL || statement_type == NULL) {
        return -1;
    }
    if (PyModule_AddObjectRef(module, "Report", (PyObject *)report_type) < 0
        || PyModule_AddObjectRef(module, "Rerun", (PyObject *)rerun_type)
               < 0) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "Statement",
                                 (PyObject *)statement_type);
}


int
report_data_init(ReportData *data)
{
    *data = (ReportData){
        .files = PyList_New(0),
        .patched = PyList_New(0),
        .reran = PyList_New(0),
        .removed = PyList_New(0),
        .kept = PyList_New(0),
        .stale = PyList_New(0),
    };
    if (data->files == NULL || data->patched == NULL || data->reran == NULL
        || data->removed == NULL || data->kept == NULL
        || data->stale == NULL) {
        report_data_fini(data);
        return -1;
    }
    return 0;
}


void
report_data_fini(ReportData *data)
{
    Py_CLEAR(data->files);
    Py_CLEAR(data->patched);
    Py_CLEAR(data->reran);
    Py_CLEAR(data->removed);
    Py_CLEAR(data->kept);
    Py_CLEAR(data->stale);
    Py_CLEAR(data->restart);
    Py_CLEAR(data->error);
}


/* Fill a struct sequence; steals the items, NULL among them is an error. */
static PyObject *
sequence_new(PyTypeObject *type, PyObject **items, Py_ssize_t count)
{
    PyObject *result = PyStructSequence_New(type);
    int failed = result == NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (items[i] == NULL || failed) {
            failed = 1;
            Py_XDECREF(items[i]);
        }
        else {
            PyStructSequence_SetItem(result, i, items[i]);
        }
    }
    if (failed) {
        Py_CLEAR(result);
    }
    return result;
}


int
report_add_rerun(ReportData *data, PyObject *module, PyObject *label,
                 int line, PyObject *reason, double cost)
{
    PyObject *items[] = {
        Py_NewRef(module),
        Py_NewRef(label),
        PyLong_FromLong(line),
        reason != NULL ? Py_NewRef(reason) : PyUnicode_FromString("new"),
        PyFloat_FromDouble(cost),
    };
    PyObject *rerun = sequence_new(rerun_type, items, 5);
    int result = rerun != NULL ? PyList_Append(data->reran, rerun) : -1;
    Py_XDECREF(rerun);
    return result;
}


PyObject *
report_new(const ReportData *data, long revision)
{
    PyObject *items[] = {
        PyLong_FromLong(revision),
        Py_NewRef(data->files),
        Py_NewRef(data->patched),
        Py_NewRef(data->reran),
        Py_NewRef(data->removed),
        Py_NewRef(data->kept),
        Py_NewRef(data->stale),
        Py_NewRef(data->restart != NULL ? data->restart : Py_None),
        Py_NewRef(data->error != NULL ? data->error : Py_None),
        Py_BuildValue("{sdsdsdsd}", "read", data->read, "plan", data->plan,
                      "run", data->run, "total", data->total),
    };
    return sequence_new(report_type, items, 10);
}


PyObject *
statement_view_new(PyObject *label, int line, PyObject *reads,
                   PyObject *binds, PyObject *shapes, double cost)
{
    PyObject *items[] = {
        Py_NewRef(label),  PyLong_FromLong(line), Py_NewRef(reads),
        Py_NewRef(binds),  Py_NewRef(shapes),     PyFloat_FromDouble(cost),
    };
    return sequence_new(statement_type, items, 6);
}
