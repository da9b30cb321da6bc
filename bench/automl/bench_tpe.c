/* The Parzen estimator against random search over the same space, on a table's folds.
 *
 *   bench_tpe TABLE.csv TARGET N_TRIALS N_SEEDS [FAMILY]
 *
 * Both begin with the same points. Prints for several numbers of trials the mean over the seeds of
 * the best score that each has found by then, and for how many seeds the estimator's is better.
 */
#include "automl/plan.h"
#include "automl/tpe.h"
#include "bench_table.h"

enum { N_FIRST = 10, TRIALS_MAX = 500, SEEDS_MAX = 100, N_FOLDS = 3 };
#define SECONDS_MAX 20

struct run {
    struct mer_point points[TRIALS_MAX]; /* best first */
    double scores[TRIALS_MAX];
    double best[TRIALS_MAX]; /* after so many trials, less one */
};

static double score(const struct bench_table *table, const struct mer_space *space,
                    const struct mer_point *point)
{
    const struct mer_space_family *own = &space->families[point->family];
    const struct mer_params params = mer_space_params(own, point->x);
    struct mer_trial_result result;
    double sum = 0;

    const struct mer_trial_request request = {.family = own->family,
                                              .params = params,
                                              .patience = mer_plan_patience(own->family, &params),
                                              .deadline_ns = mer_ctx_now_ns(&table->ctx) +
                                                             (uint64_t)(SECONDS_MAX * 1e9)};
    mer_trial_run(&table->ctx, table->evaluation, &request, &result);
    for (size_t f = 0; f < result.n_scores; f++)
        sum += result.scores[f];
    const double mean = result.n_scores > 0 ? sum / (double)result.n_scores : HUGE_VAL;
    mer_trial_result_release(table->ctx.alloc, &result);
    return mean;
}

static void run(const struct bench_table *table, const struct mer_space *space, uint64_t usable,
                size_t n_trials, uint64_t seed, bool by_chance, struct run *run)
{
    for (size_t n = 0; n < n_trials; n++) {
        const struct mer_tpe tpe = {space, usable, run->points, n};
        struct mer_point point;
        mer_rng rng;
        mer_rng_init(&rng, seed, mer_rng_stream("bench", n));
        if (by_chance || n < N_FIRST)
            mer_space_draw(space, usable, &rng, &point);
        else
            mer_tpe_suggest(&tpe, &rng, &point);
        const double found = score(table, space, &point);
        size_t at = n;
        for (; at > 0 && run->scores[at - 1] > found; at--) {
            run->points[at] = run->points[at - 1];
            run->scores[at] = run->scores[at - 1];
        }
        run->points[at] = point;
        run->scores[at] = found;
        run->best[n] = run->scores[0];
    }
}

int main(int argc, char **argv)
{
    static struct run runs[SEEDS_MAX][2];
    static struct bench_table table;
    static struct mer_space space;
    uint64_t usable = 0;

    if (argc < 5)
        stop("usage", "bench_tpe TABLE.csv TARGET N_TRIALS N_SEEDS [FAMILY]");
    const size_t n_trials = strtoul(argv[3], NULL, 10), n_seeds = strtoul(argv[4], NULL, 10);
    if (n_trials <= N_FIRST || n_trials > TRIALS_MAX || n_seeds < 1 || n_seeds > SEEDS_MAX)
        stop("usage", "11 to 500 trials, 1 to 100 seeds");
    bench_table_open(&table, argv[1], argv[2], N_FOLDS, 1);
    mer_space_default(UINT64_MAX, &space);
    for (size_t i = 0; i < space.n_families; i++)
        if (mer_family_can(space.families[i].family, table.target.task) &&
            (argc < 6 || strcmp(space.families[i].family->name, argv[5]) == 0))
            usable |= (uint64_t)1 << i;
    if (usable == 0)
        stop("nothing to search", argc < 6 ? "" : argv[5]);
    for (size_t s = 0; s < n_seeds; s++)
        for (int by_chance = 0; by_chance < 2; by_chance++)
            run(&table, &space, usable, n_trials, s + 1, by_chance, &runs[s][by_chance]);
    for (size_t n = 2 * N_FIRST; n <= n_trials; n += 2 * N_FIRST) {
        double sums[2] = {0};
        size_t n_better = 0, n_worse = 0;
        for (size_t s = 0; s < n_seeds; s++) {
            sums[0] += runs[s][0].best[n - 1];
            sums[1] += runs[s][1].best[n - 1];
            n_better += runs[s][0].best[n - 1] < runs[s][1].best[n - 1];
            n_worse += runs[s][0].best[n - 1] > runs[s][1].best[n - 1];
        }
        printf("%zu trials: estimator %.6g, random %.6g; better %zu, worse %zu of %zu seeds\n", n,
               sums[0] / (double)n_seeds, sums[1] / (double)n_seeds, n_better, n_worse, n_seeds);
    }
    return 0;
}
