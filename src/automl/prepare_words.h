/* The terms of a text: hashes of its words, of pairs of neighbouring words, and of runs of 3 to 5
 * characters inside words. Pure, the same everywhere: no locale, no dictionary.
 *
 * Texts are lower-cased character by character (Latin, Greek, Cyrillic, Armenian). A word is a run
 * of letters and digits; the runs of characters are taken from what stands between spaces,
 * punctuation with it, with a space at both ends, so that beginnings and ends of words are terms of
 * their own.
 */
#ifndef MER_AUTOML_PREPARE_WORDS_H
#define MER_AUTOML_PREPARE_WORDS_H

#include "core/ctx.h"

enum {
    /* Terms are numbered by their hash: words and pairs in the lower half, runs of characters in
     * the upper one. */
    MER_TERM_BUCKETS = 1 << 18,
    MER_TERM_HALF = MER_TERM_BUCKETS / 2,
    MER_TEXT_CHARACTERS_MAX = 1 << 15 /* of a cell; what follows is not looked at */
};

/* What a text looks like, beside its terms. */
struct mer_text_looks {
    size_t n_characters;
    size_t n_chunks; /* parts between spaces */
    size_t n_letters;
    size_t n_upper; /* letters that lower-casing changes */
    size_t n_digits;
    size_t n_spaces;
};
struct mer_text_looks mer_text_look(const char *bytes, size_t n);

/* The most terms that a text of so many bytes can have, repeated ones too. */
size_t mer_words_terms_max(size_t n_bytes);

/* Room for the terms of one text at a time. */
struct mer_words {
    uint32_t *characters;
    uint32_t *terms; /* numbers of buckets in the order of the text, repeated ones too */
    size_t n_terms;
};
/* For texts of at most n_bytes_max bytes. */
MER_MUST_CHECK mer_status mer_words_init(struct mer_alloc *alloc, size_t n_bytes_max,
                                         struct mer_words *ret_words, mer_err *err);
void mer_words_release(struct mer_alloc *alloc, struct mer_words *words);
void mer_words_find(struct mer_words *words, const char *bytes, size_t n);

#endif
