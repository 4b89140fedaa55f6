/* Source text to statements. */

#include "split.h"

#include "compat.h"

#include <string.h>


static PyObject *
compile_call(Engine *engine, PyObject *source, PyObject *path, int flags)
{
    return PyObject_CallFunction(engine->compile, "OOsii", source, path, "exec",
                                 flags, 1 /* dont_inherit */);
}


/* The compiler flag of one `from __future__ import name`. */
static int
future_flag(PyObject *name)
{
    PyObject *module = PyImport_ImportModule("__future__");
    PyObject *feature = module != NULL ? PyObject_GetAttr(module, name) : NULL;
    PyObject *flag = feature != NULL
                         ? PyObject_GetAttrString(feature, "compiler_flag")
                         : NULL;
    int bits = flag != NULL ? (int)PyLong_AsLong(flag) : 0;
    Py_XDECREF(module);
    Py_XDECREF(feature);
    Py_XDECREF(flag);
    PyErr_Clear(); /* an unknown feature is a SyntaxError when compiled */
    return bits;
}


static int
statement_future_flags(const Statement *statement)
{
    int flags = 0;
    PyObject *imports = statement->syntax.imports;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(imports); i++) {
        PyObject *item = PyTuple_GET_ITEM(imports, i);
        PyObject *name = PyTuple_GET_ITEM(item, 1);
        if (!PyUnicode_Check(name)
            || PyUnicode_CompareWithASCIIString(name, "__future__") != 0) {
            continue;
        }
        PyObject *features = PyTuple_GET_ITEM(item, 2);
        for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(features); j++) {
            flags |= future_flag(PyTuple_GET_ITEM(features, j));
        }
    }
    return flags;
}


PyObject *
source_text_lines(PyObject *source)
{
    PyObject *text = PyUnicode_DecodeUTF8(PyBytes_AS_STRING(source),
                                          PyBytes_GET_SIZE(source), "replace");
    PyObject *lines = text != NULL ? PyUnicode_Splitlines(text, 0) : NULL;
    Py_XDECREF(text);
    return lines;
}


/* The compiler calls `m.f()` in another way when it knows m to be imported. A
 * statement compiled alone does not see the file's imports; so each is compiled
 * in front of `if 0: import a, b`, which leaves no code. */
static int
split_collect_imports(Split *split, Module *module)
{
    Engine *engine = module->engine;
    PyObject *names = PyList_New(0);
    int result = names != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(split->nodes);
         i++) {
        result = syntax_imported_names(engine->syntax_types,
                                       PyList_GET_ITEM(split->nodes, i), names);
    }
    if (result < 0 || PyList_GET_SIZE(names) == 0) {
        Py_XDECREF(names);
        return result;
    }
    PyObject *comma = PyUnicode_FromString(",");
    PyObject *joined = comma != NULL ? PyUnicode_Join(comma, names) : NULL;
    PyObject *text =
        joined != NULL ? PyUnicode_FromFormat("if 0: import %U", joined) : NULL;
    PyObject *tree =
        text != NULL ? compile_call(engine, text, module->path, PyCF_ONLY_AST)
                     : NULL;
    PyObject *body = tree != NULL ? PyObject_GetAttrString(tree, "body") : NULL;
    if (body != NULL) {
        split->imports = Py_NewRef(PyList_GET_ITEM(body, 0));
    }
    Py_XDECREF(names);
    Py_XDECREF(comma);
    Py_XDECREF(joined);
    Py_XDECREF(text);
    Py_XDECREF(tree);
    Py_XDECREF(body);
    return split->imports != NULL ? 0 : -1;
}


/* A __future__ import below other statements is an error of the whole file; let
 * the compiler say so. */
static int
split_check_futures(Split *split, Module *module, PyObject *source)
{
    int body = 0;
    for (Py_ssize_t i = 0; i < split->count; i++) {
        const Statement *statement = split->statements[i];
        if (statement_future_flags(statement) == 0) {
            body |= statement->syntax.kind != STATEMENT_STRING || i > 0;
            continue;
        }
        if (body) {
            PyObject *code =
                compile_call(module->engine, source, module->path, 0);
            Py_XDECREF(code);
            return code != NULL ? 0 : -1;
        }
    }
    return 0;
}


