#include "os/starter.h"

#include <pthread.h>
#include <signal.h>

struct mer_starter {
    struct mer_alloc *alloc;
    pthread_t thread;
    pthread_mutex_t turn;  /* held by the caller whose job it is */
    pthread_mutex_t mutex; /* of everything below */
    pthread_cond_t changed;
    mer_status (*start)(void *argument, mer_err *err); /* NULL: no job, or it is done */
    void *argument;
    mer_err *err;
    mer_status status;
    bool stop;
};

static void *run(void *self)
{
    struct mer_starter *const starter = self;
    (void)pthread_mutex_lock(&starter->mutex);
    for (;;) {
        while (!starter->start && !starter->stop)
            (void)pthread_cond_wait(&starter->changed, &starter->mutex);
        if (starter->stop)
            break;
        starter->status = starter->start(starter->argument, starter->err);
        starter->start = NULL;
        (void)pthread_cond_broadcast(&starter->changed);
    }
    (void)pthread_mutex_unlock(&starter->mutex);
    return NULL;
}

mer_status mer_starter_new(struct mer_alloc *alloc, struct mer_starter **ret_starter, mer_err *err)
{
    struct mer_starter *starter;
    sigset_t all, before;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *starter, &starter, err));
    starter->alloc = alloc;
    /* With default attributes these cannot fail. */
    (void)pthread_mutex_init(&starter->turn, NULL);
    (void)pthread_mutex_init(&starter->mutex, NULL);
    (void)pthread_cond_init(&starter->changed, NULL);
    /* Signals belong to the program's own threads. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&starter->thread, NULL, run, starter);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        mer_free(alloc, starter);
        return mer_fail(err, MER_ERR_MEMORY, "no thread to start cells from");
    }
    *ret_starter = starter;
    return mer_ok();
}

void mer_starter_free(struct mer_starter *starter)
{
    if (!starter)
        return;
    (void)pthread_mutex_lock(&starter->mutex);
    starter->stop = true;
    (void)pthread_cond_broadcast(&starter->changed);
    (void)pthread_mutex_unlock(&starter->mutex);
    (void)pthread_join(starter->thread, NULL);
    (void)pthread_cond_destroy(&starter->changed);
    (void)pthread_mutex_destroy(&starter->mutex);
    (void)pthread_mutex_destroy(&starter->turn);
    mer_free(starter->alloc, starter);
}

mer_status mer_starter_run(struct mer_starter *starter,
                           mer_status (*start)(void *argument, mer_err *err), void *argument,
                           mer_err *err)
{
    (void)pthread_mutex_lock(&starter->turn);
    (void)pthread_mutex_lock(&starter->mutex);
    starter->argument = argument;
    starter->err = err;
    starter->start = start;
    (void)pthread_cond_broadcast(&starter->changed);
    while (starter->start)
        (void)pthread_cond_wait(&starter->changed, &starter->mutex);
    const mer_status status = starter->status;
    (void)pthread_mutex_unlock(&starter->mutex);
    (void)pthread_mutex_unlock(&starter->turn);
    return status;
}
