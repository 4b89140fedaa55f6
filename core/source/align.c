/* Which statement of an edited source is which of the old one. */

#include "align.h"

#define TABLE_LIMIT 4000000 /* cells of the table for what was edited */


static int
statements_equal(const Statement *a, const Statement *b)
{
    return syntax_key_equal(&a->syntax.key, &b->syntax.key);
}


/* Longest common subsequence of old[from..old_end) and new[from..new_end). */
static int
align_middle(Statement **old, Py_ssize_t old_from, Py_ssize_t old_end,
             Statement **new, Py_ssize_t new_from, Py_ssize_t new_end,
             Match *matches)
{
    Py_ssize_t n = old_end - old_from, m = new_end - new_from;
    if (n == 0 || m == 0) {
        return 0;
    }
    if (n * m > TABLE_LIMIT) {
        return 0; /* a rewritten file: its middle counts as new */
    }
    unsigned short *table =
        PyMem_Calloc((size_t)((n + 1) * (m + 1)), sizeof(*table));
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
#define AT(i, j) table[(i) * (m + 1) + (j)]
    for (Py_ssize_t i = n - 1; i >= 0; i--) {
        for (Py_ssize_t j = m - 1; j >= 0; j--) {
            if (statements_equal(old[old_from + i], new[new_from + j])) {
                AT(i, j) = (unsigned short)(AT(i + 1, j + 1) + 1);
            }
            else {
                AT(i, j) = Py_MAX(AT(i + 1, j), AT(i, j + 1));
            }
        }
    }
    for (Py_ssize_t i = 0, j = 0; i < n && j < m;) {
        if (statements_equal(old[old_from + i], new[new_from + j])) {
            matches[new_from + j++].same = old_from + i++;
        }
        else if (AT(i + 1, j) >= AT(i, j + 1)) {
            i++;
        }
        else {
            j++;
        }
    }
#undef AT
    PyMem_Free(table);
    return 0;
}


int
align(Statement **old, Py_ssize_t old_count, Statement **new,
      Py_ssize_t new_count, Match *matches)
{
    Py_ssize_t head = 0;
    while (head < old_count && head < new_count
           && statements_equal(old[head], new[head])) {
        matches[head].same = head;
        head++;
    }
    while (old_count > head && new_count > head
           && statements_equal(old[old_count - 1], new[new_count - 1])) {
        matches[--new_count].same = --old_count;
    }
    return align_middle(old, head, old_count, new, head, new_count, matches);
}


static int
same_thing(const Statement *a, const Statement *b)
{
    return a->syntax.kind == b->syntax.kind
           && PyUnicode_Compare(a->syntax.label, b->syntax.label) == 0;
}


void
align_changed(Statement **old, Py_ssize_t old_count, Statement **new,
              Py_ssize_t new_count, Match *matches)
{
    Py_ssize_t old_at = 0;
    for (Py_ssize_t j = 0; j < new_count; j++) {
        if (matches[j].same >= 0) {
            old_at = matches[j].same + 1;
            continue;
        }
        Py_ssize_t limit = old_count;
        for (Py_ssize_t k = j + 1; k < new_count; k++) {
            if (matches[k].same >= 0) {
                limit = matches[k].same;
                break;
            }
        }
        for (Py_ssize_t i = old_at; i < limit; i++) {
            if (same_thing(old[i], new[j])) {
                matches[j].changed = i;
                old_at = i + 1;
                break;
            }
        }
    }
}
