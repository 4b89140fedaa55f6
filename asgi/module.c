/* Module initialisation of hmr_serve._asgi, and nothing else. */

#include <Python.h>


static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hmr_serve._asgi",
    .m_size = 0,
};


PyMODINIT_FUNC
PyInit__asgi(void)
{
    return PyModuleDef_Init(&module_def);
}
