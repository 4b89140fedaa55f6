/* How to go back over an applied revision: function code and names. */

#include "array.h"
#include "undo.h"

#include "class_enum.h"
#include "class_member.h"
#include "compat.h"
#include "docstring.h"
#include "frame.h"
#include "namespace.h"
#include "slots.h"


Undo *
undo_new(void)
{
    Undo *undo = PyMem_Calloc(1, sizeof(*undo));
    if (undo == NULL) {
        PyErr_NoMemory();
    }
    return undo;
}


void
undo_free(Undo *undo, Engine *engine)
{
    if (undo == NULL) {
        return;
    }
    for (Py_ssize_t i = 0; i < undo->code_count; i++) {
        Py_DECREF(undo->codes[i].function);
        Py_DECREF(undo->codes[i].old_code);
        Py_DECREF(undo->codes[i].new_code);
        Py_XDECREF(undo->codes[i].old_doc);
        Py_XDECREF(undo->codes[i].new_doc);
    }
    for (Py_ssize_t i = 0; i < undo->name_count; i++) {
        if (undo->revision != 0) { /* it was applied */
            cell_release_superseded(undo->names[i].cell, undo->names[i].old,
                                    engine);
        }
        version_unref(undo->names[i].old);
        version_unref(undo->names[i].new);
        cell_unref(undo->names[i].cell, engine);
    }
    for (Py_ssize_t i = 0; i < undo->class_count; i++) {
        Py_DECREF(undo->classes[i].type);
        Py_DECREF(undo->classes[i].old);
        Py_DECREF(undo->classes[i].new);
    }
    for (Py_ssize_t i = 0; i < undo->member_count; i++) {
        Py_DECREF(undo->members[i].member);
        Py_DECREF(undo->members[i].old);
        Py_DECREF(undo->members[i].new);
        Py_DECREF(undo->members[i].before);
        Py_DECREF(undo->members[i].then);
    }
    for (Py_ssize_t i = 0; i < undo->source_count; i++) {
        Py_DECREF(undo->sources[i].path);
        Py_DECREF(undo->sources[i].source);
    }
    PyMem_Free(undo->sources);
    PyMem_Free(undo->members);
    PyMem_Free(undo->classes);
    PyMem_Free(undo->codes);
    PyMem_Free(undo->names);
    PyMem_Free(undo);
}


/* Put the function's old or new code in place. */
static int
put_code(const UndoCode *item, int back)
{
    PyObject *doc = back ? item->old_doc : item->new_doc;
    return PyObject_SetAttrString(item->function, "__code__",
                                  back ? item->old_code : item->new_code)
                       < 0
                   || (doc != NULL
                       && PyObject_SetAttrString(item->function, "__doc__", doc)
                              < 0)
               ? -1
               : 0;
}


int
undo_patch(Undo *undo, PyObject *function, PyObject *old_code,
           PyObject *new_code)
{
    UndoCode *codes = array_reserve(undo->codes, undo->code_count,
                                    &undo->code_room, sizeof(*codes), 4);
    if (codes == NULL) {
        return -1;
    }
    undo->codes = codes;
    PyObject *doc = docstring_next(function, old_code, new_code);
    UndoCode *item = &undo->codes[undo->code_count++];
    *item = (UndoCode){
        .function = Py_NewRef(function),
        .old_code = Py_NewRef(old_code),
        .new_code = Py_NewRef(new_code),
        .old_doc = doc != NULL
                       ? Py_NewRef(docstring_of((PyCodeObject *)old_code))
                       : NULL,
        .new_doc = Py_XNewRef(doc),
    };
    return put_code(item, 0);
}


int
undo_add_class(Undo *undo, PyObject *type, PyObject *members)
{
    UndoClass *classes = array_reserve(undo->classes, undo->class_count,
                                       &undo->class_room, sizeof(*classes), 4);
    if (classes == NULL) {
        return -1;
    }
    undo->classes = classes;
    PyObject *before = PyDict_Copy(((PyTypeObject *)type)->tp_dict);
    PyObject *after = PyDict_Copy(members);
    if (before == NULL || after == NULL) {
        Py_XDECREF(before);
        Py_XDECREF(after);
        return -1;
    }
    undo->classes[undo->class_count++] = (UndoClass){
        .type = Py_NewRef(type),
        .old = before,
        .new = after,
        .maker = class_made_by(hmr_engine, type),
    };
    return 0;
}


int
undo_add_member(Undo *undo, PyObject *member, PyObject *type,
                PyObject *attributes)
{
    UndoMember *members =
        array_reserve(undo->members, undo->member_count, &undo->member_room,
                      sizeof(*members), 4);
    if (members == NULL) {
        return -1;
    }
    undo->members = members;
    PyObject *dict = PyObject_GenericGetDict(member, NULL);
    PyObject *before = dict != NULL ? PyDict_Copy(dict) : NULL;
    Py_XDECREF(dict);
    if (before == NULL) {
        return -1;
    }
    undo->members[undo->member_count++] = (UndoMember){
        .member = Py_NewRef(member),
        .old = Py_NewRef((PyObject *)Py_TYPE(member)),
        .new = Py_NewRef(type),
        .before = before,
        .then = Py_NewRef(attributes),
    };
    return 0;
}


