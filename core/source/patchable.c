/* Does new code of a function reach whoever uses the function? */

#include "patchable.h"

#include "caches.h"
#include "class_lines.h"
#include "decorated.h"
#include "mentions.h"


int
patch_reaches_function(const Statement *old)
{
    if (old->syntax.kind != STATEMENT_FUNCTION
        || PyTuple_GET_SIZE(old->syntax.opaque) == 0) {
        return 1;
    }
    PyObject *value =
        PyDict_GetItemWithError(old->module->ns, old->syntax.label);
    if (value != NULL && cache_function(value) != NULL) {
        return 1; /* it is cleared instead */
    }
    return value != NULL && decorated_calls_anew(old, value);
}


/* Has the decorator of a method given the function back, or one of the
 * program's in its place? */
static int
method_is_function(const Statement *old, const CodePair *pair)
{
    PyObject *member =
        class_find_bound(old, ((PyCodeObject *)pair->old_code)->co_qualname);
    int is = member != NULL && PyFunction_Check(member)
             && code_info(PyFunction_GET_CODE(member)) != NULL;
    Py_XDECREF(member);
    return is;
}


/* Does the pair's function stand behind an opaque decorator, and did that put
 * something else in its place? */
static int
pair_is_opaque(const Statement *old, const CodePair *pair)
{
    PyObject *opaque = old->syntax.opaque;
    PyObject *name = ((PyCodeObject *)pair->old_code)->co_name;
    if (!pair->changed
        || (old->syntax.kind == STATEMENT_FUNCTION
            && PyUnicode_Compare(name, old->syntax.label) == 0)) {
        return 0; /* the statement's own function: judged by its value */
    }
    return tuple_has_string(opaque, name)
           && !(old->syntax.kind == STATEMENT_CLASS
                && method_is_function(old, pair));
}


int
patch_reaches_nested(const Statement *old, const CodePairs *pairs)
{
    for (Py_ssize_t i = 0; i < pairs->count; i++) {
        if (pair_is_opaque(old, &pairs->pairs[i])) {
            return 0;
        }
    }
    return 1;
}
