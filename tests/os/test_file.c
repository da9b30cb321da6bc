/* Reading inputs and listing folders. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "os/sealed.h"
#include "temporary_folder.h"

static struct mer_alloc alloc = {.budget = SIZE_MAX};

static void assert_reads(const char *path, const char *expected)
{
    struct mer_file_bytes file = {0};
    struct mer_sealed sealed = {0};
    const size_t n = strlen(expected);
    assert_int_equal(mer_file_read(&alloc, path, SIZE_MAX, &file, NULL).code, MER_OK);
    assert_int_equal(file.n, n);
    assert_memory_equal(file.bytes, expected, n);
    mer_file_release(&file);
    assert_int_equal(mer_sealed_read(path, SIZE_MAX, &sealed, NULL).code, MER_OK);
    assert_int_equal(sealed.n, n);
    if (n > 0)
        assert_memory_equal(sealed.bytes, expected, n);
    mer_sealed_release(&sealed);
    assert_int_equal(alloc.used, 0);
}

/* Both ways of reading give the same code and a message with that reason. */
static void assert_refused(const char *path, size_t max, enum mer_code code, const char *reason)
{
    struct mer_file_bytes file = {0};
    struct mer_sealed sealed = {.fd = -7};
    mer_err err;
    assert_int_equal(mer_file_read(&alloc, path, max, &file, &err).code, code);
    assert_non_null(strstr(err.message, reason));
    assert_null(file.bytes);
    assert_int_equal(mer_sealed_read(path, max, &sealed, &err).code, code);
    assert_non_null(strstr(err.message, reason));
    assert_int_equal(sealed.fd, -7);
    assert_int_equal(alloc.used, 0);
}

static void a_file_is_read_whole(void **state)
{
    const char *path = path_in(*state, "a");
    put_file(path, "");
    assert_reads(path, "");
    put_file(path, "hello");
    assert_reads(path, "hello");
    enum { LARGE = 3000000 };
    char *large = malloc(LARGE + 1);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)('a' + i % 23);
    large[LARGE] = '\0';
    put_file(path, large);
    assert_reads(path, large);
    free(large);
}

static void what_is_no_file_is_told_apart(void **state)
{
    const struct temporary_folder *folder = *state;
    const char *socket_path = path_in(folder, "socket");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_refused(path_in(folder, "missing"), SIZE_MAX, MER_ERR_NO_INPUT, "does not exist");
    assert_refused(path_in(folder, "missing/too"), SIZE_MAX, MER_ERR_NO_INPUT, "does not exist");
    assert_refused(folder->path, SIZE_MAX, MER_ERR_NO_INPUT, "is a folder");
    assert_refused("/dev/zero", SIZE_MAX, MER_ERR_NO_INPUT, "not a regular file");
    assert_refused(socket_path, SIZE_MAX, MER_ERR_NO_INPUT, "cannot be opened");
    (void)close(fd);
}

static void names_from_outside_are_quoted(void **state)
{
    assert_refused(path_in(*state, "a\nb\x1b[2J"), SIZE_MAX, MER_ERR_NO_INPUT, "a\\x0ab\\x1b[2J'");
}

