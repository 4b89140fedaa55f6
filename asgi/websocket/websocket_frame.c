/* See websocket_frame.h. */

#include "websocket_frame.h"

#include <string.h>

enum {
    FIN = 0x80,
    MASKED = 0x80,
    SIZE_16 = 126, /* two more bytes of size */
    SIZE_64 = 127, /* eight more */
};


/* What the first two bytes cannot be. */
static const char *
start_fault(const uint8_t *bytes)
{
    uint8_t opcode = bytes[0] & 15, size = bytes[1] & 127;
    if (!(bytes[1] & MASKED)) {
        return "frame without a mask"; /* 5.1 */
    }
    if (opcode > FRAME_PONG
        || (opcode > FRAME_BINARY && !(opcode & FRAME_CONTROL))) {
        return "reserved opcode";
    }
    if (opcode & FRAME_CONTROL && (!(bytes[0] & FIN) || size > CONTROL_LIMIT)) {
        return "invalid control frame"; /* 5.5 */
    }
    return NULL;
}


/* Bytes of the whole header, of which the first two are there. */
static size_t
header_size(const uint8_t *bytes)
{
    uint8_t size = bytes[1] & 127;
    size_t more = size == SIZE_16 ? 2 : size == SIZE_64 ? 8 : 0;
    return 2 + more + FRAME_MASK;
}


static const char *
header_parse(const uint8_t *bytes, struct frame *frame)
{
    uint8_t size = bytes[1] & 127;
    size_t more = header_size(bytes) - 2 - FRAME_MASK;
    frame->fin = bytes[0] & FIN;
    frame->rsv = bytes[0] >> 4 & 7;
    frame->opcode = bytes[0] & 15;
    frame->size = more > 0 ? 0 : size;
    for (size_t i = 0; i < more; i++) {
        frame->size = frame->size << 8 | bytes[2 + i];
    }
    memcpy(frame->mask, bytes + 2 + more, FRAME_MASK);
    bool longer = (size == SIZE_16 && frame->size < SIZE_16)
                  || (size == SIZE_64 && frame->size <= UINT16_MAX);
    if (longer || frame->size >> 63) {
        return "invalid size of a frame"; /* not the shortest, or too large */
    }
    return NULL;
}


enum frame_result
frame_read(struct frame_reader *reader, const char **data, size_t *size,
           struct frame *frame, const char **reason)
{
    size_t wanted = reader->size < 2 ? 2 : header_size(reader->bytes);
    while (*size > 0) {
        reader->bytes[reader->size++] = (uint8_t) * (*data)++;
        (*size)--;
        if (reader->size < wanted) {
            continue;
        }
        if (reader->size == 2) {
            *reason = start_fault(reader->bytes);
            wanted = header_size(reader->bytes);
        }
        else {
            *reason = header_parse(reader->bytes, frame);
            reader->size = 0;
        }
        if (*reason != NULL) {
            return FRAME_BAD;
        }
        if (reader->size == 0) {
            return FRAME_READ;
        }
    }
    return FRAME_MORE;
}


/* Eight bytes at a time. */
void
frame_unmask(const struct frame *frame, uint64_t offset, void *to,
             const char *from, size_t size)
{
    uint8_t *out = to;
    uint8_t mask[8];
    for (size_t i = 0; i < sizeof mask; i++) {
        mask[i] = frame->mask[(offset + i) % FRAME_MASK];
    }
    uint64_t pattern, word;
    memcpy(&pattern, mask, sizeof pattern);
    size_t at = 0;
    for (; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, from + at, sizeof word);
        word ^= pattern;
        memcpy(out + at, &word, sizeof word);
    }
    for (; at < size; at++) {
        out[at] = (uint8_t)from[at] ^ mask[at % sizeof mask];
    }
}


size_t
frame_write(uint8_t header[FRAME_HEADER_LIMIT], uint8_t opcode, uint8_t rsv,
            uint64_t size)
{
    size_t more = size < SIZE_16 ? 0 : size <= UINT16_MAX ? 2 : 8;
    header[0] = (uint8_t)(FIN | rsv << 4 | opcode);
    header[1] = (uint8_t)(more == 0 ? size : more == 2 ? SIZE_16 : SIZE_64);
    for (size_t i = 0; i < more; i++) {
        header[2 + i] = (uint8_t)(size >> 8 * (more - 1 - i));
    }
    return 2 + more;
}
