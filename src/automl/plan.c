#include "automl/plan.h"

#include <string.h>

#include "core/math.h"

/* A family is dominated, and not tried further, when the best of its first settings falls short of
 * the best of all by more than this part of what that gains over the baseline. */
#define DOMINATED 0.3

/* How much worse than the best, in standard errors of the difference, is still as good. */
#define STANDARD_ERRORS 2

/* Values that differ by no more than this part of them, after steps up and down, are the same. */
#define SAME 1e-6

/* The last preference: of settings between which only the score decides. */
enum { REFINED = 3 };

/* The portfolio: settings that differ in what they can represent. A parameter that scales is
 * given for a target of deviation 1: the pull of an absolute value does not depend on the target,
 * that of squared residuals grows with it. */
struct setting {
    unsigned round;
    unsigned preference; /* see struct mer_candidate */
    const char *family;
    bool scales; /* the first parameter does, with the target */
    struct {
        const char *name;
        double value;
    } params[4]; /* the others have their defaults */
};

/* clang-format off */
#define BASELINE \
    "baseline", false, {{0}}
#define RIDGE(alpha) \
    "linear", false, {{"alpha", (alpha)}}
#define LASSO(alpha) \
    "linear", true, {{"alpha", (alpha)}, {"l1_ratio", 1}}
#define TREE(depth, leaf, smoothing, ccp_alpha) \
    "tree", false, {{"max_depth", (depth)}, {"min_samples_leaf", (leaf)}, \
                    {"smoothing", (smoothing)}, {"ccp_alpha", (ccp_alpha)}}
#define GBDT(rounds, rate, leaves, rows) \
    "gbdt", false, {{"n_estimators", (rounds)}, {"learning_rate", (rate)}, \
                    {"max_leaves", (leaves)}, {"min_child_samples", (rows)}}

/* Trees are cheap, so all of them are in the first round: a budget that ends in the middle of the
 * first costly fit has seen them. */
static const struct setting portfolio[] = {
    {0, 0, BASELINE},
    {0, 0, RIDGE(1)},
    {1, 1, RIDGE(10)},
    {0, 2, RIDGE(100)},
    {1, 1, RIDGE(0.1)},
    {1, 2, RIDGE(1000)},
    {1, 2, RIDGE(0.01)},
    {1, 2, RIDGE(0.001)},
    {1, 2, LASSO(1)},
    {1, 2, LASSO(10)},
    {0, REFINED, TREE(3, 5, 5, 0)},
    {0, REFINED, TREE(4, 10, 5, 0)},
    {0, REFINED, TREE(6, 5, 5, 0)},
    {0, REFINED, TREE(8, 20, 5, 0)},
    {0, REFINED, TREE(8, 10, 20, 0)},
    {0, REFINED, TREE(10, 10, 10, 0)},
    {0, REFINED, TREE(12, 10, 5, 0)},
    {0, REFINED, TREE(16, 5, 5, 0)},
    {0, REFINED, TREE(16, 10, 40, 0)},
    {0, REFINED, TREE(24, 2, 2, 0)},
    {0, REFINED, TREE(40, 1, 1, 0)},
    {0, REFINED, TREE(40, 1, 10, 0)},
    {0, REFINED, TREE(40, 5, 20, 0)},
    {0, REFINED, TREE(40, 2, 5, 1e-4)},
    {0, REFINED, TREE(40, 2, 5, 1e-3)},
    {0, REFINED, TREE(40, 2, 5, 5e-3)},
    {0, REFINED, GBDT(100, 0.1, 8, 20)},
    {0, REFINED, GBDT(100, 0.1, 31, 20)},
    {0, REFINED, GBDT(100, 0.2, 127, 20)},
    {1, REFINED, GBDT(200, 0.05, 15, 10)},
    {1, REFINED, GBDT(400, 0.05, 8, 20)},
    {1, REFINED, GBDT(300, 0.05, 31, 10)},
    {1, REFINED, GBDT(300, 0.05, 63, 40)},
    {1, REFINED, GBDT(200, 0.1, 255, 10)},
    {1, REFINED, GBDT(800, 0.02, 15, 10)},
    {1, REFINED, GBDT(400, 0.05, 4, 5)},
};
/* clang-format on */

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

