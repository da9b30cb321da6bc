#include "automl/plan.h"

#include <string.h>

#include "automl/portfolio.h"
#include "core/math.h"

/* A family is dominated, and not tried further, when the best of its first settings falls short of
 * the best of all by more than this part of what that gains over the baseline. */
#define DOMINATED 0.3

/* How much worse than the best, in standard errors of the difference, is still as good. */
#define STANDARD_ERRORS 2

/* Values that differ by no more than this part of them, after steps up and down, are the same. */
#define SAME 1e-6

/* Rounds of boosting without progress after which a fold stops: the smaller the steps, the more. */
enum { PATIENCE_MIN = 15, PATIENCE_MAX = 100 };
#define PATIENCE_STEPS 3.0

/* On a rung, one of so many is tried on more rows, from so many trials on. */
enum { PROMOTED_PART = 3, PROMOTING_MIN = 4, COST_GROWTH = 8 };

/* Some seconds are no risk: so much a trial may cost whatever came before. */
static const uint64_t COST_FREE = 8000000;

/* A forest of more nodes makes a model file of hundreds of megabytes. */
#define FOREST_NODES_MAX 2e6

/* What a refining round changes in the best setting: one parameter at a time, up and down. From
 * level to level the step is halved (of a factor: its square root taken). */
