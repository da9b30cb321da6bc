#include "os/memory_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"
#include "os/system_error.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { ALL_SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static mer_status refuse(const char *what, mer_err *err)
{
    const bool no_room = errno == ENOMEM || errno == ENOSPC || errno == EFBIG;
    return mer_fail_system(err, no_room ? MER_ERR_MEMORY : MER_ERR_IO, errno,
                           "cannot %s a file in memory", what);
}

mer_status mer_memory_file_new(const char *name, int *ret_fd, mer_err *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) /* an older kernel */
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return refuse("make", err);
    *ret_fd = fd;
    return mer_ok();
}

mer_status mer_memory_file_of(const char *name, const void *bytes, size_t n, int *ret_fd,
                              mer_err *err)
{
    int fd;
    MER_GUARD(mer_memory_file_new(name, &fd, err));
    mer_status status = mer_fd_write(fd, bytes, n, "a file in memory", err);
    if (mer_is_ok(status) && lseek(fd, 0, SEEK_SET) < 0)
        status = refuse("rewind", err);
    if (mer_is_ok(status))
        status = mer_memory_file_seal(fd, err);
    if (!mer_is_ok(status)) {
        (void)close(fd);
        return status;
    }
    *ret_fd = fd;
    return mer_ok();
}

mer_status mer_memory_file_seal(int fd, mer_err *err)
{
    if (fcntl(fd, F_ADD_SEALS, ALL_SEALS) != 0)
        return refuse("seal", err);
    return mer_ok();
}

/* Private mappings: kernels before 6.7 refuse a shared one of what is sealed against writing, and
 * there is nothing to share. */
static mer_status map_sealed(int fd, size_t n, int flags, void **ret_base, mer_err *err)
{
    /* The pages of a large one are left to those who look at them: often several threads. */
    enum { LARGE = 16 << 20 };
    if (n >= LARGE)
        flags &= ~MAP_POPULATE;
    void *base = mmap(NULL, n, PROT_READ, MAP_PRIVATE | flags, fd, 0);
    if (base == MAP_FAILED)
        return refuse("map", err);
    *ret_base = base;
    return mer_ok();
}

static mer_status map_some(int fd, size_t n, int flags, const unsigned char **ret_bytes,
                           mer_err *err)
{
    static const unsigned char nothing[1];
    void *base = NULL;
    if (n == 0) {
        *ret_bytes = nothing;
        return mer_ok();
    }
    MER_GUARD(map_sealed(fd, n, flags, &base, err));
    *ret_bytes = base;
    return mer_ok();
}

mer_status mer_memory_file_map(int fd, size_t n, const unsigned char **ret_bytes, mer_err *err)
{
    return map_some(fd, n, MAP_POPULATE, ret_bytes, err);
}

mer_status mer_memory_file_map_lazily(int fd, size_t n, const unsigned char **ret_bytes,
                                      mer_err *err)
{
    return map_some(fd, n, 0, ret_bytes, err);
}

mer_status mer_memory_file_read(int fd, void *bytes, size_t n, mer_err *err)
{
    return mer_memory_file_read_at(fd, 0, bytes, n, err);
}

mer_status mer_memory_file_cut(int fd, size_t n, mer_err *err)
{
    return n > (size_t)LLONG_MAX || ftruncate(fd, (off_t)n) != 0 ? refuse("cut", err) : mer_ok();
}

