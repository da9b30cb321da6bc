/* Sorting in place by a comparison, as qsort does, but without asking the system anything: the C
 * library's looks up the size of the memory, at which the filter of a cell ends the process. No
 * allocation, and n log n comparisons whatever the input (Musser: "Introspective sorting and
 * selection algorithms", 1997).
 */
#ifndef MER_CORE_SORT_H
#define MER_CORE_SORT_H

#include "core/status.h"

enum { MER_SORT_SIZE_MAX = 256 };

/* Sorts n items of `size` bytes, at most MER_SORT_SIZE_MAX. `compare` is a total order, so that the
 * result is the only possible one: items that compare equal end up in no order in particular. */
void mer_sort(void *items, size_t n, size_t size, int (*compare)(const void *a, const void *b));

/* For arrays of doubles, none of them NaN. */
int mer_compare_doubles(const void *a, const void *b);

#endif
