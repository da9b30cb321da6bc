#include "automl/ensembling.h"

#include <math.h>
#include <string.h>

#include "core/log.h"
#include "core/team.h"

/* Predictions that a selection looks at; of more rows, every so many are taken. */
enum { CELLS_MAX = 1 << 17 };

static bool is_better(const struct mer_keep *keep, double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    return keep->greater_is_better ? a > b : a < b;
}

void mer_keep_release(const struct mer_ctx *ctx, struct mer_keep *keep)
{
    for (size_t i = 0; i < keep->n; i++)
        mer_free(ctx->alloc, keep->items[i].predictions);
    keep->n = 0;
}

void mer_keep_remove(const struct mer_ctx *ctx, struct mer_keep *keep, size_t id)
{
    for (size_t i = 0; i < keep->n; i++) {
        if (keep->items[i].id != id)
            continue;
        mer_free(ctx->alloc, keep->items[i].predictions);
        memmove(keep->items + i, keep->items + i + 1, (keep->n - i - 1) * sizeof(*keep->items));
        keep->n--;
        return;
    }
}

static bool is_best_of_family(const struct mer_keep *keep, size_t at)
{
    for (size_t i = 0; i < keep->n; i++)
        if (i != at && keep->items[i].family == keep->items[at].family &&
            !is_better(keep, keep->items[at].score, keep->items[i].score))
            return false;
    return true;
}

/* The worst that may go; keep->n: none may. */
static size_t find_worst(const struct mer_keep *keep)
{
    size_t worst = keep->n;

    for (size_t i = 0; i < keep->n; i++)
        if (!is_best_of_family(keep, i) &&
            (worst == keep->n || is_better(keep, keep->items[worst].score, keep->items[i].score)))
            worst = i;
    return worst;
}

mer_status mer_keep_add(const struct mer_ctx *ctx, struct mer_keep *keep,
                        const struct mer_kept *kept, const double *predictions, mer_err *err)
{
    struct mer_kept item = *kept;

    if (isnan(kept->score) || keep->max == 0)
        return mer_ok();
    if (keep->n == keep->max) {
        const size_t worst = find_worst(keep);
        if (worst == keep->n || !is_better(keep, kept->score, keep->items[worst].score))
            return mer_ok();
        item.predictions = keep->items[worst].predictions;
        memmove(keep->items + worst, keep->items + worst + 1,
                (keep->n - worst - 1) * sizeof(*keep->items));
        keep->n--;
    } else {
        MER_GUARD(mer_alloc_array(ctx->alloc, keep->n_values, sizeof(*item.predictions),
                                  &item.predictions, err));
    }
    for (size_t i = 0; i < keep->n_values; i++)
        item.predictions[i] = (float)predictions[i];
    keep->items[keep->n++] = item;
    return mer_ok();
}

/* One selection: the rows that are looked at, and the sum of what was chosen so far. */
struct selecting {
    struct mer_ctx ctx; /* for tasks: without a team */
    const struct mer_keep *keep;
    const struct mer_selection *selection;
    size_t stride; /* every so many rows */
    size_t n_rows;
    double *values;
    int32_t *classes;
    double *weights;
    double *sum;       /* [n_rows][n_outputs] */
    double *trial_sum; /* [worker][n_rows][n_outputs] */
    size_t n_chosen;
    uint32_t counts[MER_KEPT_MAX];
    double scores[MER_KEPT_MAX]; /* of the sum with each candidate added */
};

static size_t n_values_of(const struct selecting *selecting)
{
    return selecting->n_rows * selecting->selection->n_outputs;
}

/* Sum of the chosen and candidate c, over their number. */
static void mean_with(const struct selecting *selecting, size_t c, double *ret)
{
    const size_t n_outputs = selecting->selection->n_outputs;
    const float *predictions = selecting->keep->items[c].predictions;
    const double share = 1.0 / (double)(selecting->n_chosen + 1);

    for (size_t i = 0; i < selecting->n_rows; i++)
        for (size_t k = 0; k < n_outputs; k++)
            ret[i * n_outputs + k] = (selecting->sum[i * n_outputs + k] +
                                      (double)predictions[i * selecting->stride * n_outputs + k]) *
                                     share;
}

/* Whether candidate c may be chosen, now that others are. */
static bool may_choose(const struct selecting *selecting, size_t c)
{
    uint64_t cost = 0;
    size_t n_members = 0;

    if (selecting->n_chosen == 0 || selecting->counts[c] > 0)
        return true;
    for (size_t i = 0; i < selecting->keep->n; i++) {
        if (selecting->counts[i] == 0)
            continue;
        n_members++;
        cost += selecting->keep->items[i].cost;
    }
    return n_members < selecting->selection->max_members &&
           cost + selecting->keep->items[c].cost <= selecting->selection->max_cost;
}

