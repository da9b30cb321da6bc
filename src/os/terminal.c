#include "os/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "os/system_error.h"

bool mer_terminal_is(int fd)
{
    return isatty(fd) == 1;
}

unsigned mer_terminal_columns(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

bool mer_terminal_colours(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return mer_terminal_is(fd) && (!no_color || !no_color[0]) && term && strcmp(term, "dumb") != 0;
}

/* While the echo is off, signals that would end or stop the process are only noted, and sent again
 * once the terminal is as it was (the way of OpenBSD's readpassphrase). They are let in nowhere but
 * in ppoll, so that none slips in between a check and the wait. */
static const int guarded_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
enum { N_GUARDED = sizeof guarded_signals / sizeof *guarded_signals };
static volatile sig_atomic_t noted_signal;

struct guard {
    sigset_t mask; /* what was blocked before */
    struct sigaction actions[N_GUARDED];
};

static void note(int number)
{
    noted_signal = number;
}

static void guard_signals(struct guard *guard)
{
    struct sigaction action = {.sa_handler = note};
    sigset_t guarded;
    sigemptyset(&action.sa_mask);
    sigemptyset(&guarded);
    for (size_t i = 0; i < N_GUARDED; i++)
        sigaddset(&guarded, guarded_signals[i]);
    (void)pthread_sigmask(SIG_BLOCK, &guarded, &guard->mask);
    noted_signal = 0;
    for (size_t i = 0; i < N_GUARDED; i++)
        (void)sigaction(guarded_signals[i], &action, &guard->actions[i]);
}

static void unguard_signals(const struct guard *guard)
{
    for (size_t i = 0; i < N_GUARDED; i++)
        (void)sigaction(guarded_signals[i], &guard->actions[i], NULL);
    if (noted_signal != 0)
        (void)kill(getpid(), noted_signal);
    (void)pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
}

/* Waits for input or a signal. Another thread may have taken the signal: a look now and then. */
static mer_status await_input(int tty, const struct guard *guard, mer_err *err)
{
    static const struct timespec MOMENT = {.tv_nsec = 200000000};
    struct pollfd input = {.fd = tty, .events = POLLIN};
    int ready = 0;
    while (ready == 0 && noted_signal == 0) {
        ready = ppoll(&input, 1, &MOMENT, &guard->mask);
        if (ready < 0 && errno == EINTR)
            ready = 0;
    }
    if (noted_signal != 0)
        return mer_fail(err, MER_ERR_CANCELLED, "stopped while waiting for the passphrase");
    if (ready < 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "the terminal cannot be read");
    return mer_ok();
}

/* One line without its end. What is too long is read to its end all the same, so that it does not
 * become the next program's input. */
static mer_status read_line(int tty, const struct guard *guard, char *ret_bytes, size_t max,
                            size_t *ret_n, mer_err *err)
{
    size_t n = 0;
    bool too_long = false;
    for (;;) {
        char c = 0;
        MER_GUARD(await_input(tty, guard, err));
        const ssize_t got = read(tty, &c, 1);
        if (got < 0)
            return mer_fail_system(err, MER_ERR_IO, errno, "the terminal cannot be read");
        if (got == 0 || c == '\n')
            break;
        if (n == max)
            too_long = true;
        else
            ret_bytes[n++] = c;
        explicit_bzero(&c, sizeof c);
    }
    if (too_long)
        return mer_fail(err, MER_ERR_DATA, "the passphrase is longer than %zu bytes", max);
    *ret_n = n;
    return mer_ok();
}

static mer_status ask(int tty, const char *prompt, char *ret_bytes, size_t max, size_t *ret_n,
                      mer_err *err)
{
    struct termios before;
    struct guard guard;
    if (tcgetattr(tty, &before) != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, errno, "the terminal cannot be set");
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    guard_signals(&guard);
    mer_status status = mer_ok();
    if (tcsetattr(tty, TCSAFLUSH, &silent) != 0)
        status = mer_fail_system(err, MER_ERR_ABSENT, errno, "the terminal cannot be set");
    if (mer_is_ok(status) && write(tty, prompt, strlen(prompt)) < 0)
        status = mer_fail_system(err, MER_ERR_IO, errno, "the terminal cannot be written");
    if (mer_is_ok(status))
        status = read_line(tty, &guard, ret_bytes, max, ret_n, err);
    /* The line end that was not echoed. */
    if (write(tty, "\n", 1) < 0 && mer_is_ok(status))
        status = mer_fail_system(err, MER_ERR_IO, errno, "the terminal cannot be written");
    (void)tcsetattr(tty, TCSAFLUSH, &before);
    unguard_signals(&guard);
    return status;
}

mer_status mer_terminal_passphrase(const char *prompt, char *ret_bytes, size_t max, size_t *ret_n,
                                   mer_err *err)
{
    const int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0)
        return mer_fail(err, MER_ERR_ABSENT, "there is no terminal to ask for a passphrase");
    const mer_status status = ask(tty, prompt, ret_bytes, max, ret_n, err);
    (void)close(tty);
    if (!mer_is_ok(status))
        explicit_bzero(ret_bytes, max);
    return status;
}
