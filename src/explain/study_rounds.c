/* Losses by rounds of boosting: what the rows that a fold learned from say, and those that it held
 * out. */
#include <string.h>

#include "automl/rows.h"
#include "core/math.h"
#include "explain/study.h"

/* Of a fold, and fewer where there are many trees: a row's way through a tree takes some 50 ns. */
enum { ROWS_MAX = 1024, ROWS_MIN = 64, WAYS_MAX = 1 << 20 };

static size_t rows_looked_at(const struct mer_rounds *rounds, size_t n_outputs)
{
    const size_t n_trees = rounds->at[rounds->n_points - 1] * n_outputs;
    const size_t n = WAYS_MAX / (n_trees ? n_trees : 1);
    return n < ROWS_MIN ? ROWS_MIN : n > ROWS_MAX ? ROWS_MAX : n;
}

/* Log loss, or squared error, over all rows of one stage. */
static double loss_of(const struct mer_target *target, size_t n_rows, const double *predictions)
{
    const size_t n_outputs = mer_target_outputs(target->task, target->n_classes);
    double sum = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (target->task == MER_TASK_REGRESSION) {
            const double error = predictions[i] - target->values[i];
            sum += error * error;
        } else {
            sum -= mer_ln(fmax(predictions[i * n_outputs + (size_t)target->classes[i]], 1e-15));
        }
    }
    return sum;
}

struct side {
    const struct mer_design *design;
    const struct mer_target *target;
    size_t target_first;
};

/* Adds the losses of some rows of a side, spread over it, to sums by stage. */
static mer_status add_losses(const struct mer_ctx *ctx, const struct mer_member *member,
                             const struct mer_rounds *rounds, const struct side *side, double *sums,
                             size_t *n_rows, mer_err *err)
{
    const size_t n_outputs = mer_target_outputs(side->target->task, side->target->n_classes);
    const size_t n = side->design->n_rows, n_wanted = rows_looked_at(rounds, n_outputs);
    const size_t stride = (n + n_wanted - 1) / n_wanted;
    const struct mer_row_source source = {.design = side->design,
                                          .target = side->target,
                                          .target_first = side->target_first,
                                          .stride = stride ? stride : 1,
                                          .n = stride ? (n + stride - 1) / stride : 0};
    struct mer_rows rows = {.dense = NULL};
    double *predictions = NULL;
    mer_status status;

    if (source.n == 0)
        return mer_ok();
    MER_GUARD(mer_rows_copy(ctx, &source, 1, &rows, err));
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, rounds->n_points,
                                   source.n * n_outputs * sizeof(*predictions), &predictions, err),
                   out);
    MER_GUARD_GOTO(member->family->stages(ctx, member->model, &rows.design, rounds->n_points,
                                          rounds->at, predictions, err),
                   out);
    for (size_t p = 0; p < rounds->n_points; p++)
        sums[p] += loss_of(&rows.target, source.n, predictions + p * source.n * n_outputs);
    *n_rows += source.n;
out:
    mer_free(ctx->alloc, predictions);
    mer_rows_release(ctx, &rows);
    return status;
}

/* Stages that are spread over the rounds, from none to all. */
static void start(const struct mer_member *member, size_t n_rounds, struct mer_rounds *rounds)
{
    rounds->member = *member;
    rounds->member.model = NULL;
    for (size_t p = 0; p < MER_ROUNDS_POINTS; p++) {
        const size_t at = p * n_rounds / (MER_ROUNDS_POINTS - 1);
        if (p == 0 || at > rounds->at[rounds->n_points - 1])
            rounds->at[rounds->n_points++] = (uint32_t)at;
    }
}

mer_status mer_study_add_rounds(const struct mer_ctx *ctx, const struct mer_fold_fit *fold,
                                struct mer_study *study, mer_err *err)
{
    const struct mer_target held_out = {.task = fold->task,
                                        .values = fold->values,
                                        .classes = fold->classes,
                                        .n_classes = fold->n_classes};
    const struct side train = {fold->train, fold->train_target, 0};
    const struct side other = {fold->design, &held_out, 0};
    size_t n = 0;

    for (size_t m = 0; m < fold->n_members && n < MER_ROUNDS_MEMBERS; m++) {
        const struct mer_member *const member = &fold->members[m];
        if (!member->family->stages || member->is_second) /* it sees other designs */
            continue;
        struct mer_rounds *const rounds = &study->rounds[n++];
        if (study->n_boosted < n) {
            start(member, member->family->n_rounds(member->model), rounds);
            study->n_boosted = n;
        }
        MER_GUARD(add_losses(ctx, member, rounds, &train, rounds->train, &rounds->n_train, err));
        MER_GUARD(
            add_losses(ctx, member, rounds, &other, rounds->held_out, &rounds->n_held_out, err));
    }
    return mer_ok();
}

double mer_rounds_loss(const struct mer_study *study, double sum, size_t n)
{
    const double mean = n > 0 ? sum / (double)n : (double)NAN;
    return study->task == MER_TASK_REGRESSION ? sqrt(mean) : mean;
}
