#include "os/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/file.h"
#include "os/input.h"
#include "os/system_error.h"

/* Of newer kernels; refused with EINVAL by older ones. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static mer_status fail_memory(int error, mer_err *err)
{
    return mer_fail_system(err, MER_ERR_MEMORY, error, "memory for a sealed copy was refused");
}

static int make_memfd(void)
{
    const int fd = memfd_create("merlon-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd >= 0 || errno != EINVAL)
        return fd;
    return memfd_create("merlon-sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* Piece by piece through a buffer that stays in the cache: half the time of reading into a mapping,
 * whose pages the kernel clears first. */
static mer_status copy_all(const struct mer_input *input, int fd, size_t *ret_n, mer_err *err)
{
    unsigned char piece[64 << 10];
    size_t n = 0;
    size_t got = 0;
    for (;;) {
        MER_GUARD(mer_input_read(input, n, piece, sizeof piece, &got, err));
        if (got == 0)
            break;
        MER_GUARD(mer_fd_write(fd, piece, got, "a sealed copy in memory", err));
        n += got;
    }
    *ret_n = n;
    return mer_ok();
}

static mer_status seal(int fd, size_t n, struct mer_sealed *ret, mer_err *err)
{
    static const int SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    const unsigned char *bytes = NULL;
    if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, errno, "a copy in memory cannot be sealed");
    if (n > 0) {
        /* Private: kernels before 6.7 refuse a shared mapping of what is sealed against writing. */
        const void *base = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (base == MAP_FAILED)
            return fail_memory(errno, err);
        bytes = base;
    }
    *ret = (struct mer_sealed){.fd = fd, .bytes = bytes, .n = n};
    return mer_ok();
}

mer_status mer_sealed_read(const char *path, size_t max_bytes, struct mer_sealed *ret, mer_err *err)
{
    struct mer_input input;
    size_t n = 0;
    MER_GUARD(mer_input_open(&input, path, max_bytes, err));
    const int fd = make_memfd();
    mer_status status = fd >= 0 ? mer_ok() : fail_memory(errno, err);
    if (mer_is_ok(status))
        status = copy_all(&input, fd, &n, err);
    if (mer_is_ok(status))
        status = seal(fd, n, ret, err);
    mer_input_close(&input);
    if (!mer_is_ok(status) && fd >= 0)
        (void)close(fd);
    return status;
}

void mer_sealed_release(struct mer_sealed *sealed)
{
    if (sealed->bytes)
        (void)munmap((void *)(uintptr_t)sealed->bytes, sealed->n);
    if (sealed->fd >= 0)
        (void)close(sealed->fd);
    *sealed = (struct mer_sealed){.fd = -1};
}
