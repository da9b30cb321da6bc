#include "explain/study.h"

#include <string.h>

#include "core/math.h"
#include "core/order.h"
#include "core/rng.h"
#include "core/team.h"

enum {
    SAMPLE_ROWS_MAX = 10000, /* that are drawn from again and again */
    SAMPLE_ROWS_MIN = 200,
    SAMPLE_CELLS_MAX = 200000,
    REPLICATES = 400
};

void mer_study_init(struct mer_study *study, struct mer_alloc *alloc, const struct mer_frame *frame)
{
    *study = (struct mer_study){.alloc = alloc, .n_table_rows = frame->n_rows};
    for (size_t i = 0; i < frame->n_columns; i++)
        study->n_missing += frame->columns[i].n_missing;
}

void mer_study_release(struct mer_study *study)
{
    if (!study->alloc)
        return;
    mer_free(study->alloc, study->predictions);
    mer_free(study->alloc, study->plain);
    mer_free(study->alloc, study->values);
    mer_free(study->alloc, study->classes);
    mer_free(study->alloc, study->importance);
    *study = (struct mer_study){0};
}

/* Room for one more fold, and its truth. */
static mer_status grow(struct mer_study *study, const struct mer_fold_fit *fold, mer_err *err)
{
    const size_t n_outputs = mer_study_outputs(study), n_rows = study->n_rows + fold->n_rows;
    size_t n_bytes;
    if (!mer_size_mul(n_rows, n_outputs * sizeof(double), &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions of %zu rows do not fit into memory",
                        n_rows);
    MER_GUARD(mer_alloc_resize(study->alloc, n_bytes, &study->predictions, err));
    if (fold->recalibration->method != MER_RECALIBRATION_NONE)
        MER_GUARD(mer_alloc_resize(study->alloc, n_bytes, &study->plain, err));
    if (fold->values) {
        MER_GUARD(mer_alloc_resize(study->alloc, n_rows * sizeof(double), &study->values, err));
        memcpy(study->values + study->n_rows, fold->values, fold->n_rows * sizeof(double));
    } else {
        MER_GUARD(mer_alloc_resize(study->alloc, n_rows * sizeof(int32_t), &study->classes, err));
        memcpy(study->classes + study->n_rows, fold->classes, fold->n_rows * sizeof(int32_t));
    }
    return mer_ok();
}

mer_status mer_study_visit(void *self, const struct mer_ctx *ctx, const struct mer_fold_fit *fold,
                           mer_err *err)
{
    struct mer_study *const study = self;
    study->task = fold->task;
    study->n_classes = fold->task == MER_TASK_REGRESSION ? 0 : fold->n_classes;
    if (!study->importance) {
        study->n_columns = mer_prepare_n_columns(fold->prepare);
        MER_GUARD(mer_alloc_zero(study->alloc, study->n_columns, sizeof(*study->importance),
                                 &study->importance, err));
    }
    MER_GUARD(grow(study, fold, err));
    const size_t n_outputs = mer_study_outputs(study), begin = study->n_rows * n_outputs;
    double *const predictions = study->predictions + begin;
    study->threshold = fold->threshold;
    /* Once there are models, a deadline cuts off what is learned of columns alone. */
    struct mer_ctx patient = *ctx;
    patient.deadline_ns = 0;
    MER_GUARD(mer_members_predict(&patient, fold->members, fold->n_members, fold->design, n_outputs,
                                  predictions, err));
    if (study->plain)
        memcpy(study->plain + begin, predictions, fold->n_rows * n_outputs * sizeof(double));
    mer_recalibrate(ctx, fold->recalibration, fold->n_rows, n_outputs, predictions);
    study->n_rows += fold->n_rows;
    MER_GUARD(mer_study_add_rounds(ctx, fold, study, err));
    return mer_study_permute(ctx, fold, predictions, study->n_columns, study->importance, err);
}

size_t mer_study_guess(const struct mer_study *study, size_t row)
{
    const double *const p = study->predictions + row * study->n_classes;
    return mer_threshold_class(study->threshold, p, study->n_classes);
}

double mer_importance_mean(const struct mer_study *study, const struct mer_importance *importance,
                           double *ret_half)
{
    const double n = (double)importance->n;
    *ret_half = (double)NAN;
    if (importance->n == 0)
        return (double)NAN;
    /* A square that is lost is a share of the variance. */
    const double unit =
        study->task == MER_TASK_REGRESSION && study->variance > 0 ? study->variance : 1;
    const double mean = importance->sum / n;
    const double variance = fmax(0, importance->squares / n - mean * mean);
    if (importance->n > 1)
        *ret_half = 1.959963984540054 * sqrt(variance / (n - 1)) / unit;
    return mean / unit;
}

/* Scoring resampled rows. */

struct resampling {
    const struct mer_ctx *ctx; /* for a task: without a team */
    struct mer_study *study;
    struct mer_scored sample;
    uint64_t seed;
    double **weights; /* [workers][sample.n] */
    double *scores;   /* [replicates][n_scores] */
    mer_status *statuses;
};

/* Rows drawn with replacement are rows with whole numbers as weights. */
static void replicate_task(void *argument, size_t task, size_t worker)
{
    struct resampling *const resampling = argument;
    struct mer_scored sample = resampling->sample;
    const size_t n_scores = resampling->study->n_scores;
    double *const weights = resampling->weights[worker];
    mer_rng rng;

    /* What there is no time for has no score; of too few there is no interval. */
    resampling->statuses[task] = mer_ctx_check_cancel(resampling->ctx, NULL);
    if (resampling->statuses[task].code == MER_ERR_BUDGET) {
        for (size_t k = 0; k < n_scores; k++)
            resampling->scores[task * n_scores + k] = (double)NAN;
        resampling->statuses[task] = mer_ok();
        return;
    }
    memset(weights, 0, sample.n * sizeof(*weights));
    mer_rng_init(&rng, resampling->seed, mer_rng_stream("bootstrap", task));
    for (size_t i = 0; i < sample.n; i++)
        weights[mer_rng_below(&rng, sample.n)]++;
    sample.weights = weights;
    for (size_t k = 0; k < n_scores && mer_is_ok(resampling->statuses[task]); k++)
        resampling->statuses[task] = resampling->study->scores[k].metric->score(
            resampling->ctx, &sample, &resampling->scores[task * n_scores + k], NULL);
}

/* From the 2.5 % and 97.5 % points of the replicates around the sample's own score to those around
 * the score of all rows: the noise falls with the root of their number. */
static void set_interval(const struct resampling *resampling, size_t k, double sample_score,
                         double *sorted, struct mer_order_item *items, uint32_t *order)
{
    struct mer_study_score *const score = &resampling->study->scores[k];
    const double shrink = sqrt((double)resampling->sample.n / (double)resampling->study->n_rows);
    double *const values = sorted + REPLICATES;
    size_t n = 0;
    score->low = score->high = (double)NAN;
    for (size_t b = 0; b < REPLICATES; b++) {
        const double value = resampling->scores[b * resampling->study->n_scores + k];
        if (isfinite(value))
            values[n++] = value;
    }
    /* The largest of a sample says nothing about how large it may get. */
    if (n < REPLICATES / 2 || strcmp(score->metric->name, "max_error") == 0)
        return;
    mer_order_doubles(values, n, items, order);
    for (size_t i = 0; i < n; i++)
        sorted[i] = values[order[i]];
    score->low = score->value + shrink * (sorted[n / 40] - sample_score);
    score->high = score->value + shrink * (sorted[n - 1 - n / 40] - sample_score);
}

static mer_status set_intervals(const struct resampling *resampling, mer_err *err)
{
    struct mer_alloc *const alloc = resampling->ctx->alloc;
    struct mer_order_item *items = NULL;
    uint32_t *order = NULL;
    double *sorted = NULL;
    mer_status status;

    MER_GUARD_GOTO(mer_alloc_array(alloc, 2 * REPLICATES, sizeof(*items), &items, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, REPLICATES, sizeof(*order), &order, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, 2 * REPLICATES, sizeof(*sorted), &sorted, err), done);
    for (size_t k = 0; k < resampling->study->n_scores; k++) {
        double sample_score;
        MER_GUARD_GOTO(resampling->study->scores[k].metric->score(
                           resampling->ctx, &resampling->sample, &sample_score, err),
                       done);
        set_interval(resampling, k, sample_score, sorted, items, order);
    }
done:
    mer_free(alloc, items);
    mer_free(alloc, order);
    mer_free(alloc, sorted);
    return status;
}

/* Some of the rows, each with the same chance, as arrays of their own. */
struct sample {
    double *predictions;
    double *values;
    int32_t *classes;
    size_t n;
};

static mer_status take_sample(struct mer_study *study, uint64_t seed, struct sample *sample,
                              mer_err *err)
{
    const size_t n_outputs = mer_study_outputs(study);
    mer_rng rng;
    size_t n = 0;

    sample->n = SAMPLE_CELLS_MAX / n_outputs;
    sample->n = sample->n > SAMPLE_ROWS_MAX   ? SAMPLE_ROWS_MAX
                : sample->n < SAMPLE_ROWS_MIN ? SAMPLE_ROWS_MIN
                                              : sample->n;
    sample->n = sample->n < study->n_rows ? sample->n : study->n_rows;
    MER_GUARD(mer_alloc_array(study->alloc, sample->n, n_outputs * sizeof(double),
                              &sample->predictions, err));
    if (study->values)
        MER_GUARD(mer_alloc_array(study->alloc, sample->n, sizeof(double), &sample->values, err));
    else
        MER_GUARD(mer_alloc_array(study->alloc, sample->n, sizeof(int32_t), &sample->classes, err));
    mer_rng_init(&rng, seed, mer_rng_stream("bootstrap rows", 0));
    for (size_t row = 0; row < study->n_rows && n < sample->n; row++) {
        if (sample->n < study->n_rows && mer_rng_below(&rng, study->n_rows - row) >= sample->n - n)
            continue;
        memcpy(sample->predictions + n * n_outputs, study->predictions + row * n_outputs,
               n_outputs * sizeof(double));
        if (study->values)
            sample->values[n++] = study->values[row];
        else
            sample->classes[n++] = study->classes[row];
    }
    return mer_ok();
}

static mer_status resample(const struct mer_ctx *ctx, struct mer_study *study, uint64_t seed,
                           const struct sample *sample, mer_err *err)
{
    const size_t n_workers = mer_team_size(ctx->team);
    struct mer_ctx alone = *ctx;
    struct resampling resampling = {.ctx = &alone,
                                    .study = study,
                                    .seed = seed,
                                    .sample = {.n = sample->n,
                                               .n_classes = study->n_classes,
                                               .truth_values = sample->values,
                                               .truth_classes = sample->classes,
                                               .threshold = study->threshold,
                                               .predictions = sample->predictions}};
    mer_status status;

    alone.team = NULL; /* which cannot be used inside a task */
    alone.progress = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, n_workers, sizeof(double *), &resampling.weights, err));
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, REPLICATES * study->n_scores, sizeof(double),
                                   &resampling.scores, err),
                   done);
    MER_GUARD_GOTO(
        mer_alloc_array(ctx->alloc, REPLICATES, sizeof(mer_status), &resampling.statuses, err),
        done);
    for (size_t w = 0; w < n_workers; w++)
        MER_GUARD_GOTO(
            mer_alloc_array(ctx->alloc, sample->n, sizeof(double), &resampling.weights[w], err),
            done);
    mer_team_run(ctx->team, replicate_task, &resampling, REPLICATES);
    for (size_t b = 0; b < REPLICATES; b++)
        if (!mer_is_ok(resampling.statuses[b])) {
            status = mer_fail(err, resampling.statuses[b].code, "resampled rows cannot be scored");
            goto done;
        }
    status = set_intervals(&resampling, err);
