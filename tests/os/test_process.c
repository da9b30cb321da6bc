/* Signals, the log file, the terminal, clocks, scratch files and the kernel's randomness. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include <cmocka.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/log_file.h"
#include "os/scratch.h"
#include "os/secret_random.h"
#include "os/signals.h"
#include "os/terminal.h"
#include "temporary_folder.h"

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static int wait_for(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_log_file_is_private_and_then_read_only(void **state)
{
    const char *path = path_in(*state, "log");
    struct mer_log_file file = {.fd = -1};
    const mode_t mask = umask(0777);
    assert_int_equal(mer_log_file_open(&file, path, NULL).code, MER_OK);
    (void)umask(mask);
    assert_int_equal(mode_of(path), 0600);
    mer_log_file_write(&file, "one\n", 4);
    mer_log_file_write(&file, "two\n", 4);
    mer_log_file_seal(&file);
    assert_int_equal(mode_of(path), 0400);
    assert_int_equal(file.fd, -1);
    mer_log_file_seal(&file);
    mer_log_file_write(&file, "three\n", 6);
    char text[20] = "";
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    assert_int_equal(fread(text, 1, sizeof text, stream), 8);
    (void)fclose(stream);
    assert_string_equal(text, "one\ntwo\n");
}

static void a_log_file_is_never_one_that_exists(void **state)
{
    struct mer_log_file file = {.fd = -1};
    mer_err err;
    put_file(path_in(*state, "old"), "kept");
    assert_int_equal(symlink("nowhere", path_in(*state, "link")), 0);
    assert_int_equal(mer_log_file_open(&file, path_in(*state, "old"), &err).code, MER_ERR_EXISTS);
    assert_non_null(strstr(err.message, "exists already"));
    assert_int_equal(mer_log_file_open(&file, path_in(*state, "link"), &err).code, MER_ERR_EXISTS);
    assert_int_equal(mer_log_file_open(&file, path_in(*state, "no/log"), &err).code,
                     MER_ERR_EXISTS);
    assert_false(mer_file_exists(path_in(*state, "nowhere")));
    assert_int_equal(file.fd, -1);
}

static struct mer_log_file last_log = {.fd = -1};
static struct mer_cancel cancel;

static void seal_last_log(void)
{
    mer_log_file_seal(&last_log);
}

static void the_first_signal_asks_and_the_second_ends(void **state)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "log%zu", i);
        const char *path = path_in(*state, name);
        const pid_t child = fork();
        if (child == 0) {
            if (!mer_is_ok(mer_log_file_open(&last_log, path, NULL)) ||
                !mer_is_ok(mer_signals_install(&cancel, seal_last_log, NULL)))
                _exit(2);
            (void)raise(numbers[i]);
            if (cancel.signal != numbers[i] || mode_of(path) != 0600)
                _exit(3);
            (void)raise(numbers[i]);
            _exit(4);
        }
        const int status = wait_for(child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), numbers[i]);
        assert_int_equal(mode_of(path), 0400);
    }
}

static void a_signal_wakes_a_read_that_waits(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct mer_alloc alloc;
        struct mer_file_bytes file;
        mer_alloc_init(&alloc, SIZE_MAX);
        (void)dup2(ends[0], STDIN_FILENO);
        if (!mer_is_ok(mer_signals_install(&cancel, NULL, NULL)))
            _exit(2);
        (void)alarm(20); /* ends a test that hangs */
        if (write(ends[1], "x", 1) != 1)
            _exit(3);
        const mer_status status = mer_file_read(&alloc, "-", 100, &file, NULL);
        _exit(status.code == MER_ERR_CANCELLED && cancel.signal == SIGTERM ? 0 : 4);
    }
    /* Once the child has taken the byte, it waits for more. */
    int unread = 1;
    const struct timespec moment = {.tv_nsec = 10000000};
    for (int i = 0; i < 1000; i++) {
        (void)nanosleep(&moment, NULL);
        if (ioctl(ends[0], FIONREAD, &unread) == 0 && unread == 0 && i > 5)
            break;
    }
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(wait_for(child), 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_broken_pipe_is_an_error_and_no_signal(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        int ends[2];
        mer_err err = {0};
        if (pipe(ends) != 0 || !mer_is_ok(mer_signals_install(&cancel, NULL, NULL)))
            _exit(2);
        (void)close(ends[0]);
        _exit(mer_fd_write(ends[1], "x", 1, "the output", &err).code == MER_ERR_IO ? 0 : 3);
    }
    assert_int_equal(wait_for(child), 0);
}

