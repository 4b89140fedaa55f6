/* Bugs for the sanitizers to find, in builds with HMR_PLANT_ASAN only.

   Compiled into both extensions and run when they are loaded, in whatever
   process that is: HMR_PLANTED chooses the bug. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void *volatile lost;
static volatile int largest = INT_MAX;


__attribute__((noinline)) static void
planted_overflow(void)
{
    char *volatile block = malloc(8);
    block[8] = 1; /* one byte past the end */
    free(block);
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
