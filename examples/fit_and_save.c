/* Fits a model to a table and saves it, signed.
 *
 *     fit_and_save FOLDER */
#include "example.h"

static void show_trial(void *self, const char *family, double score, double deviation,
                       double seconds, size_t n_done, size_t n_planned)
{
    (void)self;
    printf("trial %zu of %zu: %s, rmse %.0f +- %.0f in %.3f s\n", n_done, n_planned, family, score,
           deviation, seconds);
}

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], keys[4096], path[4096];
    struct mer_context *context;
    struct mer_table *table;
    struct mer_fitted *model;
    struct mer_signer *signer;
    struct mer_saved saved;
    mer_err err;

    write_flats(path_in(folder, "flats.csv", data));
    check(mer_context_new(NULL, &context, &err), &err);
    check(mer_table_read(context, data, NULL, &table, &err), &err);

    /* Five settings at most; a seed makes the run repeatable, byte for byte. */
    const uint64_t seed = 42;
    const struct mer_fit_options options = {
        .size = sizeof options,
        .target = "price",
        .max_trials = 5,
        .seed = &seed,
        .on_trial = show_trial,
    };
    check(mer_fit(context, table, &options, &model, &err), &err);

    /* A key of one's own; programs for people keep it in the default store (directory NULL). */
    path_in(folder, "keys", keys);
    if (mer_signer_open(keys, "example", NULL, NULL, &signer, &err).code != MER_OK) {
        check(mer_keys_new(keys, "example", NULL, NULL, &err), &err);
        check(mer_signer_open(keys, "example", NULL, NULL, &signer, &err), &err);
    }
    check(mer_model_save(model, path_in(folder, "flats.safetensors", path), signer, true, &saved,
                         &err),
          &err);
    printf("%s, %zu bytes, sha256 %s\n", mer_model_family(model), saved.n_bytes, saved.digest);

    mer_signer_free(signer);
    mer_fitted_free(model);
    mer_table_free(table);
    mer_context_free(context);
    return 0;
}
