/* Texts as features: their terms, the sparse rows, what condenses them, the roles of columns. */
#include "automl_tables.h"

#include <stdlib.h>

#include "automl/pipeline.h"
#include "automl/prepare.h"
#include "automl/prepare_text.h"

static bool has_all_terms(const char *of, const char *in)
{
    struct mer_words words;
    bool found_all = true;
    uint32_t terms[1000];
    assert_ok(mer_words_init(&alloc, MER_TEXT_CHARACTERS_MAX, &words, &err));
    mer_words_find(&words, of, strlen(of));
    const size_t n = words.n_terms;
    assert_true(n > 0 && n < 1000);
    memcpy(terms, words.terms, n * sizeof *terms);
    mer_words_find(&words, in, strlen(in));
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < words.n_terms; k++)
            found |= words.terms[k] == terms[i];
        found_all &= found;
    }
    mer_words_release(&alloc, &words);
    return found_all;
}

static void terms_do_not_depend_on_capitals_in_any_script(void **state)
{
    (void)state;
    assert_true(has_all_terms("Hello WORLD", "hello world"));
    assert_true(has_all_terms("\xc3\x84RGER \xce\xa3\xce\xa9", "\xc3\xa4rger \xcf\x83\xcf\x89"));
    assert_true(has_all_terms("\xd0\x96\xd0\xaf", "\xd0\xb6\xd1\x8f"));
    assert_true(has_all_terms("\xc5\x81\xc3\xb3", "\xc5\x82\xc3\x93"));
    assert_false(has_all_terms("hello", "help"));
}

static void words_pairs_and_runs_of_characters_are_terms(void **state)
{
    (void)state;
    struct mer_words words;
    assert_ok(mer_words_init(&alloc, MER_TEXT_CHARACTERS_MAX, &words, &err));
    /* Two words and their pair; of " ab " 2 runs of three and 1 of four characters, of " cde " 3, 2
     * and 1. */
    mer_words_find(&words, "ab cde", 6);
    size_t n_words = 0;
    for (size_t i = 0; i < words.n_terms; i++)
        n_words += words.terms[i] < MER_TERM_HALF;
    assert_int_equal(n_words, 3);
    assert_int_equal(words.n_terms, 3 + 3 + 6);
    mer_words_find(&words, "", 0);
    assert_int_equal(words.n_terms, 0);
    mer_words_find(&words, "\xff\xfe\x80", 3); /* no UTF-8: still no harm */
    mer_words_release(&alloc, &words);
}

static void a_huge_text_is_read_to_its_limit(void **state)
{
    (void)state;
    const size_t n = 4 * MER_TEXT_CHARACTERS_MAX;
    struct mer_words words;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 2 ? ' ' : 'a';
    assert_ok(mer_words_init(&alloc, MER_TEXT_CHARACTERS_MAX, &words, &err));
    mer_words_find(&words, text, n);
    assert_true(words.n_terms > 0 && words.n_terms <= 4 * MER_TEXT_CHARACTERS_MAX + 8);
    memset(text, 'b', n);
    mer_words_find(&words, text, n);
    assert_true(words.n_terms > 0 && words.n_terms <= 4 * MER_TEXT_CHARACTERS_MAX + 8);
    mer_words_release(&alloc, &words);
    free(text);
}

/* Room follows from the bytes of the longest text: of every length words of every length, and bytes
 * that are no UTF-8. */
static void no_text_has_more_terms_than_its_bytes_allow(void **state)
{
    (void)state;
    char text[64];
    for (size_t n = 0; n <= sizeof text; n++) {
        struct mer_words words;
        assert_ok(mer_words_init(&alloc, n, &words, &err));
        for (size_t period = 1; period <= sizeof text; period++) {
            for (size_t i = 0; i < n; i++)
                text[i] = (char)(i % (period + 1) == period ? ' ' : period % 2 ? 'a' : 0xff);
            mer_words_find(&words, text, n);
            assert_true(words.n_terms <= mer_words_terms_max(n));
        }
        mer_words_release(&alloc, &words);
    }
}

