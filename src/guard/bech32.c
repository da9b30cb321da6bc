#include "guard/bech32.h"

#include <string.h>

static const char ALPHABET[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

enum { N_CHECKSUM = 6 };

/* The checksum's state behind one more group of five bits (BIP 173, bech32_polymod). */
static uint32_t step(uint32_t state, uint32_t group)
{
    static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
    const uint32_t top = state >> 25;
    state = (state & 0x1ffffff) << 5 ^ group;
    for (unsigned i = 0; i < 5; i++)
        state ^= top >> i & 1 ? generator[i] : 0;
    return state;
}

static uint32_t begin(const char *prefix)
{
    uint32_t state = 1;
    for (const char *c = prefix; *c; c++)
        state = step(state, (uint32_t)(unsigned char)*c >> 5);
    state = step(state, 0);
    for (const char *c = prefix; *c; c++)
        state = step(state, (uint32_t)(unsigned char)*c & 31);
    return state;
}

static char *put(char *at, uint32_t *state, uint32_t group)
{
    *state = step(*state, group);
    *at = ALPHABET[group];
    return at + 1;
}

void mer_bech32_encode(const char *prefix, const unsigned char *bytes, size_t n, char *ret_text)
{
    const size_t n_prefix = strlen(prefix);
    uint32_t state = begin(prefix);
    uint32_t bits = 0;
    unsigned n_bits = 0;
    memcpy(ret_text, prefix, n_prefix);
    char *at = ret_text + n_prefix;
    *at++ = '1';
    for (size_t i = 0; i < n; i++) {
        bits = (bits << 8 | bytes[i]) & 0xfff;
        for (n_bits += 8; n_bits >= 5; n_bits -= 5)
            at = put(at, &state, bits >> (n_bits - 5) & 31);
    }
    if (n_bits > 0)
        at = put(at, &state, bits << (5 - n_bits) & 31);
    for (unsigned i = 0; i < N_CHECKSUM; i++)
        state = step(state, 0);
    state ^= 1;
    for (unsigned i = 0; i < N_CHECKSUM; i++)
        *at++ = ALPHABET[state >> (5 * (N_CHECKSUM - 1 - i)) & 31];
    *at = '\0';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool one_case(const char *text, size_t n)
{
    bool has_lower = false, has_upper = false;
    for (size_t i = 0; i < n; i++) {
        has_lower = has_lower || (text[i] >= 'a' && text[i] <= 'z');
        has_upper = has_upper || (text[i] >= 'A' && text[i] <= 'Z');
    }
    return !has_lower || !has_upper;
}

bool mer_bech32_decode(const char *text, size_t n_text, const char *prefix,
                       unsigned char *ret_bytes, size_t n)
{
    const size_t n_prefix = strlen(prefix);
    const size_t n_groups = (n * 8 + 4) / 5;
    uint32_t state = begin(prefix);
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n_bytes = 0;
    if (n_text != n_prefix + 1 + n_groups + N_CHECKSUM || !one_case(text, n_text) ||
        text[n_prefix] != '1')
        return false;
    for (size_t i = 0; i < n_prefix; i++)
        if (lower(text[i]) != prefix[i])
            return false;
    for (size_t i = 0; i < n_groups + N_CHECKSUM; i++) {
        const char c = lower(text[n_prefix + 1 + i]);
        const char *const found = c ? strchr(ALPHABET, c) : NULL;
        if (!found)
            return false;
        const uint32_t group = (uint32_t)(found - ALPHABET);
        state = step(state, group);
        if (i >= n_groups)
            continue;
        bits = (bits << 5 | group) & 0xfff;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            ret_bytes[n_bytes++] = (unsigned char)(bits >> n_bits);
        }
    }
    return state == 1 && (bits & ((1u << n_bits) - 1)) == 0;
}