done:
    for (size_t w = 0; w < n_workers; w++)
        mer_free(ctx->alloc, resampling.weights[w]);
    mer_free(ctx->alloc, resampling.weights);
    mer_free(ctx->alloc, resampling.scores);
    mer_free(ctx->alloc, resampling.statuses);
    return status;
}

static mer_status score_all(const struct mer_ctx *ctx, struct mer_study *study, mer_err *err)
{
    static const unsigned bits[] = {[MER_TASK_REGRESSION] = MER_METRIC_REGRESSION,
                                    [MER_TASK_BINARY] = MER_METRIC_BINARY,
                                    [MER_TASK_MULTICLASS] = MER_METRIC_MULTICLASS};
    const struct mer_scored scored = {.n = study->n_rows,
                                      .n_classes = study->n_classes,
                                      .truth_values = study->values,
                                      .truth_classes = study->classes,
                                      .threshold = study->threshold,
                                      .predictions = study->predictions};
    for (size_t i = 0; i < MER_N_METRICS && study->n_scores < MER_STUDY_METRICS_MAX; i++) {
        double value;
        if (!(MER_METRICS[i].tasks & bits[study->task]))
            continue;
        MER_GUARD(MER_METRICS[i].score(ctx, &scored, &value, err));
        study->scores[study->n_scores++] =
            (struct mer_study_score){&MER_METRICS[i], value, (double)NAN, (double)NAN};
    }
    return mer_ok();
}

static void set_variance(struct mer_study *study)
{
    const double mean = mer_sum(study->values, study->n_rows) / (double)study->n_rows;
    for (size_t i = 0; i < study->n_rows; i++)
        study->variance +=
            (study->values[i] - mean) * (study->values[i] - mean) / (double)study->n_rows;
}

mer_status mer_study_finish(const struct mer_ctx *ctx, struct mer_study *study, uint64_t seed,
                            mer_err *err)
{
    struct sample sample = {0};
    if (study->n_rows == 0)
        return mer_fail(err, MER_ERR_INTERNAL, "no fold was studied");
    if (study->values)
        set_variance(study);
    MER_GUARD(score_all(ctx, study, err));
    mer_status status = take_sample(study, seed, &sample, err);
    if (mer_is_ok(status))
        status = resample(ctx, study, seed, &sample, err);
    mer_free(study->alloc, sample.predictions);
    mer_free(study->alloc, sample.values);
    mer_free(study->alloc, sample.classes);
    return status;
}