static const struct refinement {
    const char *family;
    const char *param;
    bool by_factor;
    double step;
} refinements[] = {
    {"linear", "alpha", true, 3.1622776601683795},
    {"tree", "min_samples_leaf", true, 2},
    {"tree", "smoothing", true, 4},
    {"tree", "max_depth", false, 2},
    {"tree", "ccp_alpha", true, 3},
    {"random_forest", "min_samples_leaf", true, 2},
    {"random_forest", "max_features", true, 1.5},
    {"extra_trees", "min_samples_leaf", true, 2},
    {"extra_trees", "max_features", true, 1.5},
    {"naive_bayes", "var_smoothing", true, 4},
    {"kernel", "gamma", true, 2},
    {"kernel", "n_components", true, 2},
    {"gbdt", "n_estimators", true, 2},
    {"gbdt", "max_leaves", true, 2},
    {"gbdt", "learning_rate", true, 2},
    {"gbdt", "min_child_samples", true, 3},
    {"gbdt", "reg_lambda", true, 8},
    {"gbdt", "colsample_bytree", true, 1.5},
    {"gbdt", "subsample", true, 1.4},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static size_t find_param(const struct mer_family *family, const char *name)
{
    for (size_t i = 0; i < family->n_params; i++)
        if (strcmp(family->params[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

/* Sets a parameter, clipped to its range and rounded where it is an integer. */
static void set_param(const struct mer_family *family, const char *name, double value,
                      struct mer_params *params)
{
    const size_t i = find_param(family, name);
    if (i == SIZE_MAX)
        return;
    const struct mer_param_spec *spec = &family->params[i];
    if (spec->type == MER_PARAM_INTEGER)
        value = floor(value + 0.5);
    params->values[i] = value < spec->minimum   ? spec->minimum
                        : value > spec->maximum ? spec->maximum
                                                : value;
}

static bool same_setting(const struct mer_candidate *candidate, const struct mer_family *family,
                         const struct mer_params *params)
{
    if (candidate->family != family)
        return false;
    for (size_t i = 0; i < family->n_params; i++)
        if (fabs(candidate->params.values[i] - params->values[i]) > SAME * fabs(params->values[i]))
            return false;
    return true;
}

/* Whether a forest of the setting would be too large a model: about so many nodes for a row of a
 * leaf. */
static bool is_too_large(const struct mer_plan *plan, const struct mer_family *family,
                         const struct mer_params *params)
{
    if (strcmp(family->name, "random_forest") != 0 && strcmp(family->name, "extra_trees") != 0)
        return false;
    const double n_trees = mer_params_get(family->params, family->n_params, params, "n_estimators");
    const double leaf =
        mer_params_get(family->params, family->n_params, params, "min_samples_leaf");
    return n_trees * 1.3 * (double)plan->options.n_rows / leaf > FOREST_NODES_MAX;
}

static unsigned patience_of(const struct mer_family *family, const struct mer_params *params)
{
    if (!(family->capabilities & MER_CAN_WATCH))
        return 0;
    const double rate = mer_params_get(family->params, family->n_params, params, "learning_rate");
    const double rounds = PATIENCE_STEPS / rate;
    return rounds < PATIENCE_MIN   ? PATIENCE_MIN
           : rounds > PATIENCE_MAX ? PATIENCE_MAX
                                   : (unsigned)rounds;
}

static size_t family_bit(const struct mer_family *family)
{
    size_t i = 0;
    while (i + 1 < MER_N_FAMILIES && MER_FAMILIES[i] != family)
        i++;
    return i;
}

static bool is_wanted(const struct mer_plan *plan, const struct mer_family *family)
{
    return plan->options.families ? (plan->options.families >> family_bit(family)) & 1
                                  : !(family->capabilities & MER_BY_NAME);
}

/* Logarithms are for targets that have a long tail upwards. */
static bool suits_target(const struct mer_plan *plan, const struct mer_family *family,
                         const struct mer_params *params)
{
    const size_t i = find_param(family, "log_target");
    return i == SIZE_MAX || params->values[i] == 0 || plan->options.target_is_skewed;
}

/* Adds a setting unless it is there already, impossible, or one too many. */
static void add(struct mer_plan *plan, const struct mer_family *family,
                const struct mer_params *params, unsigned preference)
{
    if (plan->n_candidates == MER_PLAN_MAX || !is_wanted(plan, family) ||
        !mer_family_can(family, plan->options.task) || is_too_large(plan, family, params) ||
        !suits_target(plan, family, params))
        return;
    if (family->check && family->check(params, plan->options.task, NULL).code != MER_OK)
        return;
    for (size_t i = 0; i < plan->n_candidates; i++)
        if (same_setting(&plan->candidates[i], family, params))
            return;
    plan->candidates[plan->n_candidates++] = (struct mer_candidate){
        .family = family,
        .params = *params,
        .patience = patience_of(family, params),
        .rung = plan->options.n_rungs,
        .origin = SIZE_MAX,
        .cost = plan->options.cost(plan->options.self, family, params, plan->options.n_rungs),
        .preference = preference,
        .score = (double)NAN,
        .deviation = (double)NAN};
}

/* The best of one family told so far; NULL: none has a score. */
static const struct mer_candidate *best_of(const struct mer_plan *plan,
                                           const struct mer_family *family)
{
    const struct mer_candidate *best = NULL;

    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if ((!family || candidate->family == family) && candidate->told &&
            !isnan(candidate->score) &&
            (!best || mer_plan_better(plan, candidate->score, best->score)))
            best = candidate;
    }
    return best;
}

static bool is_dominated(const struct mer_plan *plan, const struct mer_family *family)
{
    const struct mer_candidate *best = best_of(plan, NULL), *own = best_of(plan, family);
    const struct mer_candidate *baseline = best_of(plan, mer_family_find("baseline"));

    return own && baseline && mer_plan_better(plan, best->score, baseline->score) &&
           fabs(best->score - own->score) > DOMINATED * fabs(best->score - baseline->score);
}

static void add_portfolio(struct mer_plan *plan, unsigned round)
{
    for (size_t i = 0; i < MER_PORTFOLIO_N; i++) {
        const struct mer_portfolio_row *row = &MER_PORTFOLIO[i];
        const struct mer_family *family = mer_family_find(row->family);
        struct mer_params params;
        if (!family || row->round != round || is_dominated(plan, family))
            continue;
        mer_params_default(family->params, family->n_params, &params);
        for (size_t p = 0; p < COUNT(row->params) && row->params[p].name; p++)
            set_param(family, row->params[p].name,
                      row->params[p].value *
                          (p == 0 && row->scales ? plan->options.target_scale : 1),
                      &params);
        add(plan, family, &params, row->preference);
    }
}

/* A family that was asked for, and of which the portfolio has nothing, is tried as it is. */
static void add_missing(struct mer_plan *plan)
{
    for (size_t f = 0; f < MER_N_FAMILIES; f++) {
        bool is_there = false;
        struct mer_params params;
        for (size_t i = 0; i < plan->n_candidates; i++)
            is_there = is_there || plan->candidates[i].family == MER_FAMILIES[f];
        if (is_there || !is_wanted(plan, MER_FAMILIES[f]))
            continue;
        mer_params_default(MER_FAMILIES[f]->params, MER_FAMILIES[f]->n_params, &params);
        add(plan, MER_FAMILIES[f], &params, MER_PREFERENCE_SCORE);
    }
}

/* Whether another value of the parameter is worth a trial: more rounds are not where folds stopped
 * before the last, and fewer never are where they may stop. */
static bool is_worth(const struct mer_candidate *centre, const char *param, int direction)
{
    if (centre->patience == 0 || strcmp(param, "n_estimators") != 0)
        return true;
    const double cap = mer_params_get(centre->family->params, centre->family->n_params,
                                      &centre->params, "n_estimators");
    return direction > 0 && centre->n_rounds >= 0.9 * cap;
}

static void add_neighbours(struct mer_plan *plan, const struct mer_candidate *best, unsigned level)
{
    const struct mer_family *family = best->family;
    const struct mer_params *centre = &best->params;

    for (size_t i = 0; i < COUNT(refinements); i++) {
        const struct refinement *refinement = &refinements[i];
        if (strcmp(refinement->family, family->name) != 0)
            continue;
        const double value =
            mer_params_get(family->params, family->n_params, centre, refinement->param);
        double step = refinement->step;
        for (unsigned l = 0; l < level; l++)
            step = refinement->by_factor ? sqrt(step) : step / 2;
        for (int direction = -1; direction <= 1; direction += 2) {
            struct mer_params params = *centre;
            if (!is_worth(best, refinement->param, direction))
                continue;
            set_param(family, refinement->param,
                      !refinement->by_factor ? value + direction * step
                      : direction > 0        ? value * step
                                             : value / step,
                      &params);
            add(plan, family, &params, MER_PREFERENCE_SCORE);
        }
    }
}

/* Cheapest first; insertion sort, because equal costs keep the order of the tables. */
static void sort_by_cost(struct mer_candidate *candidates, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct mer_candidate moved = candidates[i];
        size_t j = i;
        for (; j > 0 && candidates[j - 1].cost > moved.cost; j--)
            candidates[j] = candidates[j - 1];
        candidates[j] = moved;
    }
}

/* The best setting of a family that is not far behind and whose neighbours were not all tried. */
static const struct mer_candidate *next_centre(const struct mer_plan *plan)
{
    const struct mer_candidate *best = NULL;

    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (candidate->told && !isnan(candidate->score) &&
            !((plan->refined >> family_bit(candidate->family)) & 1) &&
            !is_dominated(plan, candidate->family) &&
            (!best || mer_plan_better(plan, candidate->score, best->score)))
            best = candidate;
    }
    return best;
}

/* Adds neighbours of the best, nearer ones when those before were no better; once they are as near
 * as is worth a trial, those of the best of another family, for the ensemble. False when the search
 * is over. */
static bool refine(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;

    while (plan->n_candidates == first) {
        const struct mer_candidate *centre = next_centre(plan);
        if (!centre || ++plan->round >= MER_PLAN_ROUNDS_MAX)
            return false;
        if (!plan->centre || plan->centre->family != centre->family)
            plan->level = 0;
        else if (same_setting(plan->centre, centre->family, &centre->params))
            plan->level++;
        plan->centre = centre;
        if (plan->level < MER_PLAN_LEVELS)
            add_neighbours(plan, centre, plan->level);
        else
            plan->refined |= (uint64_t)1 << family_bit(centre->family);
    }
    sort_by_cost(plan->candidates + first, plan->n_candidates - first);
    return true;
}

/* Fills the next round; false when the search is over. */
static bool next_round(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;

    if (plan->round == 0) {
        plan->round = 1;
        add_portfolio(plan, 1);
        sort_by_cost(plan->candidates + first, plan->n_candidates - first);
        if (plan->n_candidates > first)
            return true;
    }
    return refine(plan);
}

/* ---- with rungs ---- */

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
    return COST_GROWTH * sum > COST_FREE ? COST_GROWTH * sum : COST_FREE;
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

/* Moves what was added to the candidates from `first` on into the queue. */
static void queue_from(struct mer_plan *plan, size_t first)
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
        if (i < plan->n_first || !is_dominated(plan, queued->family))
            add(plan, queued->family, &queued->params, queued->preference);
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

/* Fills the queue with neighbours of the best; false when the search is over. */
static bool queue_neighbours(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;

    plan->n_first = plan->n_queued = 0;
    if (!refine(plan))
        return false;
    queue_from(plan, first);
    return true;
}

/* Adds trials until as many are known as may run before the next score. */
static void extend(struct mer_plan *plan)
{
    while (plan->n_candidates < plan->n_told + MER_PLAN_LAG && plan->n_candidates < MER_PLAN_MAX) {
        const uint64_t most = most_cost(plan), least = least_cost(plan);
        if (promote(plan, most) || add_queued(plan, most))
            continue;
        if (least < UINT64_MAX && (promote(plan, least) || add_queued(plan, least)))
            continue;
        if (least_cost(plan) == UINT64_MAX && !queue_neighbours(plan))
            return;
    }
}

/* ---- the interface ---- */

void mer_plan_init(struct mer_plan *plan, const struct mer_plan_options *options)
{
    *plan = (struct mer_plan){.options = *options};
    add_portfolio(plan, 0);
    add_missing(plan);
    if (options->n_rungs == 0) {
        sort_by_cost(plan->candidates, plan->n_candidates);
        return;
    }
    queue_from(plan, 0);
    plan->n_first = plan->n_queued;
    add_portfolio(plan, 1);
    queue_from(plan, 0);
    extend(plan);
}

void mer_plan_init_one(struct mer_plan *plan, const struct mer_plan_options *options,
                       const struct mer_family *family, const struct mer_params *params)
{
    *plan = (struct mer_plan){.options = *options};
    plan->candidates[0] =
        (struct mer_candidate){.family = family,
                               .params = *params,
                               .origin = SIZE_MAX,
                               .cost = options->cost(options->self, family, params, 0),
                               .score = (double)NAN,
                               .deviation = (double)NAN};
    plan->n_candidates = 1;
    plan->round = MER_PLAN_ROUNDS_MAX; /* no other follows */
}

enum mer_ask mer_plan_ask(struct mer_plan *plan, size_t *ret_id)
{
    if (plan->n_asked == plan->n_candidates) {
        if (plan->n_told < plan->n_asked)
            return MER_ASK_WAIT;
        if (plan->options.n_rungs > 0 || !next_round(plan))
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
    candidate->n_scores = n_scores;
    candidate->n_rounds = n_rounds;
    if (n_scores > 0)
        memcpy(candidate->scores, scores, n_scores * sizeof(*scores));
    summarise(scores, n_scores, &candidate->score, &candidate->deviation);
    plan->n_told++;
    if (plan->options.n_rungs > 0)
        extend(plan);
}

struct mer_params mer_candidate_final(const struct mer_candidate *candidate)
{
    struct mer_params params = candidate->params;
    if (candidate->n_rounds > 0)
        set_param(candidate->family, "n_estimators", candidate->n_rounds, &params);
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
    return best_of(plan, NULL);
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
