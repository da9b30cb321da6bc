#include "frame/pattern_class.h"

#include <stdlib.h>
#include <string.h>

#include "core/sort.h"
#include "frame/unicode_category.h"

mer_status mer_code_set_add(struct mer_code_budget *budget, struct mer_code_set *set,
                            uint32_t first, uint32_t end, mer_err *err)
{
    if (first >= end)
        return mer_ok();
    if (set->n == set->capacity) {
        const size_t capacity = set->capacity ? set->capacity * 2 : 8;
        struct mer_code_range *ranges;
        if (capacity > budget->n_left)
            return mer_fail(err, MER_ERR_DATA, "the pattern's character classes are too large");
        budget->n_left -= capacity;
        MER_GUARD(mer_arena_zero(budget->arena, capacity, sizeof *ranges, &ranges, err));
        if (set->n > 0)
            memcpy(ranges, set->ranges, set->n * sizeof *ranges);
        set->ranges = ranges;
        set->capacity = capacity;
    }
    set->ranges[set->n++] = (struct mer_code_range){first, end};
    return mer_ok();
}

mer_status mer_code_set_add_set(struct mer_code_budget *budget, struct mer_code_set *set,
                                const struct mer_code_set *more, mer_err *err)
{
    for (size_t i = 0; i < more->n; i++)
        MER_GUARD(mer_code_set_add(budget, set, more->ranges[i].first, more->ranges[i].end, err));
    return mer_ok();
}

static int by_first(const void *a, const void *b)
{
    const uint32_t x = ((const struct mer_code_range *)a)->first;
    const uint32_t y = ((const struct mer_code_range *)b)->first;
    return (x > y) - (x < y);
}

void mer_code_set_settle(struct mer_code_set *set)
{
    size_t n = 0;
    if (set->n == 0)
        return;
    mer_sort(set->ranges, set->n, sizeof *set->ranges, by_first);
    for (size_t i = 1; i < set->n; i++) {
        struct mer_code_range *last = &set->ranges[n];
        if (set->ranges[i].first > last->end)
            set->ranges[++n] = set->ranges[i];
        else if (set->ranges[i].end > last->end)
            last->end = set->ranges[i].end;
    }
    set->n = n + 1;
}

mer_status mer_code_set_negate(struct mer_code_budget *budget, struct mer_code_set *set,
                               mer_err *err)
{
    struct mer_code_set rest = {0};
    uint32_t next = 0;
    for (size_t i = 0; i < set->n; i++) {
        MER_GUARD(mer_code_set_add(budget, &rest, next, set->ranges[i].first, err));
        next = set->ranges[i].end;
    }
    MER_GUARD(mer_code_set_add(budget, &rest, next, MER_UNICODE_END, err));
    *set = rest;
    return mer_ok();
}

mer_status mer_code_set_subtract(struct mer_code_budget *budget, struct mer_code_set *set,
                                 struct mer_code_set *minus, mer_err *err)
{
    MER_GUARD(mer_code_set_negate(budget, set, err));
    MER_GUARD(mer_code_set_add_set(budget, set, minus, err));
    mer_code_set_settle(set);
    return mer_code_set_negate(budget, set, err);
}

/* The names of the categories in the order of their codes; the letter alone stands for all. */
static const char CATEGORIES[MER_CATEGORY_CODES][3] = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Sm", "Sc", "Sk", "So", "Cc", "Cf", "Co", "Cn", "Cs"};

static uint32_t category_bits(const char *name, size_t n)
{
    uint32_t bits = 0;
    for (unsigned code = 0; code < MER_CS; code++)
        if ((n == 1 || n == 2) && memcmp(CATEGORIES[code], name, n) == 0)
            bits |= UINT32_C(1) << code;
    return bits;
}

static mer_status add_categories(struct mer_code_budget *budget, struct mer_code_set *set,
                                 uint32_t bits, mer_err *err)
{
    for (size_t i = 0; i < MER_UNICODE_N_RUNS; i++) {
        const uint32_t first = MER_UNICODE_RUNS[i] >> 5;
        const bool is_last = i + 1 == MER_UNICODE_N_RUNS;
        if (bits >> (MER_UNICODE_RUNS[i] & 31) & 1)
            MER_GUARD(mer_code_set_add(
                budget, set, first, is_last ? MER_UNICODE_END : MER_UNICODE_RUNS[i + 1] >> 5, err));
    }
    return mer_ok();
}

mer_status mer_code_set_add_category(struct mer_code_budget *budget, struct mer_code_set *set,
                                     const char *name, size_t n, bool *ret_known, mer_err *err)
{
    const uint32_t bits = category_bits(name, n);
    *ret_known = bits != 0;
    return add_categories(budget, set, bits, err);
}

/* NameStartChar and what NameChar adds to it, in XML 1.0 (https://www.w3.org/TR/xml/#NT-Name). */
static const struct mer_code_range NAME_START[] = {
    {':', ':' + 1},   {'A', 'Z' + 1},   {'_', '_' + 1},   {'a', 'z' + 1},
    {0xc0, 0xd7},     {0xd8, 0xf7},     {0xf8, 0x300},    {0x370, 0x37e},
    {0x37f, 0x2000},  {0x200c, 0x200e}, {0x2070, 0x2190}, {0x2c00, 0x2ff0},
    {0x3001, 0xd800}, {0xf900, 0xfdd0}, {0xfdf0, 0xfffe}, {0x10000, 0xf0000}};
static const struct mer_code_range NAME_MORE[] = {
    {'-', '.' + 1}, {'0', '9' + 1}, {0xb7, 0xb8}, {0x300, 0x370}, {0x203f, 0x2041}};
static const struct mer_code_range SPACES[] = {{'\t', '\n' + 1}, {'\r', '\r' + 1}, {' ', ' ' + 1}};

static mer_status add_ranges(struct mer_code_budget *budget, struct mer_code_set *set,
                             const struct mer_code_range *ranges, size_t n, mer_err *err)
{
    for (size_t i = 0; i < n; i++)
        MER_GUARD(mer_code_set_add(budget, set, ranges[i].first, ranges[i].end, err));
    return mer_ok();
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

mer_status mer_code_set_add_escape(struct mer_code_budget *budget, struct mer_code_set *set,
                                   char letter, mer_err *err)
{
    struct mer_code_set found = {0};
    const char small = (char)(letter | 0x20);
    switch (small) {
    case 's':
        MER_GUARD(add_ranges(budget, &found, SPACES, COUNT_OF(SPACES), err));
        break;
    case 'i':
    case 'c':
        MER_GUARD(add_ranges(budget, &found, NAME_START, COUNT_OF(NAME_START), err));
        if (small == 'c')
            MER_GUARD(add_ranges(budget, &found, NAME_MORE, COUNT_OF(NAME_MORE), err));
        break;
    case 'd':
        MER_GUARD(add_categories(budget, &found, category_bits("Nd", 2), err));
        break;
    default: /* w: everything but punctuation, separators and others */
        MER_GUARD(add_categories(budget, &found,
                                 category_bits("L", 1) | category_bits("M", 1) |
                                     category_bits("N", 1) | category_bits("S", 1),
                                 err));
        break;
    }
    mer_code_set_settle(&found);
    if (letter != small)
        MER_GUARD(mer_code_set_negate(budget, &found, err));
    return mer_code_set_add_set(budget, set, &found, err);
}

bool mer_code_set_has(const struct mer_code_range *ranges, size_t n, uint32_t code)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (code < ranges[middle].first)
            high = middle;
        else if (code >= ranges[middle].end)
            low = middle + 1;
        else
            return true;
    }
    return false;
}