static void a_file_without_permission_is_told_apart(void **state)
{
    const char *path = path_in(*state, "secret");
    put_file(path, "x");
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(((const struct temporary_folder *)*state)->path, 0755), 0);
    /* Root may read everything: a child becomes nobody. */
    const pid_t child = fork();
    if (child == 0) {
        mer_err err = {0};
        struct mer_file_bytes file;
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        const mer_status status = mer_file_read(&alloc, path, SIZE_MAX, &file, &err);
        _exit(status.code == MER_ERR_NO_INPUT && strstr(err.message, "no permission") ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_largest_size_is_kept(void **state)
{
    const char *path = path_in(*state, "a");
    struct mer_file_bytes file = {0};
    put_file(path, "12345");
    assert_refused(path, 4, MER_ERR_DATA, "larger than the 4 bytes");
    assert_int_equal(mer_file_read(&alloc, path, 5, &file, NULL).code, MER_OK);
    mer_file_release(&file);
}

/* Feeds a pipe from a child and reads it by path. */
static pid_t feed(const char *path, const char *piece, int times)
{
    const pid_t child = fork();
    if (child == 0) {
        const int fd = open(path, O_WRONLY);
        for (int i = 0; i < times; i++)
            if (!mer_is_ok(mer_fd_write(fd, piece, strlen(piece), "pipe", NULL)))
                _exit(1);
        _exit(0);
    }
    return child;
}

static void a_pipe_is_read_to_its_end(void **state)
{
    const char *path = path_in(*state, "pipe");
    struct mer_file_bytes file = {0};
    struct mer_sealed sealed = {0};
    int status = -1;
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t child = feed(path, "some text\n", 100000);
    assert_int_equal(mer_file_read(&alloc, path, SIZE_MAX, &file, NULL).code, MER_OK);
    assert_int_equal(file.n, 1000000);
    mer_file_release(&file);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    child = feed(path, "some text\n", 100000);
    assert_int_equal(mer_sealed_read(path, SIZE_MAX, &sealed, NULL).code, MER_OK);
    assert_int_equal(sealed.n, 1000000);
    mer_sealed_release(&sealed);
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void a_dash_is_standard_input(void **state)
{
    int ends[2];
    const int saved = dup(STDIN_FILENO);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "piped", 5), 5);
    (void)close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    (void)close(ends[0]);
    struct mer_file_bytes file = {0};
    assert_int_equal(mer_file_read(&alloc, "-", 100, &file, NULL).code, MER_OK);
    assert_int_equal(file.n, 5);
    assert_memory_equal(file.bytes, "piped", 5);
    mer_file_release(&file);
    /* It stays open: it is not ours. */
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
    (void)dup2(saved, STDIN_FILENO);
    (void)close(saved);
}

static void a_budget_that_is_too_small_is_reported(void **state)
{
    const char *path = path_in(*state, "a");
    struct mer_alloc small;
    struct mer_file_bytes file = {0};
    mer_alloc_init(&small, 3);
    put_file(path, "12345");
    assert_int_equal(mer_file_read(&small, path, 100, &file, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(small.used, 0);
}

static void a_sealed_copy_cannot_be_changed(void **state)
{
    const char *path = path_in(*state, "a");
    struct mer_sealed sealed = {0};
    put_file(path, "trusted bytes");
    assert_int_equal(mer_sealed_read(path, 100, &sealed, NULL).code, MER_OK);
    put_file(path, "other bytes!!");
    assert_memory_equal(sealed.bytes, "trusted bytes", 13);
    assert_int_equal(fcntl(sealed.fd, F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK),
                     F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
    assert_int_equal(pwrite(sealed.fd, "x", 1, 0), -1);
    assert_int_equal(ftruncate(sealed.fd, 1), -1);
    assert_int_equal(ftruncate(sealed.fd, 100), -1);
    assert_int_equal(fcntl(sealed.fd, F_ADD_SEALS, 0), -1);
    assert_int_equal(fcntl(sealed.fd, F_GETFD), FD_CLOEXEC);
    mer_sealed_release(&sealed);
    assert_int_equal(sealed.fd, -1);
    mer_sealed_release(&sealed);
}

static void a_full_disk_is_an_io_error_with_a_hint(void **state)
{
    mer_err err;
    (void)state;
    const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(mer_fd_write(fd, "x", 1, "the output", &err).code, MER_ERR_IO);
    assert_string_equal(err.message, "the output cannot be written: No space left on device");
    assert_non_null(strstr(err.hint, "free some space"));
    (void)close(fd);
    assert_int_equal(mer_fd_write(-1, "", 0, "nothing", &err).code, MER_OK);
    assert_int_equal(mer_fd_write(-1, "x", 1, "nothing", &err).code, MER_ERR_IO);
}

static void folders_are_made_with_their_parents_for_the_owner_alone(void **state)
{
    const struct temporary_folder *folder = *state;
    struct stat status;
    mer_err err;
    assert_int_equal(mer_folder_make(path_in(folder, "a/b/c"), NULL).code, MER_OK);
    assert_int_equal(mer_folder_make(path_in(folder, "a/b/c/"), NULL).code, MER_OK);
    assert_int_equal(mer_folder_make(path_in(folder, "a//d"), NULL).code, MER_OK);
    assert_int_equal(stat(path_in(folder, "a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    put_file(path_in(folder, "file"), "x");
    assert_int_equal(mer_folder_make(path_in(folder, "file"), &err).code, MER_ERR_EXISTS);
    assert_non_null(strstr(err.message, "not a folder"));
    assert_int_equal(mer_folder_make(path_in(folder, "file/x"), &err).code, MER_ERR_EXISTS);
    assert_int_equal(mer_folder_make("", &err).code, MER_ERR_EXISTS);
}

static void a_folder_is_listed_in_the_order_of_bytes(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_folder_list list = {0};
    put_file(path_in(folder, "b"), "");
    put_file(path_in(folder, "B"), "");
    put_file(path_in(folder, ".hidden"), "");
    assert_int_equal(mkdir(path_in(folder, "a"), 0700), 0);
    assert_int_equal(symlink("b", path_in(folder, "link")), 0);
    assert_int_equal(mkfifo(path_in(folder, "pipe"), 0600), 0);
    assert_int_equal(mer_folder_read(folder->path, &list, NULL).code, MER_OK);
    static const struct mer_folder_entry expected[] = {
        {".hidden", MER_ENTRY_FILE}, {"B", MER_ENTRY_FILE},    {"a", MER_ENTRY_FOLDER},
        {"b", MER_ENTRY_FILE},       {"link", MER_ENTRY_LINK}, {"pipe", MER_ENTRY_OTHER}};
    assert_int_equal(list.n, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < list.n; i++) {
        assert_string_equal(list.entries[i].name, expected[i].name);
        assert_int_equal(list.entries[i].kind, expected[i].kind);
    }
    mer_folder_release(&list);
}

static void what_is_no_folder_is_not_listed(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_folder_list list = {0};
    mer_err err;
    put_file(path_in(folder, "file"), "x");
    assert_int_equal(mer_folder_read(path_in(folder, "file"), &list, &err).code, MER_ERR_NO_INPUT);
    assert_non_null(strstr(err.message, "not a folder"));
    assert_int_equal(mer_folder_read(path_in(folder, "none"), &list, &err).code, MER_ERR_NO_INPUT);
    assert_non_null(strstr(err.message, "does not exist"));
    assert_int_equal(mkdir(path_in(folder, "empty"), 0700), 0);
    assert_int_equal(mer_folder_read(path_in(folder, "empty"), &list, &err).code, MER_OK);
    assert_int_equal(list.n, 0);
    mer_folder_release(&list);
}

#define WITH_FOLDER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, make_temporary_folder, remove_temporary_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_file_is_read_whole),
        WITH_FOLDER(what_is_no_file_is_told_apart),
        WITH_FOLDER(names_from_outside_are_quoted),
        WITH_FOLDER(a_file_without_permission_is_told_apart),
        WITH_FOLDER(the_largest_size_is_kept),
        WITH_FOLDER(a_pipe_is_read_to_its_end),
        WITH_FOLDER(a_dash_is_standard_input),
        WITH_FOLDER(a_budget_that_is_too_small_is_reported),
        WITH_FOLDER(a_sealed_copy_cannot_be_changed),
        WITH_FOLDER(a_full_disk_is_an_io_error_with_a_hint),
        WITH_FOLDER(folders_are_made_with_their_parents_for_the_owner_alone),
        WITH_FOLDER(a_folder_is_listed_in_the_order_of_bytes),
        WITH_FOLDER(what_is_no_folder_is_not_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
