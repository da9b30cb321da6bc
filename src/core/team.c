/* The team: threads that sleep until there is a job, and claim its tasks one by one.
 *
 * A job is announced by raising `epoch` under the mutex. A thread joins a job under the mutex too,
 * while it is open, and so sees all its fields; from then on it touches nothing but `next_task`,
 * until it leaves. The caller works along, closes the job when no task is left, and waits for those
 * that joined: a thread that woke up too late finds the job closed and nobody waits for it.
 */
#include "core/team.h"

#include <pthread.h>
#include <signal.h>

/* How often to look before going to sleep: some hundred microseconds. A sleeper wakes too late for
 * steps of a few microseconds that follow each other, as those of boosting do. */
enum { SPINS = 4000 };

struct member {
    struct mer_team *team;
    pthread_t thread;
    size_t worker;
};

struct mer_team {
    struct mer_alloc *alloc;
    size_t n_threads; /* as asked for, the caller counted */
    size_t n_started; /* threads beside the caller's */
    bool tried;       /* to start them */
    struct member *members;

    pthread_mutex_t mutex;
    pthread_cond_t work; /* a new job, or the end */
    pthread_cond_t idle; /* nobody is joined any more; a thread has begun */
    size_t n_asleep;     /* under the mutex */
    size_t n_waiting;    /* under the mutex: threads that have begun */
    bool stop;           /* under the mutex */
    bool open;           /* under the mutex: the job may be joined */
    _Atomic uint64_t epoch;
    _Atomic size_t n_joined; /* raised under the mutex */

    mer_task_fn *task; /* of the open job */
    void *argument;
    size_t n_tasks;
    _Atomic size_t next_task;
};

static inline void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void work_off(struct mer_team *team, size_t worker)
{
    mer_task_fn *const task = team->task;
    void *const argument = team->argument;
    const size_t n_tasks = team->n_tasks;
    for (;;) {
        const size_t i = atomic_fetch_add_explicit(&team->next_task, 1, memory_order_relaxed);
        if (i >= n_tasks)
            return;
        task(argument, i, worker);
    }
}

/* Waits for an epoch other than `seen`; returns with the mutex held. */
static void await_job(struct mer_team *team, uint64_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&team->epoch, memory_order_relaxed) != seen)
            break;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    while (team->epoch == seen && !team->stop) {
        team->n_asleep++;
        pthread_cond_wait(&team->work, &team->mutex);
        team->n_asleep--;
    }
}

static void *run_member(void *self)
{
    const struct member *member = self;
    struct mer_team *team = member->team;
    uint64_t seen = 0;
    pthread_mutex_lock(&team->mutex);
    team->n_waiting++;
    pthread_cond_signal(&team->idle);
    pthread_mutex_unlock(&team->mutex);
    for (;;) {
        await_job(team, seen);
        if (team->stop)
            break;
        seen = team->epoch;
        const bool joined = team->open;
        if (joined)
            team->n_joined++;
        pthread_mutex_unlock(&team->mutex);
        if (!joined)
            continue;
        work_off(team, member->worker);
        /* The last one to leave wakes the caller, who may have gone to sleep. */
        if (atomic_fetch_sub(&team->n_joined, 1) == 1) {
            pthread_mutex_lock(&team->mutex);
            pthread_cond_signal(&team->idle);
            pthread_mutex_unlock(&team->mutex);
        }
    }
    pthread_mutex_unlock(&team->mutex);
    return NULL;
}

/* Signals belong to the program's own threads. Fewer threads than asked for are no error: results
 * do not depend on them. */
static void start_threads(struct mer_team *team)
{
    sigset_t all;
    sigset_t before;
    team->tried = true;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return;
    while (team->n_started + 1 < team->n_threads) {
        struct member *member = &team->members[team->n_started];
        *member = (struct member){.team = team, .worker = team->n_started + 1};
        if (pthread_create(&member->thread, NULL, run_member, member) != 0)
            break;
        team->n_started++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

mer_status mer_team_new(struct mer_alloc *alloc, size_t n_threads, struct mer_team **ret_team,
                        mer_err *err)
{
    struct mer_team *team;
    if (n_threads == 0)
        return mer_fail(err, MER_ERR_INTERNAL, "a team has at least one thread");
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *team, &team, err));
    const mer_status status =
        mer_alloc_zero(alloc, n_threads - 1, sizeof *team->members, &team->members, err);
    if (!mer_is_ok(status)) {
        mer_free(alloc, team);
        return status;
    }
    team->alloc = alloc;
    team->n_threads = n_threads;
    /* With default attributes these cannot fail. */
    (void)pthread_mutex_init(&team->mutex, NULL);
    (void)pthread_cond_init(&team->work, NULL);
    (void)pthread_cond_init(&team->idle, NULL);
    *ret_team = team;
    return mer_ok();
}

void mer_team_start(struct mer_team *team)
{
    if (!team || team->tried)
        return;
    start_threads(team);
    pthread_mutex_lock(&team->mutex);
    while (team->n_waiting < team->n_started)
        pthread_cond_wait(&team->idle, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

void mer_team_free(struct mer_team *team)
{
    if (!team)
        return;
    pthread_mutex_lock(&team->mutex);
    team->stop = true;
    pthread_cond_broadcast(&team->work);
    pthread_mutex_unlock(&team->mutex);
    for (size_t i = 0; i < team->n_started; i++)
        (void)pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->idle);
    pthread_cond_destroy(&team->work);
    pthread_mutex_destroy(&team->mutex);
    mer_free(team->alloc, team->members);
    mer_free(team->alloc, team);
}

size_t mer_team_size(const struct mer_team *team)
{
    return team ? team->n_threads : 1;
}

static void open_job(struct mer_team *team, mer_task_fn *task, void *argument, size_t n_tasks)
{
    pthread_mutex_lock(&team->mutex);
    team->task = task;
    team->argument = argument;
    team->n_tasks = n_tasks;
    atomic_store_explicit(&team->next_task, 0, memory_order_relaxed);
    team->open = true;
    team->epoch++;
    /* Not more sleepers than there is work for. */
    if (team->n_asleep > n_tasks - 1)
        for (size_t i = 0; i < n_tasks - 1; i++)
            pthread_cond_signal(&team->work);
    else if (team->n_asleep > 0)
        pthread_cond_broadcast(&team->work);
    pthread_mutex_unlock(&team->mutex);
}

static void close_job(struct mer_team *team)
{
    pthread_mutex_lock(&team->mutex);
    team->open = false;
    pthread_mutex_unlock(&team->mutex);
    for (int i = 0; i < SPINS && atomic_load(&team->n_joined) != 0; i++)
        pause_briefly();
    if (atomic_load(&team->n_joined) == 0)
        return;
    pthread_mutex_lock(&team->mutex);
    while (team->n_joined != 0)
        pthread_cond_wait(&team->idle, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

void mer_team_run(struct mer_team *team, mer_task_fn *task, void *argument, size_t n_tasks)
{
    if (n_tasks == 0)
        return;
    if (team && n_tasks > 1 && !team->tried)
        start_threads(team);
    if (!team || n_tasks == 1 || team->n_started == 0) {
        for (size_t i = 0; i < n_tasks; i++)
            task(argument, i, 0);
        return;
    }
    open_job(team, task, argument, n_tasks);
    work_off(team, 0);
    close_job(team);
}
