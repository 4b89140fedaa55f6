/* See header_list.h. */

#include "header_list.h"

#include <string.h>


static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}


bool
list_next(struct text *rest, char separator, struct text *element)
{
    while (rest->size > 0) {
        const char *end = memchr(rest->data, separator, rest->size);
        size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
        *element = (struct text){rest->data, size};
        size_t step = end == NULL ? size : size + 1;
        rest->data += step;
        rest->size -= step;
        while (element->size > 0 && is_blank(element->data[0])) {
            element->data++;
            element->size--;
        }
        while (element->size > 0
               && is_blank(element->data[element->size - 1])) {
            element->size--;
        }
        if (element->size > 0) {
            return true;
        }
    }
    return false;
}


bool
header_next(const struct request *request, const char *name, uint32_t *at,
            struct text *value)
{
    size_t size = strlen(name);
    while (*at < request->n_headers) {
        const struct header *header = &request->headers[(*at)++];
        if (header->name_size == size
            && memcmp(request->text + header->name, name, size) == 0) {
            *value = (struct text){request->text + header->value,
                                   header->value_size};
            return true;
        }
    }
    return false;
}
