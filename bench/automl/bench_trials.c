/* Scores settings on the folds of a table: the rows of the matrix that the portfolio is built from.
 *
 *   bench_trials TABLE.csv TARGET N_FOLDS SECONDS < SETTINGS
 *
 * A line of SETTINGS is "NUMBER FAMILY NAME=VALUE ..."; NAME~VALUE is given for a target of
 * deviation 1 and grows with it. Prints "NUMBER SCORE SECONDS" for each as it ends; the score is
 * nan for what does not fit the task, fails or takes longer than SECONDS. Boosting stops by itself,
 * as it does in a search. matrix.py drives it.
 */
#include "automl/plan.h"
#include "bench_table.h"
#include "core/math.h"

enum { N_FOLDS_MAX = 20, LINE_MAX_BYTES = 1024 };

static void set(const struct bench_table *table, const struct mer_family *family, char *text,
                struct mer_params *params)
{
    char *at = strpbrk(text, "=~"), scaled[64];
    mer_err err;

    if (!at)
        stop("no value", text);
    const bool grows = *at == '~';
    *at = '\0';
    if (grows)
        snprintf(scaled, sizeof scaled, "%.17g", strtod(at + 1, NULL) * table->target_scale);
    check_status(mer_params_set(family->params, family->n_params, text, grows ? scaled : at + 1,
                                params, &err),
                 &err);
}

/* The mean over the folds; NaN: there is none. */
static double score(const struct bench_table *table, const struct mer_family *family,
                    const struct mer_params *params, double seconds)
{
    struct mer_trial_result result;
    double sum = 0;

    if (!mer_family_can(family, table->target.task))
        return (double)NAN;
    const struct mer_trial_request request = {.family = family,
                                              .params = *params,
                                              .patience = mer_plan_patience(family, params),
                                              .deadline_ns = mer_ctx_now_ns(&table->ctx) +
                                                             (uint64_t)(seconds * 1e9)};
    mer_trial_run(&table->ctx, table->evaluation, &request, &result);
    for (size_t f = 0; f < result.n_scores; f++)
        sum += result.scores[f];
    const double mean = result.n_scores > 0 ? sum / (double)result.n_scores : (double)NAN;
    mer_trial_result_release(table->ctx.alloc, &result);
    return mean;
}

int main(int argc, char **argv)
{
    static struct bench_table table;
    char line[LINE_MAX_BYTES];

    if (argc != 5)
        stop("usage", "bench_trials TABLE.csv TARGET N_FOLDS SECONDS < SETTINGS");
    const unsigned long n_folds = strtoul(argv[3], NULL, 10);
    const double seconds = strtod(argv[4], NULL);
    if (n_folds < 2 || n_folds > N_FOLDS_MAX || !(seconds > 0))
        stop("usage", "2 to 20 folds, and a time");
    bench_table_open(&table, argv[1], argv[2], n_folds, 1);
    while (fgets(line, sizeof line, stdin)) {
        char *rest, *number = strtok_r(line, " \n", &rest);
        const char *name = strtok_r(NULL, " \n", &rest);
        const struct mer_family *family = name ? mer_family_find(name) : NULL;
        struct mer_params params;
        if (!family)
            stop("no such family", name ? name : "");
        mer_params_default(family->params, family->n_params, &params);
        for (char *text = strtok_r(NULL, " \n", &rest); text; text = strtok_r(NULL, " \n", &rest))
            set(&table, family, text, &params);
        const uint64_t begin_ns = mer_ctx_now_ns(&table.ctx);
        const double mean = score(&table, family, &params, seconds);
        printf("%s %.9g %.3f\n", number, mean,
               (double)(mer_ctx_now_ns(&table.ctx) - begin_ns) * 1e-9);
        fflush(stdout);
    }
    return 0;
}
