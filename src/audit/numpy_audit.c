/* NumPy's array files (numpy.lib.format of NumPy 1.24): a header that is a Python literal, then the
 * array's bytes, or a pickle where it holds objects.
 */
#include <string.h>

#include "audit/audit.h"

enum { MAGIC_BYTES = 8, HEADER_MAX = 10000 /* NumPy's own limit */, DIMS_MAX = 64 };

/* A walk along the literal. */
struct literal {
    const char *at;
    const char *end;
    bool failed;
};

static void skip_space(struct literal *literal)
{
    while (literal->at < literal->end && (*literal->at == ' ' || *literal->at == '\n'))
        literal->at++;
}

static bool take(struct literal *literal, char c)
{
    skip_space(literal);
    if (literal->at == literal->end || *literal->at != c)
        return false;
    literal->at++;
    return true;
}

static bool take_text(struct literal *literal, const char **ret, size_t *ret_n)
{
    skip_space(literal);
    const char quote = literal->at < literal->end ? *literal->at : '\0';
    if (quote != '\'' && quote != '"')
        return false;
    const char *const from = ++literal->at;
    while (literal->at < literal->end && *literal->at != quote && *literal->at != '\\')
        literal->at++;
    if (literal->at == literal->end || *literal->at != quote) {
        literal->failed = true;
        return false;
    }
    *ret = from;
    *ret_n = (size_t)(literal->at++ - from);
    return true;
}

static bool take_size(struct literal *literal, uint64_t *ret)
{
    uint64_t n = 0;
    skip_space(literal);
    const char *const from = literal->at;
    for (; literal->at < literal->end && *literal->at >= '0' && *literal->at <= '9'; literal->at++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*literal->at - '0'), &n))
            return false;
    literal->at += literal->at < literal->end && *literal->at == 'L';
    *ret = n;
    return literal->at > from;
}

/* (2, 3) and its product. */
static bool take_shape(struct literal *literal, uint64_t *ret_product)
{
    uint64_t size;
    *ret_product = 1;
    if (!take(literal, '('))
        return false;
    for (size_t n = 0; !take(literal, ')'); n++) {
        if (n == DIMS_MAX || !take_size(literal, &size) ||
            __builtin_mul_overflow(*ret_product, size, ret_product))
            return false;
        if (!take(literal, ',') && (literal->at == literal->end || *literal->at != ')'))
            return false;
    }
    return true;
}

struct type {
    uint64_t item_bytes;
    bool has_objects;
    bool is_unclear; /* well formed, but of a kind whose size is not known here */
};

static bool read_type(const char *text, size_t n, struct type *type)
{
    uint64_t size = 0;
    size_t i = n > 0 && strchr("<>|=", text[0]) && text[0];
    if (i == n || !strchr("biufcSUVOMm?", text[i]) || !text[i])
        return false;
    const char letter = text[i++];
    for (; i < n && text[i] >= '0' && text[i] <= '9' && size < UINT32_MAX; i++)
        size = size * 10 + (uint64_t)(text[i] - '0');
    if (i < n && !((letter == 'M' || letter == 'm') && text[i] == '['))
        return false;
    type->has_objects |= letter == 'O';
    type->item_bytes += letter == 'U' ? 4 * size : letter == '?' ? 1 : size;
    return true;
}

/* 'f8', or [('a', '<i4'), ('b', '<f8', (2,)), ...], nested. */
static bool take_type(struct literal *literal, struct type *type, unsigned depth)
{
    const char *text;
    size_t n;
    if (take_text(literal, &text, &n))
        return read_type(text, n, type);
    if (depth > 8 || !take(literal, '['))
        return false;
    while (!take(literal, ']')) {
        struct type field = {.item_bytes = 0};
        uint64_t product = 1;
        if (!take(literal, '('))
            return false;
        /* A title may stand beside the name. */
        if (take(literal, '(')) {
            if (!take_text(literal, &text, &n) || !take(literal, ',') ||
                !take_text(literal, &text, &n) || !take(literal, ')'))
                return false;
        } else if (!take_text(literal, &text, &n)) {
            return false;
        }
        if (!take(literal, ',') || !take_type(literal, &field, depth + 1))
            return false;
        if (take(literal, ',') && !take_shape(literal, &product))
            return false;
        if (!take(literal, ')') ||
            __builtin_mul_overflow(field.item_bytes, product, &field.item_bytes) ||
            __builtin_add_overflow(type->item_bytes, field.item_bytes, &type->item_bytes))
            return false;
        type->has_objects |= field.has_objects;
        (void)take(literal, ',');
    }
    return true;
}

