/* Runs of the past: two fits with a journal, what each tried, in what they differ; the first is
 * repeated from its model and its record, to the same bytes; then the journals are taken away. What
 * `merlon fit --replay` and `merlon runs` do. (fit_within_budget shows a run that is gone on with.)
 *
 *     repeat_and_compare FOLDER */
#include "example.h"

#include <string.h>

/* What callbacks share with main. */
struct notes {
    size_t n_runs;
    size_t n_trials;
    size_t n_differences;
    char id[2][40]; /* of the first two runs */
};

/* After each trial, from the thread that called mer_fit; mer_context_cancel would end it here. */
static void watch(void *self, const struct mer_fit_state *state)
{
    (void)self;
    if (state->has_improved)
        printf("  trial %zu: %s is the best so far, %s %.0f; %zu bytes in use\n", state->n_trials,
               state->best_family, state->metric, state->best_score, state->memory_bytes);
}

static void note_run(void *self, const struct mer_run_summary *run)
{
    struct notes *const notes = self;
    if (run->error) {
        printf("%s cannot be read: %s\n", run->id, run->error);
        return;
    }
    printf("%s: %s, %zu trials, for %s\n", run->id, run->state, run->n_trials, run->makes);
    if (notes->n_runs < 2)
        snprintf(notes->id[notes->n_runs], sizeof notes->id[0], "%s", run->id);
    notes->n_runs++;
}

static void note_trial(void *self, const struct mer_run_attempt *trial)
{
    struct notes *const notes = self;
    notes->n_trials++;
    if (trial->failure)
        printf("  %zu: %s failed: %s\n", trial->number, trial->family, trial->failure);
    else
        printf("  %zu: %s, %.0f\n", trial->number, trial->family, trial->score);
}

static void note_difference(void *self, const char *what, const char *first, const char *second)
{
    struct notes *const notes = self;
    notes->n_differences++;
    printf("  %s: %s -> %s\n", what, first, second);
}

static void expect(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

/* What the fits of this example share. */
struct place {
    struct mer_context *context;
    struct mer_table *table;
    struct mer_signer *signer;
    char state[4096];
    char path[4096]; /* of the model */
    char copy[4096];
};

static void fit_and_save(struct place *place, uint64_t seed)
{
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = "price",
                                            .max_trials = 6,
                                            .seed = &seed,
                                            .journal = true,
                                            .state_folder = place->state,
                                            .makes = place->path,
                                            .on_state = watch};
    struct mer_fitted *model;
    mer_err err;
    printf("fitting with seed %llu\n", (unsigned long long)seed);
    check(mer_fit(place->context, place->table, &options, &model, &err), &err);
    check(mer_model_save(model, place->path, place->signer, true, NULL, &err), &err);
    mer_fitted_free(model);
}

/* The model at place->path once more; ends the program when the bytes are others. */
static void fit_again(struct place *place, const struct mer_trust *trust)
{
    const struct mer_fit_options options = {.size = sizeof options};
    struct mer_replay *replay;
    struct mer_fitted *model;
    struct mer_saved saved;
    mer_err err;
    check(mer_replay_open(place->context, place->path, trust, &replay, &err), &err);
    check(mer_fit_again(place->context, place->table, replay, &options, &model, &err), &err);
    check(mer_model_save(model, place->copy, place->signer, true, &saved, &err), &err);
    printf("repeated: sha256 %s\n", saved.digest);
    mer_fitted_free(model);
    mer_replay_free(replay);
}

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], keys[4096];
    struct notes notes = {.n_runs = 0};
    struct place place;
    struct mer_trust *trust;
    mer_err err;

    write_flats(path_in(folder, "runs.csv", data));
    path_in(folder, "runs-keys", keys);
    path_in(folder, "runs-state", place.state);
    path_in(folder, "runs.safetensors", place.path);
    path_in(folder, "runs-copy.safetensors", place.copy);
    if (mer_signer_open(keys, "example", NULL, NULL, &place.signer, &err).code != MER_OK) {
        check(mer_keys_new(keys, "example", NULL, NULL, &err), &err);
        check(mer_signer_open(keys, "example", NULL, NULL, &place.signer, &err), &err);
    }
    check(mer_trust_open(keys, &trust, &err), &err);
    check(mer_context_new(NULL, &place.context, &err), &err);
    check(mer_table_read(place.context, data, NULL, &place.table, &err), &err);

    fit_and_save(&place, 7);
    fit_and_save(&place, 8);
    fit_again(&place, trust);

    check(mer_runs_list(place.state, note_run, &notes, &err), &err);
    expect(notes.n_runs >= 2, "there are two runs");
    check(mer_runs_show(place.state, notes.id[0], NULL, note_trial, &notes, &err), &err);
    expect(notes.n_trials == 6, "the first run has six trials");
    check(mer_runs_diff(place.state, notes.id[0], notes.id[1], note_difference, &notes, &err),
          &err);
    expect(notes.n_differences > 0, "another seed makes a difference");
    for (size_t i = 0; i < 2; i++)
        check(mer_runs_forget(place.state, notes.id[i], &err), &err);
    expect(mer_runs_show(place.state, notes.id[0], note_run, NULL, &notes, &err).code ==
               MER_ERR_NO_INPUT,
           "a run that is forgotten is gone");

    mer_table_free(place.table);
    mer_context_free(place.context);
    mer_trust_free(trust);
    mer_signer_free(place.signer);
    return 0;
}
