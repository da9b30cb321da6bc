/* A sealed memfd: a copy of a file's bytes that nobody, ourselves included, can change any more.
 * What is verified is then exactly what is parsed.
 */
#ifndef MER_OS_SEALED_H
#define MER_OS_SEALED_H

#include "core/region.h"

struct mer_sealed {
    int fd;
    const unsigned char *bytes; /* mapped read-only, page-aligned; NULL when n is 0 */
    size_t n;
};

/* Copies the file (or standard input, "-") into a memfd, seals it against writing, growing and
 * shrinking, and maps it. Refuses more than max_bytes. */
MER_MUST_CHECK mer_status mer_sealed_read(const char *path, size_t max_bytes,
                                          struct mer_sealed *ret, mer_err *err);
void mer_sealed_release(struct mer_sealed *sealed);

#endif
