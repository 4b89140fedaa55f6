/* The instructions of code objects, as the running Python numbers them. GIL
 * held. */

#ifndef HMR_CORE_INSTRUCTIONS_H
#define HMR_CORE_INSTRUCTIONS_H

#include <Python.h>

/* Opcode numbers of the running Python, from its opcode module. */
typedef struct {
    int call_intrinsic_1, import_name;
    int load_name, load_global, load_from_dict, load_attr, store_attr,
        load_const;
    int call, pop_top, load_small_int, push_null, store_name, store_global,
        extended_arg;
    int delete_name, delete_global, load_super_attr;
    unsigned char calls[256];  /* 1: a call */
    unsigned char stores[256]; /* 1: stores something, or deletes it */
    unsigned char caches[256];
    unsigned char constant[256]; /* 1: the argument indexes co_consts */
    unsigned char named[256];    /* 1 + the shift of an argument that indexes
                                 co_names; 0: it does not */
} Opcodes;

/* 0, or -1 with an exception set. */
int opcodes_init(Opcodes *opcodes);

/* Walks the instructions of a code object. */
typedef struct {
    const Opcodes *opcodes;
    const unsigned char *bytes; /* Borrowed. */
    Py_ssize_t size, at;
    int op;
    unsigned int arg;
} Instructions;

/* Begin; `bytes` is PyCode_GetCode()'s, and outlives the walk. */
Instructions instructions_of(PyObject *bytes);

/* Step to the next instruction; 0 at the end. */
int instructions_next(Instructions *in);

#endif
