/* A model that lives in cells predicts what it would in the process, to the bit; whatever a cell
 * says that is not true ends in an error, and the next call gets another cell. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/handles.h"
#include "cell/facts_notes.h"
#include "formats/safetensors.h"
#include "lies.h"
#include "os/memory_file.h"

static const char *const PROGRAM = MER_BINARY_DIR "/merlon-cell";
static const char *const LIAR = MER_BINARY_DIR "/tests/cell/lying_model";

enum { N_ROWS = 300 };

static struct mer_context *context;
static struct mer_table *table;
static struct mer_table *other; /* the same rows from the last to the first */
static mer_err err;

static void assert_ok(mer_status status)
{
    if (!mer_is_ok(status))
        fail_msg("%s (%s)", err.message, mer_code_name(status.code));
}

/* y follows x and the colour; c is one of three classes. */
static struct mer_table *table_of(bool backwards)
{
    static char csv[64 * N_ROWS];
    static const char *const colours[] = {"red", "green", "blue", ""};
    struct mer_table *made;
    size_t n = (size_t)snprintf(csv, sizeof csv, "x,z,colour,y,c\n");
    for (unsigned i = 0; i < N_ROWS; i++) {
        const unsigned r = (backwards ? N_ROWS - 1 - i : i) * 2654435761u >> 8;
        n += (size_t)snprintf(csv + n, sizeof csv - n, "%u.25,%u,%s,%u.5,%s\n", r % 97, r % 7,
                              colours[r % 4], r % 97 * 3 + r % 5,
                              r % 97 < 30   ? "low"
                              : r % 97 < 60 ? "middle"
                                            : "high");
    }
    assert_ok(mer_table_parse(context, csv, n, NULL, &made, &err));
    return made;
}

static int make_tables(void **state)
{
    const struct mer_context_options options = {
        .size = sizeof options, .n_threads = 2, .cell_program = PROGRAM};
    (void)state;
    assert_ok(mer_context_new(&options, &context, &err));
    table = table_of(false);
    other = table_of(true);
    return 0;
}

static int free_tables(void **state)
{
    (void)state;
    mer_table_free(table);
    mer_table_free(other);
    const size_t left = mer_context_used_bytes(context);
    mer_context_free(context);
    return left < 4096 ? 0 : -1; /* the team's */
}

static struct mer_fitted *fit(const char *target, const char *family)
{
    static const uint64_t seed = 5;
    struct mer_fitted *model;
    const struct mer_fit_options options = {.size = sizeof options,
                                            .target = target,
                                            .family = family,
                                            .max_trials = 3,
                                            .n_folds = 3,
                                            .seed = &seed};
    assert_ok(mer_fit(context, table, &options, &model, &err));
    return model;
}

/* The model's file in memory, behind a lie unless `lie` is NULL. */
static struct mer_cell_input file_of(const struct mer_fitted *model, const struct lie *lie)
{
    struct mer_cell_input input;
    struct mer_bundle bundle;
    struct mer_buf file;
    char head[LIES_MODEL_AT] = "";
    mer_bundle_init(&bundle, &context->alloc);
    mer_buf_init(&file, &context->alloc, SIZE_MAX);
    if (lie) {
        memcpy(head, lie, sizeof *lie);
        assert_ok(mer_buf_append(&file, head, sizeof head, &err));
    }
    assert_ok(mer_pipeline_save(&context->ctx, model->pipeline, &bundle, &err));
    assert_ok(mer_safetensors_write(&bundle, &file, &err));
    assert_ok(mer_memory_file_of("model", file.bytes, file.n, &input.fd, &err));
    input.n = file.n;
    mer_buf_release(&file);
    mer_bundle_release(&bundle);
    return input;
}

static struct mer_cell_input image_of_table(void)
{
    assert_true(table->image >= 0);
    return (struct mer_cell_input){table->image, table->frame.n_image};
}

