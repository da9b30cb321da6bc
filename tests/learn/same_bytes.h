/* That a fit and its predictions are the same bytes for any number of threads and instruction set.
 */
#ifndef TESTS_LEARN_SAME_BYTES_H
#define TESTS_LEARN_SAME_BYTES_H

#include <stdlib.h>
#include <string.h>

#include "core/team.h"
#include "linear_table.h"

/* `fit_and_predict` writes n doubles and leaves nothing allocated. */
static inline void
assert_same_bytes(void (*fit_and_predict)(const struct mer_ctx *ctx, double *outputs), size_t n)
{
    double *const first = malloc(n * sizeof *first), *const again = malloc(n * sizeof *again);
    assert_non_null(first);
    assert_non_null(again);
    for (int level = MER_CPU_PLAIN; level <= (int)mer_cpu_detect(); level++)
        for (size_t n_threads = 1; n_threads <= 3; n_threads++) {
            struct mer_alloc alloc;
            struct mer_team *team = NULL;
            mer_alloc_init(&alloc, SIZE_MAX);
            assert_int_equal(mer_team_new(&alloc, n_threads, &team, NULL).code, MER_OK);
            const struct mer_ctx ctx = {
                .alloc = &alloc, .team = team, .cpu = (enum mer_cpu_level)level};
            const bool is_first = level == MER_CPU_PLAIN && n_threads == 1;
            fit_and_predict(&ctx, is_first ? first : again);
            if (!is_first)
                assert_memory_equal(first, again, n * sizeof *first);
            mer_team_free(team);
            assert_int_equal(alloc.used, 0);
        }
    free(first);
    free(again);
}

#endif
