/* Strings of Python against texts of C. GIL held; no errors. */

#ifndef HMR_CORE_TEXT_H
#define HMR_CORE_TEXT_H

#include <Python.h>

/* Is the string (a str) that text, in ASCII? */
static inline int
text_is(PyObject *string, const char *text)
{
    return PyUnicode_CompareWithASCIIString(string, text) == 0;
}


/* Or one of these? */
static inline int
text_is_among(PyObject *string, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text_is(string, texts[i])) {
            return 1;
        }
    }
    return 0;
}

#endif
