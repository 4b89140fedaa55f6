/* Files that statements depend on: what is in them, or that they are not there.
 */

#include "files.h"

#include <dirent.h> /* listing a folder for its hash */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


PyObject *
file_read(PyObject *path)
{
    PyObject *encoded = PyUnicode_EncodeFSDefault(path);
    if (encoded == NULL) {
        return NULL;
    }
    PyObject *bytes = NULL;
    struct stat st;
    int fd = open(PyBytes_AS_STRING(encoded), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
        goto done;
    }
    Py_ssize_t size = 0, room = (Py_ssize_t)st.st_size + 1;
    bytes = PyBytes_FromStringAndSize(NULL, room);
    while (bytes != NULL) {
        ssize_t n =
            read(fd, PyBytes_AS_STRING(bytes) + size, (size_t)(room - size));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
            Py_CLEAR(bytes);
            break;
        }
        size += n;
        if (n == 0) {
            (void)_PyBytes_Resize(&bytes, size); /* NULL on failure */
            break;
        }
        if (size == room) {
            room *= 2;
            (void)_PyBytes_Resize(&bytes, room);
        }
    }

done:
    if (fd >= 0) {
        close(fd);
    }
    Py_DECREF(encoded);
    return bytes;
}


static uint64_t
hash_bytes(uint64_t h, const char *data, Py_ssize_t size)
{
    for (Py_ssize_t i = 0; i < size; i++) {
        h = (h ^ (unsigned char)data[i]) * 0x100000001B3u; /* FNV-1a */
    }
    return h;
}


/* Names in a folder, in any order. */
static uint64_t
hash_listing(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return 0;
    }
    uint64_t sum = 1;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, "__pycache__") != 0) {
            sum += hash_bytes(0xCBF29CE484222325u, e->d_name,
                              (Py_ssize_t)strlen(e->d_name));
        }
    }
    closedir(dir);
    return sum;
}


static uint64_t
hash_content(PyObject *bytes)
{
    return hash_bytes(0xCBF29CE484222325u, PyBytes_AS_STRING(bytes),
                      PyBytes_GET_SIZE(bytes))
           | 1;
}


/* 0 when nothing is there. Never raises: what cannot be read is not there. */
static uint64_t
hash_path(PyObject *path, int listed)
{
    PyObject *encoded = PyUnicode_EncodeFSDefault(path);
    if (encoded == NULL) {
        PyErr_Clear();
        return 0;
    }
    struct stat st;
    uint64_t h = 0;
    if (stat(PyBytes_AS_STRING(encoded), &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            h = listed ? hash_listing(PyBytes_AS_STRING(encoded)) : 1;
        }
        else if (S_ISREG(st.st_mode)) {
            PyObject *bytes = file_read(path);
            if (bytes != NULL) {
                h = hash_content(bytes);
                Py_DECREF(bytes);
            }
            PyErr_Clear(); /* gone since stat: not there */
        }
        else {
            h = 2;
        }
    }
    Py_DECREF(encoded);
    return h;
}


static FileCell *
file_lookup(PyObject *table, PyObject *key)
{
    PyObject *capsule = PyDict_GetItemWithError(table, key);
    if (capsule == NULL) {
        return NULL;
    }
    FileCell *file = PyCapsule_GetPointer(capsule, FILE_CAPSULE);
    return file != NULL ? (FileCell *)cell_ref(&file->cell) : NULL;
}


static FileCell *
file_new(Engine *engine, PyObject *table, PyObject *key)
{
    FileCell *file = PyMem_Calloc(1, sizeof(*file));
    PyObject *capsule =
        file != NULL ? PyCapsule_New(file, FILE_CAPSULE, NULL) : NULL;
    if (capsule == NULL || PyDict_SetItem(table, key, capsule) < 0) {
        Py_XDECREF(capsule);
        PyMem_Free(file);
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return NULL;
    }
    Py_DECREF(capsule);
    cell_init(&file->cell, CELL_FILE, engine);
    file->table = table;
    file->path = Py_NewRef(key);
    file->cell.base = version_new(NULL, NULL);
    engine->generation++;
    if (file->cell.base == NULL) {
        cell_unref(&file->cell, engine);
        return NULL;
    }
    return file;
}


FileCell *
file_cell(Engine *engine, PyObject *path, int listed)
{
    FileCell *file = file_lookup(engine->files, path);
    if (file == NULL && !PyErr_Occurred()) {
        file = file_new(engine, engine->files, path);
        if (file != NULL) {
            file->listed = listed;
            file->content = hash_path(path, listed);
        }
    }
    if (file != NULL && listed && !file->listed) {
        file->listed = 1;
        file->content = hash_path(path, 1);
    }
    return file;
}


FileCell *
file_cell_read(Engine *engine, PyObject *path, PyObject *bytes)
{
    if (bytes == NULL) {
        return file_cell(engine, path, 0);
    }
    FileCell *file = file_lookup(engine->files, path);
    if (file != NULL || PyErr_Occurred()) {
        return file;
    }
    file = file_new(engine, engine->files, path);
    if (file != NULL) {
        file->content = hash_content(bytes);
    }
    return file;
}


FileCell *
file_missing_module(Engine *engine, PyObject *name)
{
    if (engine->transaction && PySet_Add(engine->wanted, name) < 0) {
        return NULL; /* should the edit fail, we go on looking */
    }
    FileCell *file = file_lookup(engine->missing, name);
    if (file == NULL && !PyErr_Occurred()) {
        file = file_new(engine, engine->missing, name);
    }
    return file;
}


int
file_refresh(FileCell *file)
{
    uint64_t content = hash_path(file->path, file->listed);
    if (content == file->content) {
        return 0;
    }
    Version *version = version_new(NULL, NULL);
    if (version == NULL) {
        return -1;
    }
    file->content = content;
    cell_touch(&file->cell, hmr_engine);
    version_set(&file->cell.base, version);
    version_unref(version);
    return 1;
}


void
file_accept(FileCell *file)
{
    file->content = hash_path(file->path, file->listed);
}
