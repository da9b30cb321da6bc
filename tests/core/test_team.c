#include "core/team.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "every_failure.h"

enum { N_MAX = 10000 };

static unsigned char times_run[N_MAX];
static _Atomic size_t n_run;
static _Atomic size_t worker_max;
static _Atomic bool saw_open_signal;

/* How many threads of a team can be started before the system refuses. */
static size_t startable = SIZE_MAX;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *argument)
{
    if (startable == 0)
        return EAGAIN;
    startable--;
    return __real_pthread_create(thread, attributes, function, argument);
}

static void count(void *argument, size_t task, size_t worker)
{
    (void)argument;
    times_run[task]++; /* each task writes to its own place */
    n_run++;
    size_t seen = worker_max;
    while (worker > seen && !atomic_compare_exchange_weak(&worker_max, &seen, worker))
        ;
}

static void assert_runs_each_once(struct mer_team *team, size_t n_tasks)
{
    memset(times_run, 0, sizeof times_run);
    n_run = 0;
    mer_team_run(team, count, NULL, n_tasks);
    assert_int_equal(n_run, n_tasks);
    for (size_t i = 0; i < n_tasks; i++)
        assert_int_equal(times_run[i], 1);
}

static struct mer_team *new_team(struct mer_alloc *alloc, size_t n_threads)
{
    struct mer_team *team = NULL;
    mer_alloc_init(alloc, SIZE_MAX);
    assert_int_equal(mer_team_new(alloc, n_threads, &team, NULL).code, MER_OK);
    return team;
}

static void every_task_runs_once_whatever_the_number_of_threads(void **state)
{
    (void)state;
    for (size_t n_threads = 1; n_threads <= 8; n_threads++) {
        struct mer_alloc alloc;
        struct mer_team *team = new_team(&alloc, n_threads);
        assert_int_equal(mer_team_size(team), n_threads);
        worker_max = 0;
        for (size_t n_tasks = 0; n_tasks < 20; n_tasks++)
            assert_runs_each_once(team, n_tasks);
        assert_runs_each_once(team, N_MAX);
        assert_true(worker_max < n_threads);
        mer_team_free(team);
        assert_int_equal(alloc.used, 0);
    }
}

static void thousands_of_runs_lose_nothing(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_team *team = new_team(&alloc, 4);
    for (int i = 0; i < 20000; i++) {
        n_run = 0;
        mer_team_run(team, count, NULL, 7);
        assert_int_equal(n_run, 7);
    }
    mer_team_free(team);
}

static void no_team_is_the_callers_thread(void **state)
{
    (void)state;
    worker_max = 0;
    assert_int_equal(mer_team_size(NULL), 1);
    assert_runs_each_once(NULL, 10);
    assert_int_equal(worker_max, 0);
    mer_team_free(NULL);
}

static void a_team_that_never_ran_can_be_freed(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_team *team = new_team(&alloc, 5);
    mer_team_free(team);
    assert_int_equal(alloc.used, 0);
}

static void a_team_without_threads_is_refused(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_team *team = NULL;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(mer_team_new(&alloc, 0, &team, NULL).code, MER_ERR_INTERNAL);
    assert_int_equal(mer_team_new(&alloc, SIZE_MAX, &team, NULL).code, MER_ERR_MEMORY);
    assert_null(team);
    assert_int_equal(alloc.used, 0);
}

static void look_at_signals(void *argument, size_t task, size_t worker)
{
    (void)argument;
    (void)task;
    sigset_t blocked;
    if (worker == 0 || pthread_sigmask(SIG_SETMASK, NULL, &blocked) != 0)
        return;
    if (!sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGTERM))
        saw_open_signal = true;
}

static void threads_take_no_signals(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_team *team = new_team(&alloc, 4);
    sigset_t mine;
    for (int i = 0; i < 200; i++)
        mer_team_run(team, look_at_signals, NULL, 16);
    assert_false(saw_open_signal);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
    assert_false(sigismember(&mine, SIGINT));
    mer_team_free(team);
}

static void threads_that_cannot_start_are_done_without(void **state)
{
    (void)state;
    for (size_t n = 0; n < 5; n++) {
        startable = n;
        struct mer_alloc alloc;
        struct mer_team *team = new_team(&alloc, 6);
        worker_max = 0;
        assert_runs_each_once(team, N_MAX);
        assert_runs_each_once(team, N_MAX);
        assert_true(worker_max < 6);
        assert_int_equal(mer_team_size(team), 6);
        mer_team_free(team);
        assert_int_equal(alloc.used, 0);
    }
    startable = SIZE_MAX;
}

static mer_status make_a_team(struct mer_alloc *alloc, mer_err *err)
{
    struct mer_team *team = NULL;
    const mer_status status = mer_team_new(alloc, 3, &team, err);
    if (mer_is_ok(status))
        mer_team_run(team, count, NULL, 5);
    mer_team_free(team);
    return status;
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(make_a_team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_whatever_the_number_of_threads),
        cmocka_unit_test(thousands_of_runs_lose_nothing),
        cmocka_unit_test(no_team_is_the_callers_thread),
        cmocka_unit_test(a_team_that_never_ran_can_be_freed),
        cmocka_unit_test(a_team_without_threads_is_refused),
        cmocka_unit_test(threads_take_no_signals),
        cmocka_unit_test(threads_that_cannot_start_are_done_without),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