/* Notes of two kinds, told apart by a few words. */
static struct mer_frame make_notes(size_t n, uint64_t seed)
{
    static const char *const words[] = {"the",   "ship", "sails",   "over", "sea",   "bread",
                                        "oven",  "is",   "warm",    "and",  "grain", "wave",
                                        "flour", "deck", "baker's", "mast"};
    static const int kinds[2][6] = {{1, 2, 4, 11, 13, 15}, {5, 6, 8, 10, 12, 14}};
    struct mer_buf buf;
    const char *text;
    mer_rng rng;
    mer_buf_init(&buf, &alloc, 1 << 24);
    mer_rng_init(&rng, seed, 0);
    assert_ok(mer_buf_text(&buf, "note,x,copy,kind\n", &err));
    for (size_t i = 0; i < n; i++) {
        const size_t kind = mer_rng_below(&rng, 2);
        const unsigned x = (unsigned)mer_rng_below(&rng, 1000);
        for (size_t w = 0; w < 6; w++)
            assert_ok(mer_buf_printf(&buf, &err, "%s%s", w ? " " : "",
                                     w % 2 ? words[kinds[kind][mer_rng_below(&rng, 6)]]
                                           : words[mer_rng_below(&rng, 16)]));
        assert_ok(mer_buf_printf(&buf, &err, " %zu,%u.5,%u.5,%s\n", i, x, x, kind ? "b" : "a"));
    }
    assert_ok(mer_buf_cstr(&buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(&buf);
    assert_int_equal(frame.columns[0].type, MER_TYPE_TEXT);
    return frame;
}

static void rows_are_of_one_length_and_components_are_standardised(void **state)
{
    (void)state;
    struct mer_frame frame = make_notes(400, 1);
    struct mer_prepare *prepare;
    struct mer_prepared prepared;
    double mean = 0, squares = 0;

    assert_ok(mer_prepare_fit(&ctx, &frame, 3, NULL, 0, NULL, &prepare, &err));
    assert_ok(mer_prepare_apply(&ctx, prepare, &frame, NULL, 0, &prepared, &err));
    const struct mer_design *design = &prepared.design;
    assert_true(design->n_sparse > 50);
    assert_int_equal(design->n_condensed, 10); /* one for each forty rows */
    for (size_t i = 0; i < design->n_rows; i++) {
        double length = 0;
        for (size_t e = design->sparse_start[i]; e < design->sparse_start[i + 1]; e++) {
            assert_true(design->sparse_columns[e] < design->n_sparse);
            length += (double)design->sparse_values[e] * (double)design->sparse_values[e];
        }
        assert_true(fabs(length - 16) < 1e-4);
        mean += design->dense[(i + 1) * design->n_dense - 10];
        squares += design->dense[(i + 1) * design->n_dense - 10] *
                   design->dense[(i + 1) * design->n_dense - 10];
    }
    assert_true(fabs(mean / 400) < 1e-6 && fabs(squares / 400 - 1) < 1e-6);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
}

static void a_term_that_the_training_rows_do_not_share_is_no_feature(void **state)
{
    (void)state;
    struct mer_frame frame = make_notes(100, 2);
    struct mer_frame other =
        read_table("note,x,copy,kind\nzzz qqq,1.5,1.5,a\n,2.5,2.5,b\nsea,1.5,1.5,a\n");
    struct mer_prepare *prepare;
    struct mer_prepared prepared;

    assert_ok(mer_prepare_fit(&ctx, &frame, 3, NULL, 0, NULL, &prepare, &err));
    /* Few texts make a categorical column of the other table: it stands for text all the same. */
    assert_int_equal(other.columns[0].type, MER_TYPE_CATEGORICAL);
    assert_ok(mer_prepare_apply(&ctx, prepare, &other, NULL, 0, &prepared, &err));
    assert_int_equal(prepared.sparse_start[1], 0);
    assert_int_equal(prepared.sparse_start[2], 0);
    assert_true(prepared.sparse_start[3] >= 5);
    mer_prepared_release(&ctx, &prepared);
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&other);
    mer_frame_release(&frame);
}

static void texts_have_the_same_features_with_any_number_of_threads(void **state)
{
    (void)state;
    struct mer_frame frame = make_notes(1500, 3);
    struct mer_prepare *prepare[2];
    struct mer_prepared prepared[2];
    struct mer_team *const none = ctx.team;

    for (size_t t = 0; t < 2; t++) {
        if (t == 1)
            assert_ok(mer_team_new(&alloc, 3, &ctx.team, &err));
        assert_ok(mer_prepare_fit(&ctx, &frame, 3, NULL, 0, NULL, &prepare[t], &err));
        assert_ok(mer_prepare_apply(&ctx, prepare[t], &frame, NULL, 0, &prepared[t], &err));
    }
    const struct mer_design *a = &prepared[0].design, *b = &prepared[1].design;
    assert_int_equal(a->n_dense, b->n_dense);
    assert_int_equal(a->n_condensed, 32);
    assert_memory_equal(a->dense, b->dense, a->n_rows * a->n_dense * sizeof(double));
    assert_memory_equal(a->sparse_start, b->sparse_start, (a->n_rows + 1) * sizeof(size_t));
    const size_t n = a->sparse_start[a->n_rows];
    assert_memory_equal(a->sparse_columns, b->sparse_columns, n * sizeof(uint32_t));
    assert_memory_equal(a->sparse_values, b->sparse_values, n * sizeof(float));
    for (size_t t = 0; t < 2; t++) {
        mer_prepared_release(&ctx, &prepared[t]);
        mer_prepare_free(&ctx, prepare[t]);
    }
    mer_team_free(ctx.team);
    ctx.team = none;
    mer_frame_release(&frame);
}

/* A matrix with known singular vectors: rows are multiples of a few orthogonal patterns. */
static void directions_are_the_singular_vectors(void **state)
{
    (void)state;
    enum { ROWS = 300, COLUMNS = 12, PATTERNS = 3 };
    size_t start[ROWS + 1];
    uint32_t columns[ROWS * 4];
    float values[ROWS * 4], directions[COLUMNS * 8];
    size_t n = 0, n_found = 0;
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    for (size_t i = 0; i < ROWS; i++) {
        const size_t pattern = i % PATTERNS;
        start[i] = n;
        /* Pattern p lights columns 4p .. 4p + 3, alike; pattern 0 weighs most. */
        for (size_t k = 0; k < 4; k++) {
            columns[n] = (uint32_t)(4 * pattern + k);
            values[n++] = (float)(3 - (double)pattern);
        }
    }
    start[ROWS] = n;
    const struct mer_csr matrix = {ROWS, COLUMNS, start, columns, values};
    assert_ok(mer_lsa_directions(&ctx, &matrix, 8, 1, directions, &n_found, &err));
    assert_int_equal(n_found, PATTERNS); /* its rank */
    for (size_t p = 0; p < PATTERNS; p++)
        for (size_t j = 0; j < COLUMNS; j++) {
            const double expected = j / 4 == p ? 0.5 : 0;
            assert_true(fabs(fabs((double)directions[j * n_found + p]) - expected) < 1e-6);
        }
}

static void columns_have_roles_and_copies_are_left_out(void **state)
{
    (void)state;
    struct mer_frame frame = make_notes(100, 4);
    struct mer_prepare *prepare;
    struct mer_prepare_column column;

    assert_ok(mer_prepare_fit(&ctx, &frame, 3, NULL, 0, NULL, &prepare, &err));
    mer_prepare_describe(prepare, 0, &column);
    assert_int_equal(column.role, MER_COLUMN_TEXT);
    assert_string_equal(mer_column_reason_text(column.reason), "its texts have several words");
    assert_true(column.n_terms > 0 && column.n_dense > 0);
    mer_prepare_describe(prepare, 1, &column);
    assert_int_equal(column.role, MER_COLUMN_NUMBER);
    assert_int_equal(column.left_out, MER_LEFT_OUT_NOT);
    mer_prepare_describe(prepare, 2, &column);
    assert_int_equal(column.role, MER_COLUMN_DUPLICATE);
    assert_int_equal(column.left_out, MER_LEFT_OUT_DUPLICATE);
    assert_string_equal(mer_column_reason_text(column.reason),
                        "another column says the same in every row");
    mer_prepare_free(&ctx, prepare);
    mer_frame_release(&frame);
}

static void what_the_schema_says_of_a_column_decides(void **state)
{
    (void)state;
    char text[4000] = "id,code,y\n";
    for (int i = 0; i < 60; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "%d,K%dx%d,%d\n", i + 1, i * 7, i % 3, i % 2);
        strcat(text, line);
    }
    struct mer_frame frame = read_table(text);
    struct mer_field fields[] = {
        {.name = "id", .n_name = 2, .type = MER_TYPE_INTEGER, .role = MER_ROLE_FEATURE},
        {.name = "code", .n_name = 4, .type = MER_TYPE_TEXT, .flags = MER_FIELD_TEXT}};
    const struct mer_schema schema = {.fields = fields, .n_fields = 2};
    uint8_t *hints;
    assert_ok(mer_prepare_hints(&alloc, &frame, &schema, &hints, &err));
    const struct mer_prepare_options options = {.hints = hints};
    struct mer_prepare *prepare;
    struct mer_prepare_column column;