/* One that is all NaN before. */
static double *room_for(size_t n_outputs)
{
    double *const predictions = malloc(N_ROWS * n_outputs * sizeof *predictions);
    assert_non_null(predictions);
    for (size_t i = 0; i < N_ROWS * n_outputs; i++)
        predictions[i] = (double)NAN;
    return predictions;
}

static void assert_same_predictions(const struct mer_fitted *model, const double *predictions)
{
    double *expected;
    size_t n_outputs;
    assert_ok(mer_predict(model, table, &expected, &n_outputs, &err));
    assert_memory_equal(expected, predictions, N_ROWS * n_outputs * sizeof *expected);
    mer_numbers_free(expected);
}

static unsigned count_descriptors(void)
{
    unsigned n = 0;
    DIR *const folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        n++;
    (void)closedir(folder);
    return n;
}

static void assert_no_child(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void every_family_predicts_in_a_cell_what_it_does_in_the_process(void **state)
{
    static const char *const targets[] = {"y", "c"};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    (void)state;
    const unsigned n_descriptors = count_descriptors();
    for (size_t i = 0; i < MER_N_FAMILIES * 2; i++) {
        if (!mer_family_can(MER_FAMILIES[i / 2], i % 2 ? MER_TASK_MULTICLASS : MER_TASK_REGRESSION))
            continue;
        struct mer_fitted *const model = fit(targets[i % 2], MER_FAMILIES[i / 2]->name);
        const struct mer_cell_input file = file_of(model, NULL);
        const size_t n_outputs = mer_facts_outputs(model->facts);
        double *const predictions = room_for(n_outputs);
        struct mer_cell_pool *pool;
        assert_ok(mer_cell_pool_new(&context->ctx, &settings, file, 1, &pool, &err));
        for (int again = 0; again < 3; again++) {
            memset(predictions, 0xff, N_ROWS * n_outputs * sizeof *predictions);
            assert_ok(mer_cell_pool_predict(pool, image_of_table(), N_ROWS, predictions, &err));
            assert_same_predictions(model, predictions);
        }
        assert_int_equal(mer_cell_pool_n_started(pool), 1);
        mer_cell_pool_free(pool);
        free(predictions);
        (void)close(file.fd);
        mer_fitted_free(model);
    }
    assert_int_equal(count_descriptors(), n_descriptors);
    assert_no_child();
}

/* A cell keeps the table that came last; it must not take one for another. */
static void tables_in_any_order_are_not_taken_for_each_other(void **state)
{
    static const char order[] = "aabaabbba";
    const struct mer_cell_settings settings = {.program = PROGRAM};
    (void)state;
    struct mer_fitted *const model = fit("y", "tree");
    const struct mer_cell_input file = file_of(model, NULL);
    double *const predictions = room_for(1);
    struct mer_cell_pool *pool;
    assert_ok(mer_cell_pool_new(&context->ctx, &settings, file, 1, &pool, &err));
    for (const char *which = order; *which; which++) {
        const struct mer_table *const asked = *which == 'a' ? table : other;
        const struct mer_cell_input image = {asked->image, asked->frame.n_image};
        double *expected;
        size_t n_outputs;
        memset(predictions, 0xff, N_ROWS * sizeof *predictions);
        assert_ok(mer_cell_pool_predict(pool, image, N_ROWS, predictions, &err));
        assert_ok(mer_predict(model, asked, &expected, &n_outputs, &err));
        assert_memory_equal(expected, predictions, N_ROWS * sizeof *expected);
        mer_numbers_free(expected);
    }
    assert_int_equal(mer_cell_pool_n_started(pool), 1);
    mer_cell_pool_free(pool);
    free(predictions);
    (void)close(file.fd);
    mer_fitted_free(model);
}

static char *notes_of(const struct mer_facts *facts, size_t *ret_n)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &context->alloc, SIZE_MAX);
    assert_ok(mer_facts_notes_write(facts, &buf, &err));
    char *const notes = malloc(buf.n);
    assert_non_null(notes);
    memcpy(notes, buf.bytes, buf.n);
    *ret_n = buf.n;
    mer_buf_release(&buf);
    return notes;
}

