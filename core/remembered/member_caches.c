/* What the program's classes remember. */

#include "member_caches.h"

#include "array.h"
#include "caches.h"
#include "class_made_parts.h"
#include "code.h"
#include "compat.h"
#include "fills.h"
#include "frame_parts.h"
#include "print.h"
#include "rules.h"
#include "value.h"


/* ---- members ------------------------------------------------------------ */

/* A cached property: a descriptor written in Python, not a data descriptor, of
 * a library (functools, Django, Pyramid), that holds one tracked function.
 * Borrowed; NULL: it is none. */
static PyObject *
memo_function(PyObject *member)
{
    PyTypeObject *type = Py_TYPE(member);
    if (type->tp_descr_get == NULL || type->tp_descr_set != NULL
        || !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
        || made_find(hmr_engine, (PyObject *)type) != NULL) {
        return NULL;
    }
    PyObject *dict = value_dict(member);
    PyObject *found = NULL, *key, *value;
    Py_ssize_t pos = 0;
    while (dict != NULL && found == NULL && PyDict_CheckExact(dict)
           && PyDict_Next(dict, &pos, &key, &value)) {
        if (PyFunction_Check(value)
            && code_info(PyFunction_GET_CODE(value)) != NULL) {
            found = value;
        }
    }
    Py_XDECREF(dict);
    return found;
}


/* The cache of a cached method, also behind staticmethod(), classmethod() and
 * property(). New reference; NULL without an exception: it is none. */
static PyObject *
member_cache(PyObject *member)
{
    const char *inner = Py_IS_TYPE(member, &PyStaticMethod_Type)
                                || Py_IS_TYPE(member, &PyClassMethod_Type)
                            ? "__func__"
                        : Py_IS_TYPE(member, &PyProperty_Type) ? "fget"
                                                               : NULL;
    PyObject *object = inner != NULL ? PyObject_GetAttrString(member, inner)
                                     : Py_NewRef(member);
    if (object == NULL || cache_function(object) == NULL) {
        PyErr_Clear();
        Py_CLEAR(object);
    }
    return object;
}


int
member_caches_in(PyTypeObject *type)
{
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    int found = 0;
    while (PyDict_Next(type->tp_dict, &pos, &name, &value)) {
        if (PyFunction_Check(value)) {
            continue;
        }
        PyObject *function = memo_function(value);
        if (function != NULL) { /* it may compute something at once */
            code_info(PyFunction_GET_CODE(function))->memo = 1;
        }
        PyObject *cache = member_cache(value);
        found |= cache != NULL || function != NULL;
        Py_XDECREF(cache);
    }
    return found;
}


/* The next class that remembers something. New reference; NULL at the end. */
static PyTypeObject *
next_class(const Engine *engine, size_t *pos)
{
    const void *type;
    void *item;
    while (ptrmap_next(&engine->classes, pos, &type, &item)) {
        PyObject *held;
        if (((Made *)item)->remembers
            && PyWeakref_GetRef(((Made *)item)->ref, &held) > 0) {
            return (PyTypeObject *)held;
        }
    }
    return NULL;
}


/* ---- calls of caches ---------------------------------------------------- */

static ternaryfunc cache_call; /* functools', without us. Of the process. */


static PyObject *
our_cache_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    Engine *engine = hmr_engine;
    Frame *frame = engine != NULL && engine->tracing > 0 && rule(MEMBER_CACHES)
                       ? frame_current(engine)
                       : NULL;
    int fills = 0;
    if (frame != NULL) {
        /* Whose name stands in the code was read before: frame_read.c. */
        int first = frame_first(frame, self);
        if (first < 0 || (first > 0 && cache_read(frame, self) < 0)) {
            return NULL;
        }
        fills = fill_call(frame, self);
    }
    PyObject *result = fills < 0 ? NULL : cache_call(self, args, kwargs);
    if (result != NULL && fills > 0 && fill_called(frame, self) < 0) {
        Py_CLEAR(result);
    }
    return result;
}


