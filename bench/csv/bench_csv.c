/* Reads a CSV file whole, every cell converted, and prints a checksum of the first three columns,
 * as the programs that run.py compares it with do.
 *
 *   bench_csv FILE WAY [THREADS [CPU]]
 *
 *   WAY   cell   as merlon's commands do: copied into sealed memory, parsed in a cell, the result
 *                validated
 *         fit    the same and hashed, as fit does, which records what it learned from
 *         here   parsed in this process; the result validated too
 *         plain  the same by the plain reader
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/handles.h"
#include "core/team.h"

static const char *const PROGRAM = MER_BINARY_DIR "/merlon-cell";

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void check(mer_status status, const mer_err *err)
{
    if (mer_is_ok(status))
        return;
    fprintf(stderr, "bench_csv: %s\n", err->message);
    exit(70);
}

/* Numbers: their sum (what is missing is 0). Texts: their bytes. */
static double checksum(const struct mer_column *column, size_t n_rows)
{
    double sum = 0;
    uint64_t whole = 0;
    switch (column->type) {
    case MER_TYPE_BOOLEAN:
        for (size_t i = 0; i < (n_rows + 7) / 8; i++)
            whole += (uint64_t)__builtin_popcount(column->data.bits[i]);
        return (double)whole;
    case MER_TYPE_NUMBER:
        for (size_t row = 0; row < n_rows; row++)
            sum += column->data.numbers[row];
        return sum;
    case MER_TYPE_CATEGORICAL:
        for (size_t row = 0; row < n_rows; row++)
            if (column->data.codes[row] >= 0)
                whole += mer_column_level(column, (size_t)column->data.codes[row]).n;
        return (double)whole;
    case MER_TYPE_TEXT:
        return (double)column->data.offsets[n_rows];
    default:
        for (size_t row = 0; row < n_rows; row++)
            whole += (uint64_t)column->data.integers[row];
        return (double)(int64_t)whole;
    }
}

static void print_checksums(const struct mer_frame *frame)
{
    enum { COLUMNS = 3 };
    printf("%zu rows, %zu columns", frame->n_rows, frame->n_columns);
    for (size_t c = 0; c < frame->n_columns && c < COLUMNS; c++)
        printf(" %.10g", checksum(&frame->columns[c], frame->n_rows));
    printf("\n");
}

static void read_by_api(const char *path, bool with_digest, unsigned n_threads, const char *cpu)
{
    const struct mer_context_options options = {
        .size = sizeof options, .n_threads = n_threads, .cpu = cpu, .cell_program = PROGRAM};
    struct mer_context *context;
    struct mer_table *table;
    mer_err err;
    const double start = now();
    check(mer_context_new(&options, &context, &err), &err);
    const struct mer_table_options how = {
        .size = sizeof how, .has_header = -1, .without_digest = !with_digest};
    check(mer_table_read(context, path, &how, &table, &err), &err);
    const double seconds = now() - start;
    printf("seconds %.4f (read %.4f, hash %.4f, parse %.4f): ", seconds, table->read_seconds,
           table->check_seconds, table->parse_seconds);
    print_checksums(&table->frame);
    mer_table_free(table);
    mer_context_free(context);
}

static enum mer_cpu_level level_of(const char *cpu)
{
    for (int level = 0; cpu && level < MER_CPU_LEVEL_COUNT; level++)
        if (strcmp(cpu, mer_cpu_level_name((enum mer_cpu_level)level)) == 0)
            return (enum mer_cpu_level)level;
    return mer_cpu_detect();
}

static void read_here(const char *path, bool plainly, unsigned n_threads, const char *cpu)
{
    const struct mer_csv_options options = {.plainly = plainly};
    struct mer_csv_report report;
    struct mer_sealed file;
    struct mer_alloc alloc;
    struct mer_frame frame;
    mer_err err;
    const double start = now();
    mer_alloc_init(&alloc, SIZE_MAX);
    struct mer_ctx ctx = {.alloc = &alloc, .cpu = level_of(cpu)};
    check(mer_team_new(&alloc, n_threads, &ctx.team, &err), &err);
    check(mer_sealed_read(path, SIZE_MAX - 1, &file, &err), &err);
    const double loaded = now();
    check(mer_csv_read(&ctx, file.bytes, file.n, &options, &frame, &report, &err), &err);
    const double end = now();
    printf("seconds %.4f (read %.4f, parse %.4f%s): ", end - start, loaded - start, end - loaded,
           report.was_plain ? ", plainly" : "");
    print_checksums(&frame);
    mer_frame_release(&frame);
    mer_sealed_release(&file);
    mer_team_free(ctx.team);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_csv FILE cell|fit|here|plain [THREADS [CPU]]\n");
        return 64;
    }
    const unsigned n_threads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2;
    const char *cpu = argc > 4 ? argv[4] : NULL;
    if (strcmp(argv[2], "cell") == 0 || strcmp(argv[2], "fit") == 0)
        read_by_api(argv[1], strcmp(argv[2], "fit") == 0, n_threads, cpu);
    else
        read_here(argv[1], strcmp(argv[2], "plain") == 0, n_threads, cpu);
    return 0;
}