static void facts_come_out_of_a_cell_as_they_are(void **state)
{
    const struct mer_cell_settings settings = {.program = PROGRAM};
    (void)state;
    struct mer_fitted *const model = fit("c", NULL);
    const struct mer_cell_input file = file_of(model, NULL);
    struct mer_cell_pool *pool;
    size_t n, n_there;
    assert_ok(mer_cell_pool_new(&context->ctx, &settings, file, 1, &pool, &err));
    const struct mer_facts *const facts = mer_cell_pool_facts(pool);
    char *const here = notes_of(model->facts, &n), *const there = notes_of(facts, &n_there);
    assert_int_equal(n, n_there);
    assert_memory_equal(here, there, n);
    assert_string_equal(facts->target, "c");
    assert_string_equal(facts->labels[2], "middle");
    assert_string_equal(facts->columns[2].name, "colour");
    assert_int_equal(facts->columns[2].n_levels, 3);
    assert_true(mer_cell_pool_level(pool) != 0);
    free(here);
    free(there);
    mer_cell_pool_free(pool);
    (void)close(file.fd);
    mer_fitted_free(model);
}

/* Uses facts as their users do: sanitizers watch. */
static size_t use(const struct mer_facts *facts)
{
    size_t n = strlen(facts->target) + strlen(mer_facts_family(facts)) + strlen(facts->metric);
    for (size_t i = 0; i < facts->n_fields; i++)
        n += strlen(facts->fields[i].name) + strlen(mer_type_name(facts->fields[i].type));
    for (size_t i = 0; i + 1 < facts->n_fields; i++)
        n += strlen(facts->columns[i].name) +
             strlen(mer_left_out_reason(facts->columns[i].left_out));
    for (size_t i = 0; i < facts->n_missing_values; i++)
        n += strlen(facts->missing_values[i]);
    for (size_t k = 0; k < facts->n_classes; k++)
        n += strlen(facts->labels[k]);
    for (size_t i = 0; i < facts->n_trials; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        assert_true(
            mer_params_valid(trial->family->params, trial->family->n_params, &trial->params));
        assert_false(isinf(trial->score) || isinf(trial->deviation));
        n += strlen(mer_task_name(facts->task));
    }
    return n;
}

/* Every byte of true facts set to some others, and every shorter part of them. */
static void facts_that_are_lies_are_refused_or_safe_to_use(void **state)
{
    static const unsigned char masks[] = {0x01, 0x80, 0xff, 0x04};
    size_t n, n_believed = 0, n_refused = 0;
    (void)state;
    struct mer_fitted *const model = fit("c", NULL);
    char *const notes = notes_of(model->facts, &n);
    const size_t used = mer_context_used_bytes(context);
    for (size_t i = 0; i < n * sizeof masks; i++) {
        struct mer_facts facts;
        notes[i / sizeof masks] ^= (char)masks[i % sizeof masks];
        const mer_status status = mer_facts_notes_read(&context->ctx, notes, n, &facts, &err);
        notes[i / sizeof masks] ^= (char)masks[i % sizeof masks];
        if (mer_is_ok(status)) {
            n_believed += use(&facts) > 0;
            mer_facts_release(&facts);
        } else {
            assert_int_equal(status.code, MER_ERR_DATA);
            n_refused++;
        }
    }
    for (size_t short_n = 0; short_n < n; short_n++) {
        struct mer_facts facts;
        assert_int_equal(mer_facts_notes_read(&context->ctx, notes, short_n, &facts, &err).code,
                         MER_ERR_DATA);
    }
    assert_true(n_refused > n / 2 && n_believed > 0);
    assert_int_equal(mer_context_used_bytes(context), used);
    free(notes);
    mer_fitted_free(model);
}

