#include "frame/text_check.h"

#include <string.h>

#include "core/utf8.h"

/* Eight bytes that are all ASCII and not NUL: no high bit is set, and subtracting one from each
 * byte borrows nowhere. */
static inline bool is_plain(uint64_t word)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    return ((word | (word - UINT64_C(0x0101010101010101))) & high) == 0;
}

size_t mer_text_check(const char *bytes, size_t n)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < n) {
        uint64_t word;
        while (n - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if (!is_plain(word))
                break;
            i += sizeof word;
        }
        if (i == n)
            break;
        const size_t length = s[i] == 0 ? 0 : mer_utf8_length(s + i, n - i);
        if (length == 0)
            return i;
        i += length;
    }
    return n;
}
