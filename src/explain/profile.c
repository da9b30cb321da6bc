/* A table's profile: columns side by side, then what concerns all of them. */
#include "explain/profile.h"

#include "core/order.h"
#include "core/team.h"

enum { BATCH_COLUMNS = 8 }; /* between two looks at the progress */

struct column_job {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    size_t min_rows;
    size_t first;
    struct mer_profile_scratch *scratch; /* [workers] */
    struct mer_column_profile *columns;
    mer_status statuses[BATCH_COLUMNS];
    mer_err errors[BATCH_COLUMNS];
};

static void column_task(void *argument, size_t task, size_t worker)
{
    struct column_job *const job = argument;
    mer_err_clear(&job->errors[task]);
    job->statuses[task] = mer_profile_column(job->ctx, job->frame, job->first + task, job->min_rows,
                                             &job->scratch[worker],
                                             &job->columns[job->first + task], &job->errors[task]);
}

static mer_status profile_columns(const struct mer_ctx *ctx, struct column_job *job, mer_err *err)
{
    const size_t n_columns = job->frame->n_columns;
    for (job->first = 0; job->first < n_columns; job->first += BATCH_COLUMNS) {
        const size_t left = n_columns - job->first;
        const size_t n = left < BATCH_COLUMNS ? left : BATCH_COLUMNS;
        mer_ctx_progress(ctx, "describing", job->first, n_columns);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        mer_team_run(ctx->team, column_task, job, n);
        for (size_t i = 0; i < n; i++) {
            if (mer_is_ok(job->statuses[i]))
                continue;
            if (err)
                *err = job->errors[i];
            return job->statuses[i];
        }
    }
    mer_ctx_progress(ctx, "describing", n_columns, n_columns);
    return mer_ok();
}

static mer_status measure_columns(const struct mer_ctx *ctx, struct mer_profile *profile,
                                  mer_err *err)
{
    const struct mer_frame *const frame = profile->frame;
    const size_t n_workers = mer_team_size(ctx->team);
    struct column_job job = {
        .ctx = ctx, .frame = frame, .min_rows = profile->min_rows, .columns = profile->columns};
    mer_status status;

    MER_GUARD(mer_alloc_zero(ctx->alloc, n_workers, sizeof(*job.scratch), &job.scratch, err));
    for (size_t w = 0; w < n_workers; w++)
        MER_GUARD_GOTO(mer_profile_scratch_new(ctx->alloc, frame->n_rows, &job.scratch[w], err),
                       done);
    status = profile_columns(ctx, &job, err);
done:
    for (size_t w = 0; w < n_workers; w++)
        mer_profile_scratch_free(ctx->alloc, &job.scratch[w]);
    mer_free(ctx->alloc, job.scratch);
    return status;
}

static mer_status associate(const struct mer_ctx *ctx, struct mer_profile *profile, mer_err *err)
{
    const size_t n_columns = profile->frame->n_columns;
    bool *takes_part;

    MER_GUARD(mer_alloc_zero(ctx->alloc, n_columns, sizeof(*takes_part), &takes_part, err));
    for (size_t i = 0; i < n_columns; i++) {
        const struct mer_column_profile *const column = &profile->columns[i];
        takes_part[i] = mer_profile_shows(column) && column->n_distinct >= 2;
    }
    const mer_status status =
        mer_associations_find(ctx, profile->frame, takes_part, &profile->associations, err);
    mer_free(ctx->alloc, takes_part);
    return status;
}

static mer_status make(const struct mer_ctx *ctx, const struct mer_profile_options *options,
                       struct mer_profile *profile, mer_err *err)
{
    const struct mer_frame *const frame = profile->frame;
    MER_GUARD(mer_alloc_zero(ctx->alloc, frame->n_columns, sizeof(*profile->columns),
                             &profile->columns, err));
    MER_GUARD(measure_columns(ctx, profile, err));
    for (size_t i = 0; options->sensitive && i < frame->n_columns; i++)
        profile->columns[i].sensitive = options->sensitive[i];
    MER_GUARD(mer_profile_copies(ctx, frame, profile, err));
    MER_GUARD(mer_profile_gaps(ctx, frame, &profile->gaps, err));
    return associate(ctx, profile, err);
}

mer_status mer_profile_make(const struct mer_ctx *ctx, const struct mer_frame *frame,
                            const struct mer_profile_options *options,
                            struct mer_profile *ret_profile, mer_err *err)
{
    struct mer_profile profile = {
        .alloc = ctx->alloc, .frame = frame, .min_rows = options->min_rows};
    if (frame->n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows are more than 2^32", frame->n_rows);
    const mer_status status = make(ctx, options, &profile, err);
    if (mer_is_ok(status))
        *ret_profile = profile;
    else
        mer_profile_release(&profile);
    return status;
}

void mer_profile_release(struct mer_profile *profile)
{
    if (!profile->alloc)
        return;
    mer_associations_release(profile->alloc, &profile->associations);
    mer_free(profile->alloc, profile->columns);
    *profile = (struct mer_profile){0};
}
