#include "core/sort.h"

#include <assert.h>
#include <string.h>

enum { INSERTION_MAX = 16 };

struct sort {
    unsigned char *items;
    size_t size;
    int (*compare)(const void *a, const void *b);
};

static unsigned char *at(const struct sort *sort, size_t i)
{
    return sort->items + i * sort->size;
}

static bool is_less(const struct sort *sort, size_t i, size_t j)
{
    return sort->compare(at(sort, i), at(sort, j)) < 0;
}

static void exchange(const struct sort *sort, size_t i, size_t j)
{
    unsigned char held[MER_SORT_SIZE_MAX];
    if (i == j)
        return;
    memcpy(held, at(sort, i), sort->size);
    memcpy(at(sort, i), at(sort, j), sort->size);
    memcpy(at(sort, j), held, sort->size);
}

static void sort_by_insertion(const struct sort *sort, size_t begin, size_t end)
{
    unsigned char held[MER_SORT_SIZE_MAX];
    for (size_t i = begin + 1; i < end; i++) {
        size_t j = i;
        memcpy(held, at(sort, i), sort->size);
        while (j > begin && sort->compare(held, at(sort, j - 1)) < 0)
            j--;
        memmove(at(sort, j + 1), at(sort, j), (i - j) * sort->size);
        memcpy(at(sort, j), held, sort->size);
    }
}

/* Item i of the heap begin .. end sinks to its place. */
static void sink(const struct sort *sort, size_t begin, size_t end, size_t i)
{
    for (;;) {
        size_t child = begin + 2 * (i - begin) + 1;
        if (child >= end)
            return;
        if (child + 1 < end && is_less(sort, child, child + 1))
            child++;
        if (!is_less(sort, i, child))
            return;
        exchange(sort, i, child);
        i = child;
    }
}

static void sort_by_heap(const struct sort *sort, size_t begin, size_t end)
{
    for (size_t i = begin + (end - begin) / 2; i-- > begin;)
        sink(sort, begin, end, i);
    for (size_t last = end; last-- > begin + 1;) {
        exchange(sort, begin, last);
        sink(sort, begin, last, begin);
    }
}

/* Moves the median of three to the front. */
static void choose_pivot(const struct sort *sort, size_t begin, size_t end)
{
    const size_t a = begin, b = begin + (end - begin) / 2, c = end - 1;
    const bool ab = is_less(sort, a, b), bc = is_less(sort, b, c), ac = is_less(sort, a, c);
    exchange(sort, begin, ab == bc ? b : ab == ac ? c : a);
}

/* Returns the place of the pivot: what is less is before it, what is greater behind. */
static size_t part(const struct sort *sort, size_t begin, size_t end)
{
    size_t i = begin, j = end;
    choose_pivot(sort, begin, end);
    for (;;) {
        do
            i++;
        while (i < end && is_less(sort, i, begin));
        do
            j--;
        while (is_less(sort, begin, j));
        if (i >= j)
            break;
        exchange(sort, i, j);
    }
    exchange(sort, begin, j);
    return j;
}

/* Parts that came out lopsided too often are sorted by a heap. */
static void sort_range(const struct sort *sort, size_t begin, size_t end, unsigned depth)
{
    while (end - begin > INSERTION_MAX) {
        if (depth-- == 0) {
            sort_by_heap(sort, begin, end);
            return;
        }
        const size_t middle = part(sort, begin, end);
        if (middle - begin < end - middle) {
            sort_range(sort, begin, middle, depth);
            begin = middle + 1;
        } else {
            sort_range(sort, middle + 1, end, depth);
            end = middle;
        }
    }
    sort_by_insertion(sort, begin, end);
}

void mer_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
    const struct sort sort = {.items = items, .size = size, .compare = compare};
    unsigned depth = 0;
    assert(size <= MER_SORT_SIZE_MAX);
    for (size_t left = n; left > 1; left /= 2)
        depth += 2;
    if (n > 1)
        sort_range(&sort, 0, n, depth);
}

int mer_compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
