/* A table in a CSV file, split into folds and prepared: what trials run on, without a search. */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "../raw_files.h"
#include "automl/evaluation.h"
#include "core/log.h"
#include "core/math.h"
#include "frame/csv.h"
#include "frame/schema.h"

struct bench_table {
    struct mer_alloc alloc;
    struct mer_ctx ctx;
    struct mer_frame frame;
    struct mer_arena arena;
    struct mer_learned_target target;
    uint8_t *hints;
    double target_scale; /* the standard deviation of numbers; 1 for classes */
    struct mer_evaluation_data data;
    struct mer_evaluation *evaluation;
};

static inline uint64_t bench_now_ns(void *self)
{
    struct timespec now;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void bench_table_read(struct bench_table *table, const char *path, mer_err *err)
{
    static const struct mer_clock clock = {bench_now_ns, NULL};
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES, .delimiter = ','};
    struct mer_csv_report report;
    size_t n;

    mer_alloc_init(&table->alloc, SIZE_MAX);
    table->ctx = (struct mer_ctx){.alloc = &table->alloc, .clock = &clock, .cpu = mer_cpu_detect()};
    char *bytes = read_file(".", path, &n);
    if (!bytes)
        stop("there is no file", path);
    check_status(mer_csv_read(&table->ctx, bytes, n, &options, &table->frame, &report, err), err);
    free(bytes);
}

/* Reads PATH (relative to the working folder) and makes its folds. */
static inline void bench_table_open(struct bench_table *table, const char *path, const char *target,
                                    size_t n_folds, uint64_t seed)
{
    static struct mer_schema schema;
    struct mer_ctx *ctx = &table->ctx;
    size_t column;
    mer_err err;

    bench_table_read(table, path, &err);
    mer_schema_init(&schema, ctx->alloc);
    check_status(
        mer_schema_of_frame(ctx, &table->frame, MER_CSV_MISSING, MER_CSV_N_MISSING, &schema, &err),
        &err);
    check_status(mer_frame_want(&table->frame, target, &column, &err), &err);
    mer_arena_init(&table->arena, ctx->alloc);
    check_status(
        mer_target_learn(ctx, &table->frame, column, NULL, &table->arena, &table->target, &err),
        &err);
    check_status(mer_prepare_hints(ctx->alloc, &table->frame, &schema, &table->hints, &err), &err);
    table->target_scale = 1;
    if (table->target.values) {
        const size_t n = table->frame.n_rows;
        const double mean = mer_sum(table->target.values, n) / (double)n;
        double squares = 0;
        for (size_t i = 0; i < n; i++)
            squares += (table->target.values[i] - mean) * (table->target.values[i] - mean);
        table->target_scale = sqrt(squares / (double)n);
    }
    const char *metric = table->target.task == MER_TASK_REGRESSION ? "rmse" : "log_loss";
    table->data = (struct mer_evaluation_data){.frame = &table->frame,
                                               .hints = table->hints,
                                               .target_column = column,
                                               .target = &table->target,
                                               .metric = mer_metric_find(metric),
                                               .n_folds = n_folds,
                                               .seed = seed};
    check_status(mer_evaluation_new(ctx, &table->data, &table->evaluation, &err), &err);
}

#endif
