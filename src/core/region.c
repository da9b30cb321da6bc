#include "core/region.h"

#include <string.h>

/* Doubles, so that extending is linear overall; a request beyond `max` was refused before. */
static mer_status grow_memory(struct mer_region *region, size_t capacity, mer_err *err)
{
    struct mer_alloc *alloc = region->owner;
    if (!region->base) {
        MER_GUARD(mer_alloc_zero(alloc, capacity, 1, &region->base, err));
        region->capacity = capacity;
        return mer_ok();
    }
    size_t larger = region->capacity > region->max / 2 ? region->max : region->capacity * 2;
    if (larger < capacity)
        larger = capacity;
    unsigned char *base = region->base;
    /* Where memory is short, what was asked for is enough. */
    if (!mer_is_ok(mer_alloc_resize(alloc, larger, &base, NULL))) {
        larger = capacity;
        MER_GUARD(mer_alloc_resize(alloc, larger, &base, err));
    }
    memset(base + region->capacity, 0, larger - region->capacity);
    region->base = base;
    region->capacity = larger;
    return mer_ok();
}

static void release_memory(struct mer_region *region)
{
    mer_free(region->owner, region->base);
    region->base = NULL;
    region->n = 0;
    region->capacity = 0;
}

void mer_region_init_memory(struct mer_region *region, struct mer_alloc *alloc, size_t max_bytes)
{
    *region = (struct mer_region){
        .max = max_bytes, .grow = grow_memory, .release = release_memory, .owner = alloc};
}

mer_status mer_region_extend(struct mer_region *region, size_t n, size_t *ret_offset, mer_err *err)
{
    size_t offset;
    size_t end;
    if (!mer_size_align(region->n, &offset) || !mer_size_add(offset, n, &end) || end > region->max)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_MEMORY,
                                 "a table of at most %zu bytes would have to hold %zu more",
                                 region->max, n),
                        "give more with --memory, or fewer rows or columns");
    if (end > region->capacity)
        MER_GUARD(region->grow(region, end, err));
    region->n = end;
    *ret_offset = offset;
    return mer_ok();
}

void mer_region_reserve(struct mer_region *region, size_t n)
{
    /* A region that can be trimmed grows by what it is asked for, without copying. */
    if (!region->trim && n > region->capacity && n <= region->max)
        (void)mer_is_ok(region->grow(region, n, NULL));
}

void mer_region_clear(struct mer_region *region)
{
    if (region->n > 0)
        memset(region->base, 0, region->n);
    region->n = 0;
}

mer_status mer_region_trim(struct mer_region *region, mer_err *err)
{
    return region->trim ? region->trim(region, err) : mer_ok();
}

void mer_region_release(struct mer_region *region)
{
    if (region->release)
        region->release(region);
}
