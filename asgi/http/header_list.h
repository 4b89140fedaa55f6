/* Header values that are comma-separated lists (RFC 9110, section 5.6.1). */

#ifndef HMR_ASGI_HEADER_LIST_H
#define HMR_ASGI_HEADER_LIST_H

#include "field.h"
#include "request.h"

struct text {
    const char *data;
    size_t size;
};

/* Take the next element, up to `separator`, without the blanks around it.
 * False when there is none left. Empty elements are skipped. */
bool list_next(struct text *rest, char separator, struct text *element);

/* Equal to a lower-case text, whatever the case. */
static inline bool
text_is(struct text text, const char *lower)
{
    return field_equal(text.data, text.size, lower);
}


/* The value of the next header of that lower-case name, from *at on; false when
 * there is none left. Points into the request. */
bool header_next(const struct request *request, const char *name, uint32_t *at,
                 struct text *value);

#endif
