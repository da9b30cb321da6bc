/* Allocation with a byte budget and failure injection.
 *
 * Every allocation of the library goes through a `struct mer_alloc`, which counts bytes, keeps the
 * peak, refuses to pass its budget, and can be told to fail the n-th request (for tests that prove
 * that nothing leaks). Memory is aligned to 64 bytes, a cache line and an AVX-512 register. Small
 * objects belong into an arena (core/arena.h). Thread-safe.
 */
#ifndef MER_CORE_ALLOC_H
#define MER_CORE_ALLOC_H

#include <stdatomic.h>

#include "core/status.h"

#define MER_ALIGNMENT 64

struct mer_alloc {
    size_t budget; /* bytes; SIZE_MAX: no limit */
    _Atomic size_t used;
    _Atomic size_t peak;
    _Atomic uint64_t requests;
    uint64_t fail_at; /* the request (counted from 1) that fails; 0: none */
};

void mer_alloc_init(struct mer_alloc *alloc, size_t budget_bytes);

/* Uninitialised memory of n bytes; n = 0 gives a valid pointer to nothing. Fails with
 * MER_ERR_MEMORY. */
MER_MUST_CHECK mer_status mer_alloc_bytes(struct mer_alloc *alloc, size_t n, void *ret_pointer,
                                          mer_err *err);
/* Zeroed memory for n elements of the given size; the product is checked. */
MER_MUST_CHECK mer_status mer_alloc_zero(struct mer_alloc *alloc, size_t n, size_t size,
                                         void *ret_pointer, mer_err *err);
/* The same, for arrays that are read and written here and there: of large pages where the system
 * has some, so that fewer addresses have to be looked up. */
MER_MUST_CHECK mer_status mer_alloc_scattered(struct mer_alloc *alloc, size_t n, size_t size,
                                              void *ret_pointer, mer_err *err);
/* Uninitialised memory for n elements of the given size; the product is checked. */
MER_MUST_CHECK mer_status mer_alloc_array(struct mer_alloc *alloc, size_t n, size_t size,
                                          void *ret_pointer, mer_err *err);
/* Grows or shrinks *pointer (NULL allowed) to n bytes, keeping its contents; untouched on failure.
 */
MER_MUST_CHECK mer_status mer_alloc_resize(struct mer_alloc *alloc, size_t n, void *pointer,
                                           mer_err *err);
/* Gives memory back; NULL is nothing. */
void mer_free(struct mer_alloc *alloc, void *pointer);

/* Counts n bytes that a library below us allocates by itself, so that the budget covers them too;
 * give them back with mer_alloc_uncharge. */
MER_MUST_CHECK mer_status mer_alloc_charge(struct mer_alloc *alloc, size_t n, mer_err *err);
void mer_alloc_uncharge(struct mer_alloc *alloc, size_t n);

/* A zero-terminated copy of n bytes. */
MER_MUST_CHECK mer_status mer_alloc_text(struct mer_alloc *alloc, const char *bytes, size_t n,
                                         char **ret_text, mer_err *err);

/* Checked size arithmetic: false on overflow, *ret untouched. */
static inline bool mer_size_mul(size_t a, size_t b, size_t *ret)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

static inline bool mer_size_add(size_t a, size_t b, size_t *ret)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret = sum;
    return true;
}

/* Rounded up to a multiple of 64; false on overflow. */
static inline bool mer_size_align(size_t n, size_t *ret)
{
    size_t padded;
    if (!mer_size_add(n, MER_ALIGNMENT - 1, &padded))
        return false;
    *ret = padded & ~(size_t)(MER_ALIGNMENT - 1);
    return true;
}

#endif
