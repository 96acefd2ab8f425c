/* A layer over SQLite's own files (an SQLite VFS) that passes everything on. Who includes it
 * replaces in a copy of `layer_passes` what it wants to see or to fail, and opens files by
 * `layer_open`. */
#ifndef RP_TESTS_STORE_VFS_LAYER_H
#define RP_TESTS_STORE_VFS_LAYER_H

#include "base/str.h"

#include <sqlite3.h>
#include <stdlib.h>

struct layer_file {
    sqlite3_file base;
    sqlite3_file *real;
    int name; /* the includer's */
};

static inline struct layer_file *layer_of(sqlite3_file *file)
{
    return (struct layer_file *)(void *)file;
}

static inline sqlite3_file *real_of(sqlite3_file *file)
{
    return layer_of(file)->real;
}

#define PASS(name, params, args)                                                                   \
    static inline int pass_##name params                                                           \
    {                                                                                              \
        return real_of(file)->pMethods->x##name args;                                              \
    }
PASS(Read, (sqlite3_file * file, void *p, int n, sqlite3_int64 at), (real_of(file), p, n, at))
PASS(Write, (sqlite3_file * file, const void *p, int n, sqlite3_int64 at),
     (real_of(file), p, n, at))
PASS(Truncate, (sqlite3_file * file, sqlite3_int64 n), (real_of(file), n))
PASS(Sync, (sqlite3_file * file, int flags), (real_of(file), flags))
PASS(FileSize, (sqlite3_file * file, sqlite3_int64 *n), (real_of(file), n))
PASS(Lock, (sqlite3_file * file, int how), (real_of(file), how))
PASS(Unlock, (sqlite3_file * file, int how), (real_of(file), how))
PASS(CheckReservedLock, (sqlite3_file * file, int *out), (real_of(file), out))
PASS(FileControl, (sqlite3_file * file, int op, void *arg), (real_of(file), op, arg))
PASS(SectorSize, (sqlite3_file * file), (real_of(file)))
PASS(DeviceCharacteristics, (sqlite3_file * file), (real_of(file)))
PASS(ShmMap, (sqlite3_file * file, int page, int n, int extend, void volatile **out),
     (real_of(file), page, n, extend, out))
PASS(ShmLock, (sqlite3_file * file, int at, int n, int flags), (real_of(file), at, n, flags))
PASS(ShmUnmap, (sqlite3_file * file, int gone), (real_of(file), gone))
#undef PASS

static inline void pass_ShmBarrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static inline int layer_close(sqlite3_file *file)
{
    int rc = real_of(file)->pMethods->xClose(real_of(file));
    free(real_of(file));
    return rc;
}

/* Version 2: without memory-mapped pages, which no layer would see written. */
static const sqlite3_io_methods layer_passes = {.iVersion = 2,
                                                .xClose = layer_close,
                                                .xRead = pass_Read,
                                                .xWrite = pass_Write,
                                                .xTruncate = pass_Truncate,
                                                .xSync = pass_Sync,
                                                .xFileSize = pass_FileSize,
                                                .xLock = pass_Lock,
                                                .xUnlock = pass_Unlock,
                                                .xCheckReservedLock = pass_CheckReservedLock,
                                                .xFileControl = pass_FileControl,
                                                .xSectorSize = pass_SectorSize,
                                                .xDeviceCharacteristics =
                                                    pass_DeviceCharacteristics,
                                                .xShmMap = pass_ShmMap,
                                                .xShmLock = pass_ShmLock,
                                                .xShmBarrier = pass_ShmBarrier,
                                                .xShmUnmap = pass_ShmUnmap};

/* For xOpen: opens the file below and lays `io` over it. */
static inline int layer_open(sqlite3_vfs *real, const sqlite3_io_methods *io, const char *path,
                             sqlite3_file *file, int flags, int *out)
{
    struct layer_file *f = layer_of(file);
    f->real = rp_xcalloc(1, (size_t)real->szOsFile);
    int rc = real->xOpen(real, path, f->real, flags, out);
    f->base.pMethods = f->real->pMethods != NULL ? io : NULL;
    if (f->base.pMethods == NULL)
        free(f->real);
    return rc;
}

/* A copy of `real` under another name, whose files are layers; its xOpen is the caller's. */
static inline void layer_vfs(sqlite3_vfs *vfs, sqlite3_vfs *real, const char *name)
{
    *vfs = *real;
    vfs->zName = name;
    vfs->szOsFile = (int)sizeof(struct layer_file);
    vfs->pNext = NULL;
}

#endif
