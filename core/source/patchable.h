/* Does new code of a function reach whoever uses the function? What a decorator
 * of a library put in the function's place may have looked at it; then a patch
 * would not. GIL held. */

#ifndef HMR_CORE_PATCHABLE_H
#define HMR_CORE_PATCHABLE_H

#include "code.h"

/* The function that the statement, as it was, defines. */
int patch_reaches_function(const Statement *old);

/* Those of the pairs that stand inside of the statement. */
int patch_reaches_nested(const Statement *old, const CodePairs *pairs);

#endif
