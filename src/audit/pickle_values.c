/* The stack, the memo and the values of the machine that follows pickles. */
#include <string.h>

#include "audit/pickle_machine.h"

enum {
    STACK_MAX = 1 << 24,
    DEPTH_MAX = 900, /* Python's own limit is 1000 */
    LEAST_BOMB = 100000000,
    BOMB_RATIO = 100000
};

void mer_pickle_init(struct mer_pickle *pickle, struct mer_audit *audit, const unsigned char *bytes,
                     size_t n, uint64_t base)
{
    *pickle = (struct mer_pickle){.audit = audit, .bytes = bytes, .n = n, .base = base};
    mer_arena_init(&pickle->arena, audit->ctx->alloc);
}

void mer_pickle_release(struct mer_pickle *pickle)
{
    mer_arena_release(&pickle->arena);
    mer_free(pickle->audit->ctx->alloc, pickle->stack);
    mer_free(pickle->audit->ctx->alloc, pickle->memo);
    mer_free(pickle->audit->ctx->alloc, pickle->storages);
    pickle->storages = NULL;
    pickle->stack = NULL;
    pickle->memo = NULL;
}

void mer_pickle_tell(struct mer_pickle *pickle, enum mer_audit_kind kind, uint64_t at,
                     const char *text)
{
    if (!pickle->probing)
        mer_audit_add(pickle->audit, kind, pickle->base + at, "%s", text);
}

void mer_pickle_broken(struct mer_pickle *pickle, const char *what)
{
    if (!pickle->told_broken)
        mer_pickle_tell(pickle, MER_AUDIT_BROKEN, pickle->at, what);
    pickle->told_broken = true;
}

void mer_pickle_harm(struct mer_pickle *pickle)
{
    if (!(pickle->probing && pickle->told_broken))
        pickle->tells_harm = true;
}

void mer_pickle_odd(struct mer_pickle *pickle, const char *what)
{
    if (!pickle->probing)
        mer_pickle_broken(pickle, what);
}

mer_status mer_pickle_push(struct mer_pickle *pickle, struct mer_pickle_value value, mer_err *err)
{
    if (pickle->n_stack == pickle->stack_capacity) {
        const size_t capacity = pickle->stack_capacity ? pickle->stack_capacity * 2 : 256;
        if (capacity > STACK_MAX)
            return mer_fail(err, MER_ERR_MEMORY, "the pickle's stack is too deep to follow");
        MER_GUARD(mer_alloc_resize(pickle->audit->ctx->alloc, capacity * sizeof value,
                                   &pickle->stack, err));
        pickle->stack_capacity = capacity;
    }
    pickle->stack[pickle->n_stack++] = value;
    return mer_ok();
}

struct mer_pickle_value mer_pickle_pop(struct mer_pickle *pickle)
{
    if (pickle->n_stack == 0 || pickle->stack[pickle->n_stack - 1].kind == MER_PICKLE_MARK) {
        mer_pickle_broken(pickle, "an instruction takes more than there is");
        return (struct mer_pickle_value){.kind = MER_PICKLE_UNKNOWN};
    }
    return pickle->stack[--pickle->n_stack];
}

struct mer_pickle_value *mer_pickle_top(struct mer_pickle *pickle)
{
    if (pickle->n_stack == 0 || pickle->stack[pickle->n_stack - 1].kind == MER_PICKLE_MARK) {
        mer_pickle_broken(pickle, "an instruction takes more than there is");
        return NULL;
    }
    return &pickle->stack[pickle->n_stack - 1];
}

/* Every item is passed once here and then taken off, so that all searches together are linear. */
size_t mer_pickle_find_mark(struct mer_pickle *pickle)
{
    for (size_t i = pickle->n_stack; i > 0; i--)
        if (pickle->stack[i - 1].kind == MER_PICKLE_MARK)
            return i;
    mer_pickle_broken(pickle, "an instruction needs a mark that is not there");
    return 0;
}

mer_status mer_pickle_new_box(struct mer_pickle *pickle, uint32_t kind,
                              struct mer_pickle_value *ret, mer_err *err)
{
    *ret = (struct mer_pickle_value){.kind = kind};
    MER_GUARD(mer_arena_zero(&pickle->arena, 1, sizeof *ret->as.box, &ret->as.box, err));
    ret->as.box->weight = 1;
    ret->as.box->depth = 1;
    return mer_ok();
}

static bool is_box(struct mer_pickle_value value)
{
    return (value.kind >= MER_PICKLE_LIST && value.kind <= MER_PICKLE_SET) ||
           value.kind == MER_PICKLE_MADE || value.kind == MER_PICKLE_PERSISTENT;
}

/* A tree that is small in the file because its parts are shared, and endless for whoever walks it.
 */
static void check_weight(struct mer_pickle *pickle, const struct mer_pickle_box *box)
{
    if (!pickle->told_bomb && box->weight > LEAST_BOMB &&
        box->weight > (double)BOMB_RATIO * (double)pickle->n) {
        pickle->told_bomb = true;
        mer_pickle_tell(pickle, MER_AUDIT_BOMB, pickle->at,
                        "containers that share their parts grow without end for who walks them");
    }
    if (!pickle->told_depth && box->depth > DEPTH_MAX) {
        pickle->told_depth = true;
        mer_pickle_tell(pickle, MER_AUDIT_DEPTH, pickle->at, "containers nested over 900 deep");
    }
}