    assert_ok(mer_prepare_fit(&ctx, &frame, 2, NULL, 0, NULL, &prepare, &err));
    for (size_t i = 0; i < 2; i++) {
        mer_prepare_describe(prepare, i, &column);
        assert_int_equal(column.role, MER_COLUMN_IDENTIFIER);
    }
    mer_prepare_free(&ctx, prepare);
    assert_ok(mer_prepare_fit(&ctx, &frame, 2, NULL, 0, &options, &prepare, &err));
    mer_prepare_describe(prepare, 0, &column);
    assert_int_equal(column.role, MER_COLUMN_NUMBER);
    assert_int_equal(column.left_out, MER_LEFT_OUT_NOT);
    mer_prepare_describe(prepare, 1, &column);
    assert_int_equal(column.role, MER_COLUMN_TEXT);
    assert_int_equal(column.reason, MER_BECAUSE_SCHEMA_TEXT);
    mer_prepare_free(&ctx, prepare);
    mer_free(&alloc, hints);
    mer_frame_release(&frame);
}

static struct mer_pipeline *fit_family(const struct mer_frame *frame, const char *family)
{
    const struct mer_search_options options = {
        .target = "kind", .family = mer_family_find(family), .seed = 3, .n_folds = 2};
    struct mer_schema schema;
    struct mer_pipeline *pipeline;
    mer_schema_init(&schema, &alloc);
    assert_ok(mer_search_fit(&ctx, frame, &schema, &options, &pipeline, &err));
    mer_schema_release(&schema);
    return pipeline;
}

