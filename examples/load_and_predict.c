/* Loads the model that fit_and_save wrote, once its signature is verified, and predicts and scores.
 *
 *     load_and_predict FOLDER */
#include "example.h"

static void show_score(void *self, const char *metric, double value)
{
    (void)self;
    printf("%-10s %g\n", metric, value);
}

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], keys[4096], path[4096];
    struct mer_context *context;
    struct mer_trust *trust;
    struct mer_fitted *model;
    struct mer_table *table;
    double *prices;
    size_t n_outputs;
    mer_err err;

    check(mer_context_new(NULL, &context, &err), &err);

    /* Whose models are accepted: the keys that are trusted in this store. */
    check(mer_trust_open(path_in(folder, "keys", keys), &trust, &err), &err);
    check(mer_model_load(context, path_in(folder, "flats.safetensors", path), trust, &model, &err),
          &err);
    printf("%s of %s by %s\n", mer_model_task(model), mer_model_target(model),
           mer_model_family(model));

    check(mer_model_read_table(model, path_in(folder, "flats.csv", data), NULL, &table, &err),
          &err);
    check(mer_predict(model, table, &prices, &n_outputs, &err), &err);
    for (size_t row = 0; row < 3; row++)
        printf("flat %zu: %.0f\n", row + 1, prices[row * n_outputs]);
    check(mer_score(model, table, show_score, NULL, &err), &err);

    mer_numbers_free(prices);
    mer_table_free(table);
    mer_fitted_free(model);
    mer_trust_free(trust);
    mer_context_free(context);
    return 0;
}
