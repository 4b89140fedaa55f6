/* Rules of the engine that `./dev mutants` switches off one at a time, to
 * see that the random oracle notices.  Only a build with -DHMR_MUTANTS
 * (CMake: HMR_MUTANTS=ON) can: it reads the name of one rule from the
 * environment variable HMR_MUTANT when the first rule is asked for. In any
 * other build rule() is the constant 1. */

#ifndef HMR_CORE_RULES_H
#define HMR_CORE_RULES_H

/* name, what holds (docs/engine.md). tests/core/mutants.py reads this list. */
#define RULES(RULE) \
    RULE(READ_NAMES, "a statement reads the names of its text") \
    RULE(READ_CALLED_NAMES, "and the names of the code that it calls") \
    RULE(READ_CODE, "and the code itself") \
    RULE(READ_DOCSTRINGS, "who looks at a docstring reads it") \
    RULE(READ_GROUPS, "and what was done to the objects") \
    RULE(READ_PATHS, "an attribute path is compared by its value") \
    RULE(MEMBER_CACHES, "what methods and properties remember is followed") \
    RULE(RECORD_FIELDS, "fields of cached records are compared") \
    RULE(READ_ALL_NAMES, "vars(), dir(), import * read all names") \
    RULE(READ_SUBCLASSES, "__subclasses__() reads which ones there are") \
    RULE(READ_MEMBERS, "looking up an attribute of a class reads it") \
    RULE(SET_MEMBERS, "and who sets it changes it, be it so already") \
    RULE(READ_FILES, "opening a file reads it") \
    RULE(IMPORTS_PASSED, "who goes outside and passes an import counts") \
    RULE(READ_MISSING, "looking for a module in vain is a read") \
    RULE(READ_DELETED, "del reads whether the name is bound") \
    RULE(READ_CACHES, "who calls a cache reads what its function may read") \
    RULE(CACHE_FILLS, "a cache holds what its first caller filled it with") \
    RULE(CACHES_EXPIRE, "a cache of what has changed is cleared") \
    RULE(LAZIES, "a global that requests fill in is None again") \
    RULE(REMEMBERED_FILES, "files that requests remember are read") \
    RULE(EQUAL_TYPES, "equal values are of one type") \
    RULE(SHAPES, "prints before and after find changed objects") \
    RULE(GROUP_RERUNS, "who changed an object runs, so does its creator") \
    RULE(BASE_CLASSES, "an object holds what its classes hold for it") \
    RULE(CLASS_PRIVATE, "a class that is to be changed: private parts, too") \
    RULE(COMPUTED, "an attribute that is worked out may change the object") \
    RULE(REMOVED_SHAPER, "also when who changed it is gone") \
    RULE(OBJECT_AS_IT_WAS, "who needs an object as it was gets it") \
    RULE(RELEASED_VALUES, "a value that was replaced is made again") \
    RULE(RESYNC, "a name is what it is at that place, not later") \
    RULE(SHOW_NAMES, "what is bound by then is there for who copies all") \
    RULE(STAR_BINDS, "import * binds what it finds there already") \
    RULE(STORE_BINDS, "m.x = y binds what is there already") \
    RULE(GIVEN_MODULES, "who is given a module may read all of it") \
    RULE(FUTURES, "a __future__ import concerns every statement") \
    RULE(MOVED_LINES, "statements that move get their line numbers") \
    RULE(CLASS_LINES, "so do classes") \
    RULE(ENUM_MEMBERS, "a member of an enum that is made again is another") \
    RULE(DEFERRED, "who hands a function to a library may depend on it") \
    RULE(LATER_NAMES, "so may what an annotation names and is bound below") \
    RULE(PATCH_CALLED, "who called a patched function runs") \
    RULE(REMOVED_NAMES, "names that nobody binds any more go") \
    RULE(NAME_ORDER, "names stand in cold order") \
    RULE(SLOT_ORDER, "so does what is put into dicts outside") \
    RULE(MODULES_GO, "modules that nobody imports any more go") \
    RULE(MODULES_HIDDEN, "a whole walk imports as a cold start does") \
    RULE(FAILED_IMPORTS, "a failed import counts as its importer's doing") \
    RULE(IMPORTS_IN_PLACE, "imports of clean statements keep their place") \
    RULE(READERS_NEEDED, "a partial walk visits readers of what changed") \
    RULE(ROLLBACK_NAMES, "a failed edit leaves names as they were") \
    RULE(ROLLBACK_CODE, "and code") \
    RULE(ROLLBACK_CLASSES, "and members of classes") \
    RULE(ROLLBACK_SHAPES, "and containers that it changed")

#define RULE_ENUM(name, text) RULE_##name,
typedef enum { RULES(RULE_ENUM) RULE_COUNT } Rule;

#ifdef HMR_MUTANTS
/* Does the rule hold in this process? */
int rule_holds(Rule rule);
#define rule(name) rule_holds(RULE_##name)
#else
#define rule(name) 1
#endif

#endif
