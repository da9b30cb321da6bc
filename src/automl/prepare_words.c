#include "automl/prepare_words.h"

#include "core/utf8.h"

enum {
    RUN_MIN = 3,
    RUN_MAX = 5,
    /* Of L characters between spaces come at most 3 L runs, and of (L + 1) / 2 words as many pairs.
     */
    TERMS_A_CHARACTER = 4,
    TERMS_MORE = 8
};

/* One code point; a byte that is no UTF-8 stands for itself. */
static uint32_t take(const unsigned char **at, const unsigned char *end)
{
    const unsigned char *const s = *at;
    const size_t n = mer_utf8_length(s, (size_t)(end - s));
    *at += n ? n : 1;
    switch (n) {
    case 2:
        return (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    case 3:
        return (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
    case 4:
        return (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 |
               (uint32_t)(s[2] & 0x3f) << 6 | (s[3] & 0x3f);
    default:
        return s[0];
    }
}

/* Ranges of capitals (Unicode's simple mappings of these scripts): a capital c of first .. last
 * becomes c + add; with `step` 2 every second one of them is a capital, followed by its small one.
 */
static const struct capitals {
    uint16_t first;
    uint16_t last;
    uint16_t add;
    uint16_t step;
} CAPITALS[] = {
    {0x00c0, 0x00d6, 32, 1}, {0x00d8, 0x00de, 32, 1}, {0x0100, 0x0137, 1, 2},
    {0x0139, 0x0148, 1, 2},  {0x014a, 0x0177, 1, 2},  {0x0179, 0x017e, 1, 2},
    {0x0386, 0x0386, 38, 1}, {0x0388, 0x038a, 37, 1}, {0x038c, 0x038c, 64, 1},
    {0x038e, 0x038f, 63, 1}, {0x0391, 0x03a1, 32, 1}, {0x03a3, 0x03ab, 32, 1},
    {0x0400, 0x040f, 80, 1}, {0x0410, 0x042f, 32, 1}, {0x0460, 0x0481, 1, 2},
    {0x048a, 0x04bf, 1, 2},  {0x04d0, 0x052f, 1, 2},  {0x0531, 0x0556, 48, 1},
    {0x1e00, 0x1e95, 1, 2},  {0x1ea0, 0x1eff, 1, 2},  {0xff21, 0xff3a, 32, 1},
};

static uint32_t lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    for (size_t i = 0; i < sizeof CAPITALS / sizeof *CAPITALS && c >= CAPITALS[i].first; i++)
        if (c <= CAPITALS[i].last)
            return (c - CAPITALS[i].first) % CAPITALS[i].step == 0 ? c + CAPITALS[i].add : c;
    return c;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 ||
           (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 || c == 0x3000;
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Letters as far as ranges tell: beyond ASCII all but punctuation and symbols. */
static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c < 0xc0)
        return c == 0xaa || c == 0xb5 || c == 0xba;
    return c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c <= 0x2bff) &&
           !(c >= 0x3000 && c <= 0x303f) && !(c >= 0xfe30 && c <= 0xfe4f) &&
           !(c >= 0xff00 && c <= 0xff0f) && !(c >= 0xff1a && c <= 0xff20) &&
           !(c >= 0xe000 && c <= 0xf8ff) && c < 0x1f000;
}

struct mer_text_looks mer_text_look(const char *bytes, size_t n)
{
    const unsigned char *at = (const unsigned char *)bytes, *const end = at + n;
    struct mer_text_looks looks = {0};
    bool in_chunk = false;

    while (at < end && looks.n_characters < MER_TEXT_CHARACTERS_MAX) {
        const uint32_t c = take(&at, end);
        const bool space = is_space(c);
        looks.n_characters++;
        looks.n_chunks += !space && !in_chunk;
        looks.n_letters += is_letter(c);
        looks.n_upper += lower(c) != c;
        looks.n_digits += is_digit(c);
        looks.n_spaces += space;
        in_chunk = !space;
    }
    return looks;
}

static size_t characters_max(size_t n_bytes)
{
    return n_bytes < MER_TEXT_CHARACTERS_MAX ? n_bytes : MER_TEXT_CHARACTERS_MAX;
}

size_t mer_words_terms_max(size_t n_bytes)
{
    return TERMS_A_CHARACTER * characters_max(n_bytes) + TERMS_MORE;
}

mer_status mer_words_init(struct mer_alloc *alloc, size_t n_bytes_max, struct mer_words *ret_words,
                          mer_err *err)
{
    struct mer_words words = {.n_terms = 0};
    /* A space before, and one behind. */
    MER_GUARD(mer_alloc_array(alloc, characters_max(n_bytes_max) + 2, sizeof *words.characters,
                              &words.characters, err));
    const mer_status status = mer_alloc_array(alloc, mer_words_terms_max(n_bytes_max),
                                              sizeof *words.terms, &words.terms, err);
    if (mer_is_ok(status))
        *ret_words = words;
    else
        mer_free(alloc, words.characters);
    return status;
}

void mer_words_release(struct mer_alloc *alloc, struct mer_words *words)
{
    mer_free(alloc, words->characters);
    mer_free(alloc, words->terms);
}

/* A hash grows by one character; not made to withstand whoever looks for collisions, which only
 * make two terms one. */
static uint64_t grow(uint64_t hash, uint32_t c)
{
    hash = (hash ^ c) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint32_t bucket(uint64_t hash)
{
    return (uint32_t)((hash * UINT64_C(0xd6e8feb86659fd93)) >> 47);
}

static void find_words(struct mer_words *words, size_t n)
{
    const uint32_t *const c = words->characters;
    uint64_t before = 0;
    for (size_t i = 0; i < n;) {
        uint64_t hash = 1;
        size_t length = 0;
        for (; i < n && (is_letter(c[i]) || is_digit(c[i])); i++, length++)
            hash = grow(hash, c[i]);
        if (length == 0) {
            i++;
            continue;
        }
        words->terms[words->n_terms++] = bucket(hash);
        if (before)
            words->terms[words->n_terms++] = bucket(before * 31 + hash);
        before = hash;
    }
}

/* Runs of the characters c[0 .. n), which begin and end with a space. */
static void find_runs(struct mer_words *words, const uint32_t *c, size_t n)
{
    for (size_t i = 0; i + RUN_MIN <= n; i++) {
        uint64_t hash = 2;
        for (size_t length = 1; length <= RUN_MAX && i + length <= n; length++) {
            hash = grow(hash, c[i + length - 1]);
            if (length >= RUN_MIN)
                words->terms[words->n_terms++] = MER_TERM_HALF + bucket(hash);
        }
    }
}

void mer_words_find(struct mer_words *words, const char *bytes, size_t n)
{
    const unsigned char *at = (const unsigned char *)bytes, *const end = at + n;
    uint32_t *const c = words->characters;
    size_t n_characters = 1;

    words->n_terms = 0;
    c[0] = ' ';
    while (at < end && n_characters <= MER_TEXT_CHARACTERS_MAX) {
        const uint32_t taken = lower(take(&at, end));
        c[n_characters++] = is_space(taken) ? ' ' : taken;
    }
    c[n_characters++] = ' ';
    find_words(words, n_characters);
    for (size_t i = 0, next; i + 1 < n_characters; i = next) {
        for (next = i + 1; next < n_characters && c[next] != ' '; next++)
            ;
        if (next > i + 1)
            find_runs(words, c + i, next + 1 - i);
    }
}
