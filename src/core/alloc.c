#include "core/alloc.h"

#include <assert.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* In front of each piece: its size, so that freeing needs no more than the pointer. */
struct header {
    size_t n;
    void *piece; /* what the system gave */
    unsigned char padding[MER_ALIGNMENT - sizeof(size_t) - sizeof(void *)];
};

/* From here on zeroed memory is asked for as such: the system has pages that are zero already, and
 * they cost nothing until they are touched, by whichever thread. */
enum { FRESH_BYTES = 1 << 20 };

static_assert(sizeof(struct header) == MER_ALIGNMENT, "the header keeps the alignment");

static struct header *header_of(void *pointer)
{
    return (struct header *)((unsigned char *)pointer - sizeof(struct header));
}

void mer_alloc_init(struct mer_alloc *alloc, size_t budget_bytes)
{
    *alloc = (struct mer_alloc){.budget = budget_bytes};
}

static void raise_peak(struct mer_alloc *alloc, size_t used)
{
    size_t peak = atomic_load_explicit(&alloc->peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak(&alloc->peak, &peak, used))
        ;
}

static void unreserve(struct mer_alloc *alloc, size_t n)
{
    atomic_fetch_sub_explicit(&alloc->used, n, memory_order_relaxed);
}

/* Takes n bytes from the budget. */
static mer_status reserve(struct mer_alloc *alloc, size_t n, mer_err *err)
{
    const uint64_t request = atomic_fetch_add(&alloc->requests, 1) + 1;
    if (request == alloc->fail_at)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory (injected at request %llu)",
                        (unsigned long long)request);
    size_t used = atomic_load_explicit(&alloc->used, memory_order_relaxed);
    size_t after;
    do {
        if (!mer_size_add(used, n, &after) || after > alloc->budget) {
            mer_status status =
                mer_fail(err, MER_ERR_MEMORY,
                         "the memory budget of %zu bytes does not hold %zu more (%zu are in use)",
                         alloc->budget, n, used);
            return mer_hint(err, status, "give more with --memory, or fewer rows or columns");
        }
    } while (!atomic_compare_exchange_weak(&alloc->used, &used, after));
    raise_peak(alloc, after);
    return mer_ok();
}

mer_status mer_alloc_bytes(struct mer_alloc *alloc, size_t n, void *ret_pointer, mer_err *err)
{
    size_t total;
    if (!mer_size_align(n, &total) || !mer_size_add(total, sizeof(struct header), &total))
        return mer_fail(err, MER_ERR_MEMORY, "a size of %zu bytes is impossible", n);
    MER_GUARD(reserve(alloc, n, err));
    struct header *header = aligned_alloc(MER_ALIGNMENT, total);
    if (!header) {
        unreserve(alloc, n);
        return mer_fail(err, MER_ERR_MEMORY, "out of memory: %zu bytes were refused", n);
    }
    header->n = n;
    header->piece = header;
    void *pointer = header + 1;
    memcpy(ret_pointer, &pointer, sizeof pointer);
    return mer_ok();
}

/* Zeroed by the system, aligned by hand. */
static mer_status alloc_fresh(struct mer_alloc *alloc, size_t n, void *ret_pointer, mer_err *err)
{
    size_t total;
    if (!mer_size_add(n, sizeof(struct header) + MER_ALIGNMENT, &total))
        return mer_fail(err, MER_ERR_MEMORY, "a size of %zu bytes is impossible", n);
    MER_GUARD(reserve(alloc, n, err));
    unsigned char *piece = calloc(1, total);
    if (!piece) {
        unreserve(alloc, n);
        return mer_fail(err, MER_ERR_MEMORY, "out of memory: %zu bytes were refused", n);
    }
    struct header *header = (struct header *)(void *)(piece + -(uintptr_t)piece % MER_ALIGNMENT);
    header->n = n;
    header->piece = piece;
    void *pointer = header + 1;
    memcpy(ret_pointer, &pointer, sizeof pointer);
    return mer_ok();
}

mer_status mer_alloc_array(struct mer_alloc *alloc, size_t n, size_t size, void *ret_pointer,
                           mer_err *err)
{
    size_t bytes;
    if (!mer_size_mul(n, size, &bytes))
        return mer_fail(err, MER_ERR_MEMORY, "%zu elements of %zu bytes are too many", n, size);
    return mer_alloc_bytes(alloc, bytes, ret_pointer, err);
}

mer_status mer_alloc_zero(struct mer_alloc *alloc, size_t n, size_t size, void *ret_pointer,
                          mer_err *err)
{
    void *pointer;
    size_t bytes;
    if (mer_size_mul(n, size, &bytes) && bytes >= FRESH_BYTES)
        return alloc_fresh(alloc, bytes, ret_pointer, err);
    MER_GUARD(mer_alloc_array(alloc, n, size, &pointer, err));
    memset(pointer, 0, n * size);
    memcpy(ret_pointer, &pointer, sizeof pointer);
    return mer_ok();
}

/* From here on large pages are asked for: some of them, whose borders are no multiples of theirs.
 */
enum { LARGE_BYTES = 1 << 22, PAGE = 1 << 12 };

mer_status mer_alloc_scattered(struct mer_alloc *alloc, size_t n, size_t size, void *ret_pointer,
                               mer_err *err)
{
    unsigned char *pointer;
    MER_GUARD(mer_alloc_zero(alloc, n, size, &pointer, err));
    /* Mostly memory that has not been touched yet; where it has been, this changes nothing. */
    if (n * size >= LARGE_BYTES) {
        unsigned char *first = pointer + -(uintptr_t)pointer % PAGE;
        (void)madvise(first, n * size - (size_t)(first - pointer), MADV_HUGEPAGE);
    }
    memcpy(ret_pointer, &pointer, sizeof pointer);
    return mer_ok();
}

mer_status mer_alloc_resize(struct mer_alloc *alloc, size_t n, void *pointer, mer_err *err)
{
    void *old;
    void *fresh;
    memcpy(&old, pointer, sizeof old);
    MER_GUARD(mer_alloc_bytes(alloc, n, &fresh, err));
    if (old) {
        const size_t kept = header_of(old)->n < n ? header_of(old)->n : n;
        memcpy(fresh, old, kept);
        mer_free(alloc, old);
    }
    memcpy(pointer, &fresh, sizeof fresh);
    return mer_ok();
}

void mer_free(struct mer_alloc *alloc, void *pointer)
{
    if (!pointer)
        return;
    unreserve(alloc, header_of(pointer)->n);
    free(header_of(pointer)->piece);
}

mer_status mer_alloc_charge(struct mer_alloc *alloc, size_t n, mer_err *err)
{
    return reserve(alloc, n, err);
}

void mer_alloc_uncharge(struct mer_alloc *alloc, size_t n)
{
    unreserve(alloc, n);
}

mer_status mer_alloc_text(struct mer_alloc *alloc, const char *bytes, size_t n, char **ret_text,
                          mer_err *err)
{
    size_t size;
    char *text;
    if (!mer_size_add(n, 1, &size))
        return mer_fail(err, MER_ERR_MEMORY, "a text of %zu bytes is too long", n);
    MER_GUARD(mer_alloc_bytes(alloc, size, &text, err));
    if (n > 0)
        memcpy(text, bytes, n);
    text[n] = '\0';
    *ret_text = text;
    return mer_ok();
}