void
member_caches_start(void)
{
    PyTypeObject *type = print_cache_type();
    if (cache_call == NULL && type != NULL) {
        cache_call = type->tp_call;
    }
    if (cache_call != NULL) {
        type->tp_call = our_cache_call;
    }
}


void
member_caches_stop(void)
{
    if (cache_call != NULL) {
        print_cache_type()->tp_call = cache_call;
    }
}


/* ---- cached properties -------------------------------------------------- */

/* Code of functions that compute cached properties is marked once the
 * transaction has put new code in place. */
static void
mark_memos(Engine *engine)
{
    size_t pos = 0;
    PyTypeObject *type;
    while ((type = next_class(engine, &pos)) != NULL) {
        (void)member_caches_in(type); /* it does */
        Py_DECREF(type);
    }
}


int
member_cache_computes(Engine *engine, CodeInfo *info)
{
    if (engine->computed == NULL) {
        engine->computed = PyList_New(0);
        if (engine->computed == NULL) {
            return -1;
        }
        mark_memos(engine);
    }
    PyFrameObject *now = info->memo ? PyEval_GetFrame() : NULL; /* borrowed */
    PyObject *names = now != NULL ? PyCode_GetVarnames(info->code) : NULL;
    PyObject *self = names != NULL && PyTuple_GET_SIZE(names) > 0
                         ? PyFrame_GetVar(now, PyTuple_GET_ITEM(names, 0))
                         : NULL;
    int result = self != NULL ? PyList_Append(engine->computed, self) : 0;
    Py_XDECREF(names);
    Py_XDECREF(self);
    if (result == 0) {
        PyErr_Clear(); /* it has no instance */
    }
    return result;
}


static int
was_computed(const Engine *engine, const PyObject *self)
{
    for (Py_ssize_t i = 0;
         engine->computed != NULL && i < PyList_GET_SIZE(engine->computed);
         i++) {
        if (PyList_GET_ITEM(engine->computed, i) == self) {
            return 1;
        }
    }
    return 0;
}


/* Take the value out of the instance. 0, or -1. */
static int
instance_forget(PyObject *self, PyObject *name)
{
    PyObject *dict = value_dict(self);
    int held = dict != NULL && PyDict_CheckExact(dict)
                   ? PyDict_Contains(dict, name)
                   : 0;
    int result = held > 0 ? PyDict_DelItem(dict, name) : held;
    Py_XDECREF(dict);
    return result;
}


int
member_cache_read(Frame *frame, PyObject *self, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject *member = _PyType_Lookup(type, name); /* borrowed */
    PyObject *function =
        member != NULL && !PyFunction_Check(member) && rule(MEMBER_CACHES)
            ? memo_function(member)
            : NULL;
    PyObject *dict = function != NULL ? value_dict(self) : NULL;
    int held = dict != NULL && PyDict_CheckExact(dict)
                   ? PyDict_Contains(dict, name)
                   : 0;
    Py_XDECREF(dict);
    if (held <= 0) {
        return held;
    }
    uint64_t state;
    if (cache_read_method(frame, type, function, &state) < 0) {
        return -1;
    }
    return state != 0 && hmr_engine->transaction
                   && !was_computed(hmr_engine, self)
               ? instance_forget(self, name)
               : 0;
}


/* A property that was computed from something that is another now. */
typedef struct {
    PyTypeObject *type; /* Owned. */
    PyObject *name;     /* Owned. */
} Stale;

typedef struct {
    Stale *stale;
    Py_ssize_t count, room;
    PyObject **found; /* Owned instances that may hold a value */
    Py_ssize_t found_count, found_room;
    PtrMap types; /* type -> itself if it has such a property, else this */
    int failed;
} Search;


