#include "os/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

/* ---- Where it may lie ---- */

/* Others who can write in a folder, or own it, can put another file in the log's place. Sticky
 * folders let them rename and remove their own files only; a group that is ours alone is us. */
static bool others_can_write(const struct stat *info)
{
    if (info->st_uid != geteuid() && info->st_uid != 0)
        return true;
    if (info->st_mode & S_ISVTX)
        return false;
    return (info->st_mode & S_IWOTH) || ((info->st_mode & S_IWGRP) && info->st_gid != getegid());
}

/* The folder and those above it, up to the root: whoever can write in one of them can replace what
 * is below it. Takes the descriptor over. */
static mer_status check_folders(int fd, const char *path, mer_err *err)
{
    struct stat info, above;
    mer_status status = mer_ok();
    for (bool is_root = false; mer_is_ok(status) && !is_root;) {
        if (fstat(fd, &info) != 0 || fstatat(fd, "..", &above, 0) != 0) {
            status = mer_fail_system(err, MER_ERR_EXISTS, errno,
                                     "the folder of the log file %s cannot be examined",
                                     mer_quote(path).text);
            break;
        }
        if (others_can_write(&info)) {
            status = mer_fail(err, MER_ERR_TRUST,
                              "others can replace the log file %s: a folder above it is theirs or "
                              "theirs to write (mode %04o)",
                              mer_quote(path).text, (unsigned)(info.st_mode & 07777));
            status = mer_hint(err, status,
                              "choose a folder of yours; the sticky bit is enough for "
                              "shared ones");
        }
        is_root = info.st_dev == above.st_dev && info.st_ino == above.st_ino;
        const int up = is_root ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (!is_root && up < 0 && mer_is_ok(status))
            status = mer_fail_system(err, MER_ERR_EXISTS, errno,
                                     "the folder of the log file %s cannot be examined",
                                     mer_quote(path).text);
        (void)close(fd);
        fd = up;
        if (fd < 0)
            break;
    }
    if (fd >= 0)
        (void)close(fd);
    return status;
}

/* The folder that a path's last part is in, and that part. */
static mer_status open_folder(const char *path, int *ret_fd, const char **ret_name, mer_err *err)
{
    const char *const slash = strrchr(path, '/');
    const char *const name = slash ? slash + 1 : path;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return mer_fail(err, MER_ERR_EXISTS, "%s is not a name for a log file",
                        mer_quote(path).text);
    char *const folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for a path");
    const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const int error = errno;
    free(folder);
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_EXISTS, error, "the log file %s cannot be made",
                               mer_quote(path).text);
    *ret_fd = fd;
    *ret_name = name;
    return mer_ok();
}

/* ---- The file ---- */

static mer_status make(int folder_fd, const char *name, const char *path, int *ret_fd, mer_err *err)
{
    const int fd = openat(folder_fd, name,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        const mer_status status =
            mer_fail(err, MER_ERR_EXISTS, "the log file %s exists already", mer_quote(path).text);
        return mer_hint(err, status, "give another name: a log is never continued or replaced");
    }
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "the log file %s cannot be made",
                               mer_quote(path).text);
    if (fchmod(fd, 0600) != 0) { /* whatever the umask left */
        const int error = errno;
        (void)close(fd);
        (void)unlinkat(folder_fd, name, 0);
        return mer_fail_system(err, MER_ERR_IO, error, "the log file %s cannot be protected",
                               mer_quote(path).text);
    }
    *ret_fd = fd;
    return mer_ok();
}

mer_status mer_log_file_open(struct mer_log_file *file, const char *path, mer_err *err)
{
    int folder_fd = -1;
    int fd = -1;
    const char *name = NULL;
    MER_GUARD(open_folder(path, &folder_fd, &name, err));
    const int copy = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    mer_status status =
        copy < 0 ? mer_fail_system(err, MER_ERR_EXISTS, errno, "the log file %s cannot be made",
                                   mer_quote(path).text)
                 : check_folders(copy, path, err);
    if (mer_is_ok(status))
        status = make(folder_fd, name, path, &fd, err);
    (void)close(folder_fd);
    if (mer_is_ok(status))
        file->fd = fd;
    return status;
}

/* A log that cannot be written must not stop the work: there is nobody to tell but the log. */
void mer_log_file_write(void *self, const char *line, size_t n)
{
    const struct mer_log_file *file = self;
    const int fd = file->fd;
    while (fd >= 0 && n > 0) {
        const ssize_t written = write(fd, line, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        line += written;
        n -= (size_t)written;
    }
}

void mer_log_file_seal(struct mer_log_file *file)
{
    /* Taken in one step, so that a signal handler and the program do not both close it. */
    const int fd = atomic_exchange(&file->fd, -1);
    if (fd < 0)
        return;
    (void)fchmod(fd, 0400);
    (void)close(fd);
}
