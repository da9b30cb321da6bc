/* Runs the trials of a search until its plan or a budget ends.
 *
 * The clock decides nothing but which trials are passed over: one that would not finish is not
 * begun, one that does not finish is given up. The search goes on with what the plan asks for next,
 * but all that follows may come to fewer units than the trial that was passed over. So the units of
 * what was tried alone say what was: a trial belongs to it exactly when the units before it and its
 * own are within that sum.
 */
#include <math.h>
#include <string.h>

#include "automl/search_internal.h"

/* Seconds a work unit takes before any has been measured. */
#define SECONDS_A_UNIT 1e-6
/* So many units at that speed are mixed into what is measured: the first trials are too short to
 * measure by. */
#define PRIOR_UNITS 1e6
/* The clock ends the search when it lets so many trials in a row not begin. */
enum { PASSED_OVER_MAX = 12 };
/* More rounds of boosting than any setting has. */
#define NO_STOP 1e9
/* A fit of a family that was not measured yet may be so much faster than thought, and such a trial
 * may take so much of the time that is left before it is given up: less where rows are many. */
#define HOPE 0.25
#define HOPE_PART 0.4
#define HOPE_PART_OF_MANY 0.2
/* But not before it has taken so many times what was thought: what follows a trial that was given
 * up may not come to its units. */
#define HOPE_TIMES 4
/* Of the time that a family took so much is forgotten with each further trial: a machine that slows
 * down is noticed. */
#define FORGOTTEN 0.3
/* Estimates of what the last fits need are raised by this: they are cut off where it does not do.
 */
#define RESERVE 1.15
/* And by so much more for each time that the machine is slower than usually, to so much at most. */
#define BUSY_RESERVE 0.6
#define RESERVE_MAX 2.5
/* What a unit takes on most tables on a machine that does nothing else. */
#define USUAL_SECONDS 0.7e-6
/* What a thread more adds to a fit's speed. */
#define THREADS_GAIN 0.7
/* Of the units that they may, ensembles take so much at most times. */
#define ENSEMBLE_PART 0.6
/* What a trial that is given up has taken is lost: expected times are raised by this. */
#define SLACK 1.1
/* Of a budget, what the study of the folds, and quantiles, may take at most. */
#define STUDY_PART 0.15
#define QUANTILES_PART 0.25
/* What the last fits get when a search is stopped on request. */
#define LAST_SECONDS 3
/* The part of the trials' units that fitting an ensemble on all rows may take. */
#define REFIT_PART 0.2
/* The same for one setting that was not tried on all rows. */
#define SINGLE_PART 1.5
/* Bytes that the predictions of trials may take, and the part of what is left of the budget. */
#define KEPT_BYTES_MAX ((size_t)1 << 30)
#define KEPT_PART 8

struct mer_ctx mer_with_deadline(const struct mer_ctx *ctx, uint64_t deadline_ns)
{
    struct mer_ctx limited = *ctx;
    if (deadline_ns != 0 && (ctx->deadline_ns == 0 || deadline_ns < ctx->deadline_ns))
        limited.deadline_ns = deadline_ns;
    return limited;
}

static size_t family_index(const struct mer_family *family)
{
    size_t i = 0;
    while (i + 1 < MER_N_FAMILIES && MER_FAMILIES[i] != family)
        i++;
    return i;
}

/* Seconds that a unit of the family takes, fits running one after another. */
static double seconds_a_unit(const struct mer_search *search, const struct mer_family *family)
{
    const size_t i = family_index(family);
    return search->family_units[i] > 0 ? search->family_seconds[i] / search->family_units[i]
                                       : SECONDS_A_UNIT;
}

/* The work units of a setting when boosting ends after so many rounds. */
static uint64_t cost_of_rounds(const struct mer_search *search,
                               const struct mer_candidate *candidate, unsigned rung,
                               double n_rounds)
{
    const struct mer_family *family = candidate->family;
    const size_t at = mer_params_find(family->params, family->n_params, "n_estimators");
    struct mer_params params = candidate->params;

    if (at != SIZE_MAX && n_rounds < params.values[at])
        params.values[at] = fmax(1, floor(n_rounds));
    return mer_evaluation_cost(search->evaluation, family, &params, rung);
}

