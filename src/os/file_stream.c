#include "os/file_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

enum mer_path_kind mer_path_kind(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return MER_PATH_MISSING;
    if (S_ISREG(info.st_mode))
        return MER_PATH_FILE;
    return S_ISDIR(info.st_mode) ? MER_PATH_FOLDER : MER_PATH_OTHER;
}

bool mer_path_same(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

static int64_t to_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void mer_path_stamp(const char *path, struct mer_path_stamp *ret_stamp)
{
    struct stat info;
    *ret_stamp = (struct mer_path_stamp){0};
    if (stat(path, &info) == 0)
        *ret_stamp = (struct mer_path_stamp){.device = info.st_dev,
                                             .inode = info.st_ino,
                                             .n_bytes = (uint64_t)info.st_size,
                                             .written_ns = to_ns(info.st_mtim),
                                             .changed_ns = to_ns(info.st_ctim)};
}

mer_status mer_file_stream_open(struct mer_file_stream *stream, const char *path, bool follow,
                                mer_err *err)
{
    struct stat info = {.st_mode = 0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0 && errno == ELOOP && !follow)
        return mer_fail(err, MER_ERR_TRUST, "%s is a symbolic link", mer_quote(path).text);
    if (fd < 0)
        return mer_fail_input(err, errno, path);
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)close(fd);
        return mer_fail(err, MER_ERR_NO_INPUT, "%s is %s", mer_quote(path).text,
                        S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    }
    *stream = (struct mer_file_stream){.fd = fd, .n_bytes = (uint64_t)info.st_size};
    return mer_ok();
}

mer_status mer_file_stream_seek(struct mer_file_stream *stream, uint64_t offset, mer_err *err)
{
    if (offset > INT64_MAX || lseek(stream->fd, (off_t)offset, SEEK_SET) < 0)
        return mer_fail(err, MER_ERR_IO, "a file cannot be read from byte %llu",
                        (unsigned long long)offset);
    return mer_ok();
}

mer_status mer_file_stream_read(struct mer_file_stream *stream, void *ret_bytes, size_t max,
                                size_t *ret_n, mer_err *err)
{
    unsigned char *at = ret_bytes;
    size_t n = 0;
    while (n < max) {
        const ssize_t got = read(stream->fd, at + n, max - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mer_fail_system(err, MER_ERR_IO, errno, "a file cannot be read on");
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret_n = n;
    return mer_ok();
}

void mer_file_stream_close(struct mer_file_stream *stream)
{
    if (stream->fd >= 0)
        (void)close(stream->fd);
    stream->fd = -1;
}
