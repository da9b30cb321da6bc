/* A growable region: where a pure reader writes a table. It may be plain memory or a memfd mapping;
 * the reader keeps offsets, never pointers, because growing may move the base.
 */
#ifndef MER_CORE_REGION_H
#define MER_CORE_REGION_H

#include "core/alloc.h"

struct mer_region {
    unsigned char *base; /* aligned to 64 bytes */
    size_t n;            /* bytes in use */
    size_t capacity;     /* bytes that may be touched */
    size_t max;          /* capacity never passes this */
    /* Raises capacity to at least `capacity` bytes; may move base. New bytes are zero. */
    mer_status (*grow)(struct mer_region *region, size_t capacity, mer_err *err);
    void (*release)(struct mer_region *region);
    /* Lowers capacity to n bytes; NULL where what is beyond does no harm. */
    mer_status (*trim)(struct mer_region *region, mer_err *err);
    /* Brings in the pages of some bytes that are about to be written, where that costs less for
     * all of them than for one after the other; any number of threads. NULL where it does not. */
    void (*bring_in)(const struct mer_region *region, size_t offset, size_t n);
    void *owner; /* for grow and release */
};

/* A region in plain memory. Release with region->release(region). */
void mer_region_init_memory(struct mer_region *region, struct mer_alloc *alloc, size_t max_bytes);

/* Appends n zeroed bytes at a 64-byte boundary and gives their offset from base. */
MER_MUST_CHECK mer_status mer_region_extend(struct mer_region *region, size_t n, size_t *ret_offset,
                                            mer_err *err);
/* Where growing would copy, makes room for n bytes in all, ahead; as far as memory allows. */
void mer_region_reserve(struct mer_region *region, size_t n);
static inline void mer_region_bring_in(const struct mer_region *region, size_t offset, size_t n)
{
    if (region->bring_in)
        region->bring_in(region, offset, n);
}
/* Empties it: n is 0, and what it held is zero again. */
void mer_region_clear(struct mer_region *region);
/* Gives back what lies behind the bytes in use, where others would see it. */
MER_MUST_CHECK mer_status mer_region_trim(struct mer_region *region, mer_err *err);
void mer_region_release(struct mer_region *region);

#endif