static double learning_rate(const struct mer_candidate *candidate)
{
    return mer_params_get(candidate->family->params, candidate->family->n_params,
                          &candidate->params, "learning_rate");
}

/* The work units that a trial of the setting on a rung will come to: where boosting may stop, as
 * far as it went before. Only to guess the time: what counts is the cost. */
static double expected_units(const struct mer_search *search, const struct mer_candidate *candidate,
                             unsigned rung)
{
    const double n_rounds =
        candidate->patience == 0 || search->boosting_reach <= 0
            ? NO_STOP
            : 1.5 * search->boosting_reach / learning_rate(candidate) / (1U << rung) +
                  candidate->patience;
    return (double)cost_of_rounds(search, candidate, rung, n_rounds);
}

double mer_search_refit_share(const struct mer_search *search)
{
    return mer_evaluation_refit_share(search->evaluation);
}

uint64_t mer_search_refit_limit(const struct mer_search *search, uint64_t trial_units)
{
    return (uint64_t)((double)trial_units * fmin(REFIT_PART, mer_search_refit_share(search)));
}

/* Work units that fitting one setting may take which was tried on a share of the rows alone, after
 * so many more units of trials. */
static uint64_t single_limit(const struct mer_search *search, double next_units)
{
    return (uint64_t)(SINGLE_PART * ((double)search->trial_units + next_units));
}

/* What would be chosen were a trial of so many units more done, which brought nothing. */
static const struct mer_candidate *choice_after(const struct mer_search *search, double next_units)
{
    const uint64_t limit = search->plan->refit_limit;
    search->plan->refit_limit = single_limit(search, next_units);
    const struct mer_candidate *choice = mer_plan_choice(search->plan);
    search->plan->refit_limit = limit;
    return choice;
}

double mer_search_study_seconds(const struct mer_search *search, double fit)
{
    return search->options->visit ? fmin(fit / mer_search_refit_share(search),
                                         STUDY_PART * search->options->budget_seconds)
                                  : 0;
}

/* Twice the fits on all rows at least, since the folds come before them. */
static double quantile_seconds(const struct mer_search *search, double fit)
{
    const double all = (double)search->options->n_quantiles * fit;
    return fmin(all * (1 + 1 / mer_search_refit_share(search)),
                QUANTILES_PART * search->options->budget_seconds);
}

/* Fits that the machine runs at the same time, which the last ones do where there are several. */
static double n_side_by_side(const struct mer_search *search)
{
    return (double)(search->engine.n_slots * search->engine.n_parallel_fits);
}

/* A unit's seconds over all families, one fit after another. */
static double mean_seconds_a_unit(const struct mer_search *search)
{
    double seconds = PRIOR_UNITS * SECONDS_A_UNIT, units = PRIOR_UNITS;

    for (size_t i = 0; i < MER_N_FAMILIES; i++) {
        seconds += search->family_seconds[i];
        units += search->family_units[i];
    }
    return seconds / units;
}

/* One fit by all threads, of which trials had a part each, is faster by most of what they add. */
static double fit_seconds(const struct mer_search *search, const struct mer_family *family,
                          double units)
{
    return units * seconds_a_unit(search, family) /
           (1 + THREADS_GAIN * (n_side_by_side(search) - 1));
}

double mer_search_fit_seconds(const struct mer_search *search,
                              const struct mer_candidate *candidate)
{
    return fit_seconds(search, candidate->family, (double)candidate->refit_cost);
}

double mer_search_setting_seconds(const struct mer_search *search, const struct mer_family *family,
                                  const struct mer_params *params)
{
    const double units = (double)mer_evaluation_cost(search->evaluation, family, params, 0);
    return fit_seconds(search, family, mer_search_refit_share(search) * units);
}

