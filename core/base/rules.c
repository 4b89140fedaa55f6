/* Rules of the engine that `./dev mutants` switches off one at a time. */

#include "rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULE_NAME(name, text) #name,
static const char *const names[] = {RULES(RULE_NAME)};


int
rule_holds(Rule rule)
{
    static int off = -1; /* RULE_COUNT: none */
    if (off < 0) {
        const char *wanted = getenv("HMR_MUTANT");
        off = wanted != NULL && wanted[0] != '\0' ? 0 : RULE_COUNT;
        while (off < RULE_COUNT && strcmp(names[off], wanted) != 0) {
            off++;
        }
        if (wanted != NULL && wanted[0] != '\0' && off == RULE_COUNT) {
            fprintf(stderr, "HMR_MUTANT=%s is no rule\n", wanted);
            abort();
        }
    }
    return (int)rule != off;
}
