#include "os/secret_memory.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/alloc.h"

static bool whole_pages(size_t n, size_t *ret)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t padded;
    if (n == 0 || !mer_size_add(n, page - 1, &padded))
        return false;
    *ret = padded / page * page;
    return true;
}

mer_status mer_secret_memory_map(size_t n, void *ret_pointer, mer_err *err)
{
    size_t size = 0;
    if (!whole_pages(n, &size))
        return mer_fail(err, MER_ERR_INTERNAL, "%zu bytes of secret memory are impossible", n);
    void *pointer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pointer == MAP_FAILED)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory: %zu bytes for a secret were refused",
                        size);
    /* A small RLIMIT_MEMLOCK must not stop the work: the secret may then reach the swap. */
    (void)mlock(pointer, size);
    (void)madvise(pointer, size, MADV_DONTDUMP);
    (void)madvise(pointer, size, MADV_WIPEONFORK);
    memcpy(ret_pointer, &pointer, sizeof pointer);
    return mer_ok();
}

void mer_secret_memory_unmap(void *pointer, size_t n)
{
    size_t size;
    if (!pointer || !whole_pages(n, &size))
        return;
    explicit_bzero(pointer, size);
    (void)munmap(pointer, size);
}

/* The dumpable flag belongs to the process, so its count does too. */
static pthread_mutex_t hide_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned hide_count;
static int dumpable_before;

void mer_process_hide(void)
{
    pthread_mutex_lock(&hide_mutex);
    if (hide_count++ == 0) {
        dumpable_before = prctl(PR_GET_DUMPABLE);
        (void)prctl(PR_SET_DUMPABLE, 0);
    }
    pthread_mutex_unlock(&hide_mutex);
}

void mer_process_unhide(void)
{
    pthread_mutex_lock(&hide_mutex);
    /* Only 0 and 1 can be set; 2 comes from the system and stays with it. */
    if (hide_count > 0 && --hide_count == 0 && dumpable_before == 1)
        (void)prctl(PR_SET_DUMPABLE, 1);
    pthread_mutex_unlock(&hide_mutex);
}
