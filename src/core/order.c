#include "core/order.h"

#include <assert.h>
#include <string.h>

enum { DIGIT_BITS = 8, N_BUCKETS = 1 << DIGIT_BITS, N_DIGITS = 64 / DIGIT_BITS };
/* Up to this many items insertion is faster than counting into buckets. */
enum { INSERTION_MAX = 48 };

static_assert(N_DIGITS * DIGIT_BITS == 64, "the bits of a key are cut into whole digits");

/* Bits that compare as unsigned integers the way the doubles compare: negative ones have all bits
 * flipped, the others the sign bit only. Adding zero makes -0.0 the same as 0.0. */
static uint64_t key_of(double x)
{
    const double unsigned_zero = x + 0.0;
    uint64_t bits;
    memcpy(&bits, &unsigned_zero, sizeof bits);
    return bits >> 63 ? ~bits : bits | (UINT64_C(1) << 63);
}

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned)(key >> (digit * DIGIT_BITS)) & (N_BUCKETS - 1);
}

/* Moves the items from one array to the other in the order of one digit, keeping the order among
 * equal ones. counts[b] is how many items have digit b. */
static void scatter(const struct mer_order_item *from, struct mer_order_item *to, size_t n,
                    unsigned digit, const size_t counts[N_BUCKETS])
{
    size_t next[N_BUCKETS];
    size_t sum = 0;
    for (size_t b = 0; b < N_BUCKETS; b++) {
        next[b] = sum;
        sum += counts[b];
    }
    for (size_t i = 0; i < n; i++)
        to[next[digit_of(from[i].key, digit)]++] = from[i];
}

static void insertion_sort(struct mer_order_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct mer_order_item item = items[i];
        size_t at = i;
        for (; at > 0 && items[at - 1].key > item.key; at--)
            items[at] = items[at - 1];
        items[at] = item;
    }
}

/* Sorts items[0 .. n) with spare[0 .. n) and returns which of the two holds the result. */
static struct mer_order_item *radix_sort(struct mer_order_item *items, struct mer_order_item *spare,
                                         size_t n)
{
    size_t counts[N_DIGITS][N_BUCKETS] = {0};
    for (size_t i = 0; i < n; i++) {
        for (unsigned digit = 0; digit < N_DIGITS; digit++)
            counts[digit][digit_of(items[i].key, digit)]++;
    }
    for (unsigned digit = 0; digit < N_DIGITS; digit++) {
        /* A digit that all have in common orders nothing. */
        if (counts[digit][digit_of(items[0].key, digit)] == n)
            continue;
        scatter(items, spare, n, digit, counts[digit]);
        struct mer_order_item *const sorted = spare;
        spare = items;
        items = sorted;
    }
    return items;
}

void mer_order_doubles(const double *x, size_t n, struct mer_order_item *scratch,
                       uint32_t *ret_order)
{
    assert(n <= UINT32_MAX);
    for (size_t i = 0; i < n; i++)
        scratch[i] = (struct mer_order_item){key_of(x[i]), (uint32_t)i};
    const struct mer_order_item *sorted = scratch;
    if (n <= INSERTION_MAX)
        insertion_sort(scratch, n);
    else
        sorted = radix_sort(scratch, scratch + n, n);
    for (size_t i = 0; i < n; i++)
        ret_order[i] = sorted[i].index;
}
