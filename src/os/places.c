#include "os/places.h"

#include <pthread.h>
#include <time.h>

struct mer_places {
    struct mer_alloc *alloc;
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    size_t n_free; /* under the mutex, as is the stack */
    size_t stack[];
};

mer_status mer_places_new(struct mer_alloc *alloc, size_t n, struct mer_places **ret_places,
                          mer_err *err)
{
    struct mer_places *places;
    size_t n_bytes;
    if (!mer_size_mul(n, sizeof places->stack[0], &n_bytes) ||
        !mer_size_add(n_bytes, sizeof *places, &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "%zu places are impossible", n);
    MER_GUARD(mer_alloc_zero(alloc, 1, n_bytes, &places, err));
    places->alloc = alloc;
    for (size_t i = 0; i < n; i++) /* the first on top */
        places->stack[places->n_free++] = n - 1 - i;
    /* With default attributes these cannot fail. */
    (void)pthread_mutex_init(&places->mutex, NULL);
    (void)pthread_cond_init(&places->freed, NULL);
    *ret_places = places;
    return mer_ok();
}

void mer_places_free(struct mer_places *places)
{
    if (!places)
        return;
    (void)pthread_cond_destroy(&places->freed);
    (void)pthread_mutex_destroy(&places->mutex);
    mer_free(places->alloc, places);
}

bool mer_places_take(struct mer_places *places, unsigned wait_ms, size_t *ret_place)
{
    enum { SECOND_NS = 1000000000, MS_NS = 1000000 };
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(wait_ms % 1000) * MS_NS;
    until.tv_sec += (time_t)(wait_ms / 1000) + until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;

    (void)pthread_mutex_lock(&places->mutex);
    int failed = 0;
    while (places->n_free == 0 && failed == 0)
        failed = pthread_cond_clockwait(&places->freed, &places->mutex, CLOCK_MONOTONIC, &until);
    const bool taken = places->n_free > 0;
    if (taken)
        *ret_place = places->stack[--places->n_free];
    (void)pthread_mutex_unlock(&places->mutex);
    return taken;
}

void mer_places_leave(struct mer_places *places, size_t place)
{
    (void)pthread_mutex_lock(&places->mutex);
    places->stack[places->n_free++] = place;
    (void)pthread_cond_signal(&places->freed);
    (void)pthread_mutex_unlock(&places->mutex);
}
