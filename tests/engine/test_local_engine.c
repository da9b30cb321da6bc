/* Trials in workers are the trials of this process, to the bit; whatever becomes of a worker, its
 * trial has failed and nothing more. */
#include <dirent.h>
#include <errno.h>
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
#include "automl/evaluation.h"
#include "engine/local_engine.h"
#include "os/clock.h"
#include "worker_lies.h"

static const char *const PROGRAM = MER_BINARY_DIR "/merlon-cell";
static const char *const LIAR = MER_BINARY_DIR "/tests/engine/lying_worker";

enum { N_ROWS = 400, N_FOLDS = 5 };

static struct mer_context *context;
static struct mer_table *table;
static struct mer_learned_target target;
static struct mer_arena arena;
static struct mer_evaluation_data data;
static struct mer_evaluation *evaluation;
static mer_err err;

static void assert_ok(mer_status status)
{
    if (!mer_is_ok(status))
        fail_msg("%s (%s)", err.message, mer_code_name(status.code));
}

static void make_context(size_t memory_bytes)
{
    static char csv[64 * N_ROWS];
    static const char *const colours[] = {"red", "green", "blue", ""};
    size_t n = (size_t)snprintf(csv, sizeof csv, "x,z,unused,colour,c\n");
    for (unsigned i = 0; i < N_ROWS; i++) {
        const unsigned r = i * 2654435761u >> 8;
        n += (size_t)snprintf(csv + n, sizeof csv - n, "%u.25,%u,%u,%s,%s\n", r % 97, r % 7, i,
                              colours[r % 4],
                              r % 97 < 30   ? "low"
                              : r % 97 < 60 ? "middle"
                                            : "high");
    }
    const struct mer_context_options options = {.size = sizeof options,
                                                .n_threads = 2,
                                                .cell_program = PROGRAM,
                                                .memory_bytes = memory_bytes};
    assert_ok(mer_context_new(&options, &context, &err));
    assert_ok(mer_table_parse(context, csv, n, NULL, &table, &err));
}

/* An evaluation of the table without one of its columns. */
static int begin(void **state)
{
    static struct mer_frame view;
    static struct mer_column columns[4];
    (void)state;
    make_context(0);
    view = table->frame;
    view.n_columns = 0;
    view.columns = columns;
    for (size_t i = 0; i < table->frame.n_columns; i++)
        if (i != 2)
            columns[view.n_columns++] = table->frame.columns[i];
    mer_arena_init(&arena, &context->alloc);
    assert_ok(mer_target_learn(&context->ctx, &view, 3, NULL, &arena, &target, &err));
    data = (struct mer_evaluation_data){.frame = &view,
                                        .target_column = 3,
                                        .target = &target,
                                        .metric = mer_metric_find("log_loss"),
                                        .n_folds = N_FOLDS,
                                        .seed = 3,
                                        .shapes_only = true};
    assert_ok(mer_evaluation_new(&context->ctx, &data, &evaluation, &err));
    return 0;
}

