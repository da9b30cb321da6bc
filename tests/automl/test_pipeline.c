/* A saved pipeline: what is loaded predicts the same, and what was tampered with is refused or
 * harmless. */
#include "automl_tables.h"

#include <math.h>
#include <stdlib.h>

#ifdef MER_UNDER_VALGRIND /* a pipeline is loaded some 50 times slower there */
enum { N_ROUNDS = 6, JSON_STEP = 7 };
#else
enum { N_ROUNDS = 60, JSON_STEP = 1 };
#endif

/* Behind the families, and one for ensembles of one layer. */
#define TWO_LAYERS (MER_N_FAMILIES + 1)

/* A fitted pipeline of each family and task, or an ensemble, and the table that it predicts. */
struct model {
    struct mer_frame frame;
    struct mer_pipeline *pipeline;
    struct mer_bundle bundle;
    double *predictions;
};

static const struct mer_family *family_at(size_t i, enum mer_task task)
{
    static const unsigned wanted[] = {MER_CAN_REGRESSION, MER_CAN_BINARY, MER_CAN_MULTICLASS};
    return MER_FAMILIES[i]->capabilities & wanted[task] ? MER_FAMILIES[i] : NULL;
}

/* A second layer is kept where it scores better: for some seed it does. */
static struct mer_pipeline *fit_layers(const struct mer_frame *frame)
{
    struct mer_search_options options = {.seed = 1, .n_folds = 3, .max_trials = 12, .n_layers = 2};
    for (; options.seed < 40; options.seed++) {
        struct mer_pipeline *pipeline = fit(frame, &options);
        if (mer_members_bases(pipeline->members, pipeline->n_members) > 0)
            return pipeline;
        mer_pipeline_free(&ctx, pipeline);
    }
    fail_msg("no seed has kept a second layer");
    return NULL;
}

static bool make_model(size_t family, size_t task, struct model *ret)
{
    static const enum mer_task tasks[] = {MER_TASK_BINARY, MER_TASK_MULTICLASS,
                                          MER_TASK_REGRESSION};
    struct mer_search_options options = {.seed = UINT64_MAX - 1, .n_folds = 2};
    options.family = family < MER_N_FAMILIES ? family_at(family, tasks[task]) : NULL;
    if (family < MER_N_FAMILIES && !options.family)
        return false;
    if (!options.family)
        options.max_trials = 24;
    ret->frame = make_table(80, "bmr"[task], 21);
    ret->pipeline = family == TWO_LAYERS ? fit_layers(&ret->frame) : fit(&ret->frame, &options);
    assert_true(options.family ? ret->pipeline->n_members == 1 : ret->pipeline->n_members > 1);
    assert_int_equal(mer_members_bases(ret->pipeline->members, ret->pipeline->n_members) > 0,
                     family == TWO_LAYERS);
    ret->bundle = save(ret->pipeline);
    assert_ok(mer_pipeline_predict(&ctx, ret->pipeline, &ret->frame, &ret->predictions, &err));
    return true;
}

static void release_model(struct model *model)
{
    mer_free(&alloc, model->predictions);
    mer_bundle_release(&model->bundle);
    mer_pipeline_free(&ctx, model->pipeline);
    mer_frame_release(&model->frame);
}

/* Loads, and predicts when that succeeded; the status of loading. */
static mer_status load_and_predict(const struct model *model, const struct mer_bundle *bundle,
                                   bool *ret_same)
{
    struct mer_pipeline *pipeline = NULL;
    double *predictions = NULL;

    mer_err_clear(&err);
    const mer_status status = mer_pipeline_load(&ctx, bundle, &pipeline, &err);
    if (!mer_is_ok(status))
        return status;
    const mer_status predicted =
        mer_pipeline_predict(&ctx, pipeline, &model->frame, &predictions, &err);
    *ret_same = mer_is_ok(predicted) && pipeline->n_classes == model->pipeline->n_classes &&
                memcmp(predictions, model->predictions,
                       model->frame.n_rows * sizeof(double) *
                           mer_target_outputs(pipeline->task, pipeline->n_classes)) == 0;
    mer_free(&alloc, predictions);
    mer_pipeline_free(&ctx, pipeline);
    return status;
}

static void assert_refused(const struct model *model, const struct mer_bundle *bundle,
                           const char *what)
{
    bool same;
    if (load_and_predict(model, bundle, &same).code != MER_ERR_DATA)
        fail_msg("not refused: %s", what);
    assert_true(err.message[0] != '\0');
}

