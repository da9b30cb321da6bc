#include "os/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/input.h"
#include "os/system_error.h"

/* Of newer kernels; refused with EINVAL by older ones. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* A memfd and, while it is being filled, its writable mapping. */
struct copy {
    int fd;
    unsigned char *base;
    size_t n;
    size_t capacity;
};

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

static mer_status make_room(struct copy *copy, size_t capacity, mer_err *err)
{
    if (capacity > INT64_MAX)
        return fail_memory(EFBIG, err);
    if (ftruncate(copy->fd, (off_t)capacity) != 0)
        return fail_memory(errno, err);
    void *base = copy->base ? mremap(copy->base, copy->capacity, capacity, MREMAP_MAYMOVE)
                            : mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, copy->fd, 0);
    if (base == MAP_FAILED)
        return fail_memory(errno, err);
    copy->base = base;
    copy->capacity = capacity;
    return mer_ok();
}

static mer_status fill(const struct mer_input *input, struct copy *copy, mer_err *err)
{
    enum { FIRST_CAPACITY = 256 << 10 };
    size_t got = 0;
    /* One byte more than the file has: reading its end then needs no growing. */
    MER_GUARD(make_room(copy, input->size_hint > 0 ? input->size_hint + 1 : FIRST_CAPACITY, err));
    do {
        size_t larger;
        if (copy->n == copy->capacity) {
            if (!mer_size_mul(copy->capacity, 2, &larger))
                return fail_memory(EFBIG, err);
            MER_GUARD(make_room(copy, larger, err));
        }
        MER_GUARD(mer_input_read(input, copy->n, copy->base + copy->n, copy->capacity - copy->n,
                                 &got, err));
        copy->n += got;
    } while (got > 0);
    return mer_ok();
}

static void unmap(struct copy *copy)
{
    if (copy->base)
        (void)munmap(copy->base, copy->capacity);
    copy->base = NULL;
}

/* Cuts to size, seals and maps for reading. The writable mapping must be gone: the kernel refuses
 * to seal while there is one. */
static mer_status seal(struct copy *copy, struct mer_sealed *ret, mer_err *err)
{
    static const int SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    const unsigned char *bytes = NULL;
    unmap(copy);
    if (ftruncate(copy->fd, (off_t)copy->n) != 0 || fcntl(copy->fd, F_ADD_SEALS, SEALS) != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, errno, "a copy in memory cannot be sealed");
    if (copy->n > 0) {
        const void *base = mmap(NULL, copy->n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, copy->fd, 0);
        if (base == MAP_FAILED)
            return fail_memory(errno, err);
        bytes = base;
    }
    *ret = (struct mer_sealed){.fd = copy->fd, .bytes = bytes, .n = copy->n};
    return mer_ok();
}

mer_status mer_sealed_read(const char *path, size_t max_bytes, struct mer_sealed *ret, mer_err *err)
{
    struct mer_input input;
    struct copy copy = {.fd = -1};
    MER_GUARD(mer_input_open(&input, path, max_bytes, err));
    copy.fd = make_memfd();
    mer_status status = copy.fd >= 0 ? mer_ok()
                                     : mer_fail_system(err, MER_ERR_ABSENT, errno,
                                                       "a file in memory cannot be made");
    if (mer_is_ok(status))
        status = fill(&input, &copy, err);
    if (mer_is_ok(status))
        status = seal(&copy, ret, err);
    mer_input_close(&input);
    if (!mer_is_ok(status)) {
        unmap(&copy);
        if (copy.fd >= 0)
            (void)close(copy.fd);
    }
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