static unsigned count_descriptors(void)
{
    unsigned n = 0;
    DIR *const folder = opendir("/proc/self/fd");
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

static int end(void **state)
{
    (void)state;
    mer_evaluation_free(&context->ctx, evaluation);
    mer_learned_target_release(&context->ctx, &target);
    mer_arena_release(&arena);
    mer_table_free(table);
    const size_t left = mer_context_used_bytes(context);
    mer_context_free(context);
    return left < 4096 ? 0 : -1; /* the team's */
}

static struct mer_trial_request request_of(uint64_t id, const char *family)
{
    struct mer_trial_request request = {
        .id = id, .family = mer_family_find(family), .wants_held_out = true, .cost = 1000};
    mer_params_default(request.family->params, request.family->n_params, &request.params);
    return request;
}

static struct mer_local_engine_options options_of(const char *program, size_t n_workers)
{
    return (struct mer_local_engine_options){.settings = {.program = program},
                                             .table = {table->image, table->frame.n_image},
                                             .n_workers = n_workers};
}

static struct mer_trial_engine open_workers(struct mer_local_engine_options *options)
{
    struct mer_trial_engine engine;
    assert_ok(mer_local_engine_open(options, &context->ctx, &data, evaluation, &engine, &err));
    return engine;
}

static struct mer_trial_result run_one(struct mer_trial_engine *engine,
                                       const struct mer_trial_request *request)
{
    struct mer_trial_result result;
    assert_ok(engine->begin(engine->self, &context->ctx, request, &err));
    assert_ok(engine->next(engine->self, &context->ctx, &result, &err));
    assert_int_equal(result.id, request->id);
    return result;
}

static void assert_same(const struct mer_trial_result *a, const struct mer_trial_result *b)
{
    assert_int_equal(a->n_scores, b->n_scores);
    assert_memory_equal(a->scores, b->scores, a->n_scores * sizeof a->scores[0]);
    assert_memory_equal(a->n_rounds, b->n_rounds, a->n_scores * sizeof a->n_rounds[0]);
    assert_int_equal(a->n_held_out, b->n_held_out);
    assert_int_equal(a->n_outputs, b->n_outputs);
    assert_memory_equal(a->held_out, b->held_out,
                        a->n_held_out * a->n_outputs * sizeof *a->held_out);
}

static void workers_give_the_scores_and_predictions_of_this_process(void **state)
{
    static const char *const families[] = {"baseline", "linear", "tree", "gbdt"};
    enum { N = sizeof families / sizeof families[0] };
    struct mer_trial_result here[N];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        const struct mer_trial_request request = request_of(i, families[i]);
        mer_trial_run(&context->ctx, evaluation, &request, &here[i]);
        assert_ok(here[i].status);
    }
    for (size_t n_workers = 1; n_workers <= 3; n_workers++) {
        struct mer_local_engine_options options = options_of(PROGRAM, n_workers);
        if (n_workers == 2)
            options.table.fd = -1; /* it makes one */
        struct mer_trial_engine engine = open_workers(&options);
        assert_int_equal(engine.n_slots, n_workers);
        size_t n_begun = 0, n_ended = 0;
        while (n_ended < N) {
            while (n_begun < N && n_begun - n_ended < n_workers) {
                const struct mer_trial_request request = request_of(n_begun, families[n_begun]);
                assert_ok(engine.begin(engine.self, &context->ctx, &request, &err));
                n_begun++;
            }
            struct mer_trial_result result;
            assert_ok(engine.next(engine.self, &context->ctx, &result, &err));
            assert_ok(result.status);
            assert_same(&result, &here[result.id]);
            assert_true(result.peak_bytes > 0 && result.seconds >= 0);
            mer_trial_result_release(&context->alloc, &result);
            n_ended++;
        }
        engine.close(engine.self, &context->ctx);
        assert_no_child();
    }
    for (size_t i = 0; i < N; i++)
        mer_trial_result_release(&context->alloc, &here[i]);
}

static void workers_learn_from_what_a_first_layer_says(void **state)
{
    enum { N_COLUMNS = 3 };
    static double columns[N_FOLDS][N_ROWS * N_COLUMNS];
    const double *by_fold[N_FOLDS];
    struct mer_evaluation_data stacked = data;
    struct mer_evaluation *second;
    struct mer_trial_engine engine;
    struct mer_trial_result here, plain;
    (void)state;
    for (size_t f = 0; f < N_FOLDS; f++) {
        for (size_t i = 0; i < N_ROWS * N_COLUMNS; i++)
            columns[f][i] = (double)((i * 2654435761u + f * 977) % 1009) / 1009;
        by_fold[f] = columns[f];
    }
    stacked.stack_columns = by_fold;
    stacked.n_stack_columns = N_COLUMNS;
    stacked.stage = MER_STAGE_SECOND;
    assert_ok(mer_evaluation_new(&context->ctx, &stacked, &second, &err));
    const struct mer_trial_request request = request_of(0, "linear");
    mer_trial_run(&context->ctx, second, &request, &here);
    mer_trial_run(&context->ctx, evaluation, &request, &plain);
    assert_ok(here.status);
    assert_memory_not_equal(here.scores, plain.scores, here.n_scores * sizeof here.scores[0]);
    struct mer_local_engine_options options = options_of(PROGRAM, 1);
    assert_ok(mer_local_engine_open(&options, &context->ctx, &stacked, second, &engine, &err));
    struct mer_trial_result result = run_one(&engine, &request);
    assert_ok(result.status);
    assert_same(&result, &here);
    mer_trial_result_release(&context->alloc, &result);
    mer_trial_result_release(&context->alloc, &here);
    mer_trial_result_release(&context->alloc, &plain);
    engine.close(engine.self, &context->ctx);
    mer_evaluation_free(&context->ctx, second);
}

