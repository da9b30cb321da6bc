/* A database in memory as SQLite sees a file: read-only, immutable, alone in the world.
 *
 * This file also defines sqlite3_os_init, so that the object of SQLite's library that reaches the
 * operating system is not linked at all: in a cell there is no code that could open a file, load an
 * extension or ask for the time or for randomness.
 */
#ifndef MER_INTAKE_SQLITE_VFS_H
#define MER_INTAKE_SQLITE_VFS_H

#include <sqlite3.h>

#include "core/status.h"

struct mer_sqlite_vfs {
    sqlite3_vfs vfs;
    char name[32];
    const unsigned char *bytes; /* borrowed */
    size_t n;
    bool asked_for_time; /* there is none: what was asked for it got NULL */
};

/* Registers it; the struct must not move until mer_sqlite_vfs_end. */
MER_MUST_CHECK mer_status mer_sqlite_vfs_begin(struct mer_sqlite_vfs *vfs, const void *bytes,
                                               size_t n, mer_err *err);
void mer_sqlite_vfs_end(struct mer_sqlite_vfs *vfs);

/* The name under which the database is opened. */
#define MER_SQLITE_VFS_DATABASE "database"

#endif
