/* "Did you mean ...?": the nearest of some names to one that does not exist. */
#ifndef MER_CORE_NEAREST_H
#define MER_CORE_NEAREST_H

#include "core/status.h"

/* Collects candidates one by one, so that names may come from any table. */
struct mer_nearest {
    const char *wanted;
    size_t n_wanted;
    const char *name; /* the best so far, as it was offered; NULL: none is near enough */
    size_t distance;
};

void mer_nearest_init(struct mer_nearest *nearest, const char *wanted, size_t n_wanted);
/* Considers a name: near enough is an edit distance of at most a third of the longer name, rounded
 * up, and at most 3. The first of equally near ones stays. */
void mer_nearest_offer(struct mer_nearest *nearest, const char *name, size_t n_name);

/* Edits (insert, delete, replace, swap of neighbours) from a to b, ASCII case ignored; bytes beyond
 * 100 are ignored. */
size_t mer_edit_distance(const char *a, size_t n_a, const char *b, size_t n_b);

#endif
