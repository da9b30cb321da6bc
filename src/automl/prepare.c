/* Fits the preprocessing: learns every column on its own, then numbers the dense columns and groups
 * that come of them.
 */
#include "automl/prepare.h"

#include <string.h>

#include "automl/prepare_internal.h"
#include "core/team.h"

enum { LEARN_TASKS_MAX = 64 };

const char *mer_left_out_reason(enum mer_left_out left_out)
{
    static const char *const reasons[MER_LEFT_OUT_COUNT] = {
        [MER_LEFT_OUT_NOT] = "in use",
        [MER_LEFT_OUT_CONSTANT] = "constant",
        [MER_LEFT_OUT_NO_VALUE] = "no value present",
        [MER_LEFT_OUT_IDENTIFIER] = "identifies rows",
        [MER_LEFT_OUT_TEXT] = "free text",
    };
    return reasons[left_out];
}

mer_status mer_prepare_new(struct mer_alloc *alloc, struct mer_prepare **ret_prepare, mer_err *err)
{
    struct mer_prepare *prepare;

    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof(*prepare), &prepare, err));
    prepare->alloc = alloc;
    mer_arena_init(&prepare->arena, alloc);
    *ret_prepare = prepare;
    return mer_ok();
}

void mer_prepare_free(const struct mer_ctx *ctx, struct mer_prepare *prepare)
{
    (void)ctx;
    if (!prepare)
        return;
    struct mer_alloc *alloc = prepare->alloc;
    mer_arena_release(&prepare->arena);
    mer_free(alloc, prepare);
}

/* For every dense column the one, made of the same column, that tells where it was imputed. */
static mer_status find_indicators(struct mer_prepare *prepare, mer_err *err)
{
    MER_GUARD(mer_arena_zero(&prepare->arena, prepare->n_dense, sizeof(*prepare->indicators),
                             &prepare->indicators, err));
    for (size_t first = 0, next; first < prepare->n_dense; first = next) {
        uint32_t indicator = MER_NO_INDICATOR;
        for (next = first;
             next < prepare->n_dense && prepare->dense[next].column == prepare->dense[first].column;
             next++)
            if (prepare->dense[next].part == MER_PART_MISSING)
                indicator = (uint32_t)next;
        for (size_t d = first; d < next; d++)
            prepare->indicators[d] = d == indicator ? MER_NO_INDICATOR : indicator;
    }
    return mer_ok();
}

