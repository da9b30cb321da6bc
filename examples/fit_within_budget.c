/* Fits within a second and a half, shows how far it is, and stops a second fit in the middle, which
 * then goes on from its journal.
 *
 *     fit_within_budget FOLDER */
#include "example.h"

#include <string.h>

/* What the callbacks share with main. */
struct watch {
    struct mer_context *context;
    size_t n_trials;
    double best;
    size_t stop_after; /* trials; 0: never */
    char phase[32];
};

/* Called from the thread that called mer_fit, between its steps. */
static void show_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    struct watch *const watch = self;
    if (strcmp(watch->phase, phase) == 0)
        return;
    snprintf(watch->phase, sizeof watch->phase, "%s", phase);
    printf("%s (%llu of %llu)\n", phase, (unsigned long long)done, (unsigned long long)total);
}

static void note_trial(void *self, const char *family, double score, double deviation,
                       double seconds, size_t n_done, size_t n_planned)
{
    struct watch *const watch = self;
    (void)deviation;
    (void)seconds;
    if (watch->n_trials++ == 0 || score < watch->best) {
        watch->best = score;
        printf("  trial %zu of %zu: %s is the best so far, rmse %.0f\n", n_done, n_planned, family,
               score);
    }
    /* From here, from another thread, or from a signal handler. */
    if (watch->stop_after != 0 && watch->n_trials == watch->stop_after)
        mer_context_cancel(watch->context, 2);
}

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], state[4096], makes[4096];
    struct watch watch = {.n_trials = 0};
    struct mer_table *table;
    struct mer_fitted *model;
    mer_err err;

    const struct mer_context_options context_options = {
        .size = sizeof context_options, .on_progress = show_progress, .self = &watch};
    write_flats(path_in(folder, "budget.csv", data));
    check(mer_context_new(&context_options, &watch.context, &err), &err);
    check(mer_table_read(watch.context, data, NULL, &table, &err), &err);

    /* The clock decides after which trial the search ends. */
    struct mer_fit_options options = {.size = sizeof options,
                                      .target = "price",
                                      .budget_seconds = 1.5,
                                      .on_trial = note_trial,
                                      .self = &watch};
    check(mer_fit(watch.context, table, &options, &model, &err), &err);
    printf("%zu trials, %llu work units: %s\n", watch.n_trials,
           (unsigned long long)mer_model_units(model), mer_model_family(model));
    mer_fitted_free(model);

    /* Stopped after three trials. The journal in `state` knows them. */
    const uint64_t seed = 7;
    options.budget_seconds = 0;
    options.max_trials = 8;
    options.seed = &seed;
    options.journal = true;
    options.state_folder = path_in(folder, "state", state);
    options.makes = path_in(folder, "budget.safetensors", makes);
    watch = (struct watch){.context = watch.context, .stop_after = 3};
    const mer_status status = mer_fit(watch.context, table, &options, &model, &err);
    if (status.code != MER_ERR_CANCELLED) {
        fprintf(stderr, "the fit was not stopped\n");
        return 70;
    }
    printf("stopped: %s\n", err.message);
    mer_table_free(table);
    mer_context_free(watch.context);

    /* A context that was cancelled stays so; another one goes on with the run. */
    watch = (struct watch){.n_trials = 0};
    check(mer_context_new(&context_options, &watch.context, &err), &err);
    check(mer_table_read(watch.context, data, NULL, &table, &err), &err);
    options.resume = true;
    check(mer_fit(watch.context, table, &options, &model, &err), &err);
    printf("gone on with: %zu trials in all, rmse %.0f\n", watch.n_trials, watch.best);
    if (watch.n_trials != 8)
        return 70;

    mer_fitted_free(model);
    mer_table_free(table);
    mer_context_free(watch.context);
    return 0;
}