static bool take_order(struct literal *literal)
{
    static const char *const words[] = {"True", "False"};
    skip_space(literal);
    for (size_t i = 0; i < 2; i++) {
        const size_t n = strlen(words[i]);
        if ((size_t)(literal->end - literal->at) >= n && memcmp(literal->at, words[i], n) == 0) {
            literal->at += n;
            return true;
        }
    }
    return false;
}

/* Each of the three keys once and nothing else. */
static bool read_header(struct literal *literal, struct type *type, uint64_t *ret_n_items)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    unsigned seen = 0;
    const char *key;
    size_t n;
    if (!take(literal, '{'))
        return false;
    while (!take(literal, '}')) {
        size_t k = 0;
        if (!take_text(literal, &key, &n) || !take(literal, ':'))
            return false;
        while (k < 3 && (strlen(keys[k]) != n || memcmp(keys[k], key, n) != 0))
            k++;
        if (k == 3 || seen & 1U << k)
            return false;
        seen |= 1U << k;
        if (k == 0   ? !take_type(literal, type, 0)
            : k == 1 ? !take_order(literal)
                     : !take_shape(literal, ret_n_items))
            return false;
        (void)take(literal, ',');
    }
    skip_space(literal);
    return seen == 7 && literal->at == literal->end;
}

/* Where the header begins and ends; false where there is none. */
static bool find_header(struct mer_audit *audit, struct mer_audit_bytes file, size_t *ret_from,
                        size_t *ret_to)
{
    const unsigned char *const b = file.bytes;
    const size_t from = file.n > 6 && b[6] == 1 ? MAGIC_BYTES + 2 : MAGIC_BYTES + 4;
    if (file.n < from || b[6] < 1 || b[6] > 3) {
        mer_audit_add(audit, MER_AUDIT_BROKEN, 6, "a version that does not exist, or no header");
        return false;
    }
    size_t n = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (n > file.n - from || n > HEADER_MAX) {
        mer_audit_add(audit, n > HEADER_MAX ? MER_AUDIT_BOMB : MER_AUDIT_BROKEN, 8,
                      "a header of %zu bytes", n);
        return false;
    }
    *ret_from = from;
    *ret_to = from + n;
    return true;
}

mer_status mer_audit_numpy(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct type type = {.item_bytes = 0};
    uint64_t n_items = 0, n_bytes;
    size_t from, to;
    if (!find_header(audit, file, &from, &to))
        return mer_ok();
    struct literal literal = {(const char *)file.bytes + from, (const char *)file.bytes + to,
                              false};
    if (!read_header(&literal, &type, &n_items)) {
        mer_audit_add(audit, MER_AUDIT_BROKEN, (uint64_t)(literal.at - (const char *)file.bytes),
                      "the header is not what NumPy writes");
        return mer_ok();
    }
    const uint64_t left = file.n_total - to;
    if (type.has_objects) {
        mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "objects, which are a pickle");
        return mer_audit_pickle(audit, (struct mer_audit_bytes){file.bytes + to, file.n - to, left},
                                err);
    }
    if (__builtin_mul_overflow(n_items, type.item_bytes, &n_bytes) || n_bytes > left)
        mer_audit_add(audit, MER_AUDIT_BOMB, to, "the array is larger than the file");
    else if (n_bytes < left)
        mer_audit_add(audit, MER_AUDIT_TRAILING, to + n_bytes, "%s behind the array",
                      mer_audit_show_size(left - n_bytes).text);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu elements, %s", (unsigned long long)n_items,
                  mer_audit_show_size(left).text);
    return mer_ok();
}