int
split_source(Split *split, Module *module, PyObject *source)
{
    Engine *engine = module->engine;
    *split = (Split){0};
    PyObject *body = NULL;
    PyObject *tree = compile_call(engine, source, module->path, PyCF_ONLY_AST);
    if (tree == NULL) {
        return -1;
    }
    body = PyObject_GetAttrString(tree, "body");
    Py_DECREF(tree);
    split->nodes = body;
    split->lines = source_text_lines(source);
    if (body == NULL || split->lines == NULL) {
        goto error;
    }
    Py_ssize_t count = PyList_GET_SIZE(body);
    split->statements =
        PyMem_Calloc((size_t)count + 1, sizeof(*split->statements));
    if (split->statements == NULL) {
        PyErr_NoMemory();
        goto error;
    }
    for (; split->count < count; split->count++) {
        Statement *statement = statement_new(module);
        split->statements[split->count] = statement;
        if (statement == NULL
            || syntax_init(&statement->syntax, engine->syntax_types,
                           PyList_GET_ITEM(body, split->count), split->lines)
                   < 0) {
            split->count += statement != NULL;
            goto error;
        }
        split->future_flags |= statement_future_flags(statement);
        if (split->count == 0 && statement->syntax.kind == STATEMENT_STRING) {
            statement->syntax.key.words[0] ^= 1; /* a docstring is another
                                                    thing than a string */
        }
    }
    if (split_collect_imports(split, module) < 0
        || (split->future_flags != 0
            && split_check_futures(split, module, source) < 0)) {
        goto error;
    }
    return 0;

error:
    split_fini(split, engine);
    return -1;
}


void
split_fini(Split *split, Engine *engine)
{
    for (Py_ssize_t i = 0; i < split->count; i++) {
        statement_free(split->statements[i], engine);
    }
    PyMem_Free(split->statements);
    Py_XDECREF(split->nodes);
    Py_XDECREF(split->lines);
    Py_XDECREF(split->imports);
    *split = (Split){0};
}


/* The stub takes the statement's last line: no line of its own shows up in
 * traces and coverage. */
static int
stub_place(PyObject *stub, PyObject *node)
{
    static const char *const names[] = {"lineno", "end_lineno"};
    PyObject *line = PyObject_GetAttrString(node, "end_lineno");
    PyObject *body = PyObject_GetAttrString(stub, "body");
    PyObject *test = PyObject_GetAttrString(stub, "test");
    PyObject *aliases =
        body != NULL ? PyObject_GetAttrString(PyList_GET_ITEM(body, 0), "names")
                     : NULL;
    int result = line != NULL && test != NULL && aliases != NULL ? 0 : -1;
    for (size_t i = 0; result == 0 && i < Py_ARRAY_LENGTH(names); i++) {
        if (PyObject_SetAttrString(stub, names[i], line) < 0
            || PyObject_SetAttrString(test, names[i], line) < 0
            || PyObject_SetAttrString(PyList_GET_ITEM(body, 0), names[i], line)
                   < 0) {
            result = -1;
        }
        for (Py_ssize_t j = 0; result == 0 && j < PyList_GET_SIZE(aliases);
             j++) {
            result = PyObject_SetAttrString(PyList_GET_ITEM(aliases, j),
                                            names[i], line);
        }
    }
    Py_XDECREF(line);
    Py_XDECREF(body);
    Py_XDECREF(test);
    Py_XDECREF(aliases);
    return result;
}


int
split_compile(Split *split, Module *module, Py_ssize_t i)
{
    Engine *engine = module->engine;
    Statement *statement = split->statements[i];
    if (statement->syntax.kind == STATEMENT_STRING && i > 0) {
        return 0; /* compiled alone it would set __doc__ */
    }
    PyObject *node = PyList_GET_ITEM(split->nodes, i);
    int alone = split->imports == NULL
                || statement->syntax.kind == STATEMENT_STRING
                || statement->syntax.kind == STATEMENT_IMPORT;
    if (!alone && stub_place(split->imports, node) < 0) {
        return -1;
    }
    PyObject *tree =
        alone ? PyObject_CallFunction(engine->ast_module, "[O][]", node)
              : PyObject_CallFunction(engine->ast_module, "[OO][]", node,
                                      split->imports);
    if (tree == NULL) {
        return -1;
    }
    statement->code =
        compile_call(engine, tree, module->path, split->future_flags);
    Py_DECREF(tree);
    if (statement->code == NULL) {
        return -1;
    }
    return code_tree_attach(statement->code, statement);
}
