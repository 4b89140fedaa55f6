/* What a library looks for once, and keeps.
 *
 * Functions that a statement hands to a library which calls them once, when it
 * needs what they give: `relationship(order_by=by_id)`, when mappers are
 * configured, which a request may be the first to need. What they may read is
 * read by the statement, as if it had called them itself. Names in annotations,
 * which `Model.model_rebuild()` evaluates. GIL held. */

#ifndef HMR_CORE_DEFERRED_H
#define HMR_CORE_DEFERRED_H

#include "frame.h"

/* The statement is about to run, has run. 0, or -1 with an exception set. */
int deferred_prepare(Frame *frame);
int deferred_read(Frame *frame);

/* Its names are bound: does a model of pydantic wait for one that is not? It is
 * completed when it is first used, maybe by a request. Sets no exception. */
void deferred_note_models(Trace *trace);

/* Has it been completed since? */
int deferred_is_complete(const Trace *trace);

#endif