int
undo_has_member(const Undo *undo, const PyObject *object)
{
    for (Py_ssize_t i = 0; undo != NULL && i < undo->member_count; i++) {
        if (undo->members[i].member == object) {
            return 1;
        }
    }
    return 0;
}


int
undo_add_name(Undo *undo, Cell *cell, Version *old, Version *new)
{
    UndoName *names = array_reserve(undo->names, undo->name_count,
                                    &undo->name_room, sizeof(*names), 16);
    if (names == NULL) {
        return -1;
    }
    undo->names = names;
    undo->names[undo->name_count++] = (UndoName){
        .cell = cell_ref(cell),
        .old = version_ref(old),
        .new = version_ref(new),
    };
    return 0;
}


int
undo_note_names(Undo *undo, Engine *engine)
{
    for (Cell *cell = engine->touched; cell != NULL;
         cell = cell->touched_next) {
        Version *now = cell_now(cell, engine);
        Version *old = cell->live;
        if ((cell->kind == CELL_BINDING || cell->kind == CELL_SLOT)
            && now != old && undo_add_name(undo, cell, old, now) < 0) {
            return -1;
        }
    }
    return 0;
}


int
undo_note_sources(Undo *undo, Engine *engine)
{
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        if (!module->edited) {
            continue;
        }
        UndoSource *sources =
            array_reserve(undo->sources, undo->source_count, &undo->source_room,
                          sizeof(*sources), 2);
        if (sources == NULL) {
            return -1;
        }
        undo->sources = sources;
        undo->sources[undo->source_count++] = (UndoSource){
            .path = Py_NewRef(module->path),
            .source = Py_NewRef(module->old_source),
        };
    }
    return 0;
}


void
undo_restore_code(Undo *undo)
{
    for (Py_ssize_t i = undo->code_count; i-- > 0;) {
        if (put_code(&undo->codes[i], 1) < 0) {
            PyErr_WriteUnraisable(undo->codes[i].function);
        }
    }
}


void
undo_restore_classes(Undo *undo, Engine *engine)
{
    for (Py_ssize_t i = undo->class_count; i-- > 0;) {
        const UndoClass *item = &undo->classes[i];
        if (class_put_members(item->type, item->old) < 0) {
            PyErr_WriteUnraisable(item->type);
        }
        class_made_restore(engine, item->type, &item->maker);
    }
    for (Py_ssize_t i = undo->member_count; i-- > 0;) {
        const UndoMember *item = &undo->members[i];
        if (class_enum_put(item->member, item->old, item->before) < 0) {
            PyErr_WriteUnraisable(item->member);
        }
    }
}


static int
undo_put(Cell *cell, Version *version, Engine *engine)
{
    if (cell->kind == CELL_SLOT) {
        return slot_put((Slot *)cell, version, engine);
    }
    Binding *binding = (Binding *)cell;
    return binding->module->ns != NULL ? binding_sync(binding, version) : 0;
}


int
undo_hides(const Undo *undo, const Module *module)
{
    return undo != NULL && undo->swapped && module->born == undo->revision;
}


/* Modules that the revision imported first are not in the old world. */
static int
undo_put_modules(const Undo *undo, Engine *engine, int back)
{
    PyObject *loaded = PyImport_GetModuleDict(); /* borrowed */
    for (Py_ssize_t i = 0; i < engine->module_count; i++) {
        const Module *module = engine->order[i];
        if (module->born != undo->revision) {
            continue;
        }
        PyObject *there = PyDict_GetItemWithError(loaded, module->name);
        if (PyErr_Occurred()
            || (back && there == module->module
                && PyDict_DelItem(loaded, module->name) < 0)
            || (!back && there == NULL
                && PyDict_SetItem(loaded, module->name, module->module) < 0)) {
            return -1;
        }
    }
    return 0;
}


/* Names that came and went stand in cold order again. */
static int
undo_order_names(const Undo *undo)
{
    const Module *done = NULL;
    for (Py_ssize_t i = 0; i < undo->name_count; i++) {
        const Cell *cell = undo->names[i].cell;
        Module *module =
            cell->kind == CELL_BINDING ? ((const Binding *)cell)->module : NULL;
        if (module != NULL && module != done && module->ns != NULL
            && namespace_settle(module) < 0) {
            return -1;
        }
        done = module;
    }
    return 0;
}


int
undo_swap(Undo *undo, Engine *engine, int back)
{
    if (undo->swapped == back) {
        return 0;
    }
    undo->swapped = back;
    if (undo_put_modules(undo, engine, back) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < undo->code_count; i++) {
        if (put_code(&undo->codes[i], back) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < undo->class_count; i++) {
        const UndoClass *item =
            &undo->classes[back ? undo->class_count - 1 - i : i];
        if (class_put_members(item->type, back ? item->old : item->new) < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < undo->member_count; i++) {
        const UndoMember *item =
            &undo->members[back ? undo->member_count - 1 - i : i];
        if (class_enum_put(item->member, back ? item->old : item->new,
                           back ? item->before : item->then)
            < 0) {
            return -1;
        }
    }
    for (Py_ssize_t i = 0; i < undo->name_count; i++) {
        const UndoName *item = &undo->names[i];
        if (undo_put(item->cell, back ? item->old : item->new, engine) < 0) {
            return -1;
        }
    }
    return back ? 0 : undo_order_names(undo);
}
