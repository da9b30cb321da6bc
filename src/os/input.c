#include "os/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

static mer_status fail_too_large(const struct mer_input *input, mer_err *err)
{
    const struct mer_quoted quoted = mer_quote(input->path);
    if (input->size_hint > input->max_bytes)
        return mer_fail(err, MER_ERR_DATA,
                        "%s has %zu bytes and is larger than the %zu bytes allowed", quoted.text,
                        input->size_hint, input->max_bytes);
    return mer_fail(err, MER_ERR_DATA, "%s is larger than the %zu bytes allowed", quoted.text,
                    input->max_bytes);
}

static mer_status check_kind(struct mer_input *input, mer_err *err)
{
    struct stat status;
    const struct mer_quoted quoted = mer_quote(input->path);
    if (fstat(input->fd, &status) != 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be examined", quoted.text);
    if (S_ISDIR(status.st_mode))
        return mer_fail(err, MER_ERR_NO_INPUT, "%s is a folder", quoted.text);
    if (S_ISREG(status.st_mode)) {
        input->size_hint = (size_t)status.st_size;
        return input->size_hint > input->max_bytes ? fail_too_large(input, err) : mer_ok();
    }
    if (input->fd != STDIN_FILENO && !S_ISFIFO(status.st_mode))
        return mer_fail(err, MER_ERR_NO_INPUT, "%s is not a regular file", quoted.text);
    return mer_ok();
}

mer_status mer_input_open(struct mer_input *input, const char *path, size_t max_bytes, mer_err *err)
{
    struct mer_input opened = {.path = path, .max_bytes = max_bytes};
    const bool is_standard = strcmp(path, "-") == 0;
    opened.fd = is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (opened.fd < 0 && errno == EINTR) /* a pipe that nobody writes to yet */
        return mer_fail(err, MER_ERR_CANCELLED, "stopped while opening %s", mer_quote(path).text);
    if (opened.fd < 0)
        return mer_fail_input(err, errno, path);
    const mer_status status = check_kind(&opened, err);
    if (!mer_is_ok(status)) {
        mer_input_close(&opened);
        return status;
    }
    *input = opened;
    return mer_ok();
}

mer_status mer_input_open_entry(struct mer_input *input, const char *path, size_t max_bytes,
                                mer_err *err)
{
    struct mer_input opened = {.path = path, .max_bytes = max_bytes};
    struct stat status;
    opened.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    if (opened.fd < 0)
        return mer_fail_input(err, errno, path);
    if (fstat(opened.fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        mer_input_close(&opened);
        return mer_fail(err, MER_ERR_NO_INPUT, "%s is not a regular file", mer_quote(path).text);
    }
    opened.size_hint = (size_t)status.st_size;
    *input = opened;
    return mer_ok();
}

mer_status mer_input_read(const struct mer_input *input, size_t n_before, void *space, size_t n,
                          size_t *ret_n, mer_err *err)
{
    enum { PIECE_MAX = 1 << 30 }; /* the kernel's own limit is about 2 GB */
    const ssize_t got = read(input->fd, space, n < PIECE_MAX ? n : PIECE_MAX);
    if (got < 0 && errno == EINTR)
        return mer_fail(err, MER_ERR_CANCELLED, "stopped while reading %s",
                        mer_quote(input->path).text);
    if (got < 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be read",
                               mer_quote(input->path).text);
    if ((size_t)got > input->max_bytes - n_before)
        return fail_too_large(input, err);
    *ret_n = (size_t)got;
    return mer_ok();
}

mer_status mer_input_send(const struct mer_input *input, size_t n_before, int fd, size_t n,
                          bool *ret_can, size_t *ret_n, mer_err *err)
{
    const ssize_t got = sendfile(fd, input->fd, NULL, n);
    *ret_can = got >= 0;
    if (got < 0)
        return mer_ok();
    if ((size_t)got > input->max_bytes - n_before)
        return fail_too_large(input, err);
    *ret_n = (size_t)got;
    return mer_ok();
}

bool mer_input_is_large(const char *path, size_t least)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
           (size_t)status.st_size >= least;
}

enum { COPY_STEP = 4 << 20 };

struct copying {
    int fd;
    size_t n;
    unsigned char *bytes;
    _Atomic int error; /* errno of one that failed; -1: the file ended too early */
};

static void copy_step(void *self, size_t task, size_t worker)
{
    struct copying *const copying = self;
    size_t at = task * COPY_STEP;
    const size_t end = copying->n - at < COPY_STEP ? copying->n : at + COPY_STEP;
    (void)worker;
    while (at < end && copying->error == 0) {
        const ssize_t got = pread(copying->fd, copying->bytes + at, end - at, (off_t)at);
        if (got > 0)
            at += (size_t)got;
        else if (got == 0 || errno != EINTR)
            copying->error = got == 0 ? -1 : errno;
    }
}

mer_status mer_input_copy(struct mer_team *team, int fd, size_t n, const unsigned char **ret_bytes,
                          mer_err *err)
{
    static const unsigned char nothing[1];
    if (n == 0) {
        *ret_bytes = nothing;
        return mer_ok();
    }
    if (n > (size_t)LLONG_MAX - COPY_STEP)
        return mer_fail(err, MER_ERR_MEMORY, "a file of %zu bytes is too large", n);
    void *const space =
        mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED)
        return mer_fail_system(err, MER_ERR_MEMORY, errno, "memory for a copy was refused");
    (void)madvise(space, n, MADV_HUGEPAGE);
    struct copying copying = {.fd = fd, .n = n, .bytes = space};
    mer_team_run(team, copy_step, &copying, (n + COPY_STEP - 1) / COPY_STEP);
    if (copying.error == 0) {
        *ret_bytes = space;
        return mer_ok();
    }
    (void)munmap(space, n);
    if (copying.error < 0)
        return mer_fail(err, MER_ERR_IO, "the file became shorter while it was read");
    return mer_fail_system(err, MER_ERR_IO, copying.error, "the file cannot be read");
}

void mer_input_close(struct mer_input *input)
{
    if (input->fd > STDIN_FILENO)
        (void)close(input->fd);
    input->fd = -1;
}
