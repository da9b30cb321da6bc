/* What SQLite sees instead of an operating system: one file that nothing changes, and nothing else.
 */
#include "intake/sqlite_vfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char bytes[] = "0123456789";
enum { N = sizeof bytes - 1, ROOM = 256 };

struct opened {
    struct mer_sqlite_vfs vfs;
    union {
        sqlite3_file file;
        char room[ROOM];
    } at;
};

static void open_database(struct opened *opened)
{
    int flags = 0;
    assert_int_equal(mer_sqlite_vfs_begin(&opened->vfs, bytes, N, NULL).code, MER_OK);
    assert_true(opened->vfs.vfs.szOsFile <= ROOM);
    assert_int_equal(opened->vfs.vfs.xOpen(&opened->vfs.vfs, MER_SQLITE_VFS_DATABASE,
                                           &opened->at.file, SQLITE_OPEN_MAIN_DB, &flags),
                     SQLITE_OK);
    assert_int_equal(flags, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB);
}

static void the_database_is_read_where_it_is_and_as_zeros_behind_its_end(void **state)
{
    struct opened opened;
    char text[N + 4];
    sqlite3_int64 size;
    (void)state;
    open_database(&opened);
    sqlite3_file *const file = &opened.at.file;
    assert_int_equal(file->pMethods->xFileSize(file, &size), SQLITE_OK);
    assert_int_equal(size, N);
    assert_int_equal(file->pMethods->xRead(file, text, 4, 3), SQLITE_OK);
    assert_memory_equal(text, "3456", 4);
    assert_int_equal(file->pMethods->xRead(file, text, 4, 8), SQLITE_IOERR_SHORT_READ);
    assert_memory_equal(text, "89\0\0", 4);
    assert_int_equal(file->pMethods->xRead(file, text, 4, INT64_MAX), SQLITE_IOERR_SHORT_READ);
    assert_memory_equal(text, "\0\0\0\0", 4);
    assert_int_equal(file->pMethods->xRead(file, text, 4, -1), SQLITE_IOERR_SHORT_READ);
    assert_int_equal(file->pMethods->xRead(file, text, -1, 0), SQLITE_OK);
    assert_int_equal(file->pMethods->xClose(file), SQLITE_OK);
    mer_sqlite_vfs_end(&opened.vfs);
}

static void nothing_is_written_cut_or_locked(void **state)
{
    struct opened opened;
    int locked = 1;
    (void)state;
    open_database(&opened);
    sqlite3_file *const file = &opened.at.file;
    assert_int_equal(file->pMethods->xWrite(file, "x", 1, 0), SQLITE_READONLY);
    assert_int_equal(file->pMethods->xTruncate(file, 0), SQLITE_READONLY);
    assert_int_equal(file->pMethods->xSync(file, 0), SQLITE_OK);
    assert_int_equal(file->pMethods->xCheckReservedLock(file, &locked), SQLITE_OK);
    assert_int_equal(locked, 0);
    assert_int_equal(file->pMethods->xFileControl(file, SQLITE_FCNTL_SIZE_HINT, NULL),
                     SQLITE_NOTFOUND);
    assert_int_equal(file->pMethods->xDeviceCharacteristics(file), SQLITE_IOCAP_IMMUTABLE);
    assert_true(file->pMethods->xSectorSize(file) >= 512);
    assert_string_equal(bytes, "0123456789");
    mer_sqlite_vfs_end(&opened.vfs);
}

static void no_other_file_is_there_and_none_can_be_made(void **state)
{
    struct opened opened, other;
    char name[16];
    int found = 1;
    (void)state;
    open_database(&opened);
    sqlite3_vfs *const vfs = &opened.vfs.vfs;
    assert_int_equal(vfs->xOpen(vfs, "/etc/passwd", &other.at.file, SQLITE_OPEN_MAIN_DB, NULL),
                     SQLITE_CANTOPEN);
    assert_int_equal(vfs->xOpen(vfs, NULL, &other.at.file, SQLITE_OPEN_TEMP_DB, NULL),
                     SQLITE_CANTOPEN);
    assert_int_equal(
        vfs->xOpen(vfs, MER_SQLITE_VFS_DATABASE, &other.at.file, SQLITE_OPEN_MAIN_JOURNAL, NULL),
        SQLITE_CANTOPEN);
    assert_int_equal(vfs->xDelete(vfs, MER_SQLITE_VFS_DATABASE, 0), SQLITE_IOERR_DELETE);
    assert_int_equal(vfs->xAccess(vfs, "/etc/passwd", 0, &found), SQLITE_OK);
    assert_int_equal(found, 0);
    assert_int_equal(vfs->xFullPathname(vfs, "database", sizeof name, name), SQLITE_OK);
    assert_string_equal(name, "database");
    assert_int_equal(vfs->xFullPathname(vfs, "0123456789abcdef", sizeof name, name),
                     SQLITE_CANTOPEN);
    mer_sqlite_vfs_end(&opened.vfs);
}

static void no_code_time_or_chance_comes_from_it(void **state)
{
    struct opened opened;
    char text[4] = "abc";
    double day = 1;
    (void)state;
    open_database(&opened);
    sqlite3_vfs *const vfs = &opened.vfs.vfs;
    assert_null(vfs->xDlOpen(vfs, "libc.so.6"));
    assert_null(vfs->xDlSym(vfs, NULL, "system"));
    vfs->xDlClose(vfs, NULL);
    vfs->xDlError(vfs, sizeof text, text);
    assert_string_equal(text, "");
    assert_int_equal(vfs->xRandomness(vfs, 3, text), 3);
    assert_memory_equal(text, "\0\0\0", 3);
    assert_int_equal(vfs->xSleep(vfs, 1000000), 0);
    assert_false(opened.vfs.asked_for_time);
    assert_int_equal(vfs->xCurrentTime(vfs, &day), SQLITE_ERROR);
    assert_true(opened.vfs.asked_for_time);
    assert_true(day == 0);
    assert_int_equal(vfs->xGetLastError(vfs, sizeof text, text), 0);
    mer_sqlite_vfs_end(&opened.vfs);
}

static void what_stands_for_the_system_opens_nothing(void **state)
{
    struct opened opened;
    double day = 1;
    (void)state;
    open_database(&opened);
    sqlite3_vfs *const system = sqlite3_vfs_find(NULL);
    assert_non_null(system);
    assert_string_equal(system->zName, "nowhere");
    assert_int_equal(
        system->xOpen(system, MER_SQLITE_VFS_DATABASE, &opened.at.file, SQLITE_OPEN_MAIN_DB, NULL),
        SQLITE_CANTOPEN);
    assert_int_equal(system->xCurrentTime(system, &day), SQLITE_ERROR);
    mer_sqlite_vfs_end(&opened.vfs);
    assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_database_is_read_where_it_is_and_as_zeros_behind_its_end),
        cmocka_unit_test(nothing_is_written_cut_or_locked),
        cmocka_unit_test(no_other_file_is_there_and_none_can_be_made),
        cmocka_unit_test(no_code_time_or_chance_comes_from_it),
        cmocka_unit_test(what_stands_for_the_system_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
