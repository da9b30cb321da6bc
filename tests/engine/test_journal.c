/* What a journal notes is found again to the bit, by the run that it belongs to and by no other;
 * whatever lies in its place is an error at most. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/journal.h"
#include "engine/runs.h"

static char state[] = "/tmp/merlon-test-journal-XXXXXX";
static struct mer_alloc alloc;
static const struct mer_ctx ctx = {.alloc = &alloc};
static mer_err err;

static const struct mer_run_start START = {.makes = "/somewhere/m.safetensors",
                                           .version = "1.2.3",
                                           .data_digest = "aaaa",
                                           .schema_digest = "",
                                           .table_digest = "bbbb",
                                           .n_rows = 150,
                                           .n_columns = 5,
                                           .settings = "target=cccc\ntask=\nunits=1000\n",
                                           .seed = UINT64_MAX - 5,
                                           .seed_given = true,
                                           .started_ns = 1764000000000000000};

static const struct mer_journal_scope FIRST = {.stage = MER_STAGE_FIRST};

static void assert_ok(mer_status status)
{
    if (!mer_is_ok(status))
        fail_msg("%s (%s)", err.message, mer_code_name(status.code));
}

static void remove_all(const char *path)
{
    DIR *const folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[512];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) != 0)
            remove_all(name);
    }
    if (folder)
        (void)closedir(folder);
    (void)rmdir(path);
}

static int begin(void **unused)
{
    (void)unused;
    (void)snprintf(state, sizeof state, "/tmp/merlon-test-journal-XXXXXX");
    mer_alloc_init(&alloc, SIZE_MAX);
    return mkdtemp(state) ? 0 : -1;
}

static int end(void **unused)
{
    (void)unused;
    remove_all(state);
    return atomic_load(&alloc.used) == 0 ? 0 : -1;
}

static struct mer_trial_request request_of(uint64_t id, double first_param)
{
    struct mer_trial_request request = {.id = id, .family = mer_family_find("gbdt"), .cost = 77};
    mer_params_default(request.family->params, request.family->n_params, &request.params);
    request.params.values[1] = first_param;
    return request;
}

static struct mer_trial_result result_of(uint64_t id)
{
    return (struct mer_trial_result){.id = id,
                                     .scores = {0.1, (double)NAN, 1.0 / 3, 1e-300},
                                     .n_scores = 4,
                                     .n_rounds = {5, 0, 7, 9},
                                     .seconds = 0.25,
                                     .peak_bytes = 123456};
}

static struct mer_journal *begin_run(const struct mer_run_start *start)
{
    struct mer_journal *journal;
    assert_ok(mer_journal_begin(&ctx, state, start, &journal, &err));
    assert_ok(mer_journal_set_metric(journal, "log_loss", &err));
    return journal;
}

static void what_was_noted_is_found_again_to_the_bit(void **unused)
{
    struct mer_trial_request request = request_of(3, 0.1);
    const struct mer_trial_result result = result_of(3);
    struct mer_trial_result found;
    struct mer_run_start start = START;
    bool is_found;
    (void)unused;
    struct mer_journal *journal = begin_run(&START);
    assert_ok(mer_journal_note(journal, &FIRST, &request, &result, &err));
    mer_journal_close(journal);

    start.started_ns += 1000000000;
    assert_ok(mer_journal_resume(&ctx, state, &start, &journal, &err));
    assert_true(mer_journal_seed(journal) == START.seed);
    request.id = 9; /* the setting counts, not its number */
    request.deadline_ns = 5;
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_true(is_found);
    assert_int_equal(found.id, 9);
    assert_int_equal(found.n_scores, 4);
    assert_memory_equal(found.scores, result.scores, sizeof result.scores);
    assert_memory_equal(found.n_rounds, result.n_rounds, sizeof result.n_rounds);
    assert_true(found.seconds == 0.25 && found.peak_bytes == 123456);
    request.params.values[1] = nextafter(0.1, 1);
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_false(is_found);
    request = request_of(3, 0.1);
    request.rung = 1;
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_false(is_found);
    request.rung = 0;
    request.patience = 3;
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_false(is_found);
    request.patience = 0;
    request.wants_held_out = true; /* of which there were none */
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_false(is_found);
    mer_journal_close(journal);
}

