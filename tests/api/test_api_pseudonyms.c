/* Pseudonyms through the public API: a table read with them holds no name, neither in this
 * process's table nor in the memory that other processes are given. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api_pseudonyms.h"

static char folder[] = "/tmp/merlon-test-XXXXXX";
static char data[64];
static struct mer_context *context;
static struct mer_pseudonyms *pseudonyms;

static void assert_ok(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        fail_msg("%s: %s", mer_code_name(status.code), err->message);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

/* 40 rows: canaryname0 is a number, canaryname1 has three levels, the target two. */
static void write_table(void)
{
    FILE *file = fopen(data, "wb");
    assert_non_null(file);
    fprintf(file, "canaryname0,canaryname1,canaryname2\n");
    for (int i = 0; i < 40; i++)
        fprintf(file, "%d.5,canarylevel%d,canarylabel%d\n", i * 7 % 40, i % 3, i * 7 % 40 > 19);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    mer_err err;
    (void)state;
    const struct mer_context_options options = {.size = sizeof options,
                                                .cell_program = MER_BINARY_DIR "/merlon-cell"};
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (!mkdtemp(folder))
        return 1;
    snprintf(data, sizeof data, "%s/data.csv", folder);
    write_table();
    assert_ok(mer_context_new(&options, &context, &err), &err);
    assert_ok(mer_pseudonyms_open(folder, "study", true, &pseudonyms, NULL, &err), &err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mer_pseudonyms_free(pseudonyms);
    mer_context_free(context);
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static struct mer_table *read_table(bool with_pseudonyms)
{
    struct mer_table *table = NULL;
    mer_err err;
    const struct mer_table_options options = {.size = sizeof options,
                                              .has_header = -1,
                                              .pseudonyms = with_pseudonyms ? pseudonyms : NULL};
    assert_ok(mer_table_read(context, data, &options, &table, &err), &err);
    return table;
}

static bool holds(const void *bytes, size_t n, const char *text)
{
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void what_other_processes_are_given_holds_no_name(void **state)
{
    (void)state;
    for (int with = 0; with < 2; with++) {
        struct mer_table *const table = read_table(with);
        struct stat info;
        assert_int_equal(fstat(table->image, &info), 0);
        const size_t n = (size_t)info.st_size;
        char *const image = malloc(n), *json = NULL;
        mer_err err;
        assert_int_equal(pread(table->image, image, n, 0), (ssize_t)n);
        assert_int_equal(holds(image, n, "canary"), !with);
        assert_int_equal(holds(table->frame.image, table->frame.n_image, "canary"), !with);
        assert_ok(mer_table_schema(table, &json, &err), &err);
        assert_int_equal(holds(json, strlen(json), "canary"), !with);
        mer_text_free(json);
        free(image);
        mer_table_free(table);
    }
}

static struct mer_fitted *fit(const struct mer_table *table)
{
    static const uint64_t seed = 3;
    struct mer_fitted *model = NULL;
    mer_err err;
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = "canaryname2",
                                            .seed = &seed,
                                            .max_trials = 3,
                                            .n_folds = 3};
    assert_ok(mer_fit(context, table, &options, &model, &err), &err);
    return model;
}

static void a_model_of_tokens_gives_names_back_to_who_has_the_key(void **state)
{
    char token[MER_PSEUDONYM_MAX];
    double *plain = NULL, *tokens = NULL;
    size_t n_outputs = 0;
    struct mer_table *again = NULL;
    mer_err err;
    (void)state;
    struct mer_table *const table = read_table(false), *const blind = read_table(true);
    struct mer_fitted *const model = fit(table), *const other = fit(blind);
    assert_false(mer_model_is_pseudonymous(model));
    assert_true(mer_model_is_pseudonymous(other));
    assert_ok(mer_pseudonym(pseudonyms, "canaryname2", NULL, token, &err), &err);
    assert_string_equal(mer_model_target(other), token);
    assert_int_equal(mer_model_read_table(other, data, NULL, &again, &err).code, MER_ERR_USAGE);
    assert_ok(mer_model_set_pseudonyms(other, pseudonyms, &err), &err);
    assert_string_equal(mer_model_target(other), "canaryname2");
    assert_string_equal(mer_model_label(other, 0), mer_model_label(model, 0));
    assert_ok(mer_model_read_table(other, data, NULL, &again, &err), &err);
    assert_false(holds(again->frame.image, again->frame.n_image, "canary"));
    assert_ok(mer_predict(model, table, &plain, &n_outputs, &err), &err);
    assert_ok(mer_predict(other, again, &tokens, &n_outputs, &err), &err);
    assert_memory_equal(plain, tokens, 40 * n_outputs * sizeof *plain);
    assert_int_equal(mer_model_set_pseudonyms(model, pseudonyms, &err).code, MER_ERR_USAGE);
    mer_numbers_free(plain);
    mer_numbers_free(tokens);
    mer_fitted_free(model);
    mer_fitted_free(other);
    mer_table_free(again);
    mer_table_free(table);
    mer_table_free(blind);
}

static void a_text_is_turned_back_by_what_it_is(void **state)
{
    static const char *const texts[][2] = {{"<p>%s</p>", "<p>canary&quot;name</p>"},
                                           {" {\"%s\": 1}", " {\"canary\\\"name\": 1}"},
                                           {"a,%s\n", "a,\"canary\"\"name\"\n"}};
    char token[MER_PSEUDONYM_MAX], text[100], *back = NULL;
    mer_err err;
    (void)state;
    strcpy(data + strlen(data) - 4, ".txt");
    FILE *file = fopen(data, "wb");
    assert_non_null(file);
    for (int i = 0; i < 20; i++)
        fprintf(file, i ? "%d,%d\n" : "\"canary\"\"name\",b\n", i, i);
    assert_int_equal(fclose(file), 0);
    mer_table_free(read_table(true));
    assert_ok(mer_pseudonym(pseudonyms, "canary\"name", NULL, token, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text, texts[i][0], token);
        assert_ok(
            mer_pseudonyms_turn_back(pseudonyms, NULL, text, strlen(text), &back, NULL, NULL, &err),
            &err);
        assert_string_equal(back, texts[i][1]);
        mer_text_free(back);
    }
    assert_int_equal(
        mer_pseudonyms_turn_back(pseudonyms, "xml", "", 0, &back, NULL, NULL, &err).code,
        MER_ERR_USAGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_other_processes_are_given_holds_no_name),
        TEST(a_model_of_tokens_gives_names_back_to_who_has_the_key),
        TEST(a_text_is_turned_back_by_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