/* Runs `check` on a model of every family and task, and on ensembles. */
static void for_every_model(void (*check)(struct model *model))
{
    struct model model;
    for (size_t family = 0; family <= TWO_LAYERS; family++) {
        for (size_t task = 0; task < 3; task++) {
            if (make_model(family, task, &model)) {
                check(&model);
                release_model(&model);
            }
        }
    }
}

static void check_round_trip(struct model *model)
{
    struct mer_pipeline *loaded;
    bool same;
    assert_ok(load_and_predict(model, &model->bundle, &same));
    assert_true(same);

    assert_ok(mer_pipeline_load(&ctx, &model->bundle, &loaded, &err));
    assert_true(loaded->seed == model->pipeline->seed);
    assert_true(loaded->units == model->pipeline->units);
    assert_int_equal(loaded->validation.n_folds, model->pipeline->validation.n_folds);
    assert_int_equal(loaded->validation.n_repeats, model->pipeline->validation.n_repeats);
    assert_int_equal(loaded->validation.kind, model->pipeline->validation.kind);
    assert_int_equal(loaded->n_train_rows, 80);
    assert_string_equal(loaded->target, "y");
    assert_int_equal(loaded->n_members, model->pipeline->n_members);
    assert_true(loaded->n_members == 1 || loaded->score == model->pipeline->score);
    assert_int_equal(loaded->schema.n_fields, model->frame.n_columns);
    assert_true(loaded->trials[0].score == model->pipeline->trials[0].score);
    for (size_t i = 0; i < loaded->n_trials; i++)
        assert_true(loaded->trials[i].is_second == model->pipeline->trials[i].is_second);
    /* What was loaded saves itself as the same bytes. */
    struct mer_bundle again = save(loaded);
    assert_string_equal(again.json, model->bundle.json);
    assert_int_equal(again.n_arrays, model->bundle.n_arrays);
    for (size_t i = 0; i < again.n_arrays; i++)
        assert_memory_equal(again.arrays[i].data, model->bundle.arrays[i].data,
                            again.arrays[i].n_bytes);
    mer_bundle_release(&again);
    mer_pipeline_free(&ctx, loaded);
}

static void what_is_loaded_predicts_the_same(void **state)
{
    (void)state;
    for_every_model(check_round_trip);
}

enum change { DROPPED, OTHER_TYPE, SHORTER, LONGER, MORE_DIMENSIONS, N_CHANGES };

/* A copy of the bundle with one array changed. */
static struct mer_bundle changed_copy(const struct mer_bundle *bundle, size_t which,
                                      enum change change)
{
    static const enum mer_dtype other[MER_DTYPE_COUNT] = {
        [MER_DTYPE_U8] = MER_DTYPE_I8,   [MER_DTYPE_I8] = MER_DTYPE_U8,
        [MER_DTYPE_U16] = MER_DTYPE_I16, [MER_DTYPE_I16] = MER_DTYPE_U16,
        [MER_DTYPE_U32] = MER_DTYPE_F32, [MER_DTYPE_I32] = MER_DTYPE_U32,
        [MER_DTYPE_U64] = MER_DTYPE_I64, [MER_DTYPE_I64] = MER_DTYPE_F64,
        [MER_DTYPE_F32] = MER_DTYPE_I32, [MER_DTYPE_F64] = MER_DTYPE_I64};
    struct mer_bundle copy;
    mer_bundle_init(&copy, &alloc);
    for (size_t i = 0; i < bundle->n_arrays; i++) {
        struct mer_array array = bundle->arrays[i];
        unsigned char *data;
        if (i == which && change == DROPPED)
            continue;
        assert_ok(mer_arena_zero(&copy.arena, array.n_bytes + 64, 1, &data, &err));
        if (array.n_bytes > 0)
            memcpy(data, array.data, array.n_bytes);
        if (i == which && change == OTHER_TYPE)
            array.dtype = other[array.dtype];
        if (i == which && change == SHORTER)
            array.shape[0]--;
        if (i == which && change == LONGER)
            array.shape[0]++;
        if (i == which && change == MORE_DIMENSIONS)
            array.shape[array.n_dims++] = 1;
        assert_ok(mer_bundle_add(&copy, array.name, array.dtype, array.n_dims, array.shape, data,
                                 false, &err));
    }
    copy.json = bundle->json;
    copy.n_json = bundle->n_json;
    return copy;
}

static void check_changed_arrays(struct model *model)
{
    for (size_t i = 0; i < model->bundle.n_arrays; i++) {
        for (enum change change = DROPPED; change < N_CHANGES; change++) {
            if (change == SHORTER && model->bundle.arrays[i].shape[0] == 0)
                continue;
            struct mer_bundle copy = changed_copy(&model->bundle, i, change);
            assert_refused(model, &copy, model->bundle.arrays[i].name);
            mer_bundle_release(&copy);
        }
    }
}

