/* See fuzz.h. */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


void
check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
    abort();
}


void
digest_add(struct digest *digest, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        digest->value = (digest->value ^ bytes[i]) * 1099511628211u;
    }
}


#ifdef FUZZ_MAIN

uint32_t
random_below(uint32_t n)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % n);
}


int
main(int argc, char **argv)
{
    static uint8_t input[4096];
    time_t end = time(NULL) + (argc > 1 ? strtol(argv[1], NULL, 10) : 5);
    unsigned long runs = 0;
    while (time(NULL) < end) {
        for (int i = 0; i < 1000; i++, runs++) {
            LLVMFuzzerTestOneInput(input, fuzz_input(input, sizeof input));
        }
    }
    printf("%lu inputs\n", runs);
    return 0;
}

#endif