static void nohup_stays_in_force(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGHUP, SIG_IGN);
        if (!mer_is_ok(mer_signals_install(&cancel, NULL, NULL)))
            _exit(2);
        (void)raise(SIGHUP);
        _exit(cancel.signal == 0 ? 0 : 3);
    }
    assert_int_equal(wait_for(child), 0);
}

/* A child whose controlling terminal is a new pseudo-terminal asks for a passphrase. Its exit code
 * is 0 when it read the text expected (NULL: when it gave up with the code) and the echo is back.
 */
static pid_t ask_in_child(int *ret_master, const char *expected, enum mer_code code)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const char *name = ptsname(master);
    assert_non_null(name);
    const pid_t child = fork();
    if (child == 0) {
        char text[9] = "";
        size_t n = 0;
        struct termios settings;
        (void)setsid();
        const int terminal = open(name, O_RDWR);
        if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0)
            _exit(2);
        (void)signal(SIGINT, SIG_IGN);
        (void)alarm(20);
        const mer_status status = mer_terminal_passphrase("Passphrase: ", text, 8, &n, NULL);
        if (tcgetattr(terminal, &settings) != 0 || !(settings.c_lflag & ECHO))
            _exit(3);
        if (status.code != code)
            _exit(4);
        if (expected && (n != strlen(expected) || memcmp(text, expected, n) != 0))
            _exit(5);
        _exit(!expected && text[0] ? 6 : 0);
    }
    *ret_master = master;
    return child;
}

/* Reads the terminal's output until it holds the text; false at its end. */
static bool await_text(int master, const char *text, char *ret_seen, size_t max)
{
    size_t n = 0;
    while (n + 1 < max) {
        const ssize_t got = read(master, ret_seen + n, max - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        ret_seen[n] = '\0';
        if (strstr(ret_seen, text))
            return true;
    }
    return false;
}

static void assert_asks(const char *typed, const char *expected, enum mer_code code)
{
    int master = -1;
    char seen[400] = "";
    const pid_t child = ask_in_child(&master, expected, code);
    assert_true(await_text(master, "Passphrase: ", seen, sizeof seen));
    assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
    const int status = wait_for(child);
    char rest[100] = "";
    (void)await_text(master, "no such text", rest, sizeof rest);
    (void)close(master);
    assert_int_equal(status, 0);
    assert_null(strstr(rest, "secret"));
}

static void a_passphrase_is_read_without_echo(void **state)
{
    (void)state;
    assert_asks("secret\n", "secret", MER_OK);
    assert_asks("secret12\n", "secret12", MER_OK);
    assert_asks("\n", "", MER_OK);
    assert_asks("secret123\n", NULL, MER_ERR_DATA);
    assert_asks("secr\x03", NULL, MER_ERR_CANCELLED);
}

static void without_a_terminal_nobody_is_asked(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        char text[8];
        size_t n = 0;
        (void)setsid();
        _exit(mer_terminal_passphrase("?", text, 8, &n, NULL).code == MER_ERR_ABSENT ? 0 : 1);
    }
    assert_int_equal(wait_for(child), 0);
}

static void colours_are_for_terminals_that_want_them(void **state)
{
    (void)state;
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    const struct winsize size = {.ws_row = 24, .ws_col = 132};
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "xterm", 1);
    assert_true(mer_terminal_is(terminal));
    assert_true(mer_terminal_colours(terminal));
    (void)setenv("NO_COLOR", "", 1);
    assert_true(mer_terminal_colours(terminal));
    (void)setenv("NO_COLOR", "1", 1);
    assert_false(mer_terminal_colours(terminal));
    (void)unsetenv("NO_COLOR");
    (void)setenv("TERM", "dumb", 1);
    assert_false(mer_terminal_colours(terminal));
    assert_int_equal(mer_terminal_columns(terminal), 80); /* unknown: 0 */
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
    assert_int_equal(mer_terminal_columns(terminal), 132);
    (void)close(terminal);
    (void)close(master);
    assert_false(mer_terminal_is(-1));
    assert_false(mer_terminal_colours(-1));
    assert_int_equal(mer_terminal_columns(-1), 80);
}