static void an_array_dropped_or_of_another_type_or_size_is_refused(void **state)
{
    (void)state;
    for_every_model(check_changed_arrays);
}

/* Bytes changed at random: loading refuses, or predicting is safe. The sanitizers look on. */
static void check_random_bytes(struct model *model)
{
    mer_rng rng;
    mer_rng_init(&rng, 3, 0);
    for (size_t i = 0; i < model->bundle.n_arrays; i++) {
        for (int round = 0; round < N_ROUNDS; round++) {
            struct mer_bundle copy = changed_copy(&model->bundle, SIZE_MAX, DROPPED);
            unsigned char *data = (unsigned char *)(uintptr_t)copy.arrays[i].data;
            const size_t n = copy.arrays[i].n_bytes;
            bool same;
            for (int k = 0; n > 0 && k <= round % 4; k++) {
                const size_t at = (size_t)mer_rng_below(&rng, n);
                data[at] = (unsigned char)(round % 3 == 0   ? 0xff
                                           : round % 3 == 1 ? data[at] ^ 1u << round % 8
                                                            : mer_rng_u32(&rng));
            }
            const mer_status status = load_and_predict(model, &copy, &same);
            assert_true(mer_is_ok(status) || status.code == MER_ERR_DATA);
            mer_bundle_release(&copy);
        }
    }
}

static void changed_bytes_are_refused_or_harmless(void **state)
{
    (void)state;
    for_every_model(check_random_bytes);
}

/* Where values and members lie in canonical JSON. Members of "params" are left out: a parameter
 * that an older version did not know has its default. */
struct span {
    size_t begin;
    size_t end;
    bool is_member; /* "key":value, else a value */
};
struct spans {
    struct span spans[2000];
    size_t n;
};

static void add_span(struct spans *spans, size_t begin, size_t end, bool is_member)
{
    assert_true(spans->n < 2000);
    spans->spans[spans->n++] = (struct span){begin, end, is_member};
}

/* Adds the value at `at` and all inside it; returns where it ends. */
static size_t scan_value(const char *json, size_t at, struct spans *spans)
{
    const size_t begin = at;
    if (json[at] == '{' || json[at] == '[') {
        const char close = json[at] == '{' ? '}' : ']';
        at++;
        while (json[at] != close) {
            const size_t member = at;
            if (close == '}') {
                for (at++; json[at] != '"'; at++)
                    at += json[at] == '\\';
                at += 2;
            }
            at = scan_value(json, at, spans);
            if (close == '}' && (begin < 9 || memcmp(json + begin - 9, "\"params\":", 9) != 0))
                add_span(spans, member, at, true);
            at += json[at] == ',';
        }
        at++;
    } else if (json[at] == '"') {
        for (at++; json[at] != '"'; at++)
            at += json[at] == '\\';
        at++;
    } else {
        while (!strchr(",]}", json[at]))
            at++;
    }
    add_span(spans, begin, at, false);
    return at;
}

/* The JSON with [begin, end) replaced. */
static char *replaced(const char *json, size_t begin, size_t end, const char *by)
{
    char *text = malloc(strlen(json) + strlen(by) + 1);
    assert_non_null(text);
    memcpy(text, json, begin);
    strcpy(text + begin, by);
    strcat(text, json + end);
    return text;
}

static void assert_json_refused(const struct model *model, char *json)
{
    struct mer_bundle copy = changed_copy(&model->bundle, SIZE_MAX, DROPPED);
    copy.json = json;
    copy.n_json = strlen(json);
    assert_refused(model, &copy, json);
    mer_bundle_release(&copy);
    free(json);
}

/* What kind a value is, by its first character. */
static int kind_of(char c)
{
    return c == '-' || (c >= '0' && c <= '9') ? '0' : c == 't' || c == 'f' ? 't' : c;
}

/* Whether a score is there that may be null. */
static bool is_score(const char *json, size_t begin)
{
    if (begin > 12 && (memcmp(json + begin - 8, "\"score\":", 8) == 0 ||
                       memcmp(json + begin - 12, "\"deviation\":", 12) == 0))
        return true;
    /* One of several. */
    size_t at = begin;
    while (at > 0 && strchr("0123456789.,-enul", json[at - 1]))
        at--;
    return at > 12 && (memcmp(json + at - 10, "\"scores\":[", 10) == 0 ||
                       memcmp(json + at - 12, "\"reported\":[", 12) == 0);
}

