/* A library for LD_PRELOAD that makes the n-th request of a program fail, so that a test can prove
 * that nothing is lost, left behind or wrong, whichever request it is. For tests only.
 *
 *   MER_FAULT_KIND    memory: malloc, calloc, realloc, aligned_alloc, posix_memalign
 *                     io: read, write, open, fsync, link, rename, mmap, ftruncate and their kin
 *                     short: read and write move one byte only, which is no error
 *   MER_FAULT_AT      n, counted from 1 over the requests of that kind; 0: none fails
 *   MER_FAULT_STICKY  1: the later ones fail too
 *   MER_FAULT_STATE   a file that holds a struct fault_state; counts survive however the program
 * ends
 *
 * Calls that libc makes inside itself are not seen; those of other libraries are.
 *
 * With sanitizers, whose allocator must stay the first, the same functions are linked into the
 * program instead (FAULT_WRAP, the linker's --wrap): then only the program's own calls are seen,
 * and a leak on the way out of a failure is found.
 */
#include "fault/fault_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef FAULT_WRAP
#define STAND_IN(function) __wrap_##function
#define REAL(function) __real_##function
#else
/* glibc's own names for its allocator: dlsym allocates, so it can't be used to find malloc. */
#define STAND_IN(function) function
#define REAL(function) __libc_##function
#endif

enum kind { KIND_NONE, KIND_MEMORY, KIND_IO, KIND_SHORT };

static enum kind kind;
static uint64_t fail_at;
static bool sticky;
static struct fault_state no_state;
static struct fault_state *state = &no_state;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("MER_FAULT_KIND");
    const char *at = getenv("MER_FAULT_AT");
    const char *path = getenv("MER_FAULT_STATE");
    if (!name || !at || !path)
        return;
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        _exit(125);
    void *shared =
        (void *)syscall(SYS_mmap, NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        _exit(125);
    syscall(SYS_close, fd);
    state = shared;
    fail_at = strtoull(at, NULL, 10);
    sticky = getenv("MER_FAULT_STICKY") != NULL;
    kind = !strcmp(name, "memory") ? KIND_MEMORY : !strcmp(name, "io") ? KIND_IO : KIND_SHORT;
}

/* Counts one request of a kind; true when it is to fail. */
static bool fault(enum kind of)
{
    if (of != kind)
        return false;
    const uint64_t n = atomic_fetch_add(&state->requests, 1) + 1;
    if (fail_at == 0 || n < fail_at || (n > fail_at && !sticky))
        return false;
    atomic_fetch_add(&state->faults, 1);
    return true;
}

static bool io_fault(int error)
{
    if (!fault(KIND_IO))
        return false;
    errno = error;
    return true;
}

extern void *REAL(malloc)(size_t n);
extern void *REAL(calloc)(size_t n, size_t size);
extern void *REAL(realloc)(void *pointer, size_t n);
#ifdef FAULT_WRAP
extern void *__real_aligned_alloc(size_t alignment, size_t n);
#define REAL_ALIGNED __real_aligned_alloc
#else
extern void *__libc_memalign(size_t alignment, size_t n);
#define REAL_ALIGNED __libc_memalign
#endif

void *STAND_IN(malloc)(size_t n)
{
    if (fault(KIND_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return REAL(malloc)(n);
}

void *STAND_IN(calloc)(size_t n, size_t size)
{
    if (fault(KIND_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return REAL(calloc)(n, size);
}

void *STAND_IN(realloc)(void *pointer, size_t n)
{
    if (fault(KIND_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return REAL(realloc)(pointer, n);
}

void *STAND_IN(aligned_alloc)(size_t alignment, size_t n)
{
    if (fault(KIND_MEMORY)) {
        errno = ENOMEM;
        return NULL;
    }
    return REAL_ALIGNED(alignment, n);
}

int STAND_IN(posix_memalign)(void **ret_pointer, size_t alignment, size_t n)
{
    if (fault(KIND_MEMORY))
        return ENOMEM;
    void *pointer = REAL_ALIGNED(alignment, n);
    if (!pointer)
        return ENOMEM;
    *ret_pointer = pointer;
    return 0;
}

ssize_t STAND_IN(read)(int fd, void *bytes, size_t n)
{
    if (io_fault(EIO))
        return -1;
    if (n > 1 && fault(KIND_SHORT))
        n = 1;
    return (ssize_t)syscall(SYS_read, fd, bytes, n);
}

ssize_t STAND_IN(write)(int fd, const void *bytes, size_t n)
{
    if (io_fault(ENOSPC))
        return -1;
    if (n > 1 && fault(KIND_SHORT))
        n = 1;
    return (ssize_t)syscall(SYS_write, fd, bytes, n);
}

static int open_at(int folder, const char *path, int flags, unsigned mode)
{
    if (io_fault(EMFILE))
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

/* The mode is there only when something may be created. */
#define OPEN_MODE(flags)                                                                           \
    __extension__({                                                                                \
        unsigned mode_ = 0;                                                                        \
        if (((flags)&O_CREAT) || ((flags)&O_TMPFILE) == O_TMPFILE) {                               \
            va_list arguments_;                                                                    \
            va_start(arguments_, flags);                                                           \
            mode_ = va_arg(arguments_, unsigned);                                                  \
            va_end(arguments_);                                                                    \
        }                                                                                          \
        mode_;                                                                                     \
    })

int STAND_IN(open)(const char *path, int flags, ...)
{
    return open_at(AT_FDCWD, path, flags, OPEN_MODE(flags));
}

int STAND_IN(open64)(const char *path, int flags, ...)
{
    return open_at(AT_FDCWD, path, flags, OPEN_MODE(flags));
}

int STAND_IN(openat)(int folder, const char *path, int flags, ...)
{
    return open_at(folder, path, flags, OPEN_MODE(flags));
}

int STAND_IN(openat64)(int folder, const char *path, int flags, ...)
{
    return open_at(folder, path, flags, OPEN_MODE(flags));
}

int STAND_IN(fsync)(int fd)
{
    return io_fault(EIO) ? -1 : (int)syscall(SYS_fsync, fd);
}

int STAND_IN(fdatasync)(int fd)
{
    return io_fault(EIO) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int STAND_IN(ftruncate)(int fd, off_t n)
{
    return io_fault(ENOSPC) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int STAND_IN(linkat)(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    return io_fault(EIO) ? -1 : (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}

int STAND_IN(link)(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int STAND_IN(renameat)(int from_folder, const char *from, int to_folder, const char *to)
{
    return io_fault(EIO) ? -1 : (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
}

int STAND_IN(rename)(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int STAND_IN(fchmod)(int fd, mode_t mode)
{
    return io_fault(EIO) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int STAND_IN(memfd_create)(const char *name, unsigned flags)
{
    return io_fault(EMFILE) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

ssize_t STAND_IN(getrandom)(void *bytes, size_t n, unsigned flags)
{
    return io_fault(EIO) ? -1 : (ssize_t)syscall(SYS_getrandom, bytes, n, flags);
}

void *STAND_IN(mmap)(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (io_fault(ENOMEM))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}

void *STAND_IN(mmap64)(void *at, size_t n, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, n, protection, flags, fd, offset);
}
