/* Patterns: any bytes are a pattern or are refused; one that is accepted matches any text in time,
 * and a class and its complement share nothing. Input: the pattern, a zero byte, the text. */
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "frame/pattern.h"

enum { MEMORY = 64 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_arena arena;
    const struct mer_pattern *pattern, *twice;
    mer_err err = {0};
    const uint8_t *const zero = n > 0 ? memchr(bytes, '\0', n) : NULL;
    const size_t n_pattern = zero ? (size_t)(zero - bytes) : n;
    const char *const text = (const char *)bytes + n_pattern + (zero != NULL);
    const size_t n_text = n - n_pattern - (zero != NULL);
    mer_alloc_init(&alloc, MEMORY);
    mer_arena_init(&arena, &alloc);
    if (mer_pattern_compile(&arena, (const char *)bytes, n_pattern, &pattern, &err).code !=
        MER_OK) {
        must(err.message[0] != '\0');
    } else if (mer_utf8_valid(text, n_text)) {
        /* What matches a pattern matches the same in brackets, and that or nothing. */
        char wrapped[MER_PATTERN_MAX_BYTES + 4];
        const bool matches = mer_pattern_matches(pattern, text, n_text);
        const bool anchored = n_pattern > 0 && (bytes[0] == '^' || bytes[n_pattern - 1] == '$');
        if (!anchored && n_pattern + 3 <= MER_PATTERN_MAX_BYTES) {
            wrapped[0] = '(';
            memcpy(wrapped + 1, bytes, n_pattern);
            memcpy(wrapped + 1 + n_pattern, ")?", 2);
            if (mer_pattern_compile(&arena, wrapped, n_pattern + 3, &twice, &err).code == MER_OK)
                must(mer_pattern_matches(twice, text, n_text) == (matches || n_text == 0));
        }
    }
    mer_arena_release(&arena);
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