uint64_t mer_search_end_before(const struct mer_ctx *ctx, const struct mer_search *search,
                               double seconds)
{
    const double left = mer_seconds_between(mer_ctx_now_ns(ctx), search->end_ns) - seconds;

    if (search->end_ns == 0)
        return 0;
    return mer_ctx_now_ns(ctx) + (left > 0 ? (uint64_t)(left * MER_NS) : 0);
}

/* How many times slower than it usually is the machine was lately; 1 at least. */
static double slowness(const struct mer_search *search)
{
    return fmax(1, mean_seconds_a_unit(search) / USUAL_SECONDS);
}

/* What estimates are raised by. A machine that others use as well is harder to foresee. */
static double reserve(const struct mer_search *search)
{
    return fmin(RESERVE + BUSY_RESERVE * (slowness(search) - 1), RESERVE_MAX);
}

double mer_search_last_seconds(const struct mer_search *search)
{
    double seconds =
        search->last_seconds + mer_search_refit_share(search) * search->prepare_seconds;

    for (size_t q = 0; q < search->options->n_quantiles; q++)
        seconds += search->quantile_seconds[q];
    return reserve(search) * seconds;
}

/* Seconds that choosing an ensemble takes, by all threads. */
static double choosing_seconds(const struct mer_search *search)
{
    const struct mer_keep *keep = &search->keep;
    const double units = (double)mer_ensemble_select_cost(keep->n + 1, keep->n_values, 1);

    if (search->options->family || search->options->single)
        return 0;
    return units * SECONDS_A_UNIT * slowness(search) / n_side_by_side(search);
}

/* Seconds that fitting an ensemble takes, of what the trials allow, this one too. */
static double ensemble_seconds(const struct mer_search *search, double next_units)
{
    if (search->options->family || search->options->single)
        return 0;
    return ENSEMBLE_PART * mean_seconds_a_unit(search) *
           (double)mer_search_refit_limit(search, search->trial_units + (uint64_t)next_units) /
           n_side_by_side(search);
}

/* Seconds to keep for what follows the search, after so many more units of trials: choosing,
 * preparing and fitting on all rows, be it the setting alone or an ensemble that takes as much as
 * it may, and what is wanted beside that. */
static double after_seconds(const struct mer_search *search, const struct mer_candidate *candidate,
                            double next_units)
{
    const double share = mer_search_refit_share(search);
    const double units = candidate->told ? (double)candidate->refit_cost
                                         : share * expected_units(search, candidate, 0);
    const double fit =
        fmax(fit_seconds(search, candidate->family, units), ensemble_seconds(search, next_units));
    return choosing_seconds(search) + reserve(search) * (share * search->prepare_seconds + fit) +
           mer_search_study_seconds(search, fit) + quantile_seconds(search, fit);
}

static bool is_measured(const struct mer_search *search, const struct mer_family *family)
{
    return search->family_units[family_index(family)] > 0;
}

/* Whether a trial of the setting, after trials of so many units, is within the units that may be
 * taken. */
static bool is_within(const struct mer_search *search, uint64_t before, uint64_t cost)
{
    uint64_t units;
    return !__builtin_add_overflow(before, cost, &units) && units <= search->units_max;
}

/* What follows a trial that is passed over may not come to its units: whoever knows their sum knows
 * that it was none of them. */
static void pass_over(struct mer_search *search, uint64_t before, uint64_t cost)
{
    if (is_within(search, before, cost))
        search->units_max = before + cost - 1;
}

