/* Databases: up to the first zero byte a query (none: the only table), then the file, whose first
 * sixteen bytes are put there. */
#include <string.h>

#include "table_bytes.h"

enum { LOOKS_MAX = 50 };

/* A clock that runs when it is looked at, so that queries end. */
static uint64_t tick(void *self)
{
    return ++*(uint64_t *)self;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const uint8_t *end = n > 0 ? memchr(bytes, 0, n) : NULL;
    if (!end || n > 1 << 20)
        return 0;
    const size_t n_query = (size_t)(end - bytes);
    const size_t n_file = n - n_query - 1;
    uint8_t *file = malloc(n_file + 1);
    if (!file)
        abort();
    memcpy(file, end + 1, n_file);
    memcpy(file, "SQLite format 3", n_file < 16 ? n_file : 16);
    uint64_t time = 0;
    const struct mer_clock clock = {.now_ns = tick, .self = &time};
    const struct mer_table_reading reading = {.query = n_query > 0 ? (const char *)bytes : NULL};
    (void)fuzz_table_with((struct mer_ctx){.clock = &clock, .deadline_ns = LOOKS_MAX}, &reading,
                          "sqlite", file, n_file);
    free(file);
    return 0;
}
