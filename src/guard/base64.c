#include "guard/base64.h"

#include <string.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

mer_status mer_base64_encode(struct mer_buf *buf, const void *bytes, size_t n, mer_err *err)
{
    const unsigned char *in = bytes;
    if (n > (SIZE_MAX - 4) / 4 * 3)
        return mer_fail(err, MER_ERR_MEMORY, "%zu bytes are too many for base64", n);
    MER_GUARD(mer_buf_reserve(buf, (n + 2) / 3 * 4, err));
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t bits = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)in[i + 2] : 0);
        const char quad[4] = {ALPHABET[bits >> 18], ALPHABET[bits >> 12 & 63],
                              left > 1 ? ALPHABET[bits >> 6 & 63] : '=',
                              left > 2 ? ALPHABET[bits & 63] : '='};
        MER_GUARD(mer_buf_append(buf, quad, sizeof quad, err));
    }
    return mer_ok();
}

/* The six bits of a character, or -1. `url` is -1 until a character tells the alphabet. */
static int value_of(char c, int *url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    const bool in_url = c == '-' || c == '_';
    if ((!in_url && c != '+' && c != '/') || *url == !in_url)
        return -1;
    *url = in_url;
    return c == '+' || c == '-' ? 62 : 63;
}

/* The length without padding; false when the padding is not what the length asks for. */
static bool strip_padding(const char *text, size_t *n)
{
    const size_t whole = *n;
    while (*n > 0 && whole - *n < 2 && text[*n - 1] == '=')
        --*n;
    return *n % 4 != 1 && (*n == whole || whole % 4 == 0);
}

/* Decodes n characters without padding; false at the first wrong one, whose number, counted from 1,
 * is *ret_wrong, or where bits are left over, which is 0. */
static bool decode(const char *text, size_t n, unsigned char *ret_bytes, size_t *ret_n,
                   size_t *ret_wrong)
{
    uint32_t bits = 0;
    int url = -1;
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const int value = value_of(text[i], &url);
        *ret_wrong = i + 1;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 == 0)
            continue;
        /* Characters 1, 2 and 3 of four complete a byte and leave 4, 2 and 0 bits over. */
        const unsigned left = 6 - 2 * (unsigned)(i % 4);
        *ret_wrong = 0;
        if (i + 1 == n && (bits & ((1u << left) - 1)) != 0)
            return false;
        ret_bytes[n_bytes++] = (unsigned char)(bits >> left);
    }
    *ret_n = n_bytes;
    return true;
}

bool mer_base64_decode_bare(const char *text, size_t n, unsigned char *ret_bytes, size_t *ret_n)
{
    size_t wrong = 0;
    *ret_n = 0;
    return n % 4 != 1 && !(n > 0 && (memchr(text, '-', n) || memchr(text, '_', n))) &&
           decode(text, n, ret_bytes, ret_n, &wrong);
}

mer_status mer_base64_decode(struct mer_buf *buf, const char *text, size_t n, const char *what,
                             mer_err *err)
{
    size_t n_bytes = 0;
    size_t wrong = 0;
    if (!strip_padding(text, &n))
        return mer_fail(err, MER_ERR_DATA, "%s is not base64: its length is wrong", what);
    MER_GUARD(mer_buf_reserve(buf, n / 4 * 3 + 3, err));
    if (!decode(text, n, buf->bytes + buf->n, &n_bytes, &wrong))
        return wrong ? mer_fail(err, MER_ERR_DATA, "%s is not base64 (character %zu)", what, wrong)
                     : mer_fail(err, MER_ERR_DATA, "%s is not base64: bits are left over", what);
    buf->n += n_bytes;
    return mer_ok();
}
