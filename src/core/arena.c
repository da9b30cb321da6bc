#include "core/arena.h"

#include <assert.h>
#include <string.h>

enum { FIRST_BLOCK = 4 << 10, LAST_BLOCK = 1 << 20, PIECE_ALIGNMENT = 16 };

/* A block and, behind it, its pieces. The first block of the list is the one that is being filled;
 * a piece that is large for a block gets one of its own further back. */
struct mer_arena_block {
    struct mer_arena_block *next;
    size_t n_bytes;
    size_t used;
    size_t padding;
};

static_assert(sizeof(struct mer_arena_block) % PIECE_ALIGNMENT == 0, "pieces stay aligned");

void mer_arena_init(struct mer_arena *arena, struct mer_alloc *alloc)
{
    *arena = (struct mer_arena){.alloc = alloc, .block_bytes = FIRST_BLOCK};
}

void mer_arena_release(struct mer_arena *arena)
{
    struct mer_arena_block *block = arena->blocks;
    while (block) {
        struct mer_arena_block *next = block->next;
        mer_free(arena->alloc, block);
        block = next;
    }
    mer_arena_init(arena, arena->alloc);
}

static mer_status new_block(struct mer_arena *arena, size_t n_bytes,
                            struct mer_arena_block **ret_block, mer_err *err)
{
    size_t total;
    struct mer_arena_block *block;
    if (!mer_size_add(n_bytes, sizeof *block, &total))
        return mer_fail(err, MER_ERR_MEMORY, "a piece of %zu bytes is impossible", n_bytes);
    MER_GUARD(mer_alloc_bytes(arena->alloc, total, &block, err));
    *block = (struct mer_arena_block){.n_bytes = n_bytes};
    *ret_block = block;
    return mer_ok();
}

/* Uninitialised memory of n bytes. */
static mer_status take(struct mer_arena *arena, size_t n, void **ret_pointer, mer_err *err)
{
    size_t padded;
    if (!mer_size_add(n, PIECE_ALIGNMENT - 1, &padded))
        return mer_fail(err, MER_ERR_MEMORY, "a piece of %zu bytes is impossible", n);
    padded &= ~(size_t)(PIECE_ALIGNMENT - 1);

    struct mer_arena_block *block = arena->blocks;
    if (!block || padded > block->n_bytes - block->used) {
        const bool large = padded > arena->block_bytes / 4;
        MER_GUARD(new_block(arena, large ? padded : arena->block_bytes, &block, err));
        if (large && arena->blocks) {
            block->next = arena->blocks->next;
            arena->blocks->next = block;
        } else {
            block->next = arena->blocks;
            arena->blocks = block;
        }
        if (!large && arena->block_bytes < LAST_BLOCK)
            arena->block_bytes *= 2;
    }
    *ret_pointer = (unsigned char *)(block + 1) + block->used;
    block->used += padded;
    return mer_ok();
}

mer_status mer_arena_zero(struct mer_arena *arena, size_t n, size_t size, void *ret_pointer,
                          mer_err *err)
{
    size_t bytes;
    void *pointer;
    if (!mer_size_mul(n, size, &bytes))
        return mer_fail(err, MER_ERR_MEMORY, "%zu elements of %zu bytes are too many", n, size);
    MER_GUARD(take(arena, bytes, &pointer, err));
    memset(pointer, 0, bytes);
    memcpy(ret_pointer, &pointer, sizeof pointer);
    return mer_ok();
}

mer_status mer_arena_text(struct mer_arena *arena, const char *bytes, size_t n,
                          const char **ret_text, mer_err *err)
{
    size_t size;
    void *pointer;
    if (!mer_size_add(n, 1, &size))
        return mer_fail(err, MER_ERR_MEMORY, "a text of %zu bytes is too long", n);
    MER_GUARD(take(arena, size, &pointer, err));
    char *text = pointer;
    if (n > 0)
        memcpy(text, bytes, n);
    text[n] = '\0';
    *ret_text = text;
    return mer_ok();
}
