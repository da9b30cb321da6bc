#include "automl/plan.h"

#include <string.h>

#include "automl/plan_internal.h"
#include "core/math.h"

/* How much worse than the best, in standard errors of the difference, is still as good. */
#define STANDARD_ERRORS 2

/* Fills the next round; false when the search is over. */
static bool next_round(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;

    if (plan->round == 0) {
        plan->round = 1;
        mer_plan_add_portfolio(plan, 1);
        mer_plan_sort_by_cost(plan->candidates + first, plan->n_candidates - first);
        if (plan->n_candidates > first)
            return true;
    }
    return mer_plan_add_round(plan);
}

void mer_plan_init(struct mer_plan *plan, const struct mer_plan_options *options)
{
    *plan = (struct mer_plan){.options = *options, .limit = UINT64_MAX};
    if (options->space)
        plan->space = *options->space;
    else
        mer_space_default(UINT64_MAX, &plan->space);
    mer_plan_add_portfolio(plan, 0);
    mer_plan_add_missing(plan);
    if (options->n_rungs == 0) {
        mer_plan_sort_by_cost(plan->candidates, plan->n_candidates);
        return;
    }
    mer_plan_queue_from(plan, 0);
    plan->n_first = plan->n_queued;
    mer_plan_add_portfolio(plan, 1);
    mer_plan_queue_from(plan, 0);
    mer_plan_extend(plan);
}

void mer_plan_init_one(struct mer_plan *plan, const struct mer_plan_options *options,
                       const struct mer_family *family, const struct mer_params *params)
{
    *plan = (struct mer_plan){.options = *options, .limit = UINT64_MAX};
    plan->candidates[0] =
        (struct mer_candidate){.family = family,
                               .params = *params,
                               .origin = SIZE_MAX,
                               .cost = options->cost(options->self, family, params, 0),
                               .score = (double)NAN,
                               .deviation = (double)NAN};
    plan->n_candidates = 1;
    plan->is_one = true;
}

enum mer_ask mer_plan_ask(struct mer_plan *plan, size_t *ret_id)
{
    if (plan->n_asked == plan->n_candidates) {
        if (plan->n_told < plan->n_asked)
            return MER_ASK_WAIT;
        if (plan->is_one || plan->options.n_rungs > 0 || !next_round(plan))
            return MER_ASK_DONE;
    }
    *ret_id = plan->n_asked++;
    return MER_ASK_TRIAL;
}

/* Mean and standard deviation over the scores that are defined. */
static void summarise(const double *scores, size_t n_scores, double *ret_mean,
                      double *ret_deviation)
{
    double sum = 0, squares = 0;
    size_t n = 0;

    for (size_t f = 0; f < n_scores; f++) {
        if (!isnan(scores[f])) {
            sum += scores[f];
            n++;
        }
    }
    if (n == 0)
        return;
    const double mean = sum / (double)n;
    for (size_t f = 0; f < n_scores; f++)
        if (!isnan(scores[f]))
            squares += (scores[f] - mean) * (scores[f] - mean);
    *ret_mean = mean;
    *ret_deviation = sqrt(squares / (double)n);
}

void mer_plan_tell(struct mer_plan *plan, size_t id, const double *scores, size_t n_scores,
                   uint32_t n_rounds)
{
    struct mer_candidate *candidate = &plan->candidates[id];

    /* The first telling counts: a trial is deterministic, so a second says the same. */
    if (candidate->told)
        return;
    candidate->told = true;
    plan->units += candidate->cost;
    plan->n_passed = 0;
    candidate->n_scores = n_scores;
    candidate->n_rounds = n_rounds;
    if (n_scores > 0)
        memcpy(candidate->scores, scores, n_scores * sizeof(*scores));
    summarise(scores, n_scores, &candidate->score, &candidate->deviation);
    if (candidate->origin != SIZE_MAX && !isnan(candidate->score))
        plan->candidates[candidate->origin].was_surpassed = true;
    plan->n_told++;
    if (plan->options.n_rungs > 0)
        mer_plan_extend(plan);
}

void mer_plan_pass(struct mer_plan *plan, size_t id)
{
    struct mer_candidate *candidate = &plan->candidates[id];
    uint64_t limit;

    if (candidate->told)
        return;
    candidate->told = true;
    /* What was known already and does not fit behind an earlier one says nothing new. */
    if (!__builtin_add_overflow(plan->units, candidate->cost - 1, &limit) && limit < plan->limit) {
        plan->limit = limit;
        plan->passed_cost = candidate->cost;
        plan->n_passed++;
    }
    plan->n_told++;
    if (plan->options.n_rungs > 0)
        mer_plan_extend(plan);
}

uint64_t mer_plan_room(const struct mer_plan *plan)
{
    uint64_t units = plan->units;

    if (plan->limit == UINT64_MAX)
        return UINT64_MAX;
    for (size_t i = plan->n_told; i < plan->n_candidates; i++)
        units += plan->candidates[i].cost;
    return units < plan->limit ? plan->limit - units : 0;
}

struct mer_params mer_candidate_final(const struct mer_candidate *candidate)
{
    struct mer_params params = candidate->params;
    if (candidate->n_rounds > 0)
        mer_plan_set_param(candidate->family, "n_estimators", candidate->n_rounds, &params);
    return params;
}

bool mer_plan_better(const struct mer_plan *plan, double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    return plan->options.greater_is_better ? a > b : a < b;
}

const struct mer_candidate *mer_plan_best(const struct mer_plan *plan)
{
    return mer_plan_best_of(plan, NULL);
}

/* Whether a candidate is not worse than the best by more than the noise of the difference. */
static bool is_as_good(const struct mer_candidate *candidate, const struct mer_candidate *best)
{
    double differences[MER_FOLDS_MAX] = {0}, mean = 0, deviation = 0;
    size_t n = 0;

    for (size_t f = 0; f < best->n_scores; f++) {
        differences[f] = candidate->scores[f] - best->scores[f];
        n += isnan(differences[f]) ? 0 : 1;
    }
    summarise(differences, best->n_scores, &mean, &deviation);
    return n >= 3 && fabs(mean) <= STANDARD_ERRORS * deviation / sqrt((double)(n - 1));
}

static bool is_plainer(const struct mer_plan *plan, const struct mer_candidate *a,
                       const struct mer_candidate *b)
{
    return a->preference != b->preference ? a->preference < b->preference
                                          : mer_plan_better(plan, a->score, b->score);
}

static bool is_eligible(const struct mer_plan *plan, const struct mer_candidate *candidate)
{
    return candidate->told && !isnan(candidate->score) &&
           (candidate->rung == 0 || candidate->refit_cost <= plan->refit_limit);
}

const struct mer_candidate *mer_plan_choice(const struct mer_plan *plan)
{
    const struct mer_candidate *best = NULL, *choice;

    for (size_t i = 0; i < plan->n_candidates; i++)
        if (is_eligible(plan, &plan->candidates[i]) &&
            (!best || mer_plan_better(plan, plan->candidates[i].score, best->score)))
            best = &plan->candidates[i];
    /* A search of few trials may have seen samples alone: what did best there is the answer. */
    if (!best)
        return mer_plan_best(plan);
    choice = best;
    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (candidate->family == best->family && is_eligible(plan, candidate) &&
            is_plainer(plan, candidate, choice) && is_as_good(candidate, best))
            choice = candidate;
    }
    return choice;
}
