/* Outputs that appear whole or not at all. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "temporary_folder.h"

/* What the file system and the kernel offer: all tests run once for each. */
struct offer {
    const char *name;
    bool unnamed;          /* O_TMPFILE */
    bool rename_exclusive; /* renameat2 with RENAME_NOREPLACE */
    bool proc;             /* /proc/self/fd */
};
static const struct offer offers[] = {{"all there is", true, true, true},
                                      {"no unnamed files", false, true, true},
                                      {"no unnamed files, no exclusive rename", false, false, true},
                                      {"no /proc", true, true, false}};
static const struct offer *offer;

int __real_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode);
int __wrap_openat(int folder, const char *path, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE && !offer->unnamed) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_openat(folder, path, flags, mode);
}

int __real_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags);
int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags);
int __wrap_renameat2(int from_folder, const char *from, int to_folder, const char *to,
                     unsigned flags)
{
    if (flags != 0 && !offer->rename_exclusive) {
        errno = EINVAL;
        return -1;
    }
    return __real_renameat2(from_folder, from, to_folder, to, flags);
}

int __real_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);
int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags);
int __wrap_linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    if (strncmp(from, "/proc/", 6) == 0 && !offer->proc) {
        errno = ENOENT;
        return -1;
    }
    return __real_linkat(from_folder, from, to_folder, to, flags);
}

static void assert_ok(mer_status status)
{
    assert_int_equal(status.code, MER_OK);
}

static void assert_holds(const char *path, const char *expected)
{
    char text[100] = "";
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen(expected));
    (void)fclose(file);
    assert_string_equal(text, expected);
}

/* The names in the folder, sorted, each followed by a space. */
static void assert_names(const struct temporary_folder *folder, const char *expected)
{
    struct mer_folder_list list = {0};
    char names[400] = "";
    assert_ok(mer_folder_read(folder->path, &list, NULL));
    for (size_t i = 0; i < list.n; i++)
        (void)snprintf(names + strlen(names), sizeof names - strlen(names), "%s ",
                       list.entries[i].name);
    mer_folder_release(&list);
    assert_string_equal(names, expected);
}

static void start(struct mer_output *output, const char *path, bool replace, const char *text)
{
    assert_ok(mer_output_open(output, path, replace, 0644, NULL));
    assert_ok(mer_output_write(output, text, strlen(text), NULL));
}

