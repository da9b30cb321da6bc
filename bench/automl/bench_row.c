/* How long a model takes for one row, in a process that holds it: mer_predict on tables of one row,
 * each row in turn, round by round.
 *
 *   bench_row CELL MODEL TABLE [ROUNDS]
 *
 * CELL is merlon-cell, MODEL a model that a key of the user's store has signed, TABLE rows of its
 * columns as CSV, of which the first ROWS are used. Prints median, 99th percentile and best of all
 * calls, in microseconds, of rounds after the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "merlon/merlon.h"

enum { ROWS = 64, ROUNDS = 200, ROUNDS_MAX = 10000 };

static void check(mer_status status, const mer_err *err)
{
    if (status.code == MER_OK)
        return;
    fprintf(stderr, "bench_row: %s\n", err->message);
    exit(mer_code_exit(status.code));
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The table of one row that a header and a line of a file make. */
static struct mer_table *one_row(const struct mer_fitted *model, const char *header,
                                 const char *line)
{
    char path[] = "/tmp/merlon-bench-row-XXXXXX";
    struct mer_table *table;
    mer_err err;
    const int descriptor = mkstemp(path);
    FILE *const file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!file || fprintf(file, "%s%s", header, line) < 0 || fclose(file) != 0) {
        perror("bench_row");
        exit(74);
    }
    const mer_status status = mer_model_read_table(model, path, NULL, &table, &err);
    (void)remove(path);
    check(status, &err);
    return table;
}

static size_t read_rows(const struct mer_fitted *model, const char *path, struct mer_table **ret)
{
    char *header = NULL, *line = NULL;
    size_t header_size = 0, line_size = 0, n = 0;
    FILE *const file = fopen(path, "r");
    if (!file || getline(&header, &header_size, file) < 0) {
        perror(path);
        exit(66);
    }
    while (n < ROWS && getline(&line, &line_size, file) > 0)
        ret[n++] = one_row(model, header, line);
    free(header);
    free(line);
    (void)fclose(file);
    return n;
}

static void predict_each(const struct mer_fitted *model, struct mer_table **rows, size_t n,
                         double *ret_times)
{
    mer_err err;
    for (size_t i = 0; i < n; i++) {
        double *predictions;
        size_t n_outputs;
        const double start = now_us();
        check(mer_predict(model, rows[i], &predictions, &n_outputs, &err), &err);
        ret_times[i] = now_us() - start;
        mer_numbers_free(predictions);
    }
}

int main(int argc, char **argv)
{
    struct mer_table *rows[ROWS];
    struct mer_context *context;
    struct mer_trust *trust;
    struct mer_fitted *model;
    mer_err err;

    const size_t n_rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : ROUNDS;
    if (argc < 4 || n_rounds < 1 || n_rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_row CELL MODEL TABLE [ROUNDS]\n");
        return 64;
    }
    const struct mer_context_options options = {.size = sizeof options, .cell_program = argv[1]};
    check(mer_context_new(&options, &context, &err), &err);
    check(mer_trust_open(NULL, &trust, &err), &err);
    check(mer_model_load(context, argv[2], trust, &model, &err), &err);
    const size_t n_rows = read_rows(model, argv[3], rows);
    double *const times = calloc(ROWS * (n_rounds + 1), sizeof *times);
    if (!times || n_rows == 0)
        return 65;
    for (size_t i = 0; i <= n_rounds; i++)
        predict_each(model, rows, n_rows, times + (i ? (i - 1) * n_rows : 0));
    const size_t n = n_rows * n_rounds;
    qsort(times, n, sizeof *times, compare);
    printf("%.1f %.1f %.1f\n", times[n / 2], times[n * 99 / 100], times[0]);
    free(times);
    for (size_t i = 0; i < n_rows; i++)
        mer_table_free(rows[i]);
    mer_fitted_free(model);
    mer_trust_free(trust);
    mer_context_free(context);
    return 0;
}