static void check_changed_json(struct model *model)
{
    static const char *const others[] = {"null", "true", "-7", "\"?\"", "[]", "{}", "1e300"};
    const char *json = model->bundle.json;
    struct spans *spans = calloc(1, sizeof(*spans));
    assert_non_null(spans);
    assert_int_equal(scan_value(json, 0, spans), strlen(json));
    for (size_t i = 0; i < spans->n; i += JSON_STEP) {
        size_t begin = spans->spans[i].begin, end = spans->spans[i].end;
        if (spans->spans[i].is_member) {
            /* With the comma behind it or before it. */
            if (json[end] == ',')
                end++;
            else if (json[begin - 1] == ',')
                begin--;
            assert_json_refused(model, replaced(json, begin, end, ""));
            continue;
        }
        const bool may_be_null = is_score(json, begin);
        for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++) {
            if (kind_of(others[k][0]) == kind_of(json[begin]) ||
                (may_be_null && (k == 0 || kind_of(others[k][0]) == '0')))
                continue;
            assert_json_refused(model, replaced(json, begin, end, others[k]));
        }
    }
    free(spans);
}

static void a_json_member_removed_or_of_another_type_is_refused(void **state)
{
    (void)state;
    for_every_model(check_changed_json);
}

static void a_model_of_a_newer_format_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct model model;
    assert_true(make_model(0, 0, &model));
    static const char format[] = "{\"format\":1";
    assert_memory_equal(model.bundle.json, format, sizeof(format) - 1);
    assert_json_refused(&model,
                        replaced(model.bundle.json, 0, sizeof(format) - 1, "{\"format\":4"));
    assert_non_null(strstr(err.hint, "newer version"));
    model.bundle.json = NULL;
    assert_refused(&model, &model.bundle, "no JSON");
    release_model(&model);
}

static void a_family_that_cannot_do_the_task_is_refused(void **state)
{
    (void)state;
    struct model model;
    assert_true(make_model(0, 0, &model));
    const char *at = strstr(model.bundle.json, "\"family\":\"");
    assert_non_null(at);
    const size_t begin = (size_t)(at - model.bundle.json) + 10;
    const size_t end = begin + strcspn(model.bundle.json + begin, "\"");
    assert_json_refused(&model, replaced(model.bundle.json, begin, end, "no_such_family"));
    assert_non_null(strstr(err.message, "no_such_family"));
    release_model(&model);
}

static void prediction_needs_neither_the_target_nor_the_order_of_columns(void **state)
{
    (void)state;
    struct model model;
    double *predictions;
    assert_true(make_model(MER_N_FAMILIES - 1, 0, &model));
    struct mer_frame view = model.frame;
    struct mer_column columns[16];
    const size_t n = model.frame.n_columns - 1; /* the target is the last */
    for (size_t i = 0; i < n; i++)
        columns[i] = model.frame.columns[n - 1 - i];
    view.columns = columns;
    view.n_columns = n;
    assert_ok(mer_pipeline_predict(&ctx, model.pipeline, &view, &predictions, &err));
    assert_memory_equal(predictions, model.predictions, view.n_rows * 2 * sizeof(double));
    mer_free(&alloc, predictions);
    release_model(&model);
}

/* The labels of rows, and nothing else of them, are in the model. */
static void no_rare_level_and_no_identifier_is_in_the_model(void **state)
{
    (void)state;
    char text[8000] = "who,place,y\n";
    for (int i = 0; i < 60; i++) {
        char line[60];
        (void)snprintf(line, sizeof(line), "canary%d,%s,%s\n", i,
                       i == 7  ? "canary"
                       : i % 2 ? "here"
                               : "there",
                       i % 3 ? "a" : "b");
        strcat(text, line);
    }
    struct mer_frame frame = read_table(text);
    const struct mer_search_options options = {.seed = 1, .n_folds = 2, .max_trials = 3};
    struct mer_pipeline *pipeline = fit(&frame, &options);
    struct mer_bundle bundle = save(pipeline);
    for (size_t i = 0; i < bundle.n_arrays; i++)
        assert_null(memmem(bundle.arrays[i].data, bundle.arrays[i].n_bytes, "canary", 6));
    assert_null(strstr(bundle.json, "canary"));
    mer_bundle_release(&bundle);
    mer_pipeline_free(&ctx, pipeline);
    mer_frame_release(&frame);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_loaded_predicts_the_same),
        TEST(an_array_dropped_or_of_another_type_or_size_is_refused),
        TEST(changed_bytes_are_refused_or_harmless),
        TEST(a_json_member_removed_or_of_another_type_is_refused),
        TEST(a_model_of_a_newer_format_is_refused_with_the_reason),
        TEST(a_family_that_cannot_do_the_task_is_refused),
        TEST(prediction_needs_neither_the_target_nor_the_order_of_columns),
        TEST(no_rare_level_and_no_identifier_is_in_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