static void an_output_appears_when_it_is_published(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    struct stat status;
    const mode_t mask = umask(022);
    start(&output, path_in(folder, "out"), false, "new");
    assert_names(folder, offer->unnamed ? "" : "out.merlon-new ");
    assert_ok(mer_output_publish(&output, NULL));
    (void)umask(mask);
    assert_int_equal(output.fd, -1);
    assert_names(folder, "out ");
    assert_holds(path_in(folder, "out"), "new");
    assert_int_equal(stat(path_in(folder, "out"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    mer_output_release(&output); /* nothing any more */
    assert_names(folder, "out ");
}

static void an_output_that_is_dropped_leaves_nothing(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    start(&output, path_in(folder, "out"), false, "new");
    mer_output_release(&output);
    assert_names(folder, "");
    mer_output_release(&output);
    put_file(path_in(folder, "out"), "old");
    start(&output, path_in(folder, "out"), true, "new");
    mer_output_release(&output);
    assert_names(folder, "out ");
    assert_holds(path_in(folder, "out"), "old");
}

static void an_existing_output_is_replaced_only_on_request(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    mer_err err;
    put_file(path_in(folder, "out"), "old");
    assert_int_equal(mer_output_open(&output, path_in(folder, "out"), false, 0644, &err).code,
                     MER_ERR_EXISTS);
    assert_non_null(strstr(err.hint, "--force"));
    start(&output, path_in(folder, "out"), true, "new");
    assert_holds(path_in(folder, "out"), "old");
    assert_ok(mer_output_publish(&output, NULL));
    assert_holds(path_in(folder, "out"), "new");
    assert_names(folder, "out ");
}

static void an_output_that_came_meanwhile_is_not_replaced(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    start(&output, path_in(folder, "out"), false, "new");
    put_file(path_in(folder, "out"), "other");
    assert_int_equal(mer_output_publish(&output, NULL).code, MER_ERR_EXISTS);
    mer_output_release(&output);
    assert_holds(path_in(folder, "out"), "other");
    assert_names(folder, "out ");
}

static void a_symbolic_link_is_never_followed(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    struct stat status;
    put_file(path_in(folder, "precious"), "old");
    assert_int_equal(symlink("precious", path_in(folder, "out")), 0);
    assert_int_equal(symlink("nowhere", path_in(folder, "dangling")), 0);
    assert_int_equal(mer_output_open(&output, path_in(folder, "out"), false, 0644, NULL).code,
                     MER_ERR_EXISTS);
    assert_int_equal(mer_output_open(&output, path_in(folder, "dangling"), false, 0644, NULL).code,
                     MER_ERR_EXISTS);
    start(&output, path_in(folder, "out"), true, "new");
    assert_ok(mer_output_publish(&output, NULL));
    assert_holds(path_in(folder, "precious"), "old");
    assert_int_equal(lstat(path_in(folder, "out"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_names(folder, "dangling out precious ");
}

static void a_link_at_the_passing_name_is_not_followed_either(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    put_file(path_in(folder, "precious"), "old");
    put_file(path_in(folder, "out"), "old");
    assert_int_equal(symlink("precious", path_in(folder, "out.merlon-new")), 0);
    start(&output, path_in(folder, "out"), true, "new");
    assert_ok(mer_output_publish(&output, NULL));
    assert_holds(path_in(folder, "precious"), "old");
    assert_names(folder, "out precious ");
}

static void what_a_killed_run_left_is_swept(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output output;
    put_file(path_in(folder, "out.merlon-new"), "half");
    start(&output, path_in(folder, "out"), false, "new");
    assert_names(folder, offer->unnamed ? "" : "out.merlon-new ");
    assert_ok(mer_output_publish(&output, NULL));
    assert_names(folder, "out ");
}

/* Whatever a run that was killed left in the waiting folder: `file_waits`, `companion_waits`. */
static void leave_waiting(const struct temporary_folder *folder, bool file_waits,
                          bool companion_waits)
{
    assert_int_equal(mkdir(path_in(folder, "m.merlon-new"), 0755), 0);
    if (file_waits)
        put_file(path_in(folder, "m.merlon-new/file"), "waiting file");
    if (companion_waits)
        put_file(path_in(folder, "m.merlon-new/companion"), "waiting");
}

/* A run that was killed while it wrote left drafts, where there are no unnamed files. */
static void leave_draft(const struct temporary_folder *folder, const char *name, const char *draft)
{
    assert_int_equal(mkdir(path_in(folder, name), 0755), 0);
    put_file(path_in(folder, draft), "half");
}

/* Also where there are such files by now. */
static void drafts_that_a_killed_run_left_are_swept(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model, signature;
    leave_draft(folder, "m.merlon-new", "m.merlon-new/draft");
    leave_draft(folder, "m.sig.merlon-new", "m.sig.merlon-new/draft");
    start(&model, path_in(folder, "m"), false, "model");
    start(&signature, path_in(folder, "m.sig"), false, "signature");
    assert_names(folder, "m.merlon-new m.sig.merlon-new ");
    assert_ok(mer_output_publish_pair(&model, &signature, NULL));
    assert_names(folder, "m m.sig ");
    assert_holds(path_in(folder, "m"), "model");
    assert_holds(path_in(folder, "m.sig"), "signature");
}

/* The next run may be killed as well: until it publishes, what fits the file stays. */
static void a_draft_leaves_a_waiting_companion_alone(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model;
    put_file(path_in(folder, "m"), "placed");
    put_file(path_in(folder, "m.sig"), "old");
    leave_waiting(folder, false, true);
    start(&model, path_in(folder, "m"), true, "model");
    assert_holds(path_in(folder, "m.merlon-new/companion"), "waiting");
    mer_output_release(&model);
    assert_holds(path_in(folder, "m.merlon-new/companion"), "waiting");
    assert_names(folder, "m m.merlon-new m.sig ");
}

static void places_where_no_file_can_be_are_told_apart(void **state)
{
    const struct temporary_folder *folder = *state;
    static const struct {
        const char *name;
        const char *reason;
    } cases[] = {{"folder", "is a folder"},
                 {"none/out", "does not exist"},
                 {"file/out", "does not exist"},
                 {"folder/", "not a name"},
                 {".", "not a name"},
                 {"folder/..", "not a name"},
                 {"pipe", "not a regular file"}};
    assert_int_equal(mkdir(path_in(folder, "folder"), 0700), 0);
    assert_int_equal(mkfifo(path_in(folder, "pipe"), 0600), 0);
    put_file(path_in(folder, "file"), "x");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_output output = {.fd = -1, .folder_fd = -1};
        mer_err err;
        assert_int_equal(
            mer_output_open(&output, path_in(folder, cases[i].name), true, 0644, &err).code,
            MER_ERR_EXISTS);
        if (!strstr(err.message, cases[i].reason))
            fail_msg("%s: %s", cases[i].name, err.message);
        mer_output_release(&output);
    }
    char name[300];
    struct mer_output output;
    memset(name, 'n', sizeof name);
    name[250] = '\0';
    assert_int_equal(mer_output_open(&output, path_in(folder, name), false, 0644, NULL).code,
                     MER_ERR_EXISTS);
    name[NAME_MAX - 11] = '\0';
    start(&output, path_in(folder, name), false, "x");
    assert_ok(mer_output_publish(&output, NULL));
    assert_int_equal(mer_output_open(&output, "/dev/null", true, 0644, NULL).code, MER_ERR_EXISTS);
}

static void a_folder_that_cannot_be_written_is_an_error(void **state)
{
    const struct temporary_folder *folder = *state;
    const char *path = path_in(folder, "locked/out");
    assert_int_equal(chmod(folder->path, 0755), 0);
    assert_int_equal(mkdir(path_in(folder, "locked"), 0555), 0);
    const pid_t child = fork();
    if (child == 0) {
        struct mer_output output;
        mer_err err = {0};
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        const mer_status status = mer_output_open(&output, path, false, 0644, &err);
        _exit(status.code == MER_ERR_EXISTS && strstr(err.message, "Permission denied") ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A file-size limit stands for a full disk. */
static void a_full_disk_leaves_nothing_behind(void **state)
{
    const struct temporary_folder *folder = *state;
    struct rlimit before;
    struct mer_output output;
    mer_err err;
    static const char bytes[100000];
    put_file(path_in(folder, "out"), "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit tight = {.rlim_cur = 50000, .rlim_max = before.rlim_max};
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_ok(mer_output_open(&output, path_in(folder, "out"), true, 0644, NULL));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    const mer_status status = mer_output_write(&output, bytes, sizeof bytes, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status.code, MER_ERR_IO);
    assert_true(err.hint[0] != '\0');
    mer_output_release(&output);
    assert_names(folder, "out ");
    assert_holds(path_in(folder, "out"), "old");
}

static void a_pair_is_published_together(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model;
    struct mer_output signature;
    for (int round = 0; round < 2; round++) {
        start(&model, path_in(folder, "m"), round > 0, "model");
        start(&signature, path_in(folder, "m.sig"), round > 0, "signature");
        assert_ok(mer_output_publish_pair(&model, &signature, NULL));
        assert_names(folder, "m m.sig ");
        assert_holds(path_in(folder, "m"), "model");
        assert_holds(path_in(folder, "m.sig"), "signature");
    }
}

static void a_file_with_two_companions_is_published_together(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model, signature, record;
    struct mer_output *const companions[] = {&signature, &record};
    for (int round = 0; round < 3; round++) {
        /* A run that was killed between the two companions is finished by the next. */
        if (round == 2 && offer->unnamed) {
            assert_int_equal(mkdir(path_in(folder, "m.merlon-new"), 0755), 0);
            put_file(path_in(folder, "m.merlon-new/companion-2"), "waiting");
            char *const waiting = mer_output_waiting_companion(path_in(folder, "m"), 1);
            assert_true(mer_file_exists(waiting));
            free(waiting);
            start(&model, path_in(folder, "m"), true, "model");
            start(&signature, path_in(folder, "m.sig"), true, "signature");
            start(&record, path_in(folder, "m.record"), true, "record");
            model.replace = false;
            assert_int_equal(mer_output_publish_group(&model, companions, 2, NULL).code,
                             MER_ERR_EXISTS);
            mer_output_release(&model);
            mer_output_release(&signature);
            mer_output_release(&record);
            assert_holds(path_in(folder, "m.record"), "waiting");
            assert_names(folder, "m m.record m.sig ");
        }
        start(&model, path_in(folder, "m"), round > 0, "model");
        start(&signature, path_in(folder, "m.sig"), round > 0, "signature");
        start(&record, path_in(folder, "m.record"), round > 0, "record");
        assert_ok(mer_output_publish_group(&model, companions, 2, NULL));
        assert_names(folder, "m m.record m.sig ");
        assert_holds(path_in(folder, "m"), "model");
        assert_holds(path_in(folder, "m.sig"), "signature");
        assert_holds(path_in(folder, "m.record"), "record");
    }
}

static void a_pair_that_cannot_be_published_changes_nothing(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model;
    struct mer_output signature;
    start(&model, path_in(folder, "m"), false, "model");
    start(&signature, path_in(folder, "m.sig"), false, "signature");
    put_file(path_in(folder, "m"), "other");
    assert_int_equal(mer_output_publish_pair(&model, &signature, NULL).code, MER_ERR_EXISTS);
    mer_output_release(&model);
    mer_output_release(&signature);
    assert_names(folder, "m ");
    assert_holds(path_in(folder, "m"), "other");
}

static void a_leftover_of_a_pair_does_not_disturb_the_next(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model;
    struct mer_output signature;
    put_file(path_in(folder, "m.sig.new"), "left over");
    start(&model, path_in(folder, "m"), false, "model");
    start(&signature, path_in(folder, "m.sig"), false, "signature");
    assert_ok(mer_output_publish_pair(&model, &signature, NULL));
    assert_names(folder, "m m.sig ");
    assert_holds(path_in(folder, "m.sig"), "signature");
}

static void a_pair_that_was_begun_is_finished_by_the_next(void **state)
{
    const struct temporary_folder *folder = *state;
    for (int left = 0; left < 4; left++) {
        struct mer_output model, signature;
        put_file(path_in(folder, "m"), "placed");
        put_file(path_in(folder, "m.sig"), "old");
        leave_waiting(folder, left & 1, left & 2);
        char *const waiting = mer_output_waiting_companion(path_in(folder, "m"), 0);
        assert_int_equal(mer_file_exists(waiting), (left & 2) != 0);
        free(waiting);
        /* One that is refused has finished, or swept, all the same. */
        start(&model, path_in(folder, "m"), true, "model");
        start(&signature, path_in(folder, "m.sig"), true, "signature");
        model.replace = false;
        assert_int_equal(mer_output_publish_pair(&model, &signature, NULL).code, MER_ERR_EXISTS);
        mer_output_release(&model);
        mer_output_release(&signature);
        assert_names(folder, "m m.sig ");
        assert_holds(path_in(folder, "m"), "placed");
        assert_holds(path_in(folder, "m.sig"), left == 2 ? "waiting" : "old");
    }
}

static void an_output_alone_sweeps_what_a_pair_left(void **state)
{
    const struct temporary_folder *folder = *state;
    struct mer_output model;
    put_file(path_in(folder, "m"), "placed");
    leave_waiting(folder, true, true);
    start(&model, path_in(folder, "m"), true, "model");
    assert_ok(mer_output_publish(&model, NULL));
    assert_names(folder, "m ");
    assert_holds(path_in(folder, "m"), "model");
}

static void an_output_in_the_working_folder_needs_no_slash(void **state)
{
    const struct temporary_folder *folder = *state;
    char before[PATH_MAX];
    struct mer_output output;
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder->path), 0);
    start(&output, "out", false, "new");
    assert_ok(mer_output_publish(&output, NULL));
    assert_int_equal(chdir(before), 0);
    assert_holds(path_in(folder, "out"), "new");
}

#define WITH_FOLDER(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, make_temporary_folder, remove_temporary_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(an_output_appears_when_it_is_published),
        WITH_FOLDER(an_output_that_is_dropped_leaves_nothing),
        WITH_FOLDER(an_existing_output_is_replaced_only_on_request),
        WITH_FOLDER(an_output_that_came_meanwhile_is_not_replaced),
        WITH_FOLDER(a_symbolic_link_is_never_followed),
        WITH_FOLDER(a_link_at_the_passing_name_is_not_followed_either),
        WITH_FOLDER(what_a_killed_run_left_is_swept),
        WITH_FOLDER(drafts_that_a_killed_run_left_are_swept),
        WITH_FOLDER(a_draft_leaves_a_waiting_companion_alone),
        WITH_FOLDER(places_where_no_file_can_be_are_told_apart),
        WITH_FOLDER(a_folder_that_cannot_be_written_is_an_error),
        WITH_FOLDER(a_full_disk_leaves_nothing_behind),
        WITH_FOLDER(a_pair_is_published_together),
        WITH_FOLDER(a_file_with_two_companions_is_published_together),
        WITH_FOLDER(a_pair_that_cannot_be_published_changes_nothing),
        WITH_FOLDER(a_leftover_of_a_pair_does_not_disturb_the_next),
        WITH_FOLDER(a_pair_that_was_begun_is_finished_by_the_next),
        WITH_FOLDER(an_output_alone_sweeps_what_a_pair_left),
        WITH_FOLDER(an_output_in_the_working_folder_needs_no_slash),
    };
    int n_failed = 0;
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        offer = &offers[i];
        if (!offer->proc && getuid() != 0) {
            print_message("skipped with %s: needs a capability\n", offer->name);
            continue;
        }
        print_message("with %s\n", offer->name);
        n_failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return n_failed;
}