static mer_status grow_items(struct mer_pickle *pickle, struct mer_pickle_box *box, size_t n,
                             mer_err *err)
{
    struct mer_pickle_value *items;
    size_t capacity = box->capacity ? box->capacity * 2 : 2;
    while (capacity < n)
        capacity *= 2;
    MER_GUARD(mer_arena_zero(&pickle->arena, capacity, sizeof *items, &items, err));
    if (box->n_kept)
        memcpy(items, box->items, box->n_kept * sizeof *items);
    box->items = items;
    box->capacity = (uint32_t)capacity;
    return mer_ok();
}

mer_status mer_pickle_put_in(struct mer_pickle *pickle, struct mer_pickle_value value,
                             const struct mer_pickle_value *items, size_t n, mer_err *err)
{
    if (!is_box(value))
        return mer_ok();
    struct mer_pickle_box *const box = value.as.box;
    for (size_t i = 0; i < n; i++) {
        const struct mer_pickle_value item = items[i];
        box->weight += is_box(item) ? item.as.box->weight : 1;
        if (is_box(item) && item.as.box->depth >= box->depth)
            box->depth = item.as.box->depth + (item.as.box->depth < UINT32_MAX);
        box->n += box->n < UINT32_MAX;
        if (box->n_kept == MER_PICKLE_KEPT || box->n_kept + 1 != box->n)
            continue;
        if (box->n_kept == box->capacity) {
            const size_t wanted = box->n_kept + (n - i);
            MER_GUARD(
                grow_items(pickle, box, wanted < MER_PICKLE_KEPT ? wanted : MER_PICKLE_KEPT, err));
        }
        box->items[box->n_kept++] = item;
    }
    check_weight(pickle, box);
    return mer_ok();
}

struct mer_pickle_value mer_pickle_item(struct mer_pickle_value box, size_t i)
{
    if (!is_box(box) || i >= box.as.box->n_kept)
        return (struct mer_pickle_value){.kind = MER_PICKLE_UNKNOWN};
    return box.as.box->items[i];
}

bool mer_pickle_is_text(struct mer_pickle_value value, const char *text)
{
    return value.kind == MER_PICKLE_TEXT && value.n == strlen(text) &&
           memcmp(value.as.bytes, text, value.n) == 0;
}

struct mer_pickle_value mer_pickle_member(struct mer_pickle_value dict, const char *key)
{
    for (size_t i = 0; dict.kind == MER_PICKLE_DICT && i + 1 < dict.as.box->n_kept; i += 2)
        if (mer_pickle_is_text(dict.as.box->items[i], key))
            return dict.as.box->items[i + 1];
    return (struct mer_pickle_value){.kind = MER_PICKLE_UNKNOWN};
}

/* ---- The memo: open addressing by a multiplied key ---- */

/* Keys that were chosen to collide cost steps. */
static struct mer_pickle_memo *find_slot(struct mer_pickle *pickle, struct mer_pickle_memo *memo,
                                         size_t capacity, uint64_t key)
{
    uint64_t n_probes = 1;
    size_t i = (size_t)((key + 1) * 0x9e3779b97f4a7c15ULL >> 32) & (capacity - 1);
    while (memo[i].key != 0 && memo[i].key != key + 1) {
        i = (i + 1) & (capacity - 1);
        n_probes++;
    }
    (void)mer_audit_step(pickle->audit, n_probes);
    return &memo[i];
}

static mer_status grow_memo(struct mer_pickle *pickle, mer_err *err)
{
    struct mer_alloc *const alloc = pickle->audit->ctx->alloc;
    const size_t capacity = pickle->memo_capacity ? pickle->memo_capacity * 2 : 64;
    struct mer_pickle_memo *memo;
    MER_GUARD(mer_alloc_zero(alloc, capacity, sizeof *memo, &memo, err));
    for (size_t i = 0; i < pickle->memo_capacity; i++)
        if (pickle->memo[i].key != 0)
            *find_slot(pickle, memo, capacity, pickle->memo[i].key - 1) = pickle->memo[i];
    mer_free(alloc, pickle->memo);
    pickle->memo = memo;
    pickle->memo_capacity = capacity;
    return mer_ok();
}

mer_status mer_pickle_remember(struct mer_pickle *pickle, uint64_t key,
                               struct mer_pickle_value value, mer_err *err)
{
    /* Python keeps a table up to the largest number. */
    if (key > 1024 && key / 16 > pickle->n && !pickle->told_bomb) {
        pickle->told_bomb = true;
        mer_pickle_tell(pickle, MER_AUDIT_BOMB, pickle->at,
                        "a memo of which the loader has to make a huge table");
    }
    if (pickle->n_memo * 2 >= pickle->memo_capacity)
        MER_GUARD(grow_memo(pickle, err));
    struct mer_pickle_memo *const slot =
        find_slot(pickle, pickle->memo, pickle->memo_capacity, key);
    pickle->n_memo += slot->key == 0;
    *slot = (struct mer_pickle_memo){key + 1, value};
    return mer_ok();
}

struct mer_pickle_value mer_pickle_recall(struct mer_pickle *pickle, uint64_t key)
{
    if (pickle->memo_capacity > 0) {
        const struct mer_pickle_memo *const slot =
            find_slot(pickle, pickle->memo, pickle->memo_capacity, key);
        if (slot->key != 0)
            return slot->value;
    }
    mer_pickle_broken(pickle, "it recalls what it did not remember");
    return (struct mer_pickle_value){.kind = MER_PICKLE_UNKNOWN};
}
