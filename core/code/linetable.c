/* Location tables of code objects. */

#include "linetable.h"

#include <string.h>

/* Forms of an entry: bits 3-6 of its first byte. */
enum {
    FORM_SHORT_LAST = 9, /* same line; columns in form and second byte */
    FORM_ONE_LINE = 10,  /* 10, 11, 12: line delta 0, 1, 2; two column bytes */
    FORM_NO_COLUMNS = 13,
    FORM_LONG = 14,
    FORM_NONE = 15,
};

typedef struct {
    int form, units; /* units: code units covered, 1 to 8 */
    int line_delta, end_delta;
    unsigned int column, end_column; /* one-based; 0: none */
    Py_ssize_t size;                 /* bytes of the entry */
} Entry;


/* Numbers are little-endian groups of six bits; bit 6: more follow. */
static unsigned int
read_varint(const unsigned char *data, Py_ssize_t *at)
{
    unsigned int value = 0;
    int shift = 0;
    unsigned char byte;
    do {
        byte = data[(*at)++];
        value |= (unsigned int)(byte & 63) << shift;
        shift += 6;
    } while (byte & 64);
    return value;
}


static int
read_signed(const unsigned char *data, Py_ssize_t *at)
{
    unsigned int value = read_varint(data, at);
    return value & 1 ? -(int)(value >> 1) : (int)(value >> 1);
}


static Entry
entry_read(const unsigned char *data, Py_ssize_t start)
{
    Py_ssize_t at = start;
    unsigned char first = data[at++];
    Entry entry = {.form = (first >> 3) & 15, .units = (first & 7) + 1};
    if (entry.form <= FORM_SHORT_LAST) {
        unsigned char second = data[at++];
        entry.column = ((unsigned int)entry.form << 3 | second >> 4) + 1;
        entry.end_column = entry.column + (second & 15);
    }
    else if (entry.form < FORM_NO_COLUMNS) {
        entry.line_delta = entry.form - FORM_ONE_LINE;
        entry.column = data[at++] + 1u;
        entry.end_column = data[at++] + 1u;
    }
    else if (entry.form == FORM_NO_COLUMNS) {
        entry.line_delta = read_signed(data, &at);
    }
    else if (entry.form == FORM_LONG) {
        entry.line_delta = read_signed(data, &at);
        entry.end_delta = (int)read_varint(data, &at);
        entry.column = read_varint(data, &at);
        entry.end_column = read_varint(data, &at);
    }
    entry.size = at - start;
    return entry;
}


static Py_ssize_t
write_varint(unsigned char *data, Py_ssize_t at, unsigned int value)
{
    while (value >= 64) {
        data[at++] = 64 | (value & 63);
        value >>= 6;
    }
    data[at++] = (unsigned char)value;
    return at;
}


/* In the long form, or the one without columns. */
static Py_ssize_t
entry_write(unsigned char *data, const Entry *entry)
{
    int form = entry->form == FORM_NO_COLUMNS ? FORM_NO_COLUMNS : FORM_LONG;
    Py_ssize_t at = 0;
    data[at++] = (unsigned char)(0x80 | form << 3 | (entry->units - 1));
    int delta = entry->line_delta;
    at = write_varint(data, at,
                      delta < 0 ? (unsigned int)-delta << 1 | 1
                                : (unsigned int)delta << 1);
    if (form == FORM_LONG) {
        at = write_varint(data, at, (unsigned int)entry->end_delta);
        at = write_varint(data, at, entry->column);
        at = write_varint(data, at, entry->end_column);
    }
    return at;
}


PyObject *
linetable_shift(PyObject *table, int delta)
{
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(table);
    Py_ssize_t size = PyBytes_GET_SIZE(table);
    Py_ssize_t at = 0;
    for (int first = 1; at < size; first = 0) {
        Entry entry = entry_read(data, at);
        if (first || entry.form == FORM_NONE) {
            at += entry.size; /* the entry instruction; code without lines */
            continue;
        }
        unsigned char written[32];
        entry.line_delta += delta;
        Py_ssize_t length = entry_write(written, &entry);
        PyObject *copy =
            PyBytes_FromStringAndSize(NULL, size - entry.size + length);
        if (copy != NULL) {
            char *out = PyBytes_AS_STRING(copy);
            memcpy(out, data, (size_t)at);
            memcpy(out + at, written, (size_t)length);
            memcpy(out + at + length, data + at + entry.size,
                   (size_t)(size - at - entry.size));
        }
        return copy;
    }
    return Py_NewRef(table);
}
