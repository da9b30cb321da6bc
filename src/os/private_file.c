#include "os/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/file_stream.h"
#include "os/system_error.h"

static mer_status refuse_open(const char *path, int error, mer_err *err)
{
    if (error == ELOOP)
        return mer_fail(err, MER_ERR_TRUST, "%s is a symbolic link", mer_quote(path).text);
    return mer_fail_input(err, error, path);
}

static mer_status check_owner(const char *path, const struct stat *info, mer_err *err)
{
    if (info->st_uid == geteuid() || info->st_uid == 0)
        return mer_ok();
    return mer_fail(err, MER_ERR_TRUST, "%s belongs to another user", mer_quote(path).text);
}

static mer_status check_file(const char *path, enum mer_privacy privacy, const struct stat *info,
                             mer_err *err)
{
    const mode_t mode = info->st_mode & 07777;
    if (!S_ISREG(info->st_mode))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_TRUST, "%s is %s", mer_quote(path).text,
                                 S_ISDIR(info->st_mode) ? "a folder" : "not a regular file"),
                        "give a file that is yours alone");
    MER_GUARD(check_owner(path, info, err));
    if (privacy == MER_PRIVACY_READ && (mode & (S_IRWXG | S_IRWXO))) {
        const mer_status status = mer_fail(err, MER_ERR_TRUST, "others can reach %s (mode %04o)",
                                           mer_quote(path).text, (unsigned)mode);
        return mer_hint(err, status, "chmod 600 %s, or make a new key if others have read it",
                        mer_quote(path).text);
    }
    if (mode & (S_IWGRP | S_IWOTH)) {
        const mer_status status = mer_fail(err, MER_ERR_TRUST, "others can write %s (mode %04o)",
                                           mer_quote(path).text, (unsigned)mode);
        return mer_hint(err, status, "chmod go-w %s, after a look at what it holds",
                        mer_quote(path).text);
    }
    return mer_ok();
}

static mer_status read_checked(int fd, const char *path, enum mer_privacy privacy, void *bytes,
                               size_t max, size_t *ret_n, mer_err *err)
{
    struct mer_file_stream stream = {.fd = fd};
    struct stat info;
    if (fstat(fd, &info) != 0)
        return refuse_open(path, errno, err);
    MER_GUARD(check_file(path, privacy, &info, err));
    if (info.st_size < 0 || (uint64_t)info.st_size > max)
        return mer_fail(err, MER_ERR_DATA, "%s has over %zu bytes", mer_quote(path).text, max);
    return mer_file_stream_read(&stream, bytes, max, ret_n, err);
}

mer_status mer_private_file_read(const char *path, enum mer_privacy privacy, void *ret_bytes,
                                 size_t max, size_t *ret_n, mer_err *err)
{
    /* O_NONBLOCK: a pipe at that name must not make us wait. */
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse_open(path, errno, err);
    const mer_status status = read_checked(fd, path, privacy, ret_bytes, max, ret_n, err);
    (void)close(fd);
    return status;
}

static mer_status overwrite(int fd, const char *path, mer_err *err)
{
    static const unsigned char zeros[4096];
    struct stat info;
    if (fstat(fd, &info) != 0)
        return refuse_open(path, errno, err);
    MER_GUARD(check_file(path, MER_PRIVACY_WRITE, &info, err));
    if (info.st_nlink != 1)
        return mer_fail(err, MER_ERR_TRUST, "%s has another name somewhere: it would live on",
                        mer_quote(path).text);
    for (off_t left = info.st_size; left > 0; left -= (off_t)sizeof zeros)
        MER_GUARD(mer_fd_write(fd, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros,
                               mer_quote(path).text, err));
    if (fsync(fd) != 0 && errno != EINVAL)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be overwritten on the disk",
                               mer_quote(path).text);
    return mer_ok();
}

/* The folder that holds a path, synced: a name that is gone stays gone. */
static mer_status sync_folder_of(const char *path, mer_err *err)
{
    const char *const slash = strrchr(path, '/');
    char *const folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for a path");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool fine = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);
    const int error = errno;
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return fine ? mer_ok()
                : mer_fail_system(err, MER_ERR_IO, error, "the folder of %s cannot be synced",
                                  mer_quote(path).text);
}

mer_status mer_private_file_destroy(const char *path, mer_err *err)
{
    const int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse_open(path, errno, err);
    const mer_status status = overwrite(fd, path, err);
    (void)close(fd);
    MER_GUARD(status);
    if (unlink(path) != 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be removed",
                               mer_quote(path).text);
    return sync_folder_of(path, err);
}

mer_status mer_private_file_check(const char *path, enum mer_privacy privacy, mer_err *err)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return refuse_open(path, errno, err);
    return S_ISLNK(info.st_mode) ? refuse_open(path, ELOOP, err)
                                 : check_file(path, privacy, &info, err);
}

mer_status mer_private_folder_check(const char *path, mer_err *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return refuse_open(path, errno, err);
    if (!S_ISDIR(info.st_mode))
        return mer_fail(err, MER_ERR_TRUST, "%s is not a folder", mer_quote(path).text);
    MER_GUARD(check_owner(path, &info, err));
    if (info.st_mode & (S_IWGRP | S_IWOTH)) {
        const mer_status status = mer_fail(err, MER_ERR_TRUST, "others can write in %s (mode %04o)",
                                           mer_quote(path).text, (unsigned)(info.st_mode & 07777));
        return mer_hint(err, status, "chmod go-w %s", mer_quote(path).text);
    }
    return mer_ok();
}
