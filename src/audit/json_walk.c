#include "audit/json_walk.h"

#include <string.h>

#include "core/utf8.h"

void mer_json_walk_init(struct mer_json_walk *walk, const void *bytes, size_t n)
{
    *walk = (struct mer_json_walk){.bytes = bytes, .n = n};
}

static enum mer_json_token bad(struct mer_json_walk *walk, const char *problem)
{
    if (!walk->problem)
        walk->problem = problem;
    return walk->token = MER_JSON_TOKEN_BAD;
}

static void skip_space(struct mer_json_walk *walk)
{
    while (walk->at < walk->n) {
        const char c = walk->bytes[walk->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return;
        walk->at++;
    }
}

static bool is_digit(const struct mer_json_walk *walk)
{
    return walk->at < walk->n && walk->bytes[walk->at] >= '0' && walk->bytes[walk->at] <= '9';
}

static void skip_digits(struct mer_json_walk *walk)
{
    while (is_digit(walk))
        walk->at++;
}

static bool is_at(const struct mer_json_walk *walk, char c)
{
    return walk->at < walk->n && walk->bytes[walk->at] == c;
}

static enum mer_json_token take_number(struct mer_json_walk *walk)
{
    const size_t from = walk->at;
    walk->at += is_at(walk, '-');
    if (!is_digit(walk))
        return bad(walk, "a number is none");
    if (is_at(walk, '0'))
        walk->at++;
    else
        skip_digits(walk);
    if (is_at(walk, '.')) {
        walk->at++;
        if (!is_digit(walk))
            return bad(walk, "a number is none");
        skip_digits(walk);
    }
    if (is_at(walk, 'e') || is_at(walk, 'E')) {
        walk->at++;
        walk->at += is_at(walk, '+') || is_at(walk, '-');
        if (!is_digit(walk))
            return bad(walk, "a number is none");
        skip_digits(walk);
    }
    walk->text = walk->bytes + from;
    walk->n_text = walk->at - from;
    return walk->token = MER_JSON_TOKEN_NUMBER;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits behind \u, of which n are there; -1 where they are none. */
static int take_hex4(const char *digits, size_t n)
{
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        const int digit = i < n ? hex_value(digits[i]) : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Bytes of the escape at a backslash, 0 where it is none. A surrogate needs its other half. */
static size_t escape_length(const char *at, size_t n)
{
    if (n < 2 || !strchr("\"\\/bfnrtu", at[1]) || at[1] == '\0')
        return 0;
    if (at[1] != 'u')
        return 2;
    const int first = take_hex4(at + 2, n - 2);
    if (first < 0 || (first >= 0xdc00 && first < 0xe000))
        return 0;
    if (first < 0xd800 || first >= 0xe000)
        return 6;
    if (n < 12 || at[6] != '\\' || at[7] != 'u')
        return 0;
    const int second = take_hex4(at + 8, n - 8);
    return second >= 0xdc00 && second < 0xe000 ? 12 : 0;
}

/* From the opening quote to behind the closing one. */
static bool take_text(struct mer_json_walk *walk)
{
    const size_t from = ++walk->at;
    walk->has_escapes = false;
    while (walk->at < walk->n) {
        const unsigned char c = (unsigned char)walk->bytes[walk->at];
        size_t length = 1;
        if (c == '"') {
            walk->text = walk->bytes + from;
            walk->n_text = walk->at++ - from;
            return true;
        }
        if (c < 0x20)
            break;
        if (c == '\\') {
            length = escape_length(walk->bytes + walk->at, walk->n - walk->at);
            walk->has_escapes = true;
        } else if (c >= 0x80) {
            length =
                mer_utf8_length((const unsigned char *)walk->bytes + walk->at, walk->n - walk->at);
        }
        if (length == 0)
            break;
        walk->at += length;
    }
    (void)bad(walk, "a text is none, or has no end");
    return false;
}

static enum mer_json_token take_word(struct mer_json_walk *walk, const char *word,
                                     enum mer_json_token token)
{
    const size_t n = strlen(word);
    if (walk->n - walk->at < n || memcmp(walk->bytes + walk->at, word, n) != 0)
        return bad(walk, "a value is none");
    walk->at += n;
    return walk->token = token;
}

static enum mer_json_token open_container(struct mer_json_walk *walk, bool is_object)
{
    if (walk->depth == MER_JSON_WALK_DEPTH_MAX)
        return bad(walk, "nested over 128 deep");
    walk->is_object[walk->depth++] = is_object;
    walk->at++;
    walk->has_items = false;
    return walk->token = is_object ? MER_JSON_TOKEN_BEGIN_OBJECT : MER_JSON_TOKEN_BEGIN_ARRAY;
}

static enum mer_json_token close_container(struct mer_json_walk *walk, bool is_object)
{
    if (walk->depth == 0 || walk->is_object[walk->depth - 1] != is_object)
        return bad(walk, "brackets do not match");
    walk->depth--;
    walk->at++;
    walk->has_items = true;
    return walk->token = is_object ? MER_JSON_TOKEN_END_OBJECT : MER_JSON_TOKEN_END_ARRAY;
}

static enum mer_json_token take_value(struct mer_json_walk *walk)
{
    walk->began = true;
    walk->has_items = true;
    walk->after_key = false;
    switch (walk->at < walk->n ? walk->bytes[walk->at] : '\0') {
    case '{':
        return open_container(walk, true);
    case '[':
        return open_container(walk, false);
    case '"':
        return take_text(walk) ? walk->token = MER_JSON_TOKEN_STRING : MER_JSON_TOKEN_BAD;
    case 't':
        return take_word(walk, "true", MER_JSON_TOKEN_TRUE);
    case 'f':
        return take_word(walk, "false", MER_JSON_TOKEN_FALSE);
    case 'n':
        return take_word(walk, "null", MER_JSON_TOKEN_NULL);
    default:
        return take_number(walk);
    }
}

static enum mer_json_token take_key(struct mer_json_walk *walk)
{
    if (!is_at(walk, '"'))
        return bad(walk, "a key is missing");
    if (!take_text(walk))
        return MER_JSON_TOKEN_BAD;
    skip_space(walk);
    if (!is_at(walk, ':'))
        return bad(walk, "a colon is missing");
    walk->at++;
    walk->after_key = true;
    return walk->token = MER_JSON_TOKEN_KEY;
}

enum mer_json_token mer_json_walk_next(struct mer_json_walk *walk)
{
    if (walk->problem)
        return MER_JSON_TOKEN_BAD;
    skip_space(walk);
    if (walk->depth == 0 && walk->began)
        return walk->at == walk->n ? (walk->token = MER_JSON_TOKEN_END)
                                   : bad(walk, "something follows the document");
    if (walk->depth == 0 || walk->after_key)
        return take_value(walk);
    const bool in_object = walk->is_object[walk->depth - 1];
    if (is_at(walk, in_object ? '}' : ']'))
        return close_container(walk, in_object);
    if (walk->has_items) {
        if (!is_at(walk, ','))
            return bad(walk, walk->at == walk->n ? "it ends in the middle" : "a comma is missing");
        walk->at++;
        skip_space(walk);
    }
    return in_object ? take_key(walk) : take_value(walk);
}

void mer_json_walk_skip(struct mer_json_walk *walk)
{
    if (walk->token == MER_JSON_TOKEN_KEY)
        (void)mer_json_walk_next(walk);
    if (walk->token != MER_JSON_TOKEN_BEGIN_OBJECT && walk->token != MER_JSON_TOKEN_BEGIN_ARRAY)
        return;
    const unsigned depth = walk->depth;
    while (walk->depth >= depth && mer_json_walk_next(walk) != MER_JSON_TOKEN_BAD)
        ;
}

static size_t put_utf8(unsigned value, char *ret)
{
    if (value < 0x80) {
        ret[0] = (char)value;
        return 1;
    }
    if (value < 0x800) {
        ret[0] = (char)(0xc0 | value >> 6);
        ret[1] = (char)(0x80 | (value & 0x3f));
        return 2;
    }
    if (value < 0x10000) {
        ret[0] = (char)(0xe0 | value >> 12);
        ret[1] = (char)(0x80 | (value >> 6 & 0x3f));
        ret[2] = (char)(0x80 | (value & 0x3f));
        return 3;
    }
    ret[0] = (char)(0xf0 | value >> 18);
    ret[1] = (char)(0x80 | (value >> 12 & 0x3f));
    ret[2] = (char)(0x80 | (value >> 6 & 0x3f));
    ret[3] = (char)(0x80 | (value & 0x3f));
    return 4;
}

/* What an escape that take_text has accepted stands for. */
static unsigned escape_value(const char *at, size_t length)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (length == 2) {
        const char *const found = strchr(from, at[1]);
        return (unsigned char)(found ? to[found - from] : at[1]);
    }
    const unsigned first = (unsigned)take_hex4(at + 2, 4);
    if (length == 6)
        return first;
    return 0x10000 + ((first & 0x3ff) << 10) + ((unsigned)take_hex4(at + 8, 4) & 0x3ff);
}

struct mer_json_walk_text mer_json_walk_unescape(const char *text, size_t n)
{
    enum { LONGEST = 4 };
    struct mer_json_walk_text result = {.n = 0};
    for (size_t i = 0; i < n;) {
        const size_t length = text[i] == '\\' ? escape_length(text + i, n - i) : 0;
        result.is_cut = result.n + LONGEST > sizeof result.bytes;
        if (result.is_cut)
            break;
        if (length > 0)
            result.n += put_utf8(escape_value(text + i, length), result.bytes + result.n);
        else
            result.bytes[result.n++] = text[i];
        i += length ? length : 1;
    }
    return result;
}

bool mer_json_walk_is(const struct mer_json_walk *walk, const char *text)
{
    const size_t n = strlen(text);
    if (!walk->has_escapes)
        return walk->n_text == n && memcmp(walk->text, text, n) == 0;
    const struct mer_json_walk_text plain = mer_json_walk_unescape(walk->text, walk->n_text);
    return !plain.is_cut && plain.n == n && memcmp(plain.bytes, text, n) == 0;
}

bool mer_json_walk_integer(const struct mer_json_walk *walk, int64_t *ret)
{
    int64_t number = 0;
    size_t i = 0;
    if ((walk->token != MER_JSON_TOKEN_NUMBER && walk->token != MER_JSON_TOKEN_STRING) ||
        walk->n_text == 0)
        return false;
    const bool negative = walk->text[0] == '-';
    i += negative;
    if (i == walk->n_text)
        return false;
    for (; i < walk->n_text; i++) {
        const char c = walk->text[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, c - '0', &number))
            return false;
    }
    if (!negative && number == INT64_MIN)
        return false;
    *ret = negative ? number : -number;
    return true;
}
