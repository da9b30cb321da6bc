/* From scores to gradients, and from those to the codes that histograms add. */
#include <float.h>
#include <math.h>

#include "learn/gbdt_step.h"

/* Task: log(sum(exp(scores))) of a block of rows. */
static void log_sum_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    struct mer_boost_state *boost = argument;
    boost->kernels->log_sum(boost->scores, boost->n_padded, boost->n_outputs,
                            task * MER_BOOST_BLOCK,
                            mer_boost_block_end(task, boost->target->n_rows), boost->log_sums);
}

void mer_boost_log_sums(struct mer_boost_state *boost)
{
    mer_team_run(boost->ctx->team, log_sum_task, boost, mer_boost_blocks(boost->target->n_rows));
}

static void gradients_of_block(const struct mer_boost_step *step, size_t begin, size_t end)
{
    const struct mer_boost_state *boost = step->boost;
    const struct mer_boost_target *target = boost->target;
    const double *scores = boost->scores + step->output * boost->n_padded;
    float *gh = step->work->gh;
    switch (target->kind) {
    case MER_OBJECTIVE_SQUARED:
        boost->kernels->squared(scores, target->values, target->weights, begin, end, gh);
        break;
    case MER_OBJECTIVE_LOGISTIC:
        boost->kernels->logistic(scores, target->classes, target->weights, begin, end, gh);
        break;
    case MER_OBJECTIVE_MULTINOMIAL:
        boost->kernels->softmax(scores, boost->log_sums, target->classes, (int32_t)step->output,
                                target->weights, begin, end, gh);
        break;
    default:
        mer_objective(target->kind)->gradients(target, scores, begin, end, gh);
        break;
    }
}

/* Task: gradients of a stripe, and the largest of them, while they are in the cache. */
static void gradient_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct mer_boost_step *step = argument;
    const size_t end = mer_boost_stripe_begin(step, task + 1);
    const float *gh = step->work->gh;
    float largest_g = 0;
    float largest_h = 0;
    for (size_t begin = mer_boost_stripe_begin(step, task); begin < end; begin += MER_BOOST_BLOCK) {
        const size_t block_end = end - begin < MER_BOOST_BLOCK ? end : begin + MER_BOOST_BLOCK;
        gradients_of_block(step, begin, block_end);
        for (size_t i = begin; i < block_end; i++) {
            const float g = fabsf(gh[2 * i]);
            const float h = gh[2 * i + 1];
            largest_g = g > largest_g ? g : largest_g;
            largest_h = h > largest_h ? h : largest_h;
        }
    }
    step->maxima[task][0] = largest_g;
    step->maxima[task][1] = largest_h;
}

/* Task: the codes of a stripe. */
static void quantise_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct mer_boost_step *step = argument;
    const struct mer_boost_state *boost = step->boost;
    const uint32_t key[2] = {(uint32_t)boost->options->seed,
                             (uint32_t)(boost->options->seed >> 32)};
    const uint32_t stream = (uint32_t)(boost->round * boost->n_outputs + step->output);
    boost->kernels->quantise(step->work->gh, key, stream, step->g_unit, step->h_unit,
                             mer_boost_stripe_begin(step, task),
                             mer_boost_stripe_begin(step, task + 1), step->work->codes);
}

mer_status mer_boost_make_codes(struct mer_boost_step *step, struct mer_team *team, mer_err *err)
{
    const struct mer_boost_state *boost = step->boost;
    const struct mer_objective *objective = mer_objective(boost->target->kind);
    double g = 0;
    double h = 0;
    MER_GUARD(mer_alloc_array(boost->ctx->alloc, step->n_stripes, sizeof *step->maxima,
                              &step->maxima, err));
    mer_team_run(team, gradient_task, step, step->n_stripes);
    for (size_t i = 0; i < step->n_stripes; i++) {
        g = fmax(g, (double)step->maxima[i][0]);
        h = fmax(h, (double)step->maxima[i][1]);
    }
    mer_free(boost->ctx->alloc, step->maxima);
    if (!isfinite(g) || !isfinite(h))
        return mer_fail(
            err, MER_ERR_DATA,
            "boosting diverged: gradients are too large; a lower learning_rate or other "
            "units of the target help");
    const bool constant = objective->constant_hessian && !boost->target->weights;
    step->g_unit = g > 0 ? g / MER_WORD_G_MAX : 1;
    step->h_unit = constant ? 0 : h > 0 ? h / MER_WORD_H_MAX : 1;
    /* The sum of all rows stays below 2^62. */
    int exponent_g, exponent_n;
    (void)frexp(fmax(fmax(g, h), DBL_MIN), &exponent_g);
    (void)frexp((double)boost->target->n_rows, &exponent_n);
    step->fixed = ldexp(1, 61 - exponent_g - exponent_n);
    mer_team_run(team, quantise_task, step, step->n_stripes);
    return mer_ok();
}
