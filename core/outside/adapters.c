/* Adapters: what statements put into libraries by calling them. */

#include "adapters.h"

#include "array.h"
#include "code.h"
#include "compat.h"
#include "journal.h"
#include "slots.h"
#include "value.h"


/* ---- the table ---------------------------------------------------------- */

static int
flag(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    int result = value != NULL ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return result;
}


int
adapters_add(Engine *engine, PyObject *object)
{
    PyObject *library = PyObject_GetAttrString(object, "library");
    int together = library != NULL ? flag(object, "together") : -1;
    int ordered = together >= 0 ? flag(object, "ordered") : -1;
    int lasting = ordered >= 0 ? flag(object, "lasting") : -1;
    int blind = lasting >= 0 ? flag(object, "blind") : -1;
    int always = blind >= 0 ? flag(object, "always") : -1;
    int used = always >= 0 ? flag(object, "used") : -1;
    if (used < 0) {
        Py_XDECREF(library);
        return -1;
    }
    Adapter *adapters =
        array_reserve(engine->adapters, engine->adapter_count,
                      &engine->adapter_room, sizeof(*adapters), 8);
    if (adapters == NULL) {
        Py_DECREF(library);
        return -1;
    }
    engine->adapters = adapters;
    engine->adapters[engine->adapter_count++] =
        (Adapter){.object = Py_NewRef(object),
                  .library = library,
                  .together = together,
                  .ordered = ordered,
                  .lasting = lasting,
                  .blind = blind,
                  .always = always,
                  .used = used};
    return 0;
}


static void
adapter_fini(Adapter *adapter, Engine *engine)
{
    for (Py_ssize_t i = 0; i < adapter->anchor_count; i++) {
        cell_unref(&adapter->anchors[i]->cell, engine);
    }
    PyMem_Free(adapter->anchors);
    Py_DECREF(adapter->object);
    Py_DECREF(adapter->library);
    Py_XDECREF(adapter->types);
    Py_XDECREF(adapter->known);
}


void
adapters_fini(Engine *engine)
{
    adapters_forget_left(engine);
    for (Py_ssize_t i = 0; i < engine->adapter_count; i++) {
        adapter_fini(&engine->adapters[i], engine);
    }
    PyMem_Free(engine->adapters);
    engine->adapters = NULL;
    engine->adapter_count = 0;
}


Adapter *
adapter_of(const Slot *slot)
{
    const Engine *engine = hmr_engine;
    for (Py_ssize_t i = 0; i < engine->adapter_count; i++) {
        if (engine->adapters[i].object == slot->owner) {
            return &engine->adapters[i];
        }
    }
    return NULL; /* it was given up */
}


/* An adapter that fails is no use: its statements are as without one. */
static void
adapter_give_up(Engine *engine, Adapter *adapter)
{
    PyErr_WriteUnraisable(adapter->object);
    Adapter gone = *adapter;
    *adapter = engine->adapters[--engine->adapter_count];
    adapter_fini(&gone, engine);
}


/* What a method without arguments gives: new reference, or NULL with an
 * exception set. */
static PyObject *
ask_tuple(const Adapter *adapter, const char *method)
{
    PyObject *answer = PyObject_CallMethod(adapter->object, method, NULL);
    if (answer != NULL && !PyTuple_Check(answer)) {
        PyErr_Format(PyExc_TypeError, "%s() has to return a tuple", method);
        Py_CLEAR(answer);
    }
    return answer;
}


/* Objects that are noted as read from the beginning on. 0 or -1. */
static int
adapter_add_anchors(Engine *engine, Adapter *adapter)
{
    PyObject *anchors = ask_tuple(adapter, "anchors");
    if (anchors == NULL) {
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(anchors); i++) {
        Group **groups =
            array_reserve(adapter->anchors, adapter->anchor_count,
                          &adapter->anchor_room, sizeof(*groups), 1);
        Group *group = groups != NULL
                           ? journal_group(engine, PyTuple_GET_ITEM(anchors, i))
                           : NULL;
        result = group != NULL ? 0 : -1;
        if (groups != NULL) {
            adapter->anchors = groups;
        }
        if (group != NULL) {
            adapter->anchors[adapter->anchor_count++] = group;
        }
    }
    Py_DECREF(anchors);
    return result;
}


