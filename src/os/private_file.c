#include "os/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
        return mer_fail(err, MER_ERR_TRUST, "%s is not a regular file", mer_quote(path).text);
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
