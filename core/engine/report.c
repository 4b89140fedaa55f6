/* The Report of an update, as Python sees it. */

#include "report.h"

/* Types without state of an engine: created once a process. Owned. */
static PyObject *report_type, *rerun_type, *statement_type;


/* A collections.namedtuple of ours, added to the module. New reference. */
static PyObject *
namedtuple_new(PyObject *module, const char *name, const char *fields)
{
    PyObject *collections = PyImport_ImportModule("collections");
    PyObject *factory = collections != NULL
                            ? PyObject_GetAttrString(collections, "namedtuple")
                            : NULL;
    PyObject *args = Py_BuildValue("(ss)", name, fields);
    PyObject *kwargs = Py_BuildValue("{ss}", "module", "hmr_serve._core");
    PyObject *type = factory != NULL && args != NULL && kwargs != NULL
                         ? PyObject_Call(factory, args, kwargs)
                         : NULL;
    if (type != NULL && PyModule_AddObjectRef(module, name, type) < 0) {
        Py_CLEAR(type);
    }
    Py_XDECREF(collections);
    Py_XDECREF(factory);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return type;
}


int
report_init_types(PyObject *module)
{
    Py_XSETREF(report_type,
               namedtuple_new(module, "Report",
                              "revision files patched reran removed kept "
                              "stale restart error times visited"));
    Py_XSETREF(rerun_type, namedtuple_new(module, "Rerun",
                                          "module label line reason cost"));
    Py_XSETREF(statement_type,
               namedtuple_new(module, "Statement",
                              "label line reads binds shapes cost"));
    return report_type != NULL && rerun_type != NULL && statement_type != NULL
               ? 0
               : -1;
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
        .visited = PyList_New(0),
    };
    if (data->files == NULL || data->patched == NULL || data->reran == NULL
        || data->removed == NULL || data->kept == NULL || data->stale == NULL
        || data->visited == NULL) {
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
    Py_CLEAR(data->visited);
    Py_CLEAR(data->restart);
    Py_CLEAR(data->error);
}


/* An instance of a named tuple; steals the items, NULL among them is an error.
 */
static PyObject *
sequence_new(PyObject *type, PyObject **items, Py_ssize_t count)
{
    PyObject *result = NULL;
    int failed = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        failed |= items[i] == NULL;
    }
    if (!failed) {
        result = PyObject_Vectorcall(type, items, (size_t)count, NULL);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_XDECREF(items[i]);
    }
    return result;
}


int
report_add_rerun(ReportData *data, PyObject *module, PyObject *label, int line,
                 PyObject *reason, double cost)
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
        Py_NewRef(data->visited),
    };
    return sequence_new(report_type, items, 11);
}


PyObject *
statement_view_new(PyObject *label, int line, PyObject *reads, PyObject *binds,
                   PyObject *shapes, double cost)
{
    PyObject *items[] = {
        Py_NewRef(label), PyLong_FromLong(line), Py_NewRef(reads),
        Py_NewRef(binds), Py_NewRef(shapes),     PyFloat_FromDouble(cost),
    };
    return sequence_new(statement_type, items, 6);
}