/* Whether the time does for the candidate. */
static bool may_begin(const struct mer_ctx *ctx, const struct mer_search *search,
                      const struct mer_candidate *candidate)
{
    const double expected = expected_units(search, candidate, candidate->rung);
    const struct mer_candidate *choice = choice_after(search, expected);
    if (search->end_ns == 0 || !choice)
        return true;
    const double left = mer_seconds_between(mer_ctx_now_ns(ctx), search->end_ns);
    const double trial = expected * seconds_a_unit(search, candidate->family) /
                         (double)search->engine.n_parallel_fits;
    /* The first of a family may begin as well when it would fit only if it were faster than
     * thought: if it is not, it is given up. */
    const double hope = is_measured(search, candidate->family) ? 1 : HOPE;
    const double fit = mer_search_refit_share(search) * expected_units(search, candidate, 0);
    /* What saw fewer rows than the best so far will hardly beat it. */
    const bool may_win = candidate->rung <= choice->rung;
    const bool is_own =
        may_win && (candidate->rung == 0 || fit <= (double)single_limit(search, expected));
    const double own = is_own ? hope * after_seconds(search, candidate, expected) : 0;
    const double needed = hope * SLACK * trial + fmax(after_seconds(search, choice, expected), own);
    if (left <= needed)
        mer_log_info(ctx, "automl",
                     "a trial of %s is passed over: %.1f s are left, and with the last fits it "
                     "would take %.1f",
                     candidate->family->name, left, needed);
    return left > needed;
}

/* When a trial that begins now is given up: what is left then must do for fitting the best settings
 * so far on all rows, and for fitting this one, which takes longer the longer its trial did. */
static uint64_t trial_deadline(const struct mer_ctx *ctx, const struct mer_search *search,
                               const struct mer_candidate *candidate)
{
    const struct mer_candidate *choice = choice_after(search, (double)candidate->cost);
    const uint64_t now = mer_ctx_now_ns(ctx);
    const double left = mer_seconds_between(now, search->end_ns);
    const double n_parallel = (double)search->engine.n_parallel_fits;
    const double refit = reserve(search) * mer_search_refit_share(search);
    const double gain = 1 + THREADS_GAIN * (n_side_by_side(search) - 1);
    const double fit =
        fit_seconds(search, candidate->family,
                    mer_search_refit_share(search) * expected_units(search, candidate, 0));
    const double beside = mer_search_study_seconds(search, fit) + quantile_seconds(search, fit);

    double allowed = (left - beside - choosing_seconds(search) - refit * search->prepare_seconds) /
                     (1 + (candidate->rung == 0 ? refit * n_parallel / gain : 0));
    if (choice)
        allowed = fmin(allowed, left - after_seconds(search, choice, 0));
    if (choice && !is_measured(search, candidate->family)) {
        const double part = search->plan->options.n_rungs > 0 ? HOPE_PART_OF_MANY : HOPE_PART;
        const double expected =
            expected_units(search, candidate, candidate->rung) * SECONDS_A_UNIT / n_parallel;
        allowed = fmin(allowed, fmax(part * left, HOPE_TIMES * expected));
    }
    return now + (allowed > 0 ? (uint64_t)(allowed * MER_NS) : 0);
}

/* The rounds of boosting for a fit on all rows: what the folds wanted on average, and a little
 * more, because there is more to learn from. */
static uint32_t rounds_for_all_rows(const struct mer_search *search,
                                    const struct mer_candidate *candidate,
                                    const struct mer_trial_result *result)
{
    double sum = 0;
    size_t n = 0;

    for (size_t f = 0; f < result->n_scores; f++) {
        sum += result->n_rounds[f];
        n += result->n_rounds[f] > 0 ? 1 : 0;
    }
    if (n == 0)
        return 0;
    const double more = 0.5 * (mer_evaluation_growth(search->evaluation) - 1);
    const double wanted = sum / (double)n * (1 + more) * (1U << candidate->rung);
    const double most = mer_params_get(candidate->family->params, candidate->family->n_params,
                                       &candidate->params, "n_estimators");
    /* Four times as many rows want twice the rounds, or more; what a share of the rows says stays
     * below the cap, and a model that is to be fast does. */
    const bool is_capped = candidate->rung > 0 || search->options->single;
    return (uint32_t)fmax(1, (is_capped ? fmin(wanted, most) : wanted) + 0.5);
}

