/* What it costs that trials run in workers: the same search, by work units, in the process itself
 * and in one, two, ... workers, interleaved. Prints medians and the ratio to the process itself.
 *
 *   bench_engine TABLE TARGET UNITS [TIMES [WORKERS_MAX]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merlon/merlon.h"
#include "os/clock.h"

enum { TIMES_MAX = 101, WORKERS_MAX = 8 };

static void check(mer_status status, const mer_err *err)
{
    if (status.code == MER_OK)
        return;
    fprintf(stderr, "bench_engine: %s\n", err->message);
    exit(mer_code_exit(status.code));
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, compare);
    return n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
}

/* Milliseconds of a fit with so many workers; 0: in this process. */
static double fit(struct mer_context *context, const struct mer_table *table, const char *target,
                  uint64_t units, size_t n_workers)
{
    const uint64_t seed = 17;
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = target,
                                            .units = units,
                                            .seed = &seed,
                                            .n_workers = n_workers,
                                            .in_process = n_workers == 0};
    struct mer_fitted *model;
    mer_err err;
    const uint64_t start_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    check(mer_fit(context, table, &options, &model, &err), &err);
    const uint64_t end_ns = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    mer_fitted_free(model);
    return (double)(end_ns - start_ns) * 1e-6;
}

int main(int argc, char **argv)
{
    static double times[WORKERS_MAX + 1][TIMES_MAX];
    const unsigned long long units = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    const long n_times = argc > 4 ? strtol(argv[4], NULL, 10) : 5;
    const long n_workers = argc > 5 ? strtol(argv[5], NULL, 10) : 2;
    struct mer_context *context;
    struct mer_table *table;
    mer_err err;
    if (units == 0 || n_times < 1 || n_times > TIMES_MAX || n_workers < 1 ||
        n_workers > WORKERS_MAX) {
        fprintf(stderr, "usage: bench_engine TABLE TARGET UNITS [TIMES [WORKERS_MAX]]\n");
        return 64;
    }
    const struct mer_context_options options = {.size = sizeof options,
                                                .cell_program = MER_BINARY_DIR "/merlon-cell"};
    check(mer_context_new(&options, &context, &err), &err);
    check(mer_table_read(context, argv[1], NULL, &table, &err), &err);
    for (long i = 0; i < n_times; i++)
        for (long w = 0; w <= n_workers; w++)
            times[w][i] = fit(context, table, argv[2], units, (size_t)w);
    const double here = median(times[0], (size_t)n_times);
    printf("in this process: median of %ld: %.1f ms\n", n_times, here);
    for (long w = 1; w <= n_workers; w++) {
        const double there = median(times[w], (size_t)n_times);
        printf("%ld worker%s: %.1f ms, %.2f of that\n", w, w == 1 ? "" : "s", there, there / here);
    }
    mer_table_free(table);
    mer_context_free(context);
    return 0;
}