static void score_candidate(void *argument, size_t c, size_t worker)
{
    struct selecting *selecting = argument;
    double *mean = selecting->trial_sum + worker * n_values_of(selecting);

    selecting->scores[c] = (double)NAN;
    if (!may_choose(selecting, c))
        return;
    mean_with(selecting, c, mean);
    const struct mer_scored scored = {.n = selecting->n_rows,
                                      .n_classes = selecting->selection->n_classes,
                                      .truth_values = selecting->values,
                                      .truth_classes = selecting->classes,
                                      .predictions = mean,
                                      .weights = selecting->weights};
    if (!mer_is_ok(selecting->selection->metric->score(&selecting->ctx, &scored,
                                                       &selecting->scores[c], NULL)))
        selecting->scores[c] = (double)NAN;
}

static mer_status gather(struct selecting *selecting, mer_err *err)
{
    const struct mer_selection *selection = selecting->selection;
    struct mer_alloc *alloc = selecting->ctx.alloc;
    const size_t n = selecting->n_rows;

    if (selection->values)
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &selecting->values, err));
    if (selection->classes)
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(int32_t), &selecting->classes, err));
    if (selection->weights)
        MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &selecting->weights, err));
    for (size_t i = 0; i < n; i++) {
        const size_t row = i * selecting->stride;
        if (selection->values)
            selecting->values[i] = selection->values[row];
        if (selection->classes)
            selecting->classes[i] = selection->classes[row];
        if (selection->weights)
            selecting->weights[i] = selection->weights[row];
    }
    return mer_ok();
}

/* The best of the scores; the first of equals. keep->n: none has one. */
static size_t best_candidate(const struct selecting *selecting)
{
    size_t best = selecting->keep->n;

    for (size_t i = 0; i < selecting->keep->n; i++)
        if (!isnan(selecting->scores[i]) &&
            (best == selecting->keep->n ||
             is_better(selecting->keep, selecting->scores[i], selecting->scores[best])))
            best = i;
    return best;
}

static mer_status run_steps(const struct mer_ctx *ctx, struct selecting *selecting,
                            uint32_t *weights, mer_err *err)
{
    const struct mer_keep *keep = selecting->keep;
    const size_t n_outputs = selecting->selection->n_outputs;
    double best = (double)NAN;

    memset(weights, 0, keep->n * sizeof(*weights));
    for (size_t step = 0; step < MER_ENSEMBLE_STEPS; step++) {
        const mer_status status = mer_ctx_check_cancel(ctx, err);
        if (status.code == MER_ERR_BUDGET)
            mer_err_clear(err);
        else
            MER_GUARD(status);
        if (status.code == MER_ERR_BUDGET && step > 0) {
            mer_log_warning(ctx, "automl",
                            "time did not do for choosing the ensemble: it is the best of %zu "
                            "steps, and --units will not repeat this",
                            step);
            break;
        }
        mer_team_run(ctx->team, score_candidate, selecting, keep->n);
        const size_t chosen = best_candidate(selecting);
        if (chosen == keep->n)
            break;
        selecting->counts[chosen]++;
        selecting->n_chosen++;
        for (size_t i = 0; i < selecting->n_rows; i++)
            for (size_t k = 0; k < n_outputs; k++)
                selecting->sum[i * n_outputs + k] +=
                    (double)keep->items[chosen].predictions[i * selecting->stride * n_outputs + k];
        if (is_better(keep, selecting->scores[chosen], best)) {
            best = selecting->scores[chosen];
            memcpy(weights, selecting->counts, keep->n * sizeof(*weights));
        }
    }
    return mer_ok();
}

mer_status mer_ensemble_select(const struct mer_ctx *ctx, const struct mer_keep *keep,
                               const struct mer_selection *selection, uint32_t *ret_weights,
                               mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    struct selecting selecting = {.ctx = *ctx, .keep = keep, .selection = selection, .stride = 1};
    mer_status status;

    selecting.ctx.team = NULL;
    selecting.ctx.progress = NULL;
    selecting.ctx.deadline_ns = 0; /* a step that was begun is ended */
    while (selection->n_rows / selecting.stride * selection->n_outputs > CELLS_MAX)
        selecting.stride++;
    selecting.n_rows = selection->n_rows / selecting.stride;
    const size_t n_values = n_values_of(&selecting);
    MER_GUARD_GOTO(gather(&selecting, err), out);
    MER_GUARD_GOTO(mer_alloc_zero(alloc, n_values, sizeof(double), &selecting.sum, err), out);
    MER_GUARD_GOTO(mer_alloc_array(alloc, mer_team_size(ctx->team), n_values * sizeof(double),
                                   &selecting.trial_sum, err),
                   out);
    MER_GUARD_GOTO(run_steps(ctx, &selecting, ret_weights, err), out);
out:
    mer_free(alloc, selecting.values);
    mer_free(alloc, selecting.classes);
    mer_free(alloc, selecting.weights);
    mer_free(alloc, selecting.sum);
    mer_free(alloc, selecting.trial_sum);
    return status;
}

uint64_t mer_ensemble_select_cost(size_t n_kept, size_t n_rows, size_t n_outputs)
{
    const uint64_t cells = (uint64_t)n_rows * n_outputs;
    /* Measured: about 15 ns a cell. */
    return 1 + MER_ENSEMBLE_STEPS * (uint64_t)n_kept * (cells < CELLS_MAX ? cells : CELLS_MAX) *
                   15 / 1000;
}