/* Is the library there? Asks for its classes once. 1, 0, -1. */
static int
adapter_is_active(Engine *engine, Adapter *adapter)
{
    if (adapter->types != NULL) {
        return 1;
    }
    PyObject *module =
        PyDict_GetItemWithError(PyImport_GetModuleDict(), adapter->library);
    if (module == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *spec = PyObject_GetAttrString(module, "__spec__");
    PyObject *busy = spec != NULL && spec != Py_None
                         ? PyObject_GetAttrString(spec, "_initializing")
                         : NULL;
    int importing = busy == Py_True;
    Py_XDECREF(busy);
    Py_XDECREF(spec);
    PyErr_Clear(); /* a module without these is no import under way */
    if (importing) {
        return 0;
    }
    PyObject *types = ask_tuple(adapter, "types");
    if (types == NULL) {
        return -1;
    }
    adapter->types = types;
    return adapter_add_anchors(engine, adapter) < 0 ? -1 : 1;
}


int
adapters_own(const Engine *engine, PyObject *object)
{
    for (Py_ssize_t i = 0; i < engine->adapter_count; i++) {
        PyObject *types = engine->adapters[i].types;
        for (Py_ssize_t j = 0; types != NULL && j < PyTuple_GET_SIZE(types);
             j++) {
            PyObject *type = PyTuple_GET_ITEM(types, j);
            if (PyType_Check(type)
                && PyObject_TypeCheck(object, (PyTypeObject *)type)) {
                return 1;
            }
        }
    }
    return 0;
}


/* ---- looking ------------------------------------------------------------ */

/* What there is now: new reference; NULL without an exception when the library
 * is not there or has nothing to look at, or the adapter failed and was given
 * up (*given_up). */
static PyObject *
look(Engine *engine, Adapter *adapter, int *given_up)
{
    *given_up = 0;
    if (adapter->blind && adapter->types != NULL) {
        return NULL;
    }
    Frame *running = frame_swap(NULL); /* what an adapter reads, nobody does */
    int active = adapter_is_active(engine, adapter);
    int looks = active > 0 && !adapter->blind;
    PyObject *now =
        looks ? PyObject_CallMethodNoArgs(adapter->object, engine->name_look)
              : NULL;
    (void)frame_swap(running);
    if (active >= 0 && !looks) {
        return NULL;
    }
    if (now != NULL && !PyDict_CheckExact(now)) {
        PyErr_SetString(PyExc_TypeError, "look() has to return a dict");
        Py_CLEAR(now);
    }
    if (now == NULL) {
        adapter_give_up(engine, adapter);
        *given_up = 1;
    }
    return now;
}


int
adapters_refresh(Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->adapter_count;) {
        int given_up;
        PyObject *now = look(engine, &engine->adapters[i], &given_up);
        if (now != NULL) {
            Py_XSETREF(engine->adapters[i].known, now);
        }
        i += !given_up;
    }
    return slots_follow_adapters(engine);
}


int
adapter_look(const Slot *slot, PyObject **value)
{
    const Adapter *adapter = adapter_of(slot);
    *value = NULL;
    return adapter != NULL && adapter->known != NULL
               ? PyDict_GetItemRef(adapter->known, slot->key, value)
               : 0;
}


PyObject *
adapter_names(const Slot *slot)
{
    const Adapter *adapter = adapter_of(slot);
    PyObject *names =
        adapter != NULL
            ? PyObject_CallMethod(adapter->object, "names", "(O)", slot->key)
            : PyTuple_New(0);
    if (names != NULL && !PyTuple_CheckExact(names)) {
        PyErr_SetString(PyExc_TypeError, "names() has to return a tuple");
        Py_CLEAR(names);
    }
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(names, i))) {
            PyErr_SetString(PyExc_TypeError, "names() has to return strings");
            Py_CLEAR(names);
        }
    }
    return names;
}


int
adapter_put(const Slot *slot, PyObject *value)
{
    Adapter *adapter = adapter_of(slot);
    if (adapter == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "its adapter had failed");
        return -1;
    }
    Frame *running = frame_swap(NULL);
    PyObject *done =
        value != NULL
            ? PyObject_CallMethod(adapter->object, "put", "OO", slot->key,
                                  value)
            : PyObject_CallMethod(adapter->object, "remove", "(O)", slot->key);
    (void)frame_swap(running);
    if (done == NULL) {
        return -1;
    }
    Py_DECREF(done);
    if (adapter->known == NULL) {
        return 0;
    }
    PyObject *known = PyDict_Copy(adapter->known); /* it may show it again */
    if (known == NULL) {
        return -1;
    }
    Py_SETREF(adapter->known, known);
    if (value != NULL) {
        return PyDict_SetItem(adapter->known, slot->key, value);
    }
    int found = PyDict_Contains(adapter->known, slot->key);
    return found > 0 ? PyDict_DelItem(adapter->known, slot->key) : found;
}


/* ---- whose doing -------------------------------------------------------- */

