/* What the parts of a frame share. GIL held. */

#ifndef HMR_CORE_FRAME_PARTS_H
#define HMR_CORE_FRAME_PARTS_H

#include "frame.h"

/* A key of its own for "this statement bound it" beside "it read it". */
#define BOUND_KEY(binding) ((const char *)(binding) + 1)

/* An object that an attribute path comes by: that is all that is read of it. */
#define PATH_KEY(group) ((const char *)(group) + 1)

/* Free what the frame holds. */
void frame_fini(Frame *frame, Engine *engine);

/* Nanoseconds of the monotonic clock. */
int64_t frame_clock(void);

/* First time for this key in the frame? 1, 0, or -1 with an exception set. */
int frame_first(Frame *frame, const void *key);

/* The statement reads this version. 0, or -1 with an exception set. */
int frame_note_read(Frame *frame, Cell *cell, Version *version);

/* An attribute is looked up in the class: it has to be what it is at this
 * place, not what later statements have made of it; else its statement runs
 * first. 0, or -1 with an exception set. */
int frame_need_class(Frame *frame, PyTypeObject *type);

/* Code that starts may shape any object that it reads. 0, or -1. */
int frame_add_code_candidates(Frame *frame, CodeInfo *info);

/* Compare each candidate with what it was, and write the shapes. 0, or -1. */
int frame_judge_candidates(Frame *frame, Engine *engine);

/* The statement ends well: what it did to objects that nobody will make anew is
 * undone if the transaction fails. 0, or -1. */
int frame_keep_shapes(Frame *frame, Engine *engine);

/* The statement is given up: what it did to live containers is undone. */
void frame_undo_shapes(Frame *frame);

#endif
