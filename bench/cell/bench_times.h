/* Two kinds of time for a thing that is done here and in a cell: on the clock, which other programs
 * on the machine lengthen, and of processors, ours and our children's, which they hardly do. */
#ifndef BENCH_CELL_BENCH_TIMES_H
#define BENCH_CELL_BENCH_TIMES_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "core/status.h"

struct times {
    double clock;     /* seconds */
    double processor; /* of children too, once they have ended */
};

static inline struct times times_now(void)
{
    struct timespec clock;
    struct rusage self, children;
    double sum = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &clock);
    (void)getrusage(RUSAGE_SELF, &self);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    const struct timeval parts[] = {self.ru_utime, self.ru_stime, children.ru_utime,
                                    children.ru_stime};
    for (size_t i = 0; i < 4; i++)
        sum += (double)parts[i].tv_sec + (double)parts[i].tv_usec * 1e-6;
    return (struct times){(double)clock.tv_sec + (double)clock.tv_nsec * 1e-9, sum};
}

static inline struct times times_since(struct times start)
{
    const struct times now = times_now();
    return (struct times){now.clock - start.clock, now.processor - start.processor};
}

static inline int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts them. */
static inline double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static inline void check(mer_status status, const mer_err *err)
{
    if (mer_is_ok(status))
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(70);
}

/* Medians of the two, and of the ratios of each pair. */
static inline void print_comparison(const char *what, const struct times *here,
                                    const struct times *cell, size_t n)
{
    double *const values = malloc(n * sizeof *values);
    double middle[2], ratio[2];
    if (!values)
        exit(75);
    for (size_t i = 0; i < n; i++)
        values[i] = here[i].clock;
    middle[0] = median(values, n);
    for (size_t i = 0; i < n; i++)
        values[i] = cell[i].clock;
    middle[1] = median(values, n);
    for (size_t i = 0; i < n; i++)
        values[i] = cell[i].clock / here[i].clock;
    ratio[0] = median(values, n);
    for (size_t i = 0; i < n; i++)
        values[i] = cell[i].processor / here[i].processor;
    ratio[1] = median(values, n);
    printf("%s: here %.4f s, through a cell %.4f s; median of %zu ratios: %.3f on the clock, %.3f "
           "of processors\n",
           what, middle[0], middle[1], n, ratio[0], ratio[1]);
    free(values);
}

#endif