/* The work units of fitting a setting on all rows, with the rounds that its folds wanted. */
static uint64_t refit_cost(const struct mer_search *search, const struct mer_candidate *candidate)
{
    const double n_rounds = candidate->n_rounds > 0 ? (double)candidate->n_rounds : NO_STOP;
    return (uint64_t)((double)cost_of_rounds(search, candidate, 0, n_rounds) *
                      mer_search_refit_share(search));
}

/* Keeps the predictions of a trial for the ensemble. The first says how many fit. */
static mer_status keep(const struct mer_ctx *ctx, struct mer_search *search, size_t id,
                       const struct mer_trial_result *result, mer_err *err)
{
    const struct mer_candidate *candidate = &search->plan->candidates[id];
    struct mer_keep *kept = &search->keep;
    const struct mer_kept item = {.id = id,
                                  .family = candidate->family,
                                  .score = candidate->score,
                                  .cost = refit_cost(search, candidate)};

    if (!result->held_out)
        return mer_ok();
    if (candidate->origin != SIZE_MAX)
        mer_keep_remove(ctx, kept, candidate->origin);
    if (kept->n_values == 0) {
        const size_t used = atomic_load(&ctx->alloc->used);
        const size_t left = ctx->alloc->budget > used ? ctx->alloc->budget - used : 0;
        const size_t bytes = left / KEPT_PART < KEPT_BYTES_MAX ? left / KEPT_PART : KEPT_BYTES_MAX;
        kept->greater_is_better = search->metric->greater_is_better;
        kept->n_values = result->n_held_out * result->n_outputs;
        kept->max = bytes / (kept->n_values * sizeof(float));
        if (kept->max > MER_KEPT_MAX)
            kept->max = MER_KEPT_MAX;
    }
    return mer_keep_add(ctx, kept, &item, result->held_out, err);
}

/* The work units that a trial came to; its cost is the most that it could. */
static uint64_t used_units(const struct mer_search *search, const struct mer_candidate *candidate,
                           const struct mer_trial_result *result)
{
    uint32_t most = 0;

    for (size_t f = 0; f < result->n_scores; f++)
        most = result->n_rounds[f] > most ? result->n_rounds[f] : most;
    return most == 0
               ? candidate->cost
               : cost_of_rounds(search, candidate, candidate->rung, most + candidate->patience);
}

/* Keeps what a trial says, in the order of the plan. */
static mer_status tell(const struct mer_ctx *ctx, struct mer_search *search, size_t id,
                       struct mer_trial_result *result, mer_err *err)
{
    struct mer_candidate *candidate = &search->plan->candidates[id];
    const size_t family = family_index(candidate->family);

    if (!mer_is_ok(result->status)) {
        mer_log_warning(ctx, "automl", "a trial of %s failed: %s", candidate->family->name,
                        result->err.message);
        if (mer_is_ok(search->failure)) {
            search->failure = result->status;
            search->failure_err = result->err;
        }
    }
    mer_plan_tell(search->plan, id, result->scores, result->n_scores,
                  rounds_for_all_rows(search, candidate, result));
    double reported[MER_REPORTED_MAX];
    MER_GUARD(mer_search_report_trial(ctx, search, result, reported, err));
    MER_GUARD(keep(ctx, search, id, result, err));
    const uint64_t used = used_units(search, candidate, result);
    search->family_seconds[family] *= 1 - FORGOTTEN;
    search->family_units[family] *= 1 - FORGOTTEN;
    search->family_seconds[family] += result->seconds * (double)search->engine.n_parallel_fits;
    search->family_units[family] += (double)used;
    search->units += candidate->cost;
    search->trial_units += used;
    candidate->refit_cost = refit_cost(search, candidate);
    candidate->trial = search->n_trials;
    search->plan->refit_limit = single_limit(search, 0);
    if (candidate->n_rounds > 0)
        search->boosting_reach =
            fmax(search->boosting_reach, candidate->n_rounds * learning_rate(candidate));
    search->trials[search->n_trials++] =
        (struct mer_trial){.family = candidate->family,
                           .params = mer_candidate_final(candidate),
                           .score = candidate->score,
                           .deviation = candidate->deviation,
                           .units = candidate->cost,
                           .seconds = result->seconds,
                           .number = search->n_trials,
                           .rung = candidate->rung};
    memcpy(search->trials[search->n_trials - 1].reported, reported, sizeof(reported));
    mer_log_debug(ctx, "automl", "trial %zu, %s: %s %.6g, deviation %.3g, %llu units",
                  search->n_trials, candidate->family->name, search->metric->name, candidate->score,
                  candidate->deviation, (unsigned long long)candidate->cost);
    if (search->options->on_trial)
        search->options->on_trial(search->options->self, &search->trials[search->n_trials - 1],
                                  search->n_trials, search->plan->n_candidates, search->metric,
                                  search->units);
    return mer_search_be_patient(ctx, search, err);
}