/* The same setting, tried for a second layer, on other rows or on what another first layer says. */
static void each_stage_and_all_that_it_learns_from_has_trials_of_its_own(void **unused)
{
    static const struct mer_journal_scope scopes[] = {{MER_STAGE_FIRST, ""},
                                                      {MER_STAGE_INNER, "00112233aabbccdd"},
                                                      {MER_STAGE_INNER, "00112233aabbccde"},
                                                      {MER_STAGE_SECOND, "00112233aabbccdd"}};
    enum { N = sizeof scopes / sizeof *scopes };
    const struct mer_trial_request request = request_of(3, 0.1);
    struct mer_trial_result found;
    struct mer_run run;
    bool is_found;
    (void)unused;
    struct mer_journal *journal = begin_run(&START);
    for (size_t i = 0; i < N; i++) {
        struct mer_trial_result result = result_of(3);
        /* Of all, the best is of inner folds. */
        result.scores[0] = scopes[i].stage == MER_STAGE_INNER ? -1 : 0.5 + (double)i;
        assert_ok(mer_journal_find(journal, &scopes[i], &request, 3, 2, &found, &is_found, &err));
        assert_false(is_found);
        assert_ok(mer_journal_note(journal, &scopes[i], &request, &result, &err));
        assert_ok(mer_journal_find(journal, &scopes[i], &request, 3, 2, &found, &is_found, &err));
        assert_true(is_found && found.scores[0] == result.scores[0]);
    }
    assert_ok(mer_run_read(state, mer_journal_id(journal), true, &run, &err));
    assert_int_equal(run.n_trials, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(run.trials[i].stage, scopes[i].stage);
    assert_true(run.score ==
                run.trials[0].score); /* how inner folds score is no score of the run */
    mer_run_release(&run);
    mer_journal_close(journal);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t max)
{
    const int fd = open(path, O_RDONLY);
    const ssize_t n = read(fd, bytes, max);
    (void)close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* Whether the bytes of a run's file hold the float. */
static bool is_in_file(const char *id, float number)
{
    enum { MAX = 1 << 20 };
    static unsigned char bytes[MAX];
    char path[512];
    (void)snprintf(path, sizeof path, "%s/runs/%s.sqlite", state, id);
    const size_t n = read_file(path, bytes, MAX);
    return memmem(bytes, n, &number, sizeof number) != NULL;
}

static void predictions_are_kept_until_the_model_is_saved(void **unused)
{
    double held_out[] = {0.1, 0.9, 0.123456789, 0.876543211, 1, 0};
    struct mer_trial_request request = request_of(3, 0.1);
    struct mer_trial_result result = result_of(3), found;
    char id[MER_RUN_ID_MAX];
    bool is_found;
    (void)unused;
    request.wants_held_out = true;
    result.held_out = held_out;
    result.n_held_out = 3;
    result.n_outputs = 2;
    struct mer_journal *journal = begin_run(&START);
    assert_ok(mer_journal_note(journal, &FIRST, &request, &result, &err));
    (void)snprintf(id, sizeof id, "%s", mer_journal_id(journal));
    mer_journal_close(journal);
    assert_true(is_in_file(id, 0.123456789F));
    assert_ok(mer_journal_resume(&ctx, state, &START, &journal, &err));
    assert_ok(mer_journal_find(journal, &FIRST, &request, 4, 2, &found, &is_found, &err));
    assert_false(is_found); /* of another table */
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_true(is_found);
    for (size_t i = 0; i < 6; i++)
        assert_true((float)found.held_out[i] == (float)held_out[i]);
    mer_trial_result_release(&alloc, &found);
    const struct mer_run_end saved = {.state = MER_RUN_SAVED, .ended_ns = 5, .model_digest = "e"};
    assert_ok(mer_journal_end(journal, &saved, &err));
    assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
    assert_false(is_found);
    mer_journal_close(journal);
    assert_false(is_in_file(id, 0.123456789F));
}

static void a_failed_trial_is_noted_and_one_that_was_given_up_is_not(void **unused)
{
    static const enum mer_code codes[] = {MER_ERR_MEMORY, MER_ERR_INTERNAL, MER_ERR_DATA,
                                          MER_ERR_BUDGET, MER_ERR_CANCELLED};
    struct mer_trial_result found;
    struct mer_run run;
    bool is_found;
    (void)unused;
    struct mer_journal *const journal = begin_run(&START);
    for (size_t i = 0; i < 5; i++) {
        const struct mer_trial_request request = request_of(i, 0.1 + (double)i);
        struct mer_trial_result result = {.id = i};
        result.status = mer_fail(&result.err, codes[i], "column 'secret' holds 'canary'");
        assert_ok(mer_journal_note(journal, &FIRST, &request, &result, &err));
        assert_ok(mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err));
        assert_int_equal(is_found, i < 3);
        if (is_found)
            assert_int_equal(found.status.code, codes[i]);
    }
    assert_ok(mer_run_read(state, mer_journal_id(journal), true, &run, &err));
    assert_int_equal(run.n_trials, 3);
    assert_int_equal(run.n_failed, 3);
    assert_true(run.is_running);
    mer_run_release(&run);
    mer_journal_close(journal);
}

static void refuses(const struct mer_run_start *start, enum mer_code code, const char *word)
{
    struct mer_journal *journal;
    assert_int_equal(mer_journal_resume(&ctx, state, start, &journal, &err).code, code);
    if (!strstr(err.message, word))
        fail_msg("'%s' says nothing of %s", err.message, word);
}

static void a_run_is_gone_on_with_as_it_was_begun_and_not_otherwise(void **unused)
{
    struct mer_run_start start = START;
    (void)unused;
    refuses(&START, MER_ERR_NO_INPUT, "no run");
    mer_journal_close(begin_run(&START));
    start.version = "1.2.4";
    refuses(&start, MER_ERR_USAGE, "version");
    start = START;
    start.data_digest = "dddd";
    refuses(&start, MER_ERR_USAGE, "table");
    start = START;
    start.schema_digest = "dddd";
    refuses(&start, MER_ERR_USAGE, "schema");
    start = START;
    start.table_digest = "dddd";
    refuses(&start, MER_ERR_USAGE, "read in another way");
    start = START;
    start.settings = "target=cccc\ntask=\nunits=2000\n";
    refuses(&start, MER_ERR_USAGE, "units was '1000' and is '2000'");
    start.settings = "target=cccc\ntask=\n";
    refuses(&start, MER_ERR_USAGE, "settings");
    start.settings = "target=cccc\ntask=\nunits=1000\nfolds=3\n";
    refuses(&start, MER_ERR_USAGE, "folds");
    start = START;
    start.seed++;
    refuses(&start, MER_ERR_USAGE, "seed");
    start = START;
    start.makes = "/somewhere/else";
    refuses(&start, MER_ERR_NO_INPUT, "/somewhere/else");
    struct mer_journal *journal;
    assert_ok(mer_journal_resume(&ctx, state, &START, &journal, &err));
    refuses(&START, MER_ERR_EXISTS, "still going on");
    const struct mer_run_end saved = {
        .state = MER_RUN_SAVED, .ended_ns = 5, .score = 0.5, .units = 7, .model_digest = "eeee"};
    assert_ok(mer_journal_end(journal, &saved, &err));
    mer_journal_close(journal);
    refuses(&START, MER_ERR_NO_INPUT, "no run");
}

static void journals_are_private_and_the_oldest_are_taken_away(void **unused)
{
    char path[512], first[MER_RUN_ID_MAX];
    struct mer_run_start start = START;
    struct mer_run run;
    struct stat info;
    (void)unused;
    struct mer_journal *journal = begin_run(&START);
    (void)snprintf(first, sizeof first, "%s", mer_journal_id(journal));
    mer_journal_close(journal);
    (void)snprintf(path, sizeof path, "%s/runs/%s.sqlite", state, first);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    (void)snprintf(path, sizeof path, "%s/runs", state);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    for (size_t i = 0; i < MER_RUNS_KEPT; i++) {
        start.started_ns += 1000000000;
        mer_journal_close(begin_run(&start));
        assert_int_equal(mer_is_ok(mer_run_read(state, first, false, &run, &err)),
                         i + 1 < MER_RUNS_KEPT);
        if (i + 1 < MER_RUNS_KEPT)
            mer_run_release(&run);
    }
    /* One that others could write is not believed. */
    assert_ok(mer_journal_resume(&ctx, state, &start, &journal, &err));
    (void)snprintf(first, sizeof first, "%s", mer_journal_id(journal));
    (void)snprintf(path, sizeof path, "%s/runs/%s.sqlite", state, first);
    mer_journal_close(journal);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(mer_run_read(state, first, false, &run, &err).code, MER_ERR_TRUST);
}

static void write_file(const char *path, const unsigned char *bytes, size_t n)
{
    const int fd = open(path, O_WRONLY | O_TRUNC);
    assert_true(write(fd, bytes, n) == (ssize_t)n);
    (void)close(fd);
}

/* Whatever the file holds: read, searched in, or refused, and never more. */
static size_t look_at(const char *id)
{
    const struct mer_trial_request request = request_of(1, 1.5);
    struct mer_trial_result found;
    struct mer_journal *journal;
    struct mer_run run;
    bool is_found;
    mer_status status = mer_run_read(state, id, true, &run, &err);
    if (mer_is_ok(status))
        mer_run_release(&run);
    else
        assert_true(status.code == MER_ERR_DATA || status.code == MER_ERR_IO);
    const size_t n_refused = !mer_is_ok(status);
    if (mer_is_ok(mer_journal_resume(&ctx, state, &START, &journal, &err))) {
        status = mer_journal_find(journal, &FIRST, &request, 3, 2, &found, &is_found, &err);
        if (!mer_is_ok(status))
            assert_int_equal(status.code, MER_ERR_DATA);
        mer_journal_close(journal);
    }
    return n_refused;
}

static void a_torn_or_foreign_journal_is_refused_and_never_a_crash(void **unused)
{
    enum { MAX = 1 << 20 };
    static unsigned char good[MAX], bad[MAX];
    char path[512], id[MER_RUN_ID_MAX];
    size_t n_refused = 0, n_tried = 0;
    (void)unused;
    struct mer_journal *const journal = begin_run(&START);
    (void)snprintf(id, sizeof id, "%s", mer_journal_id(journal));
    for (uint64_t i = 0; i < 20; i++) {
        const struct mer_trial_request request = request_of(i, 0.5 + (double)i);
        const struct mer_trial_result result = result_of(i);
        assert_ok(mer_journal_note(journal, &FIRST, &request, &result, &err));
    }
    mer_journal_close(journal);
    (void)snprintf(path, sizeof path, "%s/runs/%s.sqlite", state, id);
    const size_t n = read_file(path, good, MAX);
    assert_true(n > 8192);
    for (size_t at = 0; at < n; at += at < 200 ? 3 : 211) {
        memcpy(bad, good, n);
        bad[at] ^= 0xff;
        write_file(path, bad, n);
        n_refused += look_at(id);
        n_tried++;
    }
    for (size_t cut = 0; cut < n; cut += 1009) {
        write_file(path, good, cut);
        n_refused += look_at(id);
        n_tried++;
    }
    for (size_t page = 0; page < n; page += 4096) { /* a page that is another's */
        memcpy(bad, good, n);
        memcpy(bad + page, good + (page + 8192) % n, 4096);
        write_file(path, bad, n);
        n_refused += look_at(id);
        n_tried++;
    }
    assert_true(n_refused > 20 && n_refused < n_tried);
    write_file(path, (const unsigned char *)"no database at all, but long enough", 36);
    assert_int_equal(look_at(id), 1);
    assert_non_null(strstr(err.message, "no run")); /* and so nothing to go on with */
    write_file(path, good, n);
    assert_int_equal(look_at(id), 0);
    assert_ok(mer_run_forget(state, id, &err));
    assert_int_not_equal(access(path, F_OK), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_noted_is_found_again_to_the_bit),
        TEST(each_stage_and_all_that_it_learns_from_has_trials_of_its_own),
        TEST(predictions_are_kept_until_the_model_is_saved),
        TEST(a_failed_trial_is_noted_and_one_that_was_given_up_is_not),
        TEST(a_run_is_gone_on_with_as_it_was_begun_and_not_otherwise),
        TEST(journals_are_private_and_the_oldest_are_taken_away),
        TEST(a_torn_or_foreign_journal_is_refused_and_never_a_crash),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