static double share_right(const struct mer_pipeline *pipeline, const struct mer_frame *frame)
{
    double *predictions;
    size_t n_right = 0;
    assert_ok(mer_pipeline_predict(&ctx, pipeline, frame, &predictions, &err));
    const struct mer_column *kind = &frame->columns[3];
    for (size_t i = 0; i < frame->n_rows; i++) {
        const struct mer_cell cell = mer_column_level(kind, (size_t)kind->data.codes[i]);
        const size_t guess = predictions[2 * i + 1] > 0.5;
        n_right += strlen(pipeline->labels[guess]) == cell.n &&
                   memcmp(pipeline->labels[guess], cell.bytes, cell.n) == 0;
    }
    mer_free(&alloc, predictions);
    return (double)n_right / (double)frame->n_rows;
}

static void every_family_learns_from_text_and_predicts_the_same_when_loaded(void **state)
{
    (void)state;
    static const char *const families[] = {"linear", "tree", "gbdt", "random_forest"};
    struct mer_frame train = make_notes(600, 6), test = make_notes(300, 7);

    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        struct mer_pipeline *pipeline = fit_family(&train, families[f]), *loaded;
        struct mer_bundle bundle;
        double *a, *b;
        assert_true(share_right(pipeline, &test) > 0.85);
        mer_bundle_init(&bundle, &alloc);
        assert_ok(mer_pipeline_save(&ctx, pipeline, &bundle, &err));
        assert_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err));
        assert_ok(mer_pipeline_predict(&ctx, pipeline, &test, &a, &err));
        assert_ok(mer_pipeline_predict(&ctx, loaded, &test, &b, &err));
        assert_memory_equal(a, b, 2 * test.n_rows * sizeof *a);
        mer_free(&alloc, a);
        mer_free(&alloc, b);
        mer_pipeline_free(&ctx, loaded);
        mer_pipeline_free(&ctx, pipeline);
        mer_bundle_release(&bundle);
    }
    mer_frame_release(&test);
    mer_frame_release(&train);
}