/* The most a lie may take, but where the time is what is tried. */
static unsigned max_seconds = 30;

/* What comes of a liar's first prediction, and of the next: the number of cells that it took. */
static mer_status hear_liar(const struct mer_fitted *model, const char *name, uint64_t number,
                            size_t *ret_n_started)
{
    struct lie lie = {.number = number};
    (void)snprintf(lie.name, sizeof lie.name, "%s", name);
    const struct mer_cell_settings settings = {.program = LIAR, .max_seconds = max_seconds};
    const struct mer_cell_input file = file_of(model, &lie);
    double *const predictions = room_for(mer_facts_outputs(model->facts));
    const unsigned n_descriptors = count_descriptors();
    struct mer_cell_pool *pool;
    mer_status status = mer_cell_pool_new(&context->ctx, &settings, file, 1, &pool, &err);
    *ret_n_started = 0;
    if (mer_is_ok(status)) {
        status = mer_cell_pool_predict(pool, image_of_table(), N_ROWS, predictions, &err);
        const mer_err first = err;
        if (strcmp(name, "ends once it has answered") == 0 || strcmp(name, "speaks unasked") == 0)
            (void)usleep(100000); /* it has time to */
        const mer_status next =
            mer_cell_pool_predict(pool, image_of_table(), N_ROWS, predictions, &err);
        assert_int_equal(next.code, status.code); /* a liar lies again */
        err = first;
        *ret_n_started = mer_cell_pool_n_started(pool);
        mer_cell_pool_free(pool);
    }
    assert_int_equal(count_descriptors(), n_descriptors);
    assert_no_child();
    free(predictions);
    (void)close(file.fd);
    return status;
}

static void refused(const struct mer_fitted *model, const char *name, uint64_t number,
                    const char *word, size_t n_started)
{
    size_t n;
    const mer_status status = hear_liar(model, name, number, &n);
    if (status.code != MER_ERR_DATA || !strstr(err.message, word) || n != n_started)
        fail_msg("%s %llu: code %d, %zu cells, %s", name, (unsigned long long)number, status.code,
                 n, mer_is_ok(status) ? "believed" : err.message);
}

static void a_cell_that_lies_is_refused_and_replaced(void **state)
{
    size_t n;
    (void)state;
    struct mer_fitted *const classes = fit("c", "tree"), *const numbers = fit("y", "tree");
    assert_ok(hear_liar(classes, "no lie", 0, &n));
    assert_int_equal(n, 1);
    refused(classes, "too long a story", 0, "says too much", 0);
    refused(classes, "no story", 0, "nonsense", 0);
    refused(classes, "half a story", 0, "without an answer", 0);
    refused(classes, "not a number", 0, "probabilities that are none", 2);
    refused(classes, "not a number", N_ROWS * 3 - 1, "probabilities that are none", 2);
    refused(classes, "infinite", 5, "probabilities that are none", 2);
    refused(classes, "negative", 3, "probabilities that are none", 2);
    refused(classes, "other sum", 3, "probabilities that are none", 2);
    refused(classes, "tells of rows, none", N_ROWS, "probabilities that are none", 2);
    refused(classes, "tells of rows not there", N_ROWS, "ends after 8 of", 2);
    refused(classes, "fewer", 0, "another number of predictions", 2);
    refused(classes, "more", 0, "another number of predictions", 2);
    refused(classes, "says more", 0, "another number of predictions", 2);
    refused(classes, "cuts the output", 0, "ends after 8 of", 2);
    refused(classes, "another magic", 0, "an answer that is none", 2);
    refused(classes, "is ready again", 0, "contradicts itself", 2);
    refused(classes, "dies", 0, "ended with code 3", 2);
    refused(numbers, "not a number", 0, "are no numbers", 2);
    refused(numbers, "infinite", N_ROWS - 1, "are no numbers", 2);
    max_seconds = 1;
    refused(numbers, "spins", 0, "took more than 1 seconds", 2);
    max_seconds = 30;
    mer_fitted_free(classes);
    mer_fitted_free(numbers);
}

