/* The public C API, used as a program would: contexts, logs, scratch files, tables, models. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "merlon/merlon.h"

#define CELL MER_BINARY_DIR "/merlon-cell"

enum { N_ROWS = 80, PATH_MAX_BYTES = 512 };

struct place {
    char folder[64];
    char keys[PATH_MAX_BYTES];
    struct mer_context *context;
};

static void assert_ok(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        fail_msg("%s (%s)", err->message, mer_code_name(status.code));
}

static const char *path_in(const struct place *place, const char *name, char path[PATH_MAX_BYTES])
{
    (void)snprintf(path, PATH_MAX_BYTES, "%s/%s", place->folder, name);
    return path;
}

static int make_place(void **state)
{
    struct place *const place = calloc(1, sizeof *place);
    mer_err err;
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/merlon-api-XXXXXX");
    if (!mkdtemp(place->folder))
        return -1;
    (void)path_in(place, "keys", place->keys);
    const struct mer_context_options options = {
        .size = sizeof options, .n_threads = 2, .cell_program = CELL};
    assert_ok(mer_context_new(&options, &place->context, &err), &err);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *const place = *state;
    char command[PATH_MAX_BYTES];
    mer_context_free(place->context);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", place->folder);
    const int removed = system(command);
    free(place);
    return removed;
}

/* y follows x; c says whether x is large. */
static size_t make_csv(char *csv, size_t size)
{
    size_t n = (size_t)snprintf(csv, size, "x,z,y,c\n");
    for (int i = 0; i < N_ROWS; i++)
        n += (size_t)snprintf(csv + n, size - n, "%d.5,%d,%d,%s\n", i, i % 7, 2 * i + i % 3,
                              i < N_ROWS / 2 ? "low" : "high");
    return n;
}