/* Changes one number of an array of a saved model; it must be refused. */
static void assert_refused(const struct mer_pipeline *pipeline, const char *name,
                           void (*spoil)(void *data, size_t n_bytes))
{
    struct mer_bundle bundle;
    struct mer_pipeline *loaded = NULL;
    mer_bundle_init(&bundle, &alloc);
    assert_ok(mer_pipeline_save(&ctx, pipeline, &bundle, &err));
    const struct mer_array *array = mer_bundle_find(&bundle, name);
    assert_non_null(array);
    spoil((void *)(uintptr_t)array->data, array->n_bytes);
    if (mer_is_ok(mer_pipeline_load(&ctx, &bundle, &loaded, &err)))
        fail_msg("not refused: %s", name);
    mer_bundle_release(&bundle);
}

static void make_largest(void *data, size_t n_bytes)
{
    memset(data, 0xff, n_bytes < 8 ? n_bytes : 8);
}

static void make_alike(void *data, size_t n_bytes)
{
    assert_true(n_bytes >= 8);
    memcpy((char *)data + 4, data, 4);
}

static void make_nothing(void *data, size_t n_bytes)
{
    memset(data, 0, n_bytes);
}

static void altered_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*spoil)(void *data, size_t n_bytes);
    } cases[] = {
        {"prepare/text_terms", make_largest},      {"prepare/text_components", make_largest},
        {"prepare/text_row_terms", make_largest},  {"prepare/term_bucket", make_largest},
        {"prepare/term_bucket", make_alike},       {"prepare/term_weight", make_largest},
        {"prepare/term_weight", make_nothing},     {"prepare/term_directions", make_largest},
        {"prepare/component_mean", make_largest},  {"prepare/component_scale", make_largest},
        {"prepare/component_scale", make_nothing}, {"prepare/roles", make_largest},
        {"prepare/reasons", make_largest},         {"prepare/text_terms", make_nothing}};
    struct mer_frame frame = make_notes(200, 8);
    struct mer_pipeline *pipeline = fit_family(&frame, "tree");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(pipeline, cases[i].name, cases[i].spoil);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(terms_do_not_depend_on_capitals_in_any_script),
        TEST(words_pairs_and_runs_of_characters_are_terms),
        TEST(a_huge_text_is_read_to_its_limit),
        TEST(no_text_has_more_terms_than_its_bytes_allow),
        TEST(rows_are_of_one_length_and_components_are_standardised),
        TEST(a_term_that_the_training_rows_do_not_share_is_no_feature),
        TEST(texts_have_the_same_features_with_any_number_of_threads),
        TEST(directions_are_the_singular_vectors),
        TEST(columns_have_roles_and_copies_are_left_out),
        TEST(what_the_schema_says_of_a_column_decides),
        TEST(every_family_learns_from_text_and_predicts_the_same_when_loaded),
        TEST(altered_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
