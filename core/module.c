/* Module initialisation of hmr_serve._core, and nothing else. */

#include <Python.h>

#include "engine_object.h"
#include "report.h"


static int
core_exec(PyObject *module)
{
    if (report_init_types(module) < 0) {
        return -1;
    }
    return engine_object_init(module);
}


static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, core_exec},
    /* Watchers and monitoring are one per process. */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
    {0, NULL},
};


static struct PyModuleDef core_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hmr_serve._core",
    .m_doc = "The reload engine: tracks top-level statements and reruns what "
             "an edit affects.",
    .m_size = 0,
    .m_slots = core_slots,
};


PyMODINIT_FUNC
PyInit__core(void)
{
    return PyModuleDef_Init(&core_def);
}
