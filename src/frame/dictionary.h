/* A dictionary: distinct texts, numbered in the order of their first appearance.
 *
 * Open addressing over SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012). The key is fixed, so that runs are alike, and changes as soon as a probe gets
 * long: whoever crafts texts that collide would have to make them collide under every key. Codes do
 * not depend on the key. Not thread-safe.
 */
#ifndef MER_FRAME_DICTIONARY_H
#define MER_FRAME_DICTIONARY_H

#include "core/alloc.h"

struct mer_dictionary_slot {
    uint32_t tag; /* the upper half of the hash */
    int32_t code; /* -1: free */
};

struct mer_dictionary {
    struct mer_alloc *alloc;
    size_t n;         /* texts */
    int64_t *offsets; /* n + 1 valid elements once something was added; text k is
                         bytes[offsets[k] .. offsets[k + 1]) */
    size_t offsets_capacity;
    char *bytes;
    size_t n_bytes;
    size_t bytes_capacity;
    struct mer_dictionary_slot *slots;
    size_t n_slots; /* a power of two, at least twice n; 0 before the first text */
    uint64_t key;
    unsigned n_rekeyed;
};

void mer_dictionary_init(struct mer_dictionary *dictionary, struct mer_alloc *alloc);
void mer_dictionary_release(struct mer_dictionary *dictionary);

/* The code of a text, which is added when it is new (then *ret_code is the old `n`). At most
 * INT32_MAX texts (MER_ERR_DATA). */
MER_MUST_CHECK mer_status mer_dictionary_add(struct mer_dictionary *dictionary, const char *bytes,
                                             size_t n, int32_t *ret_code, mer_err *err);
/* The code, or -1 when the text is not there. */
int32_t mer_dictionary_find(const struct mer_dictionary *dictionary, const char *bytes, size_t n);

/* SipHash-1-3 of n bytes. */
uint64_t mer_siphash13(uint64_t key0, uint64_t key1, const void *bytes, size_t n);

#endif