static int
type_is_stale(Search *search, PyTypeObject *type)
{
    void *known = ptrmap_get(&search->types, type);
    if (known != NULL) {
        return known == type;
    }
    int stale = 0;
    for (Py_ssize_t i = 0; !stale && i < search->count; i++) {
        stale = PyType_IsSubtype(type, search->stale[i].type);
    }
    search->failed |=
        ptrmap_set(&search->types, type, stale ? (void *)type : search) < 0;
    return stale;
}


/* Called with the garbage collector at rest: nothing of Python's is made. */
static int
search_visit(PyObject *object, void *arg)
{
    Search *search = arg;
    if (search->failed || !type_is_stale(search, Py_TYPE(object))) {
        return !search->failed;
    }
    PyObject **found = array_reserve(search->found, search->found_count,
                                     &search->found_room, sizeof(*found), 64);
    if (found == NULL) {
        search->failed = 1;
        return 0;
    }
    search->found = found;
    found[search->found_count++] = Py_NewRef(object);
    return 1;
}


static int
search_forget(Search *search, const Engine *engine)
{
    PyUnstable_GC_VisitObjects(search_visit, search);
    if (search->failed) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < search->found_count; i++) {
        PyObject *self = search->found[i];
        for (Py_ssize_t k = 0; k < search->count && !was_computed(engine, self);
             k++) {
            const Stale *stale = &search->stale[k];
            if (PyObject_TypeCheck(self, stale->type)
                && instance_forget(self, stale->name) < 0) {
                return -1;
            }
        }
    }
    return 0;
}


static void
search_fini(Search *search)
{
    for (Py_ssize_t i = 0; i < search->count; i++) {
        Py_DECREF(search->stale[i].type);
        Py_DECREF(search->stale[i].name);
    }
    for (Py_ssize_t i = 0; i < search->found_count; i++) {
        Py_DECREF(search->found[i]);
    }
    PyMem_Free(search->stale);
    PyMem_Free(search->found);
    ptrmap_fini(&search->types);
}


static int
search_add(Search *search, PyTypeObject *type, PyObject *name)
{
    Stale *stale = array_reserve(search->stale, search->count, &search->room,
                                 sizeof(*stale), 4);
    if (stale == NULL) {
        return -1;
    }
    search->stale = stale;
    stale[search->count++] =
        (Stale){(PyTypeObject *)Py_NewRef(type), Py_NewRef(name)};
    return 0;
}


/* ---- the end of a transaction ------------------------------------------- */

static int
settle_member(Engine *engine, Search *search, PyTypeObject *type,
              PyObject *name, PyObject *member)
{
    PyObject *cache = member_cache(member);
    PyObject *function =
        cache != NULL ? cache_function(cache) : memo_function(member);
    uint64_t state = 0;
    int result =
        function != NULL ? cache_read_method(NULL, type, function, &state) : 0;
    if (result == 0 && state != 0) {
        result = cache != NULL ? cache_expire(engine, cache, state)
                               : search_add(search, type, name);
    }
    Py_XDECREF(cache);
    return result;
}


static int
settle_class(Engine *engine, Search *search, PyTypeObject *type)
{
    PyObject *members = PyDict_Copy(type->tp_dict);
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    int result = members != NULL ? 0 : -1;
    while (result == 0 && PyDict_Next(members, &pos, &name, &value)) {
        if (!PyFunction_Check(value)) {
            result = settle_member(engine, search, type, name, value);
        }
    }
    Py_XDECREF(members);
    return result;
}


int
member_caches_settle(Engine *engine)
{
    Search search = {0};
    size_t pos = 0;
    PyTypeObject *type;
    int result = 0;
    while (result == 0 && rule(MEMBER_CACHES)
           && (type = next_class(engine, &pos)) != NULL) {
        result = settle_class(engine, &search, type);
        Py_DECREF(type);
    }
    if (result == 0 && search.count > 0) {
        result = search_forget(&search, engine);
    }
    search_fini(&search);
    return result;
}
