#include "os/signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "os/system_error.h"

/* A handler has no argument of its own: the one place where state is global by nature. */
static struct mer_cancel *_Atomic cancel_target;
static void (*_Atomic final_words)(void);

const int MER_SIGNAL_INTERRUPT = SIGINT;

static void end_by(int number)
{
    void (*const last_words)(void) = final_words;
    sigset_t only;
    if (last_words)
        last_words();
    (void)signal(number, SIG_DFL);
    sigemptyset(&only);
    sigaddset(&only, number);
    (void)pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    (void)raise(number);
    _exit(128 + number); /* not reached: the default action ends the process */
}

static void handle(int number)
{
    const int saved = errno;
    int before = 0;
    if (!atomic_compare_exchange_strong(&cancel_target->signal, &before, number))
        end_by(number);
    errno = saved;
}

mer_status mer_signals_install(struct mer_cancel *cancel, void (*last_words)(void), mer_err *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handle}; /* no SA_RESTART: a waiting read wakes up */
    cancel_target = cancel;
    final_words = last_words;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) != 0)
            return mer_fail_system(err, MER_ERR_INTERNAL, errno, "signals cannot be caught");
        if (numbers[i] == SIGHUP && before.sa_handler == SIG_IGN)
            continue; /* nohup */
        if (sigaction(numbers[i], &action, NULL) != 0)
            return mer_fail_system(err, MER_ERR_INTERNAL, errno, "signals cannot be caught");
    }
    /* Both come back as errors of the write. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
        return mer_fail_system(err, MER_ERR_INTERNAL, errno, "signals cannot be ignored");
    return mer_ok();
}
