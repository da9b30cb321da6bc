/* A sealed memfd: a copy of a file's bytes that nobody, ourselves included, can change any more.
 * What is verified is then exactly what is parsed.
 */
#ifndef MER_OS_SEALED_H
#define MER_OS_SEALED_H

#include "core/region.h"
#include "core/team.h"
#include "os/input.h"

struct mer_sealed {
    int fd;
    const unsigned char *bytes; /* mapped read-only, page-aligned; NULL when n is 0 */
    size_t n;
};

/* Copies the file (or standard input, "-") into a memfd, seals it against writing, growing and
 * shrinking, and maps it. Refuses more than max_bytes. */
MER_MUST_CHECK mer_status mer_sealed_read(const char *path, size_t max_bytes,
                                          struct mer_sealed *ret, mer_err *err);

/* Somebody who looks at the bytes in order while the copy is being made, for example to hash them:
 * called with one piece after the other, all from one thread, which need not be the caller's. */
struct mer_sealed_reader {
    void (*take)(void *self, const unsigned char *bytes, size_t n);
    void *self;
};
/* The same, while `reader` takes all bytes; with a team of two or more at the same time. Without a
 * reader (NULL), for bytes that mostly others will look at: mapped, but no page of it yet. */
MER_MUST_CHECK mer_status mer_sealed_read_along(const char *path, size_t max_bytes,
                                                struct mer_team *team,
                                                const struct mer_sealed_reader *reader,
                                                struct mer_sealed *ret, mer_err *err);
/* The same of what was opened, from where it stands. The input stays the caller's. */
MER_MUST_CHECK mer_status mer_sealed_read_input(const struct mer_input *input,
                                                struct mer_sealed *ret, mer_err *err);
void mer_sealed_release(struct mer_sealed *sealed);

#endif