/* Can an update be sure that a cold start would leave this there? */
static int
check_doubt(Engine *engine, const Adapter *adapter, const Slot *slot,
            PyObject *now)
{
    if (!engine->transaction) {
        return 0;
    }
    const Version *live =
        slot->cell.touched ? slot->cell.live : slot->cell.base;
    PyObject *before =
        live != NULL && live->value != NULL ? live->value : Py_None;
    PyObject *doubt =
        PyObject_CallMethod(adapter->object, "doubt", "OOO", slot->key, before,
                            now != NULL ? now : Py_None);
    if (doubt != NULL && doubt != Py_None) {
        engine_need_restart(engine, "%S", doubt);
    }
    Py_XDECREF(doubt);
    return doubt != NULL ? 0 : -1;
}


/* The place holds something else since the statement began. */
static int
store(Frame *frame, const Adapter *adapter, PyObject *place, PyObject *before,
      PyObject *after)
{
    Engine *engine = hmr_engine;
    if (adapter->lasting && frame->number != 0) {
        return 0; /* a lifespan ends what it started by itself */
    }
    if (frame->within_library
        || frame->statement->syntax.kind == STATEMENT_IMPORT) {
        Slot *there = slot_find(engine, adapter->object, place);
        return there != NULL      ? slot_grow_base(there, after, engine)
               : PyErr_Occurred() ? -1
                                  : 0;
    }
    Slot *slot =
        slot_get_from(engine, SLOT_ADAPTED, adapter->object, place, before);
    if (slot == NULL) {
        return -1;
    }
    int result = check_doubt(engine, adapter, slot, after);
    if (result == 0) {
        result = journal_store(frame, slot, after);
    }
    PyObject *owner = result == 0 ? PyObject_CallMethod(adapter->object,
                                                        "owner", "(O)", place)
                                  : NULL;
    if (owner == NULL) {
        result = -1;
    }
    else if (owner != Py_None) {
        result = journal_shape_alone(frame, owner);
    }
    Py_XDECREF(owner);
    slot->moved = 1;
    cell_unref(&slot->cell, engine); /* the trace holds it */
    return result;
}


/* Do both looks show the same objects, in the same order? Most do: there is one
 * after each statement. */
static int
shows_same(PyObject *before, PyObject *now)
{
    Py_ssize_t i = 0, j = 0;
    PyObject *place, *value, *old_place, *old;
    if (before == now) {
        return 1;
    }
    if (PyDict_GET_SIZE(before) != PyDict_GET_SIZE(now)) {
        return 0;
    }
    while (PyDict_Next(now, &i, &place, &value)
           && PyDict_Next(before, &j, &old_place, &old)) {
        if (place != old_place || value != old) {
            return 0;
        }
    }
    return 1;
}


static int
judge(Frame *frame, const Adapter *adapter, PyObject *before, PyObject *now)
{
    Py_ssize_t pos = 0;
    PyObject *place, *value;
    if (shows_same(before, now)) {
        return 0;
    }
    while (PyDict_Next(now, &pos, &place, &value)) {
        PyObject *old = PyDict_GetItemWithError(before, place);
        if ((old == NULL && PyErr_Occurred())
            || ((old == NULL || !value_equal(old, value))
                && store(frame, adapter, place, old, value) < 0)) {
            return -1;
        }
    }
    pos = 0;
    while (PyDict_Next(before, &pos, &place, &value)) {
        int still = PyDict_Contains(now, place);
        if (still < 0
            || (!still && store(frame, adapter, place, value, NULL) < 0)) {
            return -1;
        }
    }
    return 0;
}


/* A plain `def`, a constant: what names nothing that is there, and calls
 * nothing, reaches no library. */
static int
is_passive(const Statement *statement)
{
    const CodeInfo *info =
        statement->code != NULL ? code_info(statement->code) : NULL;
    return info != NULL && info->scanned && info->name_count == 0
           && !info->calls && PyTuple_GET_SIZE(info->deletes) == 0;
}


int
adapters_judge(Frame *frame)
{
    Engine *engine = hmr_engine;
    int passive = frame->idle || is_passive(frame->statement);
    for (Py_ssize_t i = 0; i < engine->adapter_count;) {
        int given_up;
        if (passive && !engine->adapters[i].always) {
            i++;
            continue;
        }
        PyObject *now = look(engine, &engine->adapters[i], &given_up);
        if (now == NULL) {
            i += !given_up;
            continue;
        }
        PyObject *before = engine->adapters[i].known;
        engine->adapters[i].known = now;
        int result = before != NULL
                         ? judge(frame, &engine->adapters[i], before, now)
                         : 0; /* the statement imported the library */
        Py_XDECREF(before);
        if (result < 0) {
            return -1;
        }
        i++;
    }
    return 0;
}


PyObject *
engine_adapt(PyObject *self, PyObject *adapter)
{
    return adapters_add((Engine *)self, adapter) < 0 ? NULL
                                                     : Py_NewRef(Py_None);
}
