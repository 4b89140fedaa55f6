/* Instances of classes that were made anew. */

#include "class_adopt.h"

#include "array.h"
#include "class_enum.h"
#include "compat.h"
#include "ptrmap.h"
#include "value.h"


/* ---- which classes ------------------------------------------------------ */

/* Has `fresh` taken the place of the class? Members of enums are another
 * matter (class_enum.h), and classes of classes are not touched. */
static int
classes_match(const Engine *engine, PyObject *old, PyObject *fresh)
{
    return old != fresh && PyType_Check(old) && PyType_Check(fresh)
           && PyType_HasFeature((PyTypeObject *)old, Py_TPFLAGS_HEAPTYPE)
           && PyType_HasFeature((PyTypeObject *)fresh, Py_TPFLAGS_HEAPTYPE)
           && class_made_is_retired(engine, old)
           && !class_made_is_retired(engine, fresh)
           && PyUnicode_Compare(((PyHeapTypeObject *)old)->ht_qualname,
                                ((PyHeapTypeObject *)fresh)->ht_qualname)
                  == 0
           && !PyType_IsSubtype((PyTypeObject *)old, &PyType_Type)
           && !class_enum_is(old);
}


/* The class and those in its body: old -> new. Both live as long as `undo`. 0,
 * or -1 when memory is short. */
static int
classes_add(const Engine *engine, PyObject *old, PyObject *fresh,
            PtrMap *classes)
{
    if (!classes_match(engine, old, fresh)
        || ptrmap_get(classes, old) != NULL) {
        return 0;
    }
    if (ptrmap_set(classes, old, fresh) < 0) {
        return -1;
    }
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    while (PyDict_Next(((PyTypeObject *)old)->tp_dict, &pos, &name, &value)) {
        PyObject *other = PyType_Check(value) ? PyDict_GetItemWithError(
                              ((PyTypeObject *)fresh)->tp_dict, name)
                                              : NULL;
        if (other != NULL && classes_add(engine, value, other, classes) < 0) {
            return -1;
        }
    }
    return PyErr_Occurred() ? -1 : 0;
}


/* ---- which objects ------------------------------------------------------ */

typedef struct {
    PtrMap classes;     /* old -> new */
    PyObject **objects; /* Owned array of owned references. */
    Py_ssize_t count, room;
    int failed;
} Search;


/* 1: go on; nothing may be made that the garbage collector knows. */
static int
search_visit(PyObject *object, void *arg)
{
    Search *search = arg;
    if (!PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE)
        || ptrmap_get(&search->classes, Py_TYPE(object)) == NULL) {
        return 1;
    }
    PyObject **grown = array_grow(search->objects, search->count, &search->room,
                                  sizeof(*grown), 16);
    if (grown == NULL) {
        search->failed = 1;
        return 0;
    }
    search->objects = grown;
    search->objects[search->count++] = Py_NewRef(object);
    return 1;
}


/* A visitproc: 1 when it is the one. */
static int
visit_is(PyObject *object, void *sought)
{
    return object == sought;
}


/* Does an instance of another class refer to this one: itself, or in its
 * attributes? */
static int
instance_holds(PyObject *object, PyObject *type)
{
    PyTypeObject *own = Py_TYPE(object);
    if ((PyObject *)own == type || own->tp_traverse == NULL
        || !PyType_HasFeature(own, Py_TPFLAGS_HEAPTYPE) || PyType_Check(object)
        || !PyObject_IS_GC(object)) {
        return 0;
    }
    PyObject *dict = value_dict(object);
    int holds =
        own->tp_traverse(object, visit_is, type)
        || (dict != NULL && PyDict_Type.tp_traverse(dict, visit_is, type));
    Py_XDECREF(dict);
    return holds;
}


/* Does the object carry something of a library that knows its class? It would
 * be another than that of the object (SQLAlchemy's `_sa_instance_state`). */
static int
object_is_tied(PyObject *object)
{
    PyObject *type = (PyObject *)Py_TYPE(object);
    PyObject *dict = value_dict(object);
    Py_ssize_t pos = 0;
    PyObject *name, *value;
    int tied = 0;
    while (dict != NULL && !tied && PyDict_Next(dict, &pos, &name, &value)) {
        tied = instance_holds(value, type);
    }
    Py_XDECREF(dict);
    return tied;
}


/* object.__class__ = fresh, whatever the class has of that name. */
static int
object_set_class(PyObject *object, PyObject *fresh)
{
    PyObject *dict = PyType_GetDict(&PyBaseObject_Type);
    PyObject *slot = dict != NULL ? dict_peek(dict, "__class__") : NULL;
    Py_XDECREF(dict);
    if (slot == NULL || Py_TYPE(slot)->tp_descr_set == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "hmr-serve: no object.__class__");
        return -1;
    }
    if (Py_TYPE(slot)->tp_descr_set(slot, object, fresh) == 0) {
        return 0;
    }
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) {
        return -1;
    }
    PyErr_Clear(); /* another layout: it stays what it was */
    return 0;
}


int
class_adopt_instances(const Undo *undo, const Engine *engine)
{
    Search search = {0};
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < undo->name_count; i++) {
        const UndoName *item = &undo->names[i];
        if (item->cell->kind == CELL_BINDING && item->old != NULL
            && item->new != NULL && item->old->value != NULL
            && item->new->value != NULL) {
            result = classes_add(engine, item->old->value, item->new->value,
                                 &search.classes);
        }
    }
    if (result == 0 && search.classes.live > 0) {
        PyUnstable_GC_VisitObjects(search_visit, &search);
    }
    if ((result < 0 || search.failed) && !PyErr_Occurred()) {
        PyErr_NoMemory();
        result = -1;
    }
    for (Py_ssize_t i = 0; i < search.count; i++) {
        PyObject *object = search.objects[i];
        if (result == 0 && !object_is_tied(object)) {
            result = object_set_class(
                object, ptrmap_get(&search.classes, Py_TYPE(object)));
        }
        Py_DECREF(object);
    }
    PyMem_Free(search.objects);
    ptrmap_fini(&search.classes);
    return result;
}
