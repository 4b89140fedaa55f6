/* Bugs for the sanitizers to find, in builds with HMR_PLANT_ASAN only.

   Compiled into both extensions and run when they are loaded, in whatever
   process that is: HMR_PLANTED chooses the bug. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void *volatile lost;
static volatile int largest = INT_MAX;
static volatile size_t one_past = 8; /* volatile: unseen by the compiler */


__attribute__((noinline)) static void
planted_overflow(void)
{
    volatile char *block = malloc(8);
    block[one_past] = 1;
    free((void *)block);
}


__attribute__((noinline)) static void
planted_leak(void)
{
    lost = malloc(64);
    lost = NULL;
}


__attribute__((constructor)) static void
planted_run(void)
{
    const char *bug = getenv("HMR_PLANTED");
    if (bug == NULL) {
        return;
    }
    if (strcmp(bug, "overflow") == 0) {
        planted_overflow();
    }
    else if (strcmp(bug, "undefined") == 0) {
        largest = largest + 1;
    }
    else if (strcmp(bug, "leak") == 0) {
        planted_leak();
    }
}