static void rows_are_fetched_once_and_while_the_cell_goes_on(void **state)
{
    size_t n;
    (void)state;
    struct mer_fitted *const model = fit("c", "tree");
    /* What was told of and fetched does not change any more, whatever the cell does. */
    assert_ok(hear_liar(model, "tells of rows, then changes", N_ROWS, &n));
    assert_ok(hear_liar(model, "tells of other rows", N_ROWS, &n));
    assert_ok(hear_liar(model, "takes rows back", N_ROWS, &n));
    mer_fitted_free(model);
}

static void a_cell_that_tells_of_a_failure_stays(void **state)
{
    size_t n;
    (void)state;
    struct mer_fitted *const model = fit("y", "tree");
    assert_int_equal(hear_liar(model, "fails with code", MER_ERR_MEMORY, &n).code, MER_ERR_MEMORY);
    assert_int_equal(n, 1);
    /* Trust is the parent's to speak of. */
    assert_int_equal(hear_liar(model, "fails with code", MER_ERR_TRUST, &n).code, MER_ERR_DATA);
    mer_fitted_free(model);
}

static void a_cell_that_ends_or_speaks_between_calls_is_replaced_unnoticed(void **state)
{
    size_t n;
    (void)state;
    struct mer_fitted *const model = fit("y", "tree");
    assert_ok(hear_liar(model, "ends once it has answered", 0, &n));
    assert_int_equal(n, 2);
    assert_ok(hear_liar(model, "speaks unasked", 0, &n));
    assert_int_equal(n, 2);
    mer_fitted_free(model);
}

struct caller {
    pthread_t thread;
    struct mer_cell_pool *pool;
    double *predictions;
    mer_status status;
    mer_err err;
};

static void *call(void *argument)
{
    struct caller *const caller = argument;
    for (int i = 0; i < 20 && mer_is_ok(caller->status); i++)
        caller->status = mer_cell_pool_predict(caller->pool, image_of_table(), N_ROWS,
                                               caller->predictions, &caller->err);
    return NULL;
}

enum { N_CALLERS = 5, N_CELLS = 3 };

