#include "frame/dictionary.h"

#include <string.h>

enum {
    FIRST_SLOTS = 16,
    /* With at most half of the slots taken, a probe of this length does not happen by chance. */
    PROBE_MAX = 128,
    /* After so many keys, long probes are accepted rather than keys tried forever. */
    REKEYS_MAX = 8
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t mer_siphash13(uint64_t key0, uint64_t key1, const void *bytes, size_t n)
{
    uint64_t v[4] = {key0 ^ UINT64_C(0x736f6d6570736575), key1 ^ UINT64_C(0x646f72616e646f6d),
                     key0 ^ UINT64_C(0x6c7967656e657261), key1 ^ UINT64_C(0x7465646279746573)};
    const unsigned char *s = bytes;
    const size_t whole = n & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, s + i, sizeof word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)n << 56;
    for (size_t i = whole; i < n; i++)
        last |= (uint64_t)s[i] << (8 * (i - whole));
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void mer_dictionary_init(struct mer_dictionary *dictionary, struct mer_alloc *alloc)
{
    *dictionary = (struct mer_dictionary){.alloc = alloc, .key = UINT64_C(0x9e3779b97f4a7c15)};
}

void mer_dictionary_release(struct mer_dictionary *dictionary)
{
    if (!dictionary->alloc)
        return;
    mer_free(dictionary->alloc, dictionary->offsets);
    mer_free(dictionary->alloc, dictionary->bytes);
    mer_free(dictionary->alloc, dictionary->slots);
    mer_dictionary_init(dictionary, dictionary->alloc);
}

static inline uint64_t hash_of(const struct mer_dictionary *dictionary, const char *bytes, size_t n)
{
    return mer_siphash13(dictionary->key, ~dictionary->key, bytes, n);
}

/* The slot that holds the text, or the free slot where it belongs, and how far it was. */
static inline size_t probe(const struct mer_dictionary *dictionary, const char *bytes, size_t n,
                           uint64_t hash, size_t *ret_length)
{
    const size_t mask = dictionary->n_slots - 1;
    const uint32_t tag = (uint32_t)(hash >> 32);
    size_t i = hash & mask;
    size_t length = 0;
    for (;; i = (i + 1) & mask, length++) {
        const struct mer_dictionary_slot slot = dictionary->slots[i];
        if (slot.code < 0)
            break;
        if (slot.tag != tag)
            continue;
        const int64_t *span = dictionary->offsets + slot.code;
        if ((size_t)(span[1] - span[0]) == n && memcmp(dictionary->bytes + span[0], bytes, n) == 0)
            break;
    }
    *ret_length = length;
    return i;
}

/* Enters all texts into empty slots. */
static void rebuild(struct mer_dictionary *dictionary)
{
    const size_t mask = dictionary->n_slots - 1;
    /* All ones: every code is -1. */
    memset(dictionary->slots, 0xff, dictionary->n_slots * sizeof *dictionary->slots);
    for (size_t k = 0; k < dictionary->n; k++) {
        const int64_t *span = dictionary->offsets + k;
        const uint64_t hash =
            hash_of(dictionary, dictionary->bytes + span[0], (size_t)(span[1] - span[0]));
        size_t i = hash & mask;
        while (dictionary->slots[i].code >= 0)
            i = (i + 1) & mask;
        dictionary->slots[i] = (struct mer_dictionary_slot){(uint32_t)(hash >> 32), (int32_t)k};
    }
}

static mer_status grow_slots(struct mer_dictionary *dictionary, mer_err *err)
{
    const size_t n_slots = dictionary->n_slots ? dictionary->n_slots * 2 : FIRST_SLOTS;
    struct mer_dictionary_slot *slots;
    MER_GUARD(mer_alloc_array(dictionary->alloc, n_slots, sizeof *slots, &slots, err));
    mer_free(dictionary->alloc, dictionary->slots);
    dictionary->slots = slots;
    dictionary->n_slots = n_slots;
    rebuild(dictionary);
    return mer_ok();
}

/* Room for one more text of n bytes, in all three arrays. */
static mer_status reserve(struct mer_dictionary *dictionary, size_t n, mer_err *err)
{
    if (dictionary->n + 2 > dictionary->offsets_capacity) {
        const size_t capacity = dictionary->n < 8 ? 16 : dictionary->n * 2;
        MER_GUARD(mer_alloc_resize(dictionary->alloc, capacity * sizeof *dictionary->offsets,
                                   &dictionary->offsets, err));
        dictionary->offsets_capacity = capacity;
        dictionary->offsets[0] = 0;
    }
    size_t n_bytes;
    if (!mer_size_add(dictionary->n_bytes, n, &n_bytes) || n_bytes > SIZE_MAX / 2)
        return mer_fail(err, MER_ERR_MEMORY, "a text of %zu bytes is too long", n);
    if (n_bytes > dictionary->bytes_capacity || !dictionary->bytes) {
        const size_t capacity = n_bytes < 64 ? 128 : n_bytes * 2;
        MER_GUARD(mer_alloc_resize(dictionary->alloc, capacity, &dictionary->bytes, err));
        dictionary->bytes_capacity = capacity;
    }
    if ((dictionary->n + 1) * 2 > dictionary->n_slots)
        MER_GUARD(grow_slots(dictionary, err));
    return mer_ok();
}

mer_status mer_dictionary_add(struct mer_dictionary *dictionary, const char *bytes, size_t n,
                              int32_t *ret_code, mer_err *err)
{
    size_t length;
    uint64_t hash = hash_of(dictionary, bytes, n);
    if (dictionary->n_slots) {
        const size_t i = probe(dictionary, bytes, n, hash, &length);
        if (dictionary->slots[i].code >= 0) {
            *ret_code = dictionary->slots[i].code;
            return mer_ok();
        }
    }
    if (dictionary->n >= INT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "more than %d distinct texts in one column", INT32_MAX);
    MER_GUARD(reserve(dictionary, n, err));
    size_t i = probe(dictionary, bytes, n, hash, &length);
    if (length > PROBE_MAX && dictionary->n_rekeyed < REKEYS_MAX) {
        dictionary->key = mer_siphash13(dictionary->key, hash, "rekey", 5);
        dictionary->n_rekeyed++;
        rebuild(dictionary);
        hash = hash_of(dictionary, bytes, n);
        i = probe(dictionary, bytes, n, hash, &length);
    }
    const int32_t code = (int32_t)dictionary->n;
    memcpy(dictionary->bytes + dictionary->n_bytes, bytes, n);
    dictionary->n_bytes += n;
    dictionary->n++;
    dictionary->offsets[dictionary->n] = (int64_t)dictionary->n_bytes;
    dictionary->slots[i] = (struct mer_dictionary_slot){(uint32_t)(hash >> 32), code};
    *ret_code = code;
    return mer_ok();
}

int32_t mer_dictionary_find(const struct mer_dictionary *dictionary, const char *bytes, size_t n)
{
    size_t length;
    if (!dictionary->n_slots)
        return -1;
    return dictionary->slots[probe(dictionary, bytes, n, hash_of(dictionary, bytes, n), &length)]
        .code;
}
