#include "core/utf8.h"

size_t mer_utf8_length(const unsigned char *s, size_t n)
{
    if (s[0] < 0x80)
        return 1;
    if (n >= 2 && s[0] >= 0xc2 && s[0] <= 0xdf && (s[1] & 0xc0) == 0x80)
        return 2;
    if (n >= 3 && (s[0] & 0xf0) == 0xe0 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
        const bool overlong = s[0] == 0xe0 && s[1] < 0xa0;
        const bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (n >= 4 && s[0] >= 0xf0 && s[0] <= 0xf4 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 &&
        (s[3] & 0xc0) == 0x80) {
        const bool overlong = s[0] == 0xf0 && s[1] < 0x90;
        const bool too_large = s[0] == 0xf4 && s[1] >= 0x90;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

bool mer_utf8_printable(const unsigned char *s, size_t length)
{
    if (length == 1)
        return s[0] >= 0x20 && s[0] != 0x7f;
    if (length == 2) /* U+0080 to U+009F; U+061C, the Arabic letter mark */
        return !(s[0] == 0xc2 && s[1] < 0xa0) && !(s[0] == 0xd8 && s[1] == 0x9c);
    if (length == 3 && s[0] == 0xe2 && s[1] == 0x80) /* U+200E, U+200F, U+2028 to U+202E */
        return s[2] != 0x8e && s[2] != 0x8f && !(s[2] >= 0xa8 && s[2] <= 0xae);
    if (length == 3 && s[0] == 0xe2 && s[1] == 0x81) /* U+2066 to U+2069 */
        return !(s[2] >= 0xa6 && s[2] <= 0xa9);
    return !(length == 3 && s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf);
}

bool mer_utf8_valid(const char *bytes, size_t n)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < n) {
        const size_t length = mer_utf8_length(s + i, n - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