static void many_threads_predict_at_once_and_get_the_same(void **state)
{
    struct caller callers[N_CALLERS];
    const struct mer_cell_settings settings = {.program = PROGRAM};
    (void)state;
    struct mer_fitted *const model = fit("c", "linear");
    const struct mer_cell_input file = file_of(model, NULL);
    struct mer_cell_pool *pool;
    assert_ok(mer_cell_pool_new(&context->ctx, &settings, file, N_CELLS, &pool, &err));
    for (size_t i = 0; i < N_CALLERS; i++) {
        callers[i] = (struct caller){.pool = pool, .predictions = room_for(3)};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (size_t i = 0; i < N_CALLERS; i++) {
        assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
        if (!mer_is_ok(callers[i].status))
            fail_msg("%s", callers[i].err.message);
        assert_same_predictions(model, callers[i].predictions);
    }
    /* The threads that wanted some of the cells are gone, the cells are not. */
    const size_t n_started = mer_cell_pool_n_started(pool);
    assert_in_range(n_started, 1, N_CELLS);
    assert_ok(mer_cell_pool_predict(pool, image_of_table(), N_ROWS, callers[0].predictions, &err));
    assert_int_equal(mer_cell_pool_n_started(pool), n_started);
    for (size_t i = 0; i < N_CALLERS; i++)
        free(callers[i].predictions);
    mer_cell_pool_free(pool);
    (void)close(file.fd);
    mer_fitted_free(model);
    assert_no_child();
}

/* The only child there is, whichever thread started it. */
static void kill_the_cell(void)
{
    int pid = 0;
    DIR *const threads = opendir("/proc/self/task");
    assert_non_null(threads);
    for (const struct dirent *thread = readdir(threads); thread && !pid;
         thread = readdir(threads)) {
        char path[300];
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/children", thread->d_name);
        FILE *const children = fopen(path, "r");
        if (children && fscanf(children, "%d", &pid) != 1)
            pid = 0;
        if (children)
            (void)fclose(children);
    }
    (void)closedir(threads);
    assert_true(pid > 0);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    (void)usleep(50000);
}

static void a_cell_in_the_place_of_another_must_hold_the_same_model(void **state)
{
    const struct lie lies[] = {{.name = "no lie"}, {.name = "another story"}};
    const struct mer_cell_settings settings = {.program = LIAR};
    (void)state;
    struct mer_fitted *const model = fit("y", "tree");
    double *const predictions = room_for(1);
    for (size_t i = 0; i < 2; i++) {
        const struct mer_cell_input file = file_of(model, &lies[i]);
        struct mer_cell_pool *pool;
        assert_ok(mer_cell_pool_new(&context->ctx, &settings, file, 2, &pool, &err));
        kill_the_cell();
        const mer_status status =
            mer_cell_pool_predict(pool, image_of_table(), N_ROWS, predictions, &err);
        if (i == 0)
            assert_ok(status);
        else
            assert_true(status.code == MER_ERR_DATA && strstr(err.message, "another model"));
        mer_cell_pool_free(pool);
        (void)close(file.fd);
    }
    free(predictions);
    mer_fitted_free(model);
}

static void what_is_no_model_is_refused_in_the_cell(void **state)
{
    static const char *const files[] = {"", "no model", "\x08\0\0\0\0\0\0\0{}      "};
    static const size_t sizes[] = {0, 8, 16};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct mer_cell_input file = {.n = sizes[i]};
        struct mer_cell_pool *pool;
        assert_ok(mer_memory_file_of("model", files[i], sizes[i], &file.fd, &err));
        assert_int_equal(mer_cell_pool_new(&context->ctx, &settings, file, 1, &pool, &err).code,
                         MER_ERR_DATA);
        assert_null(strstr(err.message, "cell"));
        (void)close(file.fd);
    }
    assert_no_child();
}

static void a_pool_has_one_cell_at_least_and_not_too_many(void **state)
{
    static const size_t numbers[] = {0, MER_CELL_POOL_MAX + 1, SIZE_MAX};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    const struct mer_cell_input none = {.fd = -1};
    struct mer_cell_pool *pool;
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_int_equal(
            mer_cell_pool_new(&context->ctx, &settings, none, numbers[i], &pool, &err).code,
            MER_ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_predicts_in_a_cell_what_it_does_in_the_process),
        cmocka_unit_test(tables_in_any_order_are_not_taken_for_each_other),
        cmocka_unit_test(facts_come_out_of_a_cell_as_they_are),
        cmocka_unit_test(facts_that_are_lies_are_refused_or_safe_to_use),
        cmocka_unit_test(a_cell_that_lies_is_refused_and_replaced),
        cmocka_unit_test(rows_are_fetched_once_and_while_the_cell_goes_on),
        cmocka_unit_test(a_cell_that_tells_of_a_failure_stays),
        cmocka_unit_test(a_cell_that_ends_or_speaks_between_calls_is_replaced_unnoticed),
        cmocka_unit_test(many_threads_predict_at_once_and_get_the_same),
        cmocka_unit_test(a_cell_in_the_place_of_another_must_hold_the_same_model),
        cmocka_unit_test(what_is_no_model_is_refused_in_the_cell),
        cmocka_unit_test(a_pool_has_one_cell_at_least_and_not_too_many),
    };
    return cmocka_run_group_tests(tests, make_tables, free_tables);
}
