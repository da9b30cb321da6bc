/* Optimal string alignment distance (Damerau-Levenshtein without repeated edits), three rows of the
 * table at a time. */
#include "core/nearest.h"

#include <string.h>

enum { LENGTH_MAX = 100 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static unsigned char folded(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

size_t mer_edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t rows[3][LENGTH_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    n_a = smaller(n_a, LENGTH_MAX);
    n_b = smaller(n_b, LENGTH_MAX);
    for (size_t j = 0; j <= n_b; j++)
        above[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            const bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = smaller(smaller(above[j] + 1, row[j - 1] + 1), above[j - 1] + !same);
            if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                folded(a[i - 2]) == folded(b[j - 1]))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
        size_t *const spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[n_b];
}

void mer_nearest_init(struct mer_nearest *nearest, const char *wanted, size_t n_wanted)
{
    *nearest = (struct mer_nearest){wanted, n_wanted, NULL, SIZE_MAX};
}

void mer_nearest_offer(struct mer_nearest *nearest, const char *name, size_t n_name)
{
    const size_t longer = n_name > nearest->n_wanted ? n_name : nearest->n_wanted;
    const size_t near = smaller((longer + 2) / 3, 3);
    const size_t distance = mer_edit_distance(nearest->wanted, nearest->n_wanted, name, n_name);
    if (distance <= near && distance < nearest->distance) {
        nearest->name = name;
        nearest->distance = distance;
    }
}
