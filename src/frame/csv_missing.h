/* The texts that mean "missing". */
#ifndef MER_FRAME_CSV_MISSING_H
#define MER_FRAME_CSV_MISSING_H

#include <string.h>

#include "core/status.h"

enum { MER_MISSING_MAX = 16 };

struct mer_missing {
    const char *const *texts;
    size_t n;
    size_t lengths[MER_MISSING_MAX];
    bool first[256]; /* first bytes of the texts that have one: most cells are told apart by it */
    int empty;       /* the index of "", or -1 */
};

/* Borrows the texts. MER_ERR_DATA when there are more than MER_MISSING_MAX. */
MER_MUST_CHECK mer_status mer_missing_init(struct mer_missing *missing, const char *const *texts,
                                           size_t n, mer_err *err);

/* The index of the text that the cell is, or -1 for a value. */
static inline int mer_missing_find(const struct mer_missing *missing, const char *bytes, size_t n)
{
    if (n == 0)
        return missing->empty;
    if (!missing->first[(unsigned char)bytes[0]])
        return -1;
    for (size_t i = 0; i < missing->n; i++)
        if (missing->lengths[i] == n && memcmp(missing->texts[i], bytes, n) == 0)
            return (int)i;
    return -1;
}

#endif
