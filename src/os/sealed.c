#include "os/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
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

/* A copy under way. */
struct copy {
    const struct mer_input *input;
    const struct mer_sealed_reader *reader; /* NULL: nobody */
    int fd;
    _Atomic size_t n; /* bytes copied so far */
    _Atomic bool ended;
    const unsigned char *bytes; /* what is copied, mapped ahead as far as the size was told */
    size_t n_mapped;
    size_t n_taken; /* by the reader */
    int map_flags;  /* when it is mapped only at the end */
    mer_status status;
    mer_err *err;
};

/* A regular file by the kernel alone; anything else, and what the kernel cannot do, piece by piece
 * through a buffer that stays in the cache: half the time of reading into a mapping, whose pages
 * are cleared first. */
static mer_status copy_more(struct copy *copy, size_t n, size_t *ret_got)
{
    enum { STEP = 1 << 20 };
    unsigned char piece[64 << 10];
    bool can = copy->input->size_hint > 0;
    if (can)
        MER_GUARD(mer_input_send(copy->input, n, copy->fd, STEP, &can, ret_got, copy->err));
    if (can)
        return mer_ok();
    MER_GUARD(mer_input_read(copy->input, n, piece, sizeof piece, ret_got, copy->err));
    return mer_fd_write(copy->fd, piece, *ret_got, "a sealed copy in memory", copy->err);
}

static mer_status copy_all(struct copy *copy)
{
    size_t n = 0;
    size_t got = 0;
    for (;;) {
        MER_GUARD(copy_more(copy, n, &got));
        if (got == 0)
            return mer_ok();
        n += got;
        atomic_store_explicit(&copy->n, n, memory_order_release);
    }
}

/* Takes what was copied and is mapped, until there is no more or the copy has ended. */
static void follow(struct copy *copy)
{
    enum { PIECE = 1 << 20, PAUSE_NS = 50000 };
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (;;) {
        const bool ended = atomic_load_explicit(&copy->ended, memory_order_acquire);
        size_t n = atomic_load_explicit(&copy->n, memory_order_acquire);
        n = n < copy->n_mapped ? n : copy->n_mapped;
        if (n > copy->n_taken) {
            const size_t left = n - copy->n_taken;
            const size_t more = left < PIECE ? left : PIECE;
            copy->reader->take(copy->reader->self, copy->bytes + copy->n_taken, more);
            copy->n_taken += more;
        } else if (ended || n == copy->n_mapped) {
            return;
        } else {
            (void)nanosleep(&pause, NULL);
        }
    }
}

/* Task 0 copies and task 1 reads along. Tasks are claimed in their order, so by the time that
 * somebody follows, the copy has begun or, where there is one thread only, ended. */
static void copy_task(void *argument, size_t task, size_t worker)
{
    struct copy *copy = argument;
    (void)worker;
    if (task == 1) {
        follow(copy);
        return;
    }
    copy->status = copy_all(copy);
    atomic_store_explicit(&copy->ended, true, memory_order_release);
}

/* Private: kernels before 6.7 refuse a shared mapping of what is sealed against writing. */
static const unsigned char *map_copy(int fd, size_t n, int flags)
{
    const void *base = mmap(NULL, n, PROT_READ, MAP_PRIVATE | flags, fd, 0);
    return base == MAP_FAILED ? NULL : base;
}

static mer_status copy_along(struct copy *copy, struct mer_team *team, size_t size_hint)
{
    enum { LEAST = 1 << 20 }; /* less is not worth a thread */
    if (copy->reader && size_hint >= LEAST)
        copy->bytes = map_copy(copy->fd, size_hint, 0);
    copy->n_mapped = copy->bytes ? size_hint : 0;
    mer_team_run(team, copy_task, copy, copy->n_mapped ? 2 : 1);
    return copy->status;
}

/* Seals the copy and maps all of it; then the reader takes what it has not seen. */
static mer_status seal(struct copy *copy, struct mer_sealed *ret, mer_err *err)
{
    static const int SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    const size_t n = copy->n;
    if (fcntl(copy->fd, F_ADD_SEALS, SEALS) != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, errno, "a copy in memory cannot be sealed");
    if (n != copy->n_mapped) {
        if (copy->bytes)
            (void)munmap((void *)(uintptr_t)copy->bytes, copy->n_mapped);
        copy->n_mapped = 0;
        copy->bytes = n > 0 ? map_copy(copy->fd, n, copy->map_flags) : NULL;
        if (n > 0 && !copy->bytes)
            return fail_memory(errno, err);
        copy->n_mapped = n;
    }
    if (copy->reader && copy->n_taken < n)
        copy->reader->take(copy->reader->self, copy->bytes + copy->n_taken, n - copy->n_taken);
    *ret = (struct mer_sealed){.fd = copy->fd, .bytes = copy->bytes, .n = n};
    return mer_ok();
}

static mer_status read_input(const struct mer_input *input, struct mer_team *team,
                             const struct mer_sealed_reader *reader, int map_flags,
                             struct mer_sealed *ret, mer_err *err)
{
    struct copy copy = {
        .input = input, .reader = reader, .fd = make_memfd(), .map_flags = map_flags, .err = err};
    mer_status status = copy.fd >= 0 ? mer_ok() : fail_memory(errno, err);
    if (mer_is_ok(status))
        status = copy_along(&copy, team, input->size_hint);
    if (mer_is_ok(status))
        status = seal(&copy, ret, err);
    if (mer_is_ok(status))
        return mer_ok();
    if (copy.bytes)
        (void)munmap((void *)(uintptr_t)copy.bytes, copy.n_mapped);
    if (copy.fd >= 0)
        (void)close(copy.fd);
    return status;
}

static mer_status read_along(const char *path, size_t max_bytes, struct mer_team *team,
                             const struct mer_sealed_reader *reader, int map_flags,
                             struct mer_sealed *ret, mer_err *err)
{
    struct mer_input input;
    MER_GUARD(mer_input_open(&input, path, max_bytes, err));
    const mer_status status = read_input(&input, team, reader, map_flags, ret, err);
    mer_input_close(&input);
    return status;
}

mer_status mer_sealed_read_input(const struct mer_input *input, struct mer_sealed *ret,
                                 mer_err *err)
{
    return read_input(input, NULL, NULL, MAP_POPULATE, ret, err);
}

mer_status mer_sealed_read_along(const char *path, size_t max_bytes, struct mer_team *team,
                                 const struct mer_sealed_reader *reader, struct mer_sealed *ret,
                                 mer_err *err)
{
    return read_along(path, max_bytes, team, reader, reader ? MAP_POPULATE : 0, ret, err);
}

mer_status mer_sealed_read(const char *path, size_t max_bytes, struct mer_sealed *ret, mer_err *err)
{
    return read_along(path, max_bytes, NULL, NULL, MAP_POPULATE, ret, err);
}

void mer_sealed_release(struct mer_sealed *sealed)
{
    if (sealed->bytes)
        (void)munmap((void *)(uintptr_t)sealed->bytes, sealed->n);
    if (sealed->fd >= 0)
        (void)close(sealed->fd);
    *sealed = (struct mer_sealed){.fd = -1};
}
