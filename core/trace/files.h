/* Files that statements depend on: opened, listed, looked for.
 *
 * All functions need the GIL. */

#ifndef HMR_CORE_FILES_H
#define HMR_CORE_FILES_H

#include "engine.h"

#define FILE_CAPSULE "hmr_serve._core.FileCell" /* in engine->files */

/* Read a whole file: new bytes object; NULL with OSError set. */
PyObject *file_read(PyObject *path);

/* The cell of a path, with its content as it is now; new reference.
 * NULL with an exception set. */
FileCell *file_cell(Engine *engine, PyObject *path, int listed);

/* The same for a file that was read just now; `bytes` may be NULL. */
FileCell *file_cell_read(Engine *engine, PyObject *path, PyObject *bytes);

/* A name that find_spec did not find. New reference. */
FileCell *file_missing_module(Engine *engine, PyObject *name);

/* Look again: 1 when the content differs from what the cell holds (and the cell
 * now holds the new content), 0, or -1 with an exception set. */
int file_refresh(FileCell *file);

/* Take what is there now as what was read. */
void file_accept(FileCell *file);

/* The frame's statement reads the path, unless that is of no interest. 0, or -1
 * with an exception set. */
int file_note(Engine *engine, Frame *frame, PyObject *path, int listed);

/* Is the import system itself at work, not its user? */
int caller_is_importlib(void);

/* Install the audit hook, once a process. 0, or -1 with an exception set. */
int files_install(void);

/* Turn the noting of files on and off. */
void files_trace(Engine *engine, int on);

#endif