/* The processes that this one has started. */
static pid_t only_child(void)
{
    int pid = 0;
    FILE *const file = fopen("/proc/thread-self/children", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    return pid;
}

static void a_trial_whose_worker_is_killed_is_asked_again_once(void **state)
{
    struct mer_local_engine_options options = options_of(PROGRAM, 1);
    struct mer_trial_result here, result;
    (void)state;
    const unsigned n_descriptors = count_descriptors();
    struct mer_trial_engine engine = open_workers(&options);
    struct mer_trial_request request = request_of(0, "gbdt");
    mer_trial_run(&context->ctx, evaluation, &request, &here);
    assert_ok(here.status);
    assert_ok(engine.begin(engine.self, &context->ctx, &request, &err));
    assert_int_equal(kill(only_child(), SIGKILL), 0);
    assert_ok(engine.next(engine.self, &context->ctx, &result, &err));
    assert_ok(result.status);
    assert_same(&result, &here);
    mer_trial_result_release(&context->alloc, &result);
    mer_trial_result_release(&context->alloc, &here);
    /* Between trials nobody misses it. */
    assert_int_equal(kill(only_child(), SIGKILL), 0);
    (void)usleep(50000);
    request = request_of(1, "tree");
    result = run_one(&engine, &request);
    assert_ok(result.status);
    mer_trial_result_release(&context->alloc, &result);
    engine.close(engine.self, &context->ctx);
    assert_int_equal(count_descriptors(), n_descriptors);
    assert_no_child();
}

static void a_worker_that_lies_is_a_failed_trial_and_is_replaced(void **state)
{
    (void)state;
    const size_t used = mer_context_used_bytes(context);
    struct mer_local_engine_options options = options_of(LIAR, 1);
    struct mer_trial_engine engine = open_workers(&options);
    for (uint64_t lie = LIE_NONE; lie < LIE_COUNT; lie++) {
        const struct mer_trial_request lied = request_of(lie, "tree"),
                                       honest = request_of(LIE_NONE, "tree");
        struct mer_trial_result result = run_one(&engine, &lied);
        if ((lie == LIE_NONE) != mer_is_ok(result.status))
            fail_msg("lie %d: %s", (int)lie, result.err.message);
        if (lie != LIE_NONE) {
            assert_int_equal(result.n_scores, 0);
            assert_null(result.held_out);
            assert_true(result.err.message[0] != '\0');
        }
        mer_trial_result_release(&context->alloc, &result);
        result = run_one(&engine, &honest);
        assert_ok(result.status);
        mer_trial_result_release(&context->alloc, &result);
    }
    engine.close(engine.self, &context->ctx);
    assert_no_child();
    assert_int_equal(mer_context_used_bytes(context), used);
}

static void a_worker_cannot_say_that_it_was_trust_that_failed(void **state)
{
    struct mer_local_engine_options options = options_of(LIAR, 1);
    (void)state;
    struct mer_trial_engine engine = open_workers(&options);
    const struct mer_trial_request request = request_of(LIE_TRUSTED, "tree");
    struct mer_trial_result result = run_one(&engine, &request);
    assert_int_equal(result.status.code, MER_ERR_DATA);
    engine.close(engine.self, &context->ctx);
}

static void a_trial_past_its_deadline_is_given_up(void **state)
{
    (void)state;
    for (int lies = 0; lies < 2; lies++) {
        struct mer_local_engine_options options = options_of(lies ? LIAR : PROGRAM, 1);
        struct mer_trial_engine engine = open_workers(&options);
        struct mer_trial_request request = request_of(lies ? LIE_SPINS : 0, "gbdt");
        request.params.values[0] = 100000; /* n_estimators: minutes */
        const uint64_t begin_ns = MER_CLOCK_MONOTONIC.now_ns(NULL);
        request.deadline_ns = begin_ns + 300000000;
        struct mer_trial_result result = run_one(&engine, &request);
        assert_int_equal(result.status.code, MER_ERR_BUDGET);
        assert_true(MER_CLOCK_MONOTONIC.now_ns(NULL) - begin_ns < 3000000000);
        engine.close(engine.self, &context->ctx);
        assert_no_child();
    }
}

static void *cancel_soon(void *argument)
{
    (void)argument;
    (void)usleep(200000);
    mer_context_cancel(context, SIGINT);
    return NULL;
}

static void cancelling_ends_the_workers(void **state)
{
    struct mer_local_engine_options options = options_of(PROGRAM, 2);
    struct mer_trial_result result;
    pthread_t thread;
    (void)state;
    struct mer_trial_engine engine = open_workers(&options);
    struct mer_trial_request request = request_of(0, "gbdt");
    request.params.values[0] = 100000;
    for (request.id = 0; request.id < 2; request.id++)
        assert_ok(engine.begin(engine.self, &context->ctx, &request, &err));
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    assert_int_equal(engine.next(engine.self, &context->ctx, &result, &err).code,
                     MER_ERR_CANCELLED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    engine.abandon(engine.self, &context->ctx);
    assert_no_child();
    engine.close(engine.self, &context->ctx);
}

static void too_little_memory_is_said_and_not_exceeded(void **state)
{
    (void)state;
    (void)end(NULL);
    enum { LITTLE = 24 << 20, TOO_LITTLE = 8 << 20 };
    struct mer_trial_engine engine;
    (void)begin(NULL);
    context->alloc.budget = mer_context_used_bytes(context) + TOO_LITTLE;
    struct mer_local_engine_options options = options_of(PROGRAM, 1);
    assert_int_equal(
        mer_local_engine_open(&options, &context->ctx, &data, evaluation, &engine, &err).code,
        MER_ERR_MEMORY);
    assert_non_null(strstr(err.message, "memory"));
    context->alloc.budget = mer_context_used_bytes(context) + LITTLE;
    engine = open_workers(&options);
    struct mer_trial_request request = request_of(0, "gbdt");
    struct mer_trial_result result = run_one(&engine, &request);
    assert_true(mer_is_ok(result.status) ? result.peak_bytes < LITTLE
                                         : result.status.code == MER_ERR_MEMORY);
    mer_trial_result_release(&context->alloc, &result);
    engine.close(engine.self, &context->ctx);
    context->alloc.budget = SIZE_MAX;
}

static void a_program_that_is_no_cell_is_an_error_and_no_endless_loop(void **state)
{
    (void)state;
    struct mer_local_engine_options options = options_of("/bin/true", 2);
    struct mer_trial_engine engine = open_workers(&options);
    const struct mer_trial_request request = request_of(0, "tree");
    assert_false(mer_is_ok(engine.begin(engine.self, &context->ctx, &request, &err)));
    engine.close(engine.self, &context->ctx);
    assert_no_child();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(workers_give_the_scores_and_predictions_of_this_process),
        TEST(workers_learn_from_what_a_first_layer_says),
        TEST(a_trial_whose_worker_is_killed_is_asked_again_once),
        TEST(a_worker_that_lies_is_a_failed_trial_and_is_replaced),
        TEST(a_worker_cannot_say_that_it_was_trust_that_failed),
        TEST(a_trial_past_its_deadline_is_given_up),
        TEST(cancelling_ends_the_workers),
        TEST(too_little_memory_is_said_and_not_exceeded),
        TEST(a_program_that_is_no_cell_is_an_error_and_no_endless_loop),
    };
    return cmocka_run_group_tests_name("local_engine", tests, NULL, NULL);
}
