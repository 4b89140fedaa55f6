/* What the fuzz targets have in common. Under clang each is a libFuzzer target;
 * with any other compiler (FUZZ_MAIN) fuzz.c brings a driver that makes inputs,
 * always the same ones:
 *
 *     fuzz_http [SECONDS]
 */

#ifndef HMR_FUZZ_H
#define HMR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Always on, unlike assert. */
#define CHECK(condition) \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

void check_failed(const char *condition, const char *file, int line);

/* A running hash of everything that was parsed. */
struct digest {
    uint64_t value;
    unsigned events;
};

#define DIGEST_START \
    { \
        .value = 14695981039346656037u \
    }

void digest_add(struct digest *digest, const void *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* For the driver: make an input of up to `space` bytes; its size. */
size_t fuzz_input(uint8_t *input, size_t space);
uint32_t random_below(uint32_t n);

#endif
