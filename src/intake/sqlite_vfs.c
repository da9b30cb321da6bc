#include "intake/sqlite_vfs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct bytes_file {
    sqlite3_file file;
    const struct mer_sqlite_vfs *vfs;
};

/* Within files. The names are those of sqlite3_io_methods. */

static int close_file(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int read_file(sqlite3_file *file, void *bytes, int n_wanted, sqlite3_int64 offset)
{
    const struct mer_sqlite_vfs *vfs = ((struct bytes_file *)(void *)file)->vfs;
    const size_t at = offset < 0 || (uint64_t)offset > vfs->n ? vfs->n : (size_t)offset;
    const size_t wanted = n_wanted < 0 ? 0 : (size_t)n_wanted;
    const size_t there = vfs->n - at < wanted ? vfs->n - at : wanted;
    memcpy(bytes, vfs->bytes + at, there);
    if (there == wanted)
        return SQLITE_OK;
    memset((char *)bytes + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
}

static int write_file(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 offset)
{
    (void)file, (void)bytes, (void)n, (void)offset;
    return SQLITE_READONLY;
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file, (void)size;
    return SQLITE_READONLY;
}

static int flag_file(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return SQLITE_OK;
}

static int size_of_file(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    *ret_size = (sqlite3_int64)((struct bytes_file *)(void *)file)->vfs->n;
    return SQLITE_OK;
}

static int check_lock(sqlite3_file *file, int *ret_locked)
{
    (void)file;
    *ret_locked = 0;
    return SQLITE_OK;
}

static int control_file(sqlite3_file *file, int operation, void *argument)
{
    (void)file, (void)operation, (void)argument;
    return SQLITE_NOTFOUND;
}

static int sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

static int characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = flag_file,
    .xFileSize = size_of_file,
    .xLock = flag_file,
    .xUnlock = flag_file,
    .xCheckReservedLock = check_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
};

/* Around files. The names are those of sqlite3_vfs. */

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    struct bytes_file *opened = (struct bytes_file *)(void *)file;
    file->pMethods = NULL;
    /* No journal, no temporary file; and nothing at all for the VFS that stands for a system. */
    if (!vfs->pAppData || !name || !(flags & SQLITE_OPEN_MAIN_DB) ||
        strcmp(name, MER_SQLITE_VFS_DATABASE) != 0)
        return SQLITE_CANTOPEN;
    *opened = (struct bytes_file){.file.pMethods = &methods, .vfs = vfs->pAppData};
    if (ret_flags)
        *ret_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
    return SQLITE_OK;
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs, (void)name, (void)sync;
    return SQLITE_IOERR_DELETE;
}

static int find_file(sqlite3_vfs *vfs, const char *name, int flags, int *ret_found)
{
    (void)vfs, (void)name, (void)flags;
    *ret_found = 0;
    return SQLITE_OK;
}

static int full_name(sqlite3_vfs *vfs, const char *name, int n, char *ret_name)
{
    (void)vfs;
    const size_t length = strlen(name);
    if (n <= 0 || length >= (size_t)n)
        return SQLITE_CANTOPEN;
    memcpy(ret_name, name, length + 1);
    return SQLITE_OK;
}

static void *load_code(sqlite3_vfs *vfs, const char *name)
{
    (void)vfs, (void)name;
    return NULL;
}

static void tell_error(sqlite3_vfs *vfs, int n, char *ret_message)
{
    (void)vfs;
    if (n > 0)
        ret_message[0] = '\0';
}

static void (*find_symbol(sqlite3_vfs *vfs, void *code, const char *name))(void)
{
    (void)vfs, (void)code, (void)name;
    return NULL;
}

static void unload_code(sqlite3_vfs *vfs, void *code)
{
    (void)vfs, (void)code;
}

/* Nothing that SQLite reads here depends on it: no name of a file, no row number of a new row. */
static int get_randomness(sqlite3_vfs *vfs, int n, char *ret_bytes)
{
    (void)vfs;
    memset(ret_bytes, 0, n < 0 ? 0 : (size_t)n);
    return n;
}

static int wait_for(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs, (void)microseconds;
    return 0;
}

static int get_time(sqlite3_vfs *vfs, double *ret_day)
{
    if (vfs->pAppData)
        ((struct mer_sqlite_vfs *)vfs->pAppData)->asked_for_time = true;
    *ret_day = 0;
    return SQLITE_ERROR;
}

static int last_error(sqlite3_vfs *vfs, int n, char *ret_message)
{
    tell_error(vfs, n, ret_message);
    return 0;
}

static const sqlite3_vfs nowhere = {
    .iVersion = 1,
    .szOsFile = sizeof(struct bytes_file),
    .mxPathname = 64,
    .zName = "nowhere",
    .xOpen = open_file,
    .xDelete = delete_file,
    .xAccess = find_file,
    .xFullPathname = full_name,
    .xDlOpen = load_code,
    .xDlError = tell_error,
    .xDlSym = find_symbol,
    .xDlClose = unload_code,
    .xRandomness = get_randomness,
    .xSleep = wait_for,
    .xCurrentTime = get_time,
    .xGetLastError = last_error,
};

/* SQLite asks for an operating system when it starts, and links this one into its list. */
int sqlite3_os_init(void)
{
    static sqlite3_vfs system;
    system = nowhere;
    return sqlite3_vfs_register(&system, 1);
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}

mer_status mer_sqlite_vfs_begin(struct mer_sqlite_vfs *vfs, const void *bytes, size_t n,
                                mer_err *err)
{
    if (sqlite3_initialize() != SQLITE_OK)
        return mer_fail(err, MER_ERR_MEMORY, "SQLite could not be started");
    *vfs = (struct mer_sqlite_vfs){.vfs = nowhere, .bytes = bytes, .n = n};
    /* A name of its own: SQLite finds a VFS by it. */
    (void)snprintf(vfs->name, sizeof vfs->name, "bytes-%" PRIxPTR, (uintptr_t)vfs);
    vfs->vfs.zName = vfs->name;
    vfs->vfs.pAppData = vfs;
    if (sqlite3_vfs_register(&vfs->vfs, 0) != SQLITE_OK)
        return mer_fail(err, MER_ERR_MEMORY, "SQLite could not be started");
    return mer_ok();
}

void mer_sqlite_vfs_end(struct mer_sqlite_vfs *vfs)
{
    (void)sqlite3_vfs_unregister(&vfs->vfs);
}