static void clocks_go_forward(void **state)
{
    (void)state;
    const uint64_t first = MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
    const struct timespec moment = {.tv_nsec = 2000000};
    (void)nanosleep(&moment, NULL);
    assert_true(MER_CLOCK_MONOTONIC.now_ns(NULL) >= first + 2000000);
    assert_true(MER_CLOCK_WALL.now_ns(NULL) > 1700000000000000000u);
    char text[24];
    mer_clock_format_utc(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
}

static void resources_are_told(void **state)
{
    (void)state;
    const size_t before = mer_peak_rss_bytes();
    enum { SIZE = 64 << 20 };
    char *memory = malloc(SIZE);
    assert_non_null(memory);
    memset(memory, 1, SIZE);
    const size_t after = mer_peak_rss_bytes();
    assert_int_equal(memory[SIZE - 1], 1);
    free(memory);
    assert_true(before > 100000);
    assert_true(after >= before + SIZE / 2);
    assert_true(mer_processors_available() >= 1);
    assert_true(mer_processors_available() <= (unsigned)sysconf(_SC_NPROCESSORS_CONF));
}

static void scratch_has_no_name(void **state)
{
    const struct temporary_folder *folder = *state;
    struct stat status;
    int fd = -1;
    assert_int_equal(mer_scratch_unnamed(folder->path, &fd, NULL).code, MER_OK);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    (void)close(fd);
    /* A file system without unnamed files: memory. */
    fd = -1;
    assert_int_equal(mer_scratch_unnamed("/proc", &fd, NULL).code, MER_OK);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
    fd = -1;
    assert_int_equal(mer_scratch_unnamed(path_in(folder, "none"), &fd, NULL).code, MER_ERR_EXISTS);
    assert_int_equal(fd, -1);
}

static void the_scratch_folder_is_chosen_in_order(void **state)
{
    (void)state;
    (void)unsetenv("TMPDIR");
    (void)unsetenv("TEMP");
    (void)unsetenv("TMP");
    assert_string_equal(mer_scratch_folder(NULL), "/tmp");
    assert_string_equal(mer_scratch_folder(""), "/tmp");
    (void)setenv("TMP", "/c", 1);
    assert_string_equal(mer_scratch_folder(NULL), "/c");
    (void)setenv("TEMP", "/b", 1);
    assert_string_equal(mer_scratch_folder(NULL), "/b");
    (void)setenv("TMPDIR", "/a", 1);
    assert_string_equal(mer_scratch_folder(NULL), "/a");
    (void)setenv("TMPDIR", "", 1);
    assert_string_equal(mer_scratch_folder(NULL), "/b");
    assert_string_equal(mer_scratch_folder("/x"), "/x");
    (void)unsetenv("TMPDIR");
    (void)unsetenv("TEMP");
    (void)unsetenv("TMP");
}

static void secrets_do_not_repeat(void **state)
{
    (void)state;
    unsigned char first[1000] = {0};
    unsigned char second[1000] = {0};
    unsigned counts[256] = {0};
    assert_int_equal(mer_secret_random(first, sizeof first, NULL).code, MER_OK);
    assert_int_equal(mer_secret_random(second, sizeof second, NULL).code, MER_OK);
    assert_int_equal(mer_secret_random(NULL, 0, NULL).code, MER_OK);
    assert_memory_not_equal(first, second, sizeof first);
    for (size_t i = 0; i < sizeof first; i++)
        counts[first[i]]++;
    for (int i = 0; i < 256; i++)
        assert_true(counts[i] < 40);
}

#define WITH_FOLDER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, make_temporary_folder, remove_temporary_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_log_file_is_private_and_then_read_only),
        WITH_FOLDER(a_log_file_is_never_one_that_exists),
        WITH_FOLDER(the_first_signal_asks_and_the_second_ends),
        cmocka_unit_test(a_signal_wakes_a_read_that_waits),
        cmocka_unit_test(a_broken_pipe_is_an_error_and_no_signal),
        cmocka_unit_test(nohup_stays_in_force),
        cmocka_unit_test(a_passphrase_is_read_without_echo),
        cmocka_unit_test(without_a_terminal_nobody_is_asked),
        cmocka_unit_test(colours_are_for_terminals_that_want_them),
        cmocka_unit_test(clocks_go_forward),
        cmocka_unit_test(resources_are_told),
        WITH_FOLDER(scratch_has_no_name),
        cmocka_unit_test(the_scratch_folder_is_chosen_in_order),
        cmocka_unit_test(secrets_do_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
