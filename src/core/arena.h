/* An arena: many small objects that die together. Not thread-safe.
 *
 * init/release: the struct is the caller's. Memory comes from `alloc` in blocks.
 */
#ifndef MER_CORE_ARENA_H
#define MER_CORE_ARENA_H

#include "core/alloc.h"

struct mer_arena_block;

struct mer_arena {
    struct mer_alloc *alloc;
    struct mer_arena_block *blocks;
    size_t block_bytes; /* size of the next block */
};

void mer_arena_init(struct mer_arena *arena, struct mer_alloc *alloc);
void mer_arena_release(struct mer_arena *arena);

/* n elements of the given size, zeroed, aligned to 16 bytes. */
MER_MUST_CHECK mer_status mer_arena_zero(struct mer_arena *arena, size_t n, size_t size,
                                         void *ret_pointer, mer_err *err);
/* A zero-terminated copy of n bytes. */
MER_MUST_CHECK mer_status mer_arena_text(struct mer_arena *arena, const char *bytes, size_t n,
                                         const char **ret_text, mer_err *err);

#endif
