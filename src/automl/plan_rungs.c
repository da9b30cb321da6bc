/* Which trial is next where settings are tried on shares of the rows first. */
#include <string.h>

#include "automl/plan_internal.h"
#include "core/math.h"

/* On a rung, one of so many is tried on more rows, from so many trials on. */
enum { PROMOTED_PART = 3, PROMOTING_MIN = 4, COST_GROWTH = 8 };

/* Whether a setting is among the best third of those that were tried on its rung. */
static bool is_promotable(const struct mer_plan *plan, const struct mer_candidate *candidate)
{
    size_t n = 0, n_better = 0, n_promoted = 0;

    if (!candidate->told || isnan(candidate->score) || candidate->rung == 0 ||
        candidate->promoted || strcmp(candidate->family->name, "baseline") == 0)
        return false;
    for (size_t i = 0; i < plan->n_told; i++) {
        const struct mer_candidate *other = &plan->candidates[i];
        if (other->rung != candidate->rung || !other->told)
            continue;
        n++;
        n_promoted += other->promoted ? 1 : 0;
        n_better += mer_plan_better(plan, other->score, candidate->score);
    }
    return n >= PROMOTING_MIN && (n_better + 1) * PROMOTED_PART <= n &&
           (n_promoted + 1) * PROMOTED_PART <= n;
}

/* What the next trial may cost while there are cheaper ones: so many times what all before it do
 * together. A budget that ends in the middle of one has lost eight ninths at most. */
static uint64_t most_cost(const struct mer_plan *plan)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < plan->n_candidates; i++)
        sum += plan->candidates[i].cost;
    return COST_GROWTH * sum > MER_PLAN_COST_FREE ? COST_GROWTH * sum : MER_PLAN_COST_FREE;
}

static uint64_t cost_on(const struct mer_plan *plan, const struct mer_family *family,
                        const struct mer_params *params, unsigned rung)
{
    return plan->options.cost(plan->options.self, family, params, rung);
}

/* Tries the best that may be on four times as many rows, for at most so many units: where most rows
 * are, first. */
static bool promote(struct mer_plan *plan, uint64_t most)
{
    for (unsigned rung = 1; rung <= plan->options.n_rungs; rung++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < plan->n_told; i++) {
            const struct mer_candidate *candidate = &plan->candidates[i];
            if (candidate->rung == rung && is_promotable(plan, candidate) &&
                cost_on(plan, candidate->family, &candidate->params, rung - 1) <= most &&
                (best == SIZE_MAX ||
                 mer_plan_better(plan, candidate->score, plan->candidates[best].score)))
                best = i;
        }
        if (best == SIZE_MAX)
            continue;
        struct mer_candidate *from = &plan->candidates[best];
        from->promoted = true;
        plan->candidates[plan->n_candidates++] =
            (struct mer_candidate){.family = from->family,
                                   .params = from->params,
                                   .patience = from->patience,
                                   .rung = rung - 1,
                                   .origin = best,
                                   .cost = cost_on(plan, from->family, &from->params, rung - 1),
                                   .preference = from->preference,
                                   .score = (double)NAN,
                                   .deviation = (double)NAN};
        return true;
    }
    return false;
}

void mer_plan_queue_from(struct mer_plan *plan, size_t first)
{
    for (size_t i = first; i < plan->n_candidates && plan->n_queued < MER_PLAN_QUEUE_MAX; i++)
        plan->queue[plan->n_queued++] =
            (struct mer_plan_queued){.family = plan->candidates[i].family,
                                     .params = plan->candidates[i].params,
                                     .preference = plan->candidates[i].preference};
    plan->n_candidates = first;
}

/* The next in the queue that costs at most so much. */
static bool add_queued(struct mer_plan *plan, uint64_t most)
{
    const size_t n = plan->n_candidates;

    for (size_t i = 0; i < plan->n_queued && plan->n_candidates == n; i++) {
        struct mer_plan_queued *queued = &plan->queue[i];
        if (queued->is_taken ||
            cost_on(plan, queued->family, &queued->params, plan->options.n_rungs) > most)
            continue;
        queued->is_taken = true;
        if (i < plan->n_first || !mer_plan_is_dominated(plan, queued->family))
            mer_plan_add(plan, queued->family, &queued->params, queued->preference);
    }
    return plan->n_candidates > n;
}

/* The least that a trial costs which waits; UINT64_MAX: none does. */
static uint64_t least_cost(const struct mer_plan *plan)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < plan->n_queued; i++) {
        const struct mer_plan_queued *queued = &plan->queue[i];
        if (queued->is_taken)
            continue;
        const uint64_t cost = cost_on(plan, queued->family, &queued->params, plan->options.n_rungs);
        least = cost < least ? cost : least;
    }
    for (size_t i = 0; i < plan->n_told; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (!is_promotable(plan, candidate))
            continue;
        const uint64_t cost =
            cost_on(plan, candidate->family, &candidate->params, candidate->rung - 1);
        least = cost < least ? cost : least;
    }
    return least;
}

/* Fills the queue with the next round; false when the search is over. */
static bool queue_round(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;

    plan->n_first = plan->n_queued = 0;
    if (!mer_plan_add_round(plan))
        return false;
    mer_plan_queue_from(plan, first);
    return true;
}

void mer_plan_extend(struct mer_plan *plan)
{
    while (plan->n_candidates < plan->n_told + MER_PLAN_LAG && plan->n_candidates < MER_PLAN_MAX) {
        const uint64_t room = mer_plan_room(plan), least = least_cost(plan);
        const uint64_t most = most_cost(plan) < room ? most_cost(plan) : room;
        if (promote(plan, most) || add_queued(plan, most))
            continue;
        if (least <= room && least < UINT64_MAX &&
            (promote(plan, least) || add_queued(plan, least)))
            continue;
        if (least_cost(plan) <= room && least_cost(plan) < UINT64_MAX)
            continue;
        if (!queue_round(plan))
            return;
    }
}
