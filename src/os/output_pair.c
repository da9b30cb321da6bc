/* A file and its companion, published so that a reader always finds a matching pair, and a run that
 * is killed leaves one name at most: a folder FILE.merlon-new in which both wait.
 *
 *   the folder is made; both are linked into it, the file first
 *   the file is renamed from it to its name       from here on the companion in the folder fits
 *   the companion is renamed to its name          from here on the folder is empty
 *   the folder is removed
 *
 * So a companion that waits without its file belongs to the file that stands at its name, and
 * whoever comes next finishes what was begun; in every other case what waits belongs to nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/output_parts.h"
#include "os/system_error.h"

static const char FILE_WAITS[] = "file";
static const char COMPANION_WAITS[] = "companion";
static const char OLD_SUFFIX[] = ".new"; /* where there are no unnamed files */

char *mer_output_waiting_companion(const char *path)
{
    char *waiting;
    return asprintf(&waiting, "%s%s/%s", path, MER_OUTPUT_NEW_SUFFIX, COMPANION_WAITS) < 0
               ? NULL
               : waiting;
}

/* The waiting folder, or -1 with errno. One that another user has made is none. */
static int open_waiting(const struct mer_output *file)
{
    struct stat status;
    const int fd = openat(file->folder_fd, mer_output_new_name(file).text,
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &status) == 0 && status.st_uid == geteuid()))
        return fd;
    (void)close(fd);
    errno = EPERM;
    return -1;
}

static bool waits(int waiting_fd, const char *name, struct stat *ret_status)
{
    return fstatat(waiting_fd, name, ret_status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void remove_waiting(const struct mer_output *file, int waiting_fd)
{
    (void)unlinkat(waiting_fd, FILE_WAITS, 0);
    (void)unlinkat(waiting_fd, COMPANION_WAITS, 0);
    (void)unlinkat(file->folder_fd, mer_output_new_name(file).text, AT_REMOVEDIR);
}

void mer_output_sweep_pair(const struct mer_output *output)
{
    const int waiting_fd = open_waiting(output);
    if (waiting_fd < 0)
        return;
    remove_waiting(output, waiting_fd);
    (void)close(waiting_fd);
}

/* Ends what a run began that was killed: see above. The file may wait and be in its place at once
 * where renaming without replacing is a link and an unlink. */
static void finish_older(const struct mer_output *file, const struct mer_output *companion)
{
    struct stat waiting, placed;
    const int waiting_fd = open_waiting(file);
    if (waiting_fd < 0)
        return;
    const bool is_placed =
        !waits(waiting_fd, FILE_WAITS, &waiting) ||
        (fstatat(file->folder_fd, file->name, &placed, AT_SYMLINK_NOFOLLOW) == 0 &&
         placed.st_ino == waiting.st_ino && placed.st_dev == waiting.st_dev);
    if (is_placed && waits(waiting_fd, COMPANION_WAITS, &waiting))
        (void)renameat(waiting_fd, COMPANION_WAITS, companion->folder_fd, companion->name);
    remove_waiting(file, waiting_fd);
    (void)close(waiting_fd);
}

/* Both in the folder, on the disk. */
static int let_wait(const struct mer_output *file, const struct mer_output *companion,
                    int waiting_fd)
{
    int error = mer_output_link(file, waiting_fd, FILE_WAITS);
    if (error == 0)
        error = mer_output_link(companion, waiting_fd, COMPANION_WAITS);
    if (error == 0 && fsync(waiting_fd) != 0 && errno != EINVAL)
        error = errno;
    return error;
}

static mer_status publish_waiting(struct mer_output *file, struct mer_output *companion,
                                  int waiting_fd, mer_err *err)
{
    int error = let_wait(file, companion, waiting_fd);
    mer_status status =
        error ? mer_output_fail_publish(companion, error, err) : mer_output_sync_folder(file, err);
    if (mer_is_ok(status)) {
        error =
            mer_output_rename(waiting_fd, FILE_WAITS, file->folder_fd, file->name, file->replace);
        if (error)
            status = mer_output_fail_publish(file, error, err);
    }
    if (!mer_is_ok(status)) {
        /* The file is as it was, so what waits belongs to nothing. */
        remove_waiting(file, waiting_fd);
        return status;
    }
    MER_GUARD(mer_output_sync_folder(file, err));
    error = mer_output_rename(waiting_fd, COMPANION_WAITS, companion->folder_fd, companion->name,
                              companion->replace);
    if (error)
        return mer_output_fail_publish(companion, error, err);
    (void)unlinkat(file->folder_fd, mer_output_new_name(file).text, AT_REMOVEDIR);
    return mer_output_sync_folder(companion, err);
}

static mer_status publish_unnamed(struct mer_output *file, struct mer_output *companion,
                                  mer_err *err)
{
    finish_older(file, companion);
    if (mkdirat(file->folder_fd, mer_output_new_name(file).text, 0755) != 0)
        return errno == EEXIST ? mer_fail(err, MER_ERR_EXISTS, "the leftover %s cannot be removed",
                                          mer_quote(mer_output_new_name(file).text).text)
                               : mer_output_fail_publish(file, errno, err);
    const int waiting_fd = open_waiting(file);
    if (waiting_fd < 0) {
        const int error = errno;
        (void)unlinkat(file->folder_fd, mer_output_new_name(file).text, AT_REMOVEDIR);
        return mer_output_fail_publish(file, error, err);
    }
    const mer_status status = publish_waiting(file, companion, waiting_fd, err);
    (void)close(waiting_fd);
    return status;
}

/* Where there are no unnamed files, both have names of their own already. The companion waits as
 * COMPANION.new. */
static mer_status publish_named(struct mer_output *file, struct mer_output *companion, mer_err *err)
{
    char waiting[NAME_MAX + 1];
    (void)snprintf(waiting, sizeof waiting, "%s%s", companion->name, OLD_SUFFIX);
    int error = mer_output_appear_as(companion, waiting, true);
    if (error)
        return mer_output_fail_publish(companion, error, err);
    mer_status status = mer_output_sync_folder(companion, err);
    if (mer_is_ok(status)) {
        error = mer_output_appear_as(file, file->name, file->replace);
        if (error)
            status = mer_output_fail_publish(file, error, err);
    }
    if (!mer_is_ok(status)) {
        (void)unlinkat(companion->folder_fd, waiting, 0);
        return status;
    }
    MER_GUARD(mer_output_sync_folder(file, err));
    error = mer_output_rename(companion->folder_fd, waiting, companion->folder_fd, companion->name,
                              companion->replace);
    return error ? mer_output_fail_publish(companion, error, err)
                 : mer_output_sync_folder(companion, err);
}

mer_status mer_output_publish_pair(struct mer_output *file, struct mer_output *companion,
                                   mer_err *err)
{
    char old[NAME_MAX + 1];
    MER_GUARD(mer_output_sync_file(file, err));
    MER_GUARD(mer_output_sync_file(companion, err));
    MER_GUARD(file->named || companion->named ? publish_named(file, companion, err)
                                              : publish_unnamed(file, companion, err));
    /* What an earlier version may have left. */
    (void)snprintf(old, sizeof old, "%s%s", companion->name, OLD_SUFFIX);
    (void)unlinkat(companion->folder_fd, old, 0);
    mer_output_release(file);
    mer_output_release(companion);
    return mer_ok();
}