static void write_csv(const struct place *place, const char *name, char path[PATH_MAX_BYTES])
{
    char csv[8192];
    const size_t n = make_csv(csv, sizeof csv);
    FILE *const file = fopen(path_in(place, name, path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(csv, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static struct mer_table *table_of(const struct place *place)
{
    char csv[8192];
    mer_err err;
    struct mer_table *table;
    const size_t n = make_csv(csv, sizeof csv);
    assert_ok(mer_table_parse(place->context, csv, n, NULL, &table, &err), &err);
    return table;
}

static struct mer_fitted *fit(const struct place *place, const struct mer_table *table,
                              const char *target)
{
    static const uint64_t seed = 5;
    mer_err err;
    struct mer_fitted *model;
    const struct mer_fit_options options = {
        .size = sizeof options, .target = target, .max_trials = 3, .seed = &seed};
    assert_ok(mer_fit(place->context, table, &options, &model, &err), &err);
    return model;
}

static void a_struct_of_options_with_another_size_is_refused(void **state)
{
    (void)state;
    struct mer_context *context = NULL;
    mer_err err;
    struct mer_context_options options = {.size = 0};
    assert_int_equal(mer_context_new(&options, &context, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "mer_context_options"));
    options.size = sizeof options + 8;
    assert_int_equal(mer_context_new(&options, &context, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "later version"));
    assert_null(context);
    assert_int_equal(mer_context_new(&options, &context, NULL).code, MER_ERR_USAGE);
}

static void an_unknown_instruction_set_is_refused(void **state)
{
    (void)state;
    struct mer_context *context = NULL;
    mer_err err;
    const struct mer_context_options options = {.size = sizeof options, .cpu = "sse9"};
    assert_int_equal(mer_context_new(&options, &context, &err).code, MER_ERR_USAGE);
    assert_non_null(strstr(err.message, "'sse9'"));
    assert_null(context);
}

static void a_table_tells_its_columns(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    assert_int_equal(mer_table_rows(table), N_ROWS);
    assert_int_equal(mer_table_columns(table), 4);
    assert_string_equal(mer_table_column_name(table, 0), "x");
    assert_string_equal(mer_table_column_type(table, 0), "number");
    assert_string_equal(mer_table_column_type(table, 1), "integer");
    assert_string_equal(mer_table_column_type(table, 3), "categorical");
    assert_int_equal(mer_table_column_missing(table, 0), 0);
    assert_null(mer_table_column_name(table, 4));
    assert_null(mer_table_column_type(table, 4));
    const struct mer_origin *const origin = mer_table_origin(table);
    assert_null(origin->path);
    assert_false(origin->is_signed);
    assert_int_equal(strlen(origin->digest), 64);
    mer_err err;
    char *schema;
    assert_ok(mer_table_schema(table, &schema, &err), &err);
    assert_non_null(strstr(schema, "\"fields\""));
    mer_text_free(schema);
    mer_table_free(table);
}

static void a_context_keeps_to_its_memory(void **state)
{
    (void)state;
    struct mer_context *context;
    struct mer_table *table = NULL;
    char csv[8192];
    mer_err err;
    const struct mer_context_options options = {
        .size = sizeof options, .memory_bytes = 4096, .n_threads = 1, .cell_program = CELL};
    assert_ok(mer_context_new(&options, &context, &err), &err);
    const size_t n = make_csv(csv, sizeof csv);
    assert_int_equal(mer_table_parse(context, csv, n, NULL, &table, &err).code, MER_ERR_MEMORY);
    assert_null(table);
    assert_true(mer_context_peak_bytes(context) <= 4096);
    mer_context_free(context);
}

static void nothing_stays_allocated(void **state)
{
    const struct place *const place = *state;
    const size_t before = mer_context_used_bytes(place->context);
    struct mer_table *const table = table_of(place);
    assert_true(mer_context_used_bytes(place->context) > before);
    struct mer_fitted *const model = fit(place, table, "y");
    mer_fitted_free(model);
    mer_table_free(table);
    assert_int_equal(mer_context_used_bytes(place->context), before);
}

static void a_cancelled_context_stops(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    struct mer_fitted *model = NULL;
    mer_err err;
    const struct mer_fit_options options = {.size = sizeof options, .target = "y"};
    mer_context_cancel(place->context, 2);
    assert_int_equal(mer_context_cancelled_by(place->context), 2);
    assert_int_equal(mer_fit(place->context, table, &options, &model, &err).code,
                     MER_ERR_CANCELLED);
    assert_null(model);
    mer_table_free(table);
}

static void a_fit_is_told_what_is_wrong_with_its_options(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    const struct mer_setting depth = {"max_depth", "2"}, wrong = {"max_dept", "2"};
    const struct {
        struct mer_fit_options options;
        enum mer_code code;
        const char *part;
    } cases[] = {
        {{.target = NULL}, MER_ERR_USAGE, "column to predict"},
        {{.target = "w"}, MER_ERR_USAGE, "'w'"},
        {{.target = "y", .metric = "rmsee"}, MER_ERR_USAGE, "'rmsee'"},
        {{.target = "y", .include = "linear,tre"}, MER_ERR_USAGE, "'tre'"},
        {{.target = "y", .include = "tree", .exclude = "tree"}, MER_ERR_USAGE, "no model family"},
        {{.target = "y", .family = "tree", .exclude = "gbdt"}, MER_ERR_USAGE, "one model family"},
        {{.target = "y", .family = "tre"}, MER_ERR_USAGE, "'tre'"},
        {{.target = "y", .task = "guessing"}, MER_ERR_USAGE, "'guessing'"},
        {{.target = "y", .settings = &depth, .n_settings = 1}, MER_ERR_USAGE, "family"},
        {{.target = "y", .family = "tree", .settings = &wrong, .n_settings = 1},
         MER_ERR_USAGE,
         "'max_dept'"},
        {{.target = "c", .task = "regression"}, MER_ERR_USAGE, "'c'"},
        {{.target = "y", .metric = "auc"}, MER_ERR_USAGE, "auc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mer_fit_options options = cases[i].options;
        struct mer_fitted *model = NULL;
        mer_err err;
        options.size = sizeof options;
        const mer_status status = mer_fit(place->context, table, &options, &model, &err);
        if (status.code != cases[i].code || !strstr(err.message, cases[i].part))
            fail_msg("case %zu: %s: %s", i, mer_code_name(status.code), err.message);
        assert_null(model);
    }
    mer_table_free(table);
}

static void one_family_is_fitted_with_its_settings(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    const struct mer_setting depth = {"max_depth", "2"};
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = "c",
                                            .family = "tree",
                                            .settings = &depth,
                                            .n_settings = 1};
    struct mer_fitted *model;
    mer_err err;
    char *json;
    assert_ok(mer_fit(place->context, table, &options, &model, &err), &err);
    assert_string_equal(mer_model_family(model), "tree");
    assert_string_equal(mer_model_task(model), "binary");
    assert_string_equal(mer_model_target(model), "c");
    assert_int_equal(mer_model_classes(model), 2);
    assert_string_equal(mer_model_label(model, 0), "low"); /* the more frequent */
    assert_null(mer_model_label(model, 2));
    assert_ok(mer_model_describe(model, &json, &err), &err);
    assert_non_null(strstr(json, "\"max_depth\": 2"));
    assert_null(strstr(json, "low")); /* labels are record values */
    mer_text_free(json);
    mer_fitted_free(model);
    mer_table_free(table);
}

static void a_boosted_model_is_gone_on_with(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    const struct mer_setting rounds = {"n_estimators", "10"};
    struct mer_fit_options options = {.size = sizeof options,
                                      .target = "y",
                                      .family = "gbdt",
                                      .settings = &rounds,
                                      .n_settings = 1};
    struct mer_fitted *first, *more, *none = NULL;
    double errors[2] = {0};
    mer_err err;
    assert_ok(mer_fit(place->context, table, &options, &first, &err), &err);
    options.start = first;
    options.target = NULL; /* the model's */
    assert_ok(mer_fit(place->context, table, &options, &more, &err), &err);
    options.metric = "mae";
    assert_int_equal(mer_fit(place->context, table, &options, &none, &err).code, MER_ERR_USAGE);
    assert_null(none);
    for (size_t i = 0; i < 2; i++) {
        double *predictions;
        size_t n_outputs;
        assert_ok(mer_predict(i ? more : first, table, &predictions, &n_outputs, &err), &err);
        for (int row = 0; row < N_ROWS; row++)
            errors[i] += fabs(predictions[row] - (2 * row + row % 3));
        mer_numbers_free(predictions);
        if (i == 0)
            mer_fitted_free(first); /* the other one needs nothing of it */
    }
    assert_true(errors[1] < 0.6 * errors[0]);
    mer_fitted_free(more);
    mer_table_free(table);
}

struct scores {
    double rmse;
    size_t n;
};

static void note_score(void *self, const char *metric, double value)
{
    struct scores *const scores = self;
    scores->n++;
    if (strcmp(metric, "rmse") == 0)
        scores->rmse = value;
}

static void a_saved_model_predicts_as_before(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    struct mer_fitted *const model = fit(place, table, "y");
    char path[PATH_MAX_BYTES], csv_path[PATH_MAX_BYTES];
    struct mer_signer *signer;
    struct mer_trust *trust;
    struct mer_saved saved;
    struct mer_fitted *loaded;
    struct mer_table *again;
    double *before, *after;
    size_t n_outputs;
    mer_err err;
    assert_ok(mer_keys_new(place->keys, "test", NULL, NULL, &err), &err);
    assert_ok(mer_signer_open(place->keys, "test", NULL, NULL, &signer, &err), &err);
    path_in(place, "m.safetensors", path);
    assert_ok(mer_model_save(model, path, signer, false, &saved, &err), &err);
    assert_int_equal(mer_model_save(model, path, signer, false, NULL, &err).code, MER_ERR_EXISTS);
    assert_ok(mer_model_save(model, path, signer, true, NULL, &err), &err);
    assert_ok(mer_trust_open(place->keys, &trust, &err), &err);
    assert_ok(mer_model_load(place->context, path, trust, &loaded, &err), &err);
    assert_int_equal(mer_model_seed(loaded), 5);
    assert_true(mer_model_units(loaded) == mer_model_units(model));

    write_csv(place, "t.csv", csv_path);
    assert_ok(mer_model_read_table(loaded, csv_path, NULL, &again, &err), &err);
    assert_ok(mer_predict(model, table, &before, &n_outputs, &err), &err);
    assert_ok(mer_predict(loaded, again, &after, &n_outputs, &err), &err);
    assert_int_equal(n_outputs, 1);
    assert_memory_equal(before, after, N_ROWS * sizeof(double));

    struct scores scores = {.rmse = -1};
    assert_ok(mer_score(loaded, again, note_score, &scores, &err), &err);
    assert_true(scores.n > 3 && scores.rmse >= 0);
    assert_int_equal(mer_model_save(loaded, path, signer, true, NULL, &err).code, MER_ERR_USAGE);
    mer_numbers_free(before);
    mer_numbers_free(after);
    mer_table_free(again);
    mer_fitted_free(loaded);
    mer_trust_free(trust);
    mer_signer_free(signer);
    mer_fitted_free(model);
    mer_table_free(table);
}

static void an_unsigned_model_is_refused(void **state)
{
    const struct place *const place = *state;
    struct mer_table *const table = table_of(place);
    struct mer_fitted *const model = fit(place, table, "y");
    char path[PATH_MAX_BYTES];
    struct mer_trust *trust;
    struct mer_fitted *loaded = NULL;
    mer_err err;
    path_in(place, "m.safetensors", path);
    assert_ok(mer_model_save(model, path, NULL, false, NULL, &err), &err);
    assert_ok(mer_trust_open(place->keys, &trust, &err), &err);
    assert_int_equal(mer_model_load(place->context, path, trust, &loaded, &err).code,
                     MER_ERR_TRUST);
    assert_null(loaded);
    mer_trust_free(trust);
    mer_fitted_free(model);
    mer_table_free(table);
}

static void data_may_have_to_be_signed(void **state)
{
    const struct place *const place = *state;
    char path[PATH_MAX_BYTES];
    struct mer_signer *signer;
    struct mer_trust *trust;
    struct mer_table *table = NULL;
    mer_err err;
    write_csv(place, "t.csv", path);
    assert_ok(mer_keys_new(place->keys, "test", NULL, NULL, &err), &err);
    assert_ok(mer_trust_open(place->keys, &trust, &err), &err);
    const struct mer_table_options options = {
        .size = sizeof options, .has_header = -1, .trust = trust, .require_signature = true};
    assert_int_equal(mer_table_read(place->context, path, &options, &table, &err).code,
                     MER_ERR_TRUST);
    assert_null(table);
    assert_ok(mer_signer_open(place->keys, "test", NULL, NULL, &signer, &err), &err);
    assert_ok(mer_sign(signer, path, NULL, false, &err), &err);
    assert_ok(mer_table_read(place->context, path, &options, &table, &err), &err);
    const struct mer_origin *const origin = mer_table_origin(table);
    assert_true(origin->is_signed);
    assert_string_equal(origin->signature.signer_name, "test");
    assert_string_equal(origin->signature.digest, origin->digest);
    assert_int_equal(mer_table_rows(table), N_ROWS);
    mer_table_free(table);
    mer_signer_free(signer);
    mer_trust_free(trust);
}

static void keep_line(void *self, const char *line, size_t n)
{
    char *const kept = self;
    (void)snprintf(kept, 400, "%.*s", (int)n, line);
}

static void a_log_goes_to_the_console_and_a_file(void **state)
{
    const struct place *const place = *state;
    char path[PATH_MAX_BYTES], line[400] = "";
    struct stat status;
    mer_err err;
    const struct mer_log_config config = {.size = sizeof config,
                                          .console = MER_SEVERITY_INFO,
                                          .write = keep_line,
                                          .self = line,
                                          .file = path_in(place, "run.log", path)};
    assert_ok(mer_log_open(place->context, &config, &err), &err);
    assert_int_equal(mer_log_open(place->context, &config, &err).code, MER_ERR_USAGE);
    mer_log_line(place->context, MER_SEVERITY_INFO, "two\nlines");
    assert_non_null(strstr(line, "two"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1); /* one line all the same */
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    mer_log_close(place->context);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0400);
    assert_int_equal(mer_log_open(place->context, &config, &err).code, MER_ERR_EXISTS);
}

static void a_scratch_file_has_no_name(void **state)
{
    const struct place *const place = *state;
    struct stat status;
    int fd;
    mer_err err;
    assert_ok(mer_scratch_open(place->context, place->folder, &err), &err);
    assert_ok(mer_scratch_file(place->context, &fd, &err), &err);
    assert_int_equal(write(fd, "secret", 6), 6);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(close(fd), 0);
}

static void a_table_and_a_model_are_drawn(void **state)
{
    const struct place *const place = *state;
    char path[PATH_MAX_BYTES];
    struct mer_table *const table = table_of(place);
    struct mer_description *description;
    struct mer_fitted *model;
    struct stat status;
    char *json;
    mer_err err;
    struct mer_describe_options wrong = {.size = 1};
    assert_int_equal(mer_describe(table, &wrong, &description, &err).code, MER_ERR_USAGE);
    assert_ok(mer_describe(table, NULL, &description, &err), &err);
    assert_ok(mer_description_json(description, &json, &err), &err);
    assert_non_null(strstr(json, "\"rows\": 80"));
    mer_text_free(json);
    assert_ok(mer_description_save(description, path_in(place, "t.html", path), false, &err), &err);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(mer_description_save(description, path, false, &err).code, MER_ERR_EXISTS);
    assert_ok(mer_description_save(description, path, true, &err), &err);
    mer_description_free(description);

    struct mer_fit_options options = {.size = sizeof options, .target = "c", .max_trials = 2};
    assert_ok(mer_fit(place->context, table, &options, &model, &err), &err);
    assert_int_equal(mer_report_save(model, NULL, path, true, &err).code, MER_ERR_USAGE);
    mer_fitted_free(model);
    options.study = true;
    assert_ok(mer_fit(place->context, table, &options, &model, &err), &err);
    assert_int_equal(mer_report_save(model, NULL, path, false, &err).code, MER_ERR_EXISTS);
    assert_ok(mer_report_save(model, NULL, path_in(place, "m.html", path), false, &err), &err);
    mer_fitted_free(model);
    mer_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_struct_of_options_with_another_size_is_refused),
        cmocka_unit_test(an_unknown_instruction_set_is_refused),
        cmocka_unit_test(a_context_keeps_to_its_memory),
        cmocka_unit_test_setup_teardown(a_table_tells_its_columns, make_place, remove_place),
        cmocka_unit_test_setup_teardown(nothing_stays_allocated, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_cancelled_context_stops, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_fit_is_told_what_is_wrong_with_its_options, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(one_family_is_fitted_with_its_settings, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(a_saved_model_predicts_as_before, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_boosted_model_is_gone_on_with, make_place, remove_place),
        cmocka_unit_test_setup_teardown(an_unsigned_model_is_refused, make_place, remove_place),
        cmocka_unit_test_setup_teardown(data_may_have_to_be_signed, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_log_goes_to_the_console_and_a_file, make_place,
                                        remove_place),
        cmocka_unit_test_setup_teardown(a_scratch_file_has_no_name, make_place, remove_place),
        cmocka_unit_test_setup_teardown(a_table_and_a_model_are_drawn, make_place, remove_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
