#include "os/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct mer_ahead {
    struct mer_alloc *alloc;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex;   /* of everything below */
    pthread_cond_t changed;  /* for the thread */
    pthread_cond_t returned; /* for its owner */
    bool waits;
    bool ends;
    const unsigned char *bytes; /* NULL: no walk */
    size_t n;
    _Atomic bool stop; /* looked at between two steps */
};

/* The kernel maps what lies around a page that is touched, so far at most that it knows; less only
 * leaves work to the others. */
static void walk(const struct mer_ahead *ahead, const unsigned char *bytes, size_t n)
{
    enum { STEP = 1 << 16 };
    const volatile unsigned char *const end = bytes + n;
    const volatile unsigned char *at = bytes;
    while (at < end && !atomic_load_explicit(&ahead->stop, memory_order_relaxed)) {
        (void)*at;
        at += STEP - (uintptr_t)at % STEP;
    }
}

static void *run(void *self)
{
    struct mer_ahead *const ahead = self;
    (void)pthread_mutex_lock(&ahead->mutex);
    for (;;) {
        ahead->waits = true;
        (void)pthread_cond_signal(&ahead->returned);
        while (!ahead->bytes && !ahead->ends)
            (void)pthread_cond_wait(&ahead->changed, &ahead->mutex);
        if (ahead->ends)
            break;
        const unsigned char *const bytes = ahead->bytes;
        const size_t n = ahead->n;
        ahead->bytes = NULL;
        ahead->waits = false;
        (void)pthread_mutex_unlock(&ahead->mutex);
        walk(ahead, bytes, n);
        (void)pthread_mutex_lock(&ahead->mutex);
    }
    (void)pthread_mutex_unlock(&ahead->mutex);
    return NULL;
}

mer_status mer_ahead_new(struct mer_alloc *alloc, struct mer_ahead **ret_ahead, mer_err *err)
{
    struct mer_ahead *ahead;
    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof *ahead, &ahead, err));
    ahead->alloc = alloc;
    /* With default attributes these cannot fail. */
    (void)pthread_mutex_init(&ahead->mutex, NULL);
    (void)pthread_cond_init(&ahead->changed, NULL);
    (void)pthread_cond_init(&ahead->returned, NULL);
    *ret_ahead = ahead;
    return mer_ok();
}

void mer_ahead_free(struct mer_ahead *ahead)
{
    if (!ahead)
        return;
    if (ahead->started) {
        (void)pthread_mutex_lock(&ahead->mutex);
        ahead->ends = true;
        (void)pthread_cond_signal(&ahead->changed);
        (void)pthread_mutex_unlock(&ahead->mutex);
        (void)pthread_join(ahead->thread, NULL);
    }
    (void)pthread_cond_destroy(&ahead->returned);
    (void)pthread_cond_destroy(&ahead->changed);
    (void)pthread_mutex_destroy(&ahead->mutex);
    mer_free(ahead->alloc, ahead);
}

/* Waits until the thread has nothing to walk through any more. */
static void await_return(struct mer_ahead *ahead)
{
    (void)pthread_mutex_lock(&ahead->mutex);
    ahead->bytes = NULL;
    while (!ahead->waits)
        (void)pthread_cond_wait(&ahead->returned, &ahead->mutex);
    (void)pthread_mutex_unlock(&ahead->mutex);
}

void mer_ahead_start(struct mer_ahead *ahead)
{
    sigset_t all, before;
    if (!ahead || ahead->started)
        return;
    /* Signals belong to the program's own threads. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    ahead->started = pthread_create(&ahead->thread, NULL, run, ahead) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ahead->started)
        await_return(ahead);
}

void mer_ahead_walk(struct mer_ahead *ahead, const unsigned char *bytes, size_t n)
{
    if (!ahead || !ahead->started || n == 0)
        return;
    (void)pthread_mutex_lock(&ahead->mutex);
    atomic_store_explicit(&ahead->stop, false, memory_order_relaxed);
    ahead->bytes = bytes;
    ahead->n = n;
    (void)pthread_cond_signal(&ahead->changed);
    (void)pthread_mutex_unlock(&ahead->mutex);
}

void mer_ahead_stop(struct mer_ahead *ahead)
{
    if (!ahead || !ahead->started)
        return;
    atomic_store_explicit(&ahead->stop, true, memory_order_relaxed);
    await_return(ahead);
}
