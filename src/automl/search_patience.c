/* When a search ends because further trials bring nothing: neither a better setting nor a better
 * ensemble. A function of the scores in the order of the trials alone, so that it ends after the
 * same trial however many run at a time.
 */
#include <math.h>

#include "automl/search_internal.h"

/* Without any limit a search ends after so many trials that brought nothing. */
enum { PATIENCE_PRESET = 40 };
/* An ensemble is chosen so many times within the patience; each choice takes some time. */
enum { CHECKS = 4 };
/* What a score has to gain, as a part of it. */
#define GAIN 1e-4

void mer_search_patience_init(struct mer_search *search)
{
    const struct mer_search_options *options = search->options;
    const bool is_limited =
        options->budget_seconds > 0 || options->units > 0 || options->max_trials > 0;

    search->patience = options->patience > 0 ? options->patience : is_limited ? 0 : PATIENCE_PRESET;
    search->ensemble_score = (double)NAN;
    search->best_score = (double)NAN;
}

static bool gains(const struct mer_search *search, double score, double before)
{
    return mer_plan_better(search->plan, score, before) &&
           (isnan(before) || fabs(score - before) > GAIN * fabs(before));
}

mer_status mer_search_be_patient(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    const struct mer_candidate *best = mer_plan_best(search->plan);
    double score = (double)NAN;

    if (search->patience == 0 || search->options->family)
        return mer_ok();
    search->n_in_vain++;
    if (best && gains(search, best->score, search->best_score)) {
        search->best_score = best->score;
        search->n_in_vain = 0;
    } else if (search->n_in_vain % (search->patience / CHECKS + 1) == 0 &&
               !search->options->single) {
        MER_GUARD(mer_search_ensemble_score(ctx, search, &score, err));
        if (gains(search, score, search->ensemble_score)) {
            search->ensemble_score = score;
            search->n_in_vain = 0;
        }
    }
    if (search->n_in_vain < search->patience)
        return mer_ok();
    mer_log_info(ctx, "automl", "%zu trials in a row brought nothing: the search ends",
                 search->n_in_vain);
    /* What runs already does not count. */
    search->units_max = search->units;
    search->is_over = true;
    return mer_ok();
}
