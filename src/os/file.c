#include "os/file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/input.h"
#include "os/system_error.h"

/* Doubles a full buffer; a regular file's was large enough from the start. */
static mer_status make_room(struct mer_file_bytes *file, size_t *capacity, mer_err *err)
{
    if (file->n < *capacity)
        return mer_ok();
    size_t larger;
    if (!mer_size_mul(*capacity, 2, &larger))
        return mer_fail(err, MER_ERR_MEMORY, "the input is too large for memory");
    MER_GUARD(mer_alloc_resize(file->alloc, larger, &file->bytes, err));
    *capacity = larger;
    return mer_ok();
}

static mer_status read_all(const struct mer_input *input, struct mer_file_bytes *file, mer_err *err)
{
    enum { FIRST_CAPACITY = 64 << 10 };
    /* One byte more than the file has: reading its end then needs no growing. */
    size_t capacity = input->size_hint > 0 ? input->size_hint + 1 : FIRST_CAPACITY;
    size_t got = 0;
    MER_GUARD(mer_alloc_bytes(file->alloc, capacity, &file->bytes, err));
    do {
        MER_GUARD(make_room(file, &capacity, err));
        MER_GUARD(
            mer_input_read(input, file->n, file->bytes + file->n, capacity - file->n, &got, err));
        file->n += got;
    } while (got > 0);
    return mer_ok();
}

mer_status mer_file_read(struct mer_alloc *alloc, const char *path, size_t max_bytes,
                         struct mer_file_bytes *ret, mer_err *err)
{
    struct mer_input input;
    struct mer_file_bytes file = {.alloc = alloc};
    MER_GUARD(mer_input_open(&input, path, max_bytes, err));
    const mer_status status = read_all(&input, &file, err);
    mer_input_close(&input);
    if (!mer_is_ok(status)) {
        mer_file_release(&file);
        return status;
    }
    *ret = file;
    return mer_ok();
}

void mer_file_release(struct mer_file_bytes *file)
{
    if (file->bytes)
        mer_free(file->alloc, file->bytes);
    file->bytes = NULL;
    file->n = 0;
}

bool mer_file_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

bool mer_file_has_bytes(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
}

bool mer_folder_is(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

mer_status mer_fd_write(int fd, const void *bytes, size_t n, const char *what, mer_err *err)
{
    const unsigned char *p = bytes;
    while (n > 0) {
        const ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be written", what);
        p += written;
        n -= (size_t)written;
    }
    return mer_ok();
}