static mer_status number_groups(struct mer_prepare *prepare, mer_err *err)
{
    size_t n_groups = 0;

    for (size_t i = 0; i < prepare->n_columns; i++)
        n_groups += prepare->columns[i].type == MER_TYPE_CATEGORICAL &&
                    prepare->columns[i].left_out == MER_LEFT_OUT_NOT;
    MER_GUARD(mer_arena_zero(&prepare->arena, n_groups, sizeof(*prepare->group_column),
                             &prepare->group_column, err));
    MER_GUARD(mer_arena_zero(&prepare->arena, n_groups + 1, sizeof(*prepare->group_start),
                             &prepare->group_start, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        const struct mer_learned_column *column = &prepare->columns[i];
        if (column->type != MER_TYPE_CATEGORICAL || column->left_out != MER_LEFT_OUT_NOT)
            continue;
        const size_t g = prepare->n_groups++;
        const uint32_t width = mer_learned_width(column);
        if (width > UINT32_MAX - prepare->group_start[g])
            return mer_fail(err, MER_ERR_DATA,
                            "the categorical columns together have more than 2^32 levels");
        prepare->group_column[g] = (uint32_t)i;
        prepare->group_start[g + 1] = prepare->group_start[g] + width;
    }
    return mer_ok();
}

mer_status mer_prepare_number_features(struct mer_prepare *prepare, mer_err *err)
{
    MER_GUARD(find_indicators(prepare, err));
    return number_groups(prepare, err);
}

/* Columns are learned in parallel, in a number of tasks that depends on their number alone. */
struct learn_job {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    const uint32_t *rows;
    size_t n_rows;
    const uint32_t *sources; /* [n_columns]: the frame's column of each feature column */
    size_t n_columns;
    size_t n_tasks;
    struct mer_learning *learned; /* [n_columns] */
    struct learn_result {
        mer_status status;
        mer_err err;
    } results[LEARN_TASKS_MAX];
};

static mer_status learn_columns(struct learn_job *job, size_t first, size_t end, mer_err *err)
{
    double *scratch;
    mer_status status;

    MER_GUARD(mer_alloc_array(job->ctx->alloc, job->n_rows, sizeof(*scratch), &scratch, err));
    for (size_t i = first; i < end; i++) {
        MER_GUARD_GOTO(mer_ctx_check_cancel(job->ctx, err), out);
        MER_GUARD_GOTO(mer_learn_column(job->ctx->alloc, &job->frame->columns[job->sources[i]],
                                        job->rows, job->n_rows, scratch, &job->learned[i], err),
                       out);
    }
    status = mer_ok();
out:
    mer_free(job->ctx->alloc, scratch);
    return status;
}

static void learn_task(void *argument, size_t task, size_t worker)
{
    struct learn_job *job = argument;
    struct learn_result *result = &job->results[task];

    (void)worker;
    mer_err_clear(&result->err);
    result->status = learn_columns(job, task * job->n_columns / job->n_tasks,
                                   (task + 1) * job->n_columns / job->n_tasks, &result->err);
}

static mer_status run_learning(struct learn_job *job, mer_err *err)
{
    job->n_tasks = job->n_columns < LEARN_TASKS_MAX ? job->n_columns : LEARN_TASKS_MAX;
    mer_team_run(job->ctx->team, learn_task, job, job->n_tasks);
    for (size_t i = 0; i < job->n_tasks; i++) {
        if (!mer_is_ok(job->results[i].status)) {
            if (err)
                *err = job->results[i].err;
            return job->results[i].status;
        }
    }
    return mer_ok();
}

static mer_status copy_levels(struct mer_prepare *prepare, const struct mer_column *source,
                              const struct mer_learning *learning,
                              struct mer_learned_column *column, mer_err *err)
{
    column->first_level = prepare->n_levels;
    for (size_t k = 0; k < column->n_levels; k++) {
        const struct mer_cell level = mer_column_level(source, (size_t)learning->levels[k]);
        struct mer_level *copy = &prepare->levels[prepare->n_levels++];
        MER_GUARD(mer_arena_text(&prepare->arena, level.bytes, level.n, &copy->text, err));
        copy->n = level.n;
    }
    return mer_ok();
}

/* Puts what was learned, column by column, into one preprocessing. */
static mer_status assemble(const struct learn_job *job, struct mer_prepare *prepare, mer_err *err)
{
    struct mer_arena *arena = &prepare->arena;
    size_t n_dense = 0, n_levels = 0;

    for (size_t i = 0; i < job->n_columns; i++) {
        n_dense += job->learned[i].n_parts;
        n_levels += job->learned[i].column.n_levels;
    }
    MER_GUARD(
        mer_arena_zero(arena, job->n_columns, sizeof(*prepare->columns), &prepare->columns, err));
    MER_GUARD(mer_arena_zero(arena, n_dense, sizeof(*prepare->dense), &prepare->dense, err));
    MER_GUARD(mer_arena_zero(arena, n_levels, sizeof(*prepare->levels), &prepare->levels, err));
    for (size_t i = 0; i < job->n_columns; i++) {
        const struct mer_learning *learning = &job->learned[i];
        const struct mer_column *source = &job->frame->columns[job->sources[i]];
        struct mer_learned_column *column = &prepare->columns[prepare->n_columns++];
        *column = learning->column;
        column->n_name = source->n_name;
        column->n_dense = learning->n_parts;
        MER_GUARD(mer_arena_text(arena, source->name, source->n_name, &column->name, err));
        MER_GUARD(copy_levels(prepare, source, learning, column, err));
        for (size_t p = 0; p < learning->n_parts; p++)
            prepare->dense[prepare->n_dense++] =
                (struct mer_dense_column){.column = (uint32_t)i,
                                          .part = learning->parts[p].part,
                                          .mean = learning->parts[p].mean,
                                          .scale = learning->parts[p].scale};
    }
    return mer_prepare_number_features(prepare, err);
}

static void release_job(struct learn_job *job)
{
    struct mer_alloc *alloc = job->ctx->alloc;

    for (size_t i = 0; job->learned && i < job->n_columns; i++)
        mer_free(alloc, job->learned[i].levels);
    mer_free(alloc, job->learned);
    mer_free(alloc, (void *)job->sources);
}

static mer_status fit_columns(struct learn_job *job, size_t target,
                              struct mer_prepare **ret_prepare, mer_err *err)
{
    struct mer_alloc *alloc = job->ctx->alloc;
    struct mer_prepare *prepare;
    uint32_t *sources;

    MER_GUARD(mer_alloc_array(alloc, job->frame->n_columns, sizeof(*sources), &sources, err));
    job->sources = sources;
    for (size_t i = 0; i < job->frame->n_columns; i++)
        if (i != target)
            sources[job->n_columns++] = (uint32_t)i;
    MER_GUARD(mer_alloc_zero(alloc, job->n_columns, sizeof(*job->learned), &job->learned, err));
    MER_GUARD(run_learning(job, err));
    MER_GUARD(mer_prepare_new(alloc, &prepare, err));
    const mer_status status = assemble(job, prepare, err);
    if (!mer_is_ok(status)) {
        mer_prepare_free(job->ctx, prepare);
        return status;
    }
    *ret_prepare = prepare;
    return mer_ok();
}

mer_status mer_prepare_fit(const struct mer_ctx *ctx, const struct mer_frame *frame, size_t target,
                           const uint32_t *rows, size_t n_rows, struct mer_prepare **ret_prepare,
                           mer_err *err)
{
    struct learn_job *job;

    if (!rows)
        n_rows = frame->n_rows;
    if (n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has no rows to learn from");
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*job), &job, err));
    job->ctx = ctx;
    job->frame = frame;
    job->rows = rows;
    job->n_rows = n_rows;
    const mer_status status = fit_columns(job, target, ret_prepare, err);
    release_job(job);
    mer_free(ctx->alloc, job);
    return status;
}

