/* What decorators put in a function's place. */

#include "decorated.h"

#include "code.h"
#include "compat.h"
#include "kept_look.h"

#define WRAPPERS 8 /* wrappers around a function that are followed */

/* Libraries whose decorators call the function anew each time, and remember
 * nothing of what it does or returns. Not here: those that compile or cache
 * (numba, jax, joblib, aiocache), whose decorators have to run again. */
static const char *const callers[] = {
    "asgiref",
    "asyncer",
    "backoff",
    "celery",
    "click",
    "contextlib",
    "dependency_injector",
    "deprecated",
    "dishka",
    "dramatiq",
    "fastmcp",
    "huey",
    "injector",
    "loguru",
    "mcp",
    "opentelemetry",
    "pydantic",
    "sentry_sdk",
    "slowapi",
    "stamina",
    "starlette",
    "strawberry",
    "taskiq",
    "tenacity",
    "typer",
    "typing_extensions",
    "warnings",
};


static int
is_of_caller(PyObject *home)
{
    int found = 0;
    for (size_t i = 0; home != NULL && !found && i < Py_ARRAY_LENGTH(callers);
         i++) {
        PyObject *root = PyUnicode_FromString(callers[i]);
        found = root != NULL && kept_is_of(home, root);
        Py_XDECREF(root);
    }
    PyErr_Clear();
    return found;
}


/* The module in which a function was written: functools.wraps() gives it the
 * name of another one. Borrowed, or NULL. */
static PyObject *
written_in(PyObject *function)
{
    PyObject *name = dict_peek(PyFunction_GET_GLOBALS(function), "__name__");
    return name != NULL && PyUnicode_Check(name) ? name : NULL;
}


/* How many decorators of the statement's own function may keep something. */
static Py_ssize_t
opaque_count(const Statement *statement)
{
    PyObject *opaque = statement->syntax.opaque;
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(opaque); i++) {
        count += PyUnicode_Compare(PyTuple_GET_ITEM(opaque, i),
                                   statement->syntax.label)
                 == 0;
    }
    return count;
}


int
decorated_calls_anew(const Statement *statement, PyObject *value)
{
    for (int i = 0; value != NULL && i < WRAPPERS; i++) {
        if (!PyFunction_Check(value)) {
            /* A task, a command: nothing says what else is around it. */
            return opaque_count(statement) == 1
                   && is_of_caller(kept_home(value));
        }
        if (code_info(PyFunction_GET_CODE(value)) != NULL) {
            return 1;
        }
        PyObject *dict = ((PyFunctionObject *)value)->func_dict;
        value = dict != NULL && is_of_caller(written_in(value))
                    ? dict_peek(dict, "__wrapped__")
                    : NULL;
    }
    return 0;
}