mer_status mer_memory_file_read_at(int fd, size_t offset, void *bytes, size_t n, mer_err *err)
{
    if (offset > (size_t)LLONG_MAX - n)
        return mer_fail(err, MER_ERR_DATA, "a file in memory is not so large");
    for (size_t done = 0; done < n;) {
        const ssize_t got = pread(fd, (char *)bytes + done, n - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refuse("read", err);
        if (got == 0)
            return mer_fail(err, MER_ERR_DATA, "a file in memory ends after %zu of %zu bytes", done,
                            n);
        done += (size_t)got;
    }
    return mer_ok();
}

uint64_t mer_memory_file_id(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? (uint64_t)info.st_ino : 0;
}

void mer_memory_file_unmap(const unsigned char *bytes, size_t n)
{
    if (n > 0)
        (void)munmap((void *)(uintptr_t)bytes, n);
}

static void release_sealed(struct mer_region *region)
{
    (void)munmap(region->base, region->capacity);
    mer_alloc_uncharge(region->owner, region->capacity);
}

static mer_status refuse_growth(struct mer_region *region, size_t capacity, mer_err *err)
{
    (void)region;
    return mer_fail(err, MER_ERR_INTERNAL, "a sealed region does not grow to %zu bytes", capacity);
}

mer_status mer_region_init_sealed(struct mer_region *region, struct mer_alloc *alloc, int fd,
                                  size_t n, mer_err *err)
{
    struct stat info;
    void *base = NULL;
    if (fstat(fd, &info) != 0)
        return refuse("look at", err);
    if ((fcntl(fd, F_GET_SEALS) & ALL_SEALS) != ALL_SEALS)
        return mer_fail(err, MER_ERR_INTERNAL, "the file in memory is not sealed");
    if (n == 0 || info.st_size < 0 || (uint64_t)info.st_size != n)
        return mer_fail(err, MER_ERR_DATA,
                        "a result of %lld bytes is not the %zu that it should be",
                        (long long)info.st_size, n);
    MER_GUARD(mer_alloc_charge(alloc, n, err));
    const mer_status status = map_sealed(fd, n, MAP_POPULATE, &base, err);
    if (!mer_is_ok(status)) {
        mer_alloc_uncharge(alloc, n);
        return status;
    }
    *region = (struct mer_region){.base = base,
                                  .n = n,
                                  .capacity = n,
                                  .max = n,
                                  .grow = refuse_growth,
                                  .release = release_sealed,
                                  .owner = alloc};
    return mer_ok();
}

static mer_status extend_file(struct mer_file_region *file, size_t capacity, mer_err *err)
{
    struct mer_region *const region = &file->region;
    if (ftruncate(file->fd, (off_t)capacity) != 0)
        return refuse("grow", err);
    void *base = region->base
                     ? mremap(region->base, region->capacity, capacity, MREMAP_MAYMOVE)
                     : mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (base == MAP_FAILED)
        return refuse("map", err);
    region->base = base;
    region->capacity = capacity;
    return mer_ok();
}

/* The file first, then the mapping; a file's new bytes are zero. */
static mer_status grow_memory_file(struct mer_region *region, size_t capacity, mer_err *err)
{
    struct mer_file_region *const file = (struct mer_file_region *)(void *)region;
    if (capacity <= region->capacity)
        return mer_ok();
    if (capacity > region->max || capacity > (size_t)LLONG_MAX)
        return mer_fail(err, MER_ERR_MEMORY, "the table needs %zu bytes, and %zu are allowed",
                        capacity, region->max);
    const size_t more = capacity - region->capacity;
    MER_GUARD(mer_alloc_charge(file->alloc, more, err));
    const mer_status status = extend_file(file, capacity, err);
    if (!mer_is_ok(status))
        mer_alloc_uncharge(file->alloc, more);
    return status;
}

static mer_status trim_memory_file(struct mer_region *region, mer_err *err)
{
    struct mer_file_region *const file = (struct mer_file_region *)(void *)region;
    if (ftruncate(file->fd, (off_t)region->n) != 0)
        return refuse("cut", err);
    return mer_ok();
}

/* Kernels before 5.14 do not know how; then each page comes when it is touched. */
static void bring_in_memory_file(const struct mer_region *region, size_t offset, size_t n)
{
    enum { PAGE = 4096, FEW = 4 * PAGE };
    if (n < FEW || offset > region->capacity || n > region->capacity - offset)
        return;
    const size_t from = offset / PAGE * PAGE;
    (void)madvise(region->base + from, offset + n - from, MADV_POPULATE_WRITE);
}

static void release_memory_file(struct mer_region *region)
{
    struct mer_file_region *const file = (struct mer_file_region *)(void *)region;
    if (region->base)
        (void)munmap(region->base, region->capacity);
    mer_alloc_uncharge(file->alloc, region->capacity);
    region->base = NULL;
    region->capacity = 0;
}

void mer_region_init_memory_file(struct mer_file_region *file, struct mer_alloc *alloc, int fd,
                                 size_t max_bytes)
{
    *file = (struct mer_file_region){
        .region = {.max = max_bytes,
                   .grow = grow_memory_file,
                   .release = release_memory_file,
                   .trim = trim_memory_file,
                   .bring_in = bring_in_memory_file},
        .alloc = alloc,
        .fd = fd,
    };
}

size_t mer_memory_of_machine(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX / 8;
}