void mer_prepare_shape(const struct mer_prepare *prepare, struct mer_design *ret_shape)
{
    *ret_shape = (struct mer_design){.n_dense = prepare->n_dense,
                                     .indicators = prepare->indicators,
                                     .n_groups = prepare->n_groups,
                                     .group_start = prepare->group_start};
}

/* The column of that name; NULL: there is none. */
static const struct mer_learned_column *find_column(const struct mer_prepare *prepare,
                                                    const char *name)
{
    for (size_t i = 0; i < prepare->n_columns; i++)
        if (strcmp(prepare->columns[i].name, name) == 0)
            return &prepare->columns[i];
    return NULL;
}

static mer_status set_direction(const struct mer_prepare *prepare,
                                const struct mer_direction *direction, int8_t *monotone,
                                mer_err *err)
{
    const struct mer_learned_column *column = find_column(prepare, direction->column);
    if (!column)
        return mer_fail(err, MER_ERR_USAGE, "there is no column %s that predictions could follow",
                        mer_quote(direction->column).text);
    if (!mer_type_is_number(column->type))
        return mer_fail(
            err, MER_ERR_USAGE,
            "predictions can rise or fall with numbers only, and column %s is of type %s",
            mer_quote(direction->column).text, mer_type_name(column->type));
    for (size_t d = 0; d < prepare->n_dense; d++)
        if (prepare->dense[d].part == MER_PART_VALUE &&
            &prepare->columns[prepare->dense[d].column] == column)
            monotone[d] = (int8_t)direction->direction;
    return mer_ok();
}

mer_status mer_prepare_directions(const struct mer_ctx *ctx, const struct mer_prepare *prepare,
                                  const struct mer_direction *directions, size_t n_directions,
                                  int8_t **ret_monotone, mer_err *err)
{
    int8_t *monotone = NULL;
    mer_status status = mer_ok();
    if (n_directions > 0)
        status = mer_alloc_zero(ctx->alloc, prepare->n_dense, 1, &monotone, err);
    for (size_t i = 0; mer_is_ok(status) && i < n_directions; i++)
        status = set_direction(prepare, &directions[i], monotone, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, monotone);
        return status;
    }
    *ret_monotone = monotone;
    return mer_ok();
}

size_t mer_prepare_n_columns(const struct mer_prepare *prepare)
{
    return prepare->n_columns;
}

void mer_prepare_describe(const struct mer_prepare *prepare, size_t column,
                          struct mer_prepare_column *ret)
{
    const struct mer_learned_column *learned = &prepare->columns[column];

    *ret = (struct mer_prepare_column){.name = learned->name,
                                       .type = learned->type,
                                       .left_out = learned->left_out,
                                       .n_dense = learned->n_dense,
                                       .n_levels = learned->n_levels};
}