/* Whether a trial that came back counts: it was not given up, and nothing before it was that costs
 * less than what follows. */
static bool counts(const struct mer_ctx *ctx, struct mer_search *search,
                   const struct mer_candidate *candidate, const struct mer_trial_result *result)
{
    const bool is_given_up =
        result->status.code == MER_ERR_BUDGET || result->status.code == MER_ERR_CANCELLED;

    if (!is_given_up && is_within(search, search->units, candidate->cost))
        return true;
    if (is_given_up)
        mer_log_info(ctx, "automl", "a trial of %s was given up after %.1f s",
                     candidate->family->name, result->seconds);
    pass_over(search, search->units, candidate->cost);
    search->units_begun -= candidate->cost;
    return false;
}

/* Tells all trials whose turn it is. */
static mer_status tell_next(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    while (search->n_told < search->plan->n_asked) {
        const size_t id = search->n_told;
        struct mer_trial_result *result = search->results[id];
        mer_status status = mer_ok();
        if (!result && !search->passed_over[id])
            return mer_ok();
        search->n_told++;
        search->results[id] = NULL;
        if (search->passed_over[id])
            pass_over(search, search->units, search->plan->candidates[id].cost);
        if (result && counts(ctx, search, &search->plan->candidates[id], result))
            status = tell(ctx, search, id, result, err);
        else
            mer_plan_pass(search->plan, id);
        if (result)
            mer_trial_result_release(ctx->alloc, result);
        mer_free(ctx->alloc, result);
        MER_GUARD(status);
    }
    return mer_ok();
}

/* Hands the engine what the plan asks for next, until all slots are in use, the plan waits for
 * scores, or a budget ends it. */
static mer_status begin_trials(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    size_t id;

    while (!search->is_over && search->n_begun - search->n_returned < search->engine.n_slots) {
        const enum mer_ask asked = mer_plan_ask(search->plan, &id);
        if (asked == MER_ASK_WAIT)
            return mer_ok();
        const size_t max_trials = search->options->max_trials;
        if (asked == MER_ASK_DONE || search->n_passed_over >= PASSED_OVER_MAX ||
            (max_trials > 0 && search->n_begun >= max_trials)) {
            search->is_over = true;
            return mer_ok();
        }
        const struct mer_candidate *candidate = &search->plan->candidates[id];
        const bool has_units = is_within(search, search->units_begun, candidate->cost);
        if (!has_units || !may_begin(ctx, search, candidate)) {
            pass_over(search, search->units_begun, candidate->cost);
            search->passed_over[id] = true;
            search->n_passed_over += has_units ? 1 : 0;
            MER_GUARD(tell_next(ctx, search, err));
            continue;
        }
        const struct mer_trial_request request = {
            .id = id,
            .family = candidate->family,
            .params = candidate->params,
            .cost = candidate->cost,
            .rung = candidate->rung,
            .patience = candidate->patience,
            .wants_held_out = true,
            .deadline_ns = search->end_ns != 0 ? trial_deadline(ctx, search, candidate) : 0};
        mer_ctx_progress(ctx, "searching", search->n_trials, search->plan->n_candidates);
        MER_GUARD(search->engine.begin(search->engine.self, ctx, &request, err));
        search->n_begun++;
        search->n_passed_over = 0;
        search->units_begun += candidate->cost;
    }
    return mer_ok();
}

