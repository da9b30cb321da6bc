/* Draws a table, fits a model to it and draws how that did: two pages of HTML without scripts.
 *
 *     describe_and_report FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    const char *const folder = argc > 1 ? argv[1] : ".";
    char data[4096], page[4096];
    struct mer_context *context;
    struct mer_table *table;
    struct mer_description *description;
    struct mer_fitted *model;
    mer_err err;

    write_flats(path_in(folder, "flats_to_draw.csv", data));
    check(mer_context_new(NULL, &context, &err), &err);
    check(mer_table_read(context, data, NULL, &table, &err), &err);

    /* What the table holds. */
    check(mer_describe(table, NULL, &description, &err), &err);
    check(mer_description_save(description, path_in(folder, "flats.html", page), true, &err), &err);
    printf("the table is drawn in %s\n", page);
    mer_description_free(description);

    /* How a model does on rows that it has not seen. */
    const struct mer_fit_options options = {
        .size = sizeof options, .target = "price", .max_trials = 5, .study = true};
    check(mer_fit(context, table, &options, &model, &err), &err);
    check(mer_report_save(model, NULL, path_in(folder, "flats_model.html", page), true, &err),
          &err);
    printf("the model is drawn in %s\n", page);
    mer_fitted_free(model);
    mer_table_free(table);
    mer_context_free(context);
    return 0;
}