/* Adds a setting unless it is there already, impossible, or one too many. */
static void add(struct mer_plan *plan, const struct mer_family *family,
                const struct mer_params *params, unsigned preference)
{
    if (plan->n_candidates == MER_PLAN_MAX || !mer_family_can(family, plan->task))
        return;
    if (family->check && family->check(params, plan->task, NULL).code != MER_OK)
        return;
    for (size_t i = 0; i < plan->n_candidates; i++)
        if (same_setting(&plan->candidates[i], family, params))
            return;
    plan->candidates[plan->n_candidates++] =
        (struct mer_candidate){.family = family,
                               .params = *params,
                               .cost = plan->cost(plan->self, family, params),
                               .preference = preference,
                               .score = NAN,
                               .deviation = NAN};
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
    for (size_t i = 0; i < COUNT(portfolio); i++) {
        const struct setting *setting = &portfolio[i];
        const struct mer_family *family = mer_family_find(setting->family);
        struct mer_params params;
        if (!family || setting->round != round || is_dominated(plan, family))
            continue;
        mer_params_default(family->params, family->n_params, &params);
        for (size_t p = 0; p < COUNT(setting->params) && setting->params[p].name; p++)
            set_param(family, setting->params[p].name,
                      setting->params[p].value *
                          (p == 0 && setting->scales ? plan->target_scale : 1),
                      &params);
        add(plan, family, &params, setting->preference);
    }
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
            set_param(family, refinement->param,
                      !refinement->by_factor ? value + direction * step
                      : direction > 0        ? value * step
                                             : value / step,
                      &params);
            add(plan, family, &params, REFINED);
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

/* Fills the next round; false when the search is over. */
static bool next_round(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;
    const struct mer_candidate *best = mer_plan_best(plan);

    while (plan->n_candidates == first) {
        const unsigned round = ++plan->round;
        if (round == 1) {
            add_portfolio(plan, 1);
            continue;
        }
        /* The round before found nothing better, or there was nothing left to try: nearer. */
        if (round > 2 && best == plan->centre)
            plan->level++;
        if (!best || plan->level >= MER_PLAN_LEVELS || round >= MER_PLAN_ROUNDS_MAX)
            return false;
        plan->centre = best;
        add_neighbours(plan, best, plan->level);
    }
    sort_by_cost(plan->candidates + first, plan->n_candidates - first);
    return true;
}

static void init_empty(struct mer_plan *plan, enum mer_task task, bool greater_is_better)
{
    *plan = (struct mer_plan){.task = task, .greater_is_better = greater_is_better};
}

void mer_plan_init(struct mer_plan *plan, enum mer_task task, bool greater_is_better,
                   double target_scale,
                   uint64_t (*cost)(void *self, const struct mer_family *family,
                                    const struct mer_params *params),
                   void *self)
{
    init_empty(plan, task, greater_is_better);
    plan->target_scale = target_scale;
    plan->cost = cost;
    plan->self = self;
    add_portfolio(plan, 0);
    sort_by_cost(plan->candidates, plan->n_candidates);
}

void mer_plan_init_one(struct mer_plan *plan, enum mer_task task, bool greater_is_better,
                       const struct mer_family *family, const struct mer_params *params,
                       uint64_t cost)
{
    init_empty(plan, task, greater_is_better);
    plan->candidates[0] = (struct mer_candidate){
        .family = family, .params = *params, .cost = cost, .score = NAN, .deviation = NAN};
    plan->n_candidates = 1;
    plan->round = MER_PLAN_ROUNDS_MAX; /* no other follows */
}

enum mer_ask mer_plan_ask(struct mer_plan *plan, size_t *ret_id)
{
    if (plan->n_asked == plan->n_candidates) {
        if (plan->n_told < plan->n_asked)
            return MER_ASK_WAIT;
        if (!next_round(plan))
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

void mer_plan_tell(struct mer_plan *plan, size_t id, const double *scores, size_t n_scores)
{
    struct mer_candidate *candidate = &plan->candidates[id];

    /* The first telling counts: a trial is deterministic, so a second says the same. */
    if (candidate->told)
        return;
    candidate->told = true;
    candidate->n_scores = n_scores;
    memcpy(candidate->scores, scores, n_scores * sizeof(*scores));
    summarise(scores, n_scores, &candidate->score, &candidate->deviation);
    plan->n_told++;
}

bool mer_plan_better(const struct mer_plan *plan, double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) && !isnan(a);
    return plan->greater_is_better ? a > b : a < b;
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

const struct mer_candidate *mer_plan_choice(const struct mer_plan *plan)
{
    const struct mer_candidate *best = mer_plan_best(plan), *choice = best;

    for (size_t i = 0; best && i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (candidate->family == best->family && candidate->told && !isnan(candidate->score) &&
            is_plainer(plan, candidate, choice) && is_as_good(candidate, best))
            choice = candidate;
    }
    return choice;
}