/* Waits for a trial, and tells all whose turn has come. */
static mer_status end_trials(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    struct mer_trial_result *result;

    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*result), &result, err));
    const mer_status status = search->engine.next(search->engine.self, ctx, result, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, result);
        return status;
    }
    search->n_returned++;
    if (result->id < search->n_told || result->id >= search->plan->n_asked ||
        search->passed_over[result->id] || search->results[result->id]) {
        mer_trial_result_release(ctx->alloc, result);
        mer_free(ctx->alloc, result);
        return mer_fail(err, MER_ERR_INTERNAL, "a trial came back that does not run");
    }
    search->results[result->id] = result;
    MER_GUARD(mer_ctx_check_cancel(ctx, err));
    return tell_next(ctx, search, err);
}

static mer_status run_trials(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    mer_search_patience_init(search);
    search->units_begun = search->units;
    search->units_max = mer_search_first_units(search);
    while (true) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(begin_trials(ctx, search, err));
        if (search->n_begun == search->n_returned)
            break;
        MER_GUARD(end_trials(ctx, search, err));
    }
    return mer_ok();
}

bool mer_search_wants_best(const struct mer_ctx *ctx, struct mer_search *search)
{
    int signal = search->options->signal_for_best;

    if (signal == 0 || !ctx->cancel || !mer_plan_best(search->plan) ||
        !atomic_compare_exchange_strong(&ctx->cancel->signal, &signal, 0))
        return false;
    mer_log_warning(ctx, "automl",
                    "stopped on request: the best so far is fitted; once more, and there is none");
    return true;
}

/* As if the budget ended now. */
static void end_now(const struct mer_ctx *ctx, struct mer_search *search)
{
    const uint64_t now = mer_ctx_now_ns(ctx);

    if (now != 0 && (search->end_ns == 0 || now < search->end_ns))
        search->end_ns = now + (uint64_t)(LAST_SECONDS * MER_NS);
}

/* How much of the budget is left to the last fits, and how much of it they are thought to take. */
static void tell_end(const struct mer_ctx *ctx, const struct mer_search *search)
{
    const struct mer_candidate *choice = choice_after(search, 0);

    if (search->end_ns == 0 || !choice)
        return;
    mer_log_info(ctx, "automl",
                 "the search ends after %zu trials, %.1f s before the budget does; what follows is "
                 "thought to take %.1f",
                 search->n_trials, mer_seconds_between(mer_ctx_now_ns(ctx), search->end_ns),
                 after_seconds(search, choice, 0));
}

mer_status mer_search_drive(const struct mer_ctx *ctx, struct mer_search *search, mer_err *err)
{
    mer_status status = run_trials(ctx, search, err);
    tell_end(ctx, search);
    search->engine.abandon(search->engine.self, ctx);
    if (status.code == MER_ERR_CANCELLED && mer_search_wants_best(ctx, search)) {
        mer_err_clear(err);
        end_now(ctx, search);
        status = mer_ok();
    }
    MER_GUARD(status);
    if (search->n_trials == 0)
        return mer_hint(
            err, mer_fail(err, MER_ERR_BUDGET, "the budget ended before any model was scored"),
            "give more time or more work units");
    if (mer_plan_best(search->plan))
        return mer_ok();
    if (!mer_is_ok(search->failure) && search->failure.code != MER_ERR_DATA) {
        *err = search->failure_err;
        return search->failure;
    }
    return mer_fail(err, MER_ERR_DATA, "no model could be scored by %s on these data",
                    search->metric->name);
}
