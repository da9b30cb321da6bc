/* Runs a step of the main job again and again, the n-th request failing in the n-th run, and holds
 * the program to its promises: it ends with a documented exit code and never by a signal; what it
 * wrote is absent, or whole and the same as without faults; nothing lies about but the one name
 * that may.
 *
 *     fault_driver MERLON LIBRARY DATA WORK STEP KIND FIRST SPREAD
 *
 * LIBRARY is fault_inject.c as a library, or "linked" when MERLON holds it. STEP is fit (a new
 * model), refit (an existing one is replaced), predict, seal or open. KIND is one of
 * fault_inject.c's,
 * "_sticky" behind it when the later requests fail too. The first FIRST requests are tried, and
 * SPREAD further ones evenly over the rest. WORK is a folder that is made and removed.
 */
#include "fault/fault_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_FAULTS UINT64_MAX

enum { PATH_SIZE = 4096, ARGUMENTS_MAX = 24, ENVIRONMENT_MAX = 12 };

struct path {
    char text[PATH_SIZE];
};

struct driver {
    const char *merlon;
    const char *library;
    const char *data;
    const char *work;
    const char *step;
    char kind[16];
    bool sticky;
    struct fault_state *state;
    unsigned failures;
    unsigned n_hidden; /* see is_hidden_by_library */
};

static void die(const char *what)
{
    fprintf(stderr, "fault_driver: %s: %s\n", what, strerror(errno));
    exit(2);
}

static struct path path_of(const char *folder, const char *name)
{
    struct path path;
    const int n = snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path.text) {
        errno = ENAMETOOLONG;
        die(folder);
    }
    return path;
}

static struct path in_work(const struct driver *driver, const char *name)
{
    return path_of(driver->work, name);
}

/* Removes a folder with the files in it. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const struct path child = path_of(path, entry->d_name);
        if (unlink(child.text) != 0)
            remove_folder(child.text);
    }
    closedir(folder);
    if (rmdir(path) != 0)
        die(path);
}

static void make_folder(const char *path)
{
    remove_folder(path);
    if (mkdir(path, 0700) != 0)
        die(path);
}

/* The bytes of a file, malloc'ed; NULL when there is none. */
static char *read_file(const char *path, size_t *ret_n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    struct stat stat;
    if (fstat(fileno(file), &stat) != 0)
        die(path);
    char *bytes = malloc((size_t)stat.st_size + 1);
    if (!bytes)
        die(path);
    *ret_n = fread(bytes, 1, (size_t)stat.st_size, file);
    bytes[*ret_n] = '\0';
    (void)fclose(file);
    return bytes;
}

static bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool same_contents(const char *a, const char *b)
{
    size_t n_a = 0;
    size_t n_b = 0;
    char *bytes_a = read_file(a, &n_a);
    char *bytes_b = read_file(b, &n_b);
    const bool same = bytes_a && bytes_b && n_a == n_b && memcmp(bytes_a, bytes_b, n_a) == 0;
    free(bytes_a);
    free(bytes_b);
    return same;
}

static void copy_file(const char *from, const char *to)
{
    size_t n = 0;
    char *bytes = read_file(from, &n);
    FILE *file = bytes ? fopen(to, "wb") : NULL;
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        die(to);
    free(bytes);
}

/* Runs the program with the environment of the test and nothing else; at: NO_FAULTS for a run
 * without the fault library. Gives waitpid's status. */
static int run(struct driver *driver, const char *const *arguments, uint64_t at)
{
    char variables[ENVIRONMENT_MAX][PATH_SIZE + 32];
    char *environment[ENVIRONMENT_MAX + 1] = {NULL};
    size_t n = 0;
    (void)snprintf(variables[n++], sizeof variables[0], "XDG_CONFIG_HOME=%s/config", driver->work);
    (void)snprintf(variables[n++], sizeof variables[0], "HOME=%s", driver->work);
    (void)snprintf(variables[n++], sizeof variables[0], "TMPDIR=%s/scratch", driver->work);
    if (at != NO_FAULTS) {
        if (strcmp(driver->library, "linked") != 0)
            (void)snprintf(variables[n++], sizeof variables[0], "LD_PRELOAD=%s", driver->library);
        (void)snprintf(variables[n++], sizeof variables[0], "MER_FAULT_KIND=%s", driver->kind);
        (void)snprintf(variables[n++], sizeof variables[0], "MER_FAULT_AT=%llu",
                       (unsigned long long)at);
        (void)snprintf(variables[n++], sizeof variables[0], "MER_FAULT_STATE=%s/state",
                       driver->work);
        if (driver->sticky)
            (void)snprintf(variables[n++], sizeof variables[0], "MER_FAULT_STICKY=1");
    }
    for (size_t i = 0; i < n; i++)
        environment[i] = variables[i];

    char *words[ARGUMENTS_MAX + 2] = {strdup(driver->merlon)};
    for (size_t i = 0; arguments[i] && i < ARGUMENTS_MAX; i++)
        words[i + 1] = strdup(arguments[i]);

    atomic_store(&driver->state->requests, 0);
    atomic_store(&driver->state->faults, 0);
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    const struct path out = in_work(driver, "stdout");
    const struct path errors = in_work(driver, "stderr");
    const int flags = O_WRONLY | O_CREAT | O_TRUNC;
    if (posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 1, out.text, flags, 0600) != 0 ||
        posix_spawn_file_actions_addopen(&actions, 2, errors.text, flags, 0600) != 0 ||
        posix_spawn(&pid, driver->merlon, &actions, NULL, words, environment) != 0)
        die(driver->merlon);
    posix_spawn_file_actions_destroy(&actions);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid");
    for (size_t i = 0; words[i]; i++)
        free(words[i]);
    return status;
}

static bool is_step(const struct driver *driver, const char *name)
{
    return strcmp(driver->step, name) == 0;
}

static int run_seal(struct driver *driver, const char *out, uint64_t at)
{
    const struct path test = path_of(driver->data, "iris/test.csv");
    const struct path sealed = in_work(driver, out);
    return run(
        driver,
        (const char *[]){"seal", test.text, "--recipient", "keep", "--out", sealed.text, NULL}, at);
}

static int run_open(struct driver *driver, const char *from, const char *to, uint64_t at)
{
    const struct path sealed = in_work(driver, from);
    const struct path opened = in_work(driver, to);
    return run(
        driver,
        (const char *[]){"open", sealed.text, "--identity", "keep", "--out", opened.text, NULL},
        at);
}

static int run_step(struct driver *driver, uint64_t at)
{
    if (is_step(driver, "seal"))
        return run_seal(driver, "out/sealed.age", at);
    if (is_step(driver, "open"))
        return run_open(driver, "known.age", "out/opened.csv", at);
    const struct path train = path_of(driver->data, "iris/train.csv");
    const struct path test = path_of(driver->data, "iris/test.csv");
    const struct path model = in_work(driver, "out/model.safetensors");
    const struct path known_model = in_work(driver, "known.safetensors");
    const struct path predictions = in_work(driver, "out/predictions.csv");
    if (strcmp(driver->step, "predict") == 0)
        return run(driver,
                   (const char *[]){"predict", known_model.text, test.text, "--proba", "--out",
                                    predictions.text, NULL},
                   at);
    const bool again = strcmp(driver->step, "refit") == 0;
    return run(driver,
               (const char *[]){"fit", train.text, "--target", "species", "--out", model.text,
                                "--seed", "7", "--trials", "3", "--threads", "1",
                                again ? "--force" : NULL, NULL},
               at);
}

static void complain(struct driver *driver, uint64_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct driver *driver, uint64_t at, const char *format, ...)
{
    driver->failures++;
    printf("%s, %s%s fault at request %llu: ", driver->step, driver->kind,
           driver->sticky ? " (sticky)" : "", (unsigned long long)at);
    va_list arguments;
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    const struct path errors = in_work(driver, "stderr");
    size_t n = 0;
    char *text = read_file(errors.text, &n);
    printf("\n    standard error: %s\n", text ? text : "(none)");
    free(text);
}

/* What a failing request may end in. A fault is never the user's mistake (64), bad data (65) or a
 * defect (70). */
static bool is_documented(const char *kind, int code)
{
    static const int memory[] = {0, 69, 75, 77};
    static const int io[] = {0, 66, 69, 73, 74, 75, 77};
    static const int none[] = {0};
    const bool is_memory = strcmp(kind, "memory") == 0;
    const bool is_io = strcmp(kind, "io") == 0;
    const int *codes = is_memory ? memory : is_io ? io : none;
    const size_t n = is_memory ? sizeof memory : is_io ? sizeof io : sizeof none;
    for (size_t i = 0; i < n / sizeof *codes; i++)
        if (codes[i] == code)
            return true;
    return false;
}

/* Libraries that Merlon stands on do not always tell that memory ran out: libcrypto and jansson may
 * say that a text is not what it should be, and libcrypto's locked heap ends the process by an
 * assertion when it cannot be made. Neither leaves anything behind, which is checked as ever. */
static bool is_hidden_by_library(const struct driver *driver, int status)
{
    static const char *const sentences[] = {"in PEM form", "PKCS#8 PEM form", "is not an ECDSA key",
                                            "is not valid JSON"};
    static const char assertion[] = "crypto/mem_sec.c";
    const struct path errors = in_work(driver, "stderr");
    size_t n = 0;
    char *text = strcmp(driver->kind, "memory") == 0 ? read_file(errors.text, &n) : NULL;
    bool hidden = false;
    if (text && WIFSIGNALED(status))
        hidden = WTERMSIG(status) == SIGABRT && strstr(text, assertion);
    for (size_t i = 0; text && WIFEXITED(status) && i < sizeof sentences / sizeof *sentences; i++)
        hidden = hidden || (WEXITSTATUS(status) == 65 && strstr(text, sentences[i]));
    free(text);
    return hidden;
}

/* Only outputs, and at most one name of the known pattern *.merlon-new. */
static void check_names(struct driver *driver, uint64_t at)
{
    static const char *const outputs[] = {"model.safetensors",
                                          "model.safetensors.sig",
                                          "model.safetensors.provenance.json",
                                          "predictions.csv",
                                          "sealed.age",
                                          "sealed.age.sig",
                                          "opened.csv"};
    const struct path out = in_work(driver, "out");
    DIR *folder = opendir(out.text);
    if (!folder)
        die(out.text);
    unsigned n_known = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        const char *name = entry->d_name;
        const size_t n = strlen(name);
        bool fine = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
            fine = fine || strcmp(name, outputs[i]) == 0;
        if (!fine && n > 11 && strcmp(name + n - 11, ".merlon-new") == 0) {
            fine = true;
            n_known++;
        }
        if (!fine)
            complain(driver, at, "left %s behind", name);
    }
    closedir(folder);
    if (n_known > 1)
        complain(driver, at, "left %u unfinished names behind", n_known);
    const struct path scratch = in_work(driver, "scratch");
    if (rmdir(scratch.text) != 0)
        complain(driver, at, "left something in the scratch folder");
    else if (mkdir(scratch.text, 0700) != 0)
        die(scratch.text);
}

/* Sealed anew in each run, so it is what is in it that counts. */
static void check_sealed(struct driver *driver, uint64_t at, int code)
{
    const struct path test = path_of(driver->data, "iris/test.csv");
    const struct path sealed = in_work(driver, "out/sealed.age");
    const struct path opened = in_work(driver, "check.csv");
    (void)unlink(opened.text);
    if (!file_exists(sealed.text)) {
        if (code == 0)
            complain(driver, at, "ended with 0 and no sealed file");
        return;
    }
    const int status = run_open(driver, "out/sealed.age", "check.csv", NO_FAULTS);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !same_contents(opened.text, test.text))
        complain(driver, at, "ended with %d and a sealed file that does not open", code);
}

static void check_outputs(struct driver *driver, uint64_t at, int code)
{
    if (is_step(driver, "seal")) {
        check_sealed(driver, at, code);
        return;
    }
    if (is_step(driver, "open")) {
        const struct path test = path_of(driver->data, "iris/test.csv");
        const struct path opened = in_work(driver, "out/opened.csv");
        if (file_exists(opened.text) ? !same_contents(opened.text, test.text) : code == 0)
            complain(driver, at, "ended with %d and a wrong or missing file", code);
        return;
    }
    const struct path model = in_work(driver, "out/model.safetensors");
    const struct path predictions = in_work(driver, "out/predictions.csv");
    const struct path known_model = in_work(driver, "known.safetensors");
    const struct path known_predictions = in_work(driver, "known.csv");
    if (strcmp(driver->step, "predict") == 0) {
        if (file_exists(predictions.text) ? !same_contents(predictions.text, known_predictions.text)
                                          : code == 0)
            complain(driver, at, "ended with %d and wrong or missing predictions", code);
        return;
    }
    if (!file_exists(model.text)) {
        if (code == 0)
            complain(driver, at, "ended with 0 and no model");
        else if (strcmp(driver->step, "refit") == 0)
            complain(driver, at, "ended with %d and the old model is gone", code);
        else if (run_step(driver, NO_FAULTS) != 0)
            complain(driver, at, "the run ended with %d and stands in the way of the next", code);
        return;
    }
    const struct path old_model = in_work(driver, "old.safetensors");
    const bool is_new = same_contents(model.text, known_model.text);
    const bool is_old =
        strcmp(driver->step, "refit") == 0 && same_contents(model.text, old_model.text);
    if (!is_new && (!is_old || code == 0))
        complain(driver, at, "ended with %d and a model that is neither whole nor the right one",
                 code);
    const int status = run(driver, (const char *[]){"verify", model.text, NULL}, NO_FAULTS);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        complain(driver, at, "the run ended with %d and left a model that does not verify", code);
}

/* An output folder as it is before the step. */
static void prepare(struct driver *driver)
{
    const struct path out = in_work(driver, "out");
    make_folder(out.text);
    if (strcmp(driver->step, "refit") == 0) {
        static const char *const suffixes[] = {"", ".sig", ".provenance.json"};
        for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
            char from[64];
            char to[64];
            (void)snprintf(from, sizeof from, "old.safetensors%s", suffixes[i]);
            (void)snprintf(to, sizeof to, "out/model.safetensors%s", suffixes[i]);
            const struct path source = in_work(driver, from);
            const struct path target = in_work(driver, to);
            copy_file(source.text, target.text);
        }
    }
}

static void try_one(struct driver *driver, uint64_t at)
{
    prepare(driver);
    const int status = run_step(driver, at);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (atomic_load(&driver->state->faults) == 0)
        complain(driver, at, "no fault happened: the program takes another way in each run");
    if (is_hidden_by_library(driver, status))
        driver->n_hidden++;
    else if (WIFSIGNALED(status))
        complain(driver, at, "ended by signal %d", WTERMSIG(status));
    else if (!is_documented(driver->kind, code))
        complain(driver, at, "ended with exit code %d", code);
    check_names(driver, at);
    check_outputs(driver, at, code);
}

static void must_succeed(struct driver *driver, int status, const char *what)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    complain(driver, 0, "%s does not even work without a fault (status %d)", what, status);
    exit(1);
}

/* Makes the key, an old model, and what the step gives without faults. */
static void make_known(struct driver *driver)
{
    const struct path train = path_of(driver->data, "iris/train.csv");
    const struct path test = path_of(driver->data, "iris/test.csv");
    const struct path old_model = in_work(driver, "old.safetensors");
    const struct path model = in_work(driver, "known.safetensors");
    const struct path predictions = in_work(driver, "known.csv");
    must_succeed(
        driver,
        run(driver,
            (const char *[]){"fit", train.text, "--target", "species", "--out", old_model.text,
                             "--seed", "8", "--trials", "1", "--threads", "1", NULL},
            NO_FAULTS),
        "fit of an old model");
    must_succeed(driver,
                 run(driver,
                     (const char *[]){"fit", train.text, "--target", "species", "--out", model.text,
                                      "--seed", "7", "--trials", "3", "--threads", "1", NULL},
                     NO_FAULTS),
                 "fit");
    must_succeed(driver,
                 run(driver,
                     (const char *[]){"predict", model.text, test.text, "--proba", "--out",
                                      predictions.text, NULL},
                     NO_FAULTS),
                 "predict");
}

/* The same for sealing: an identity, and a sealed file. */
static void make_sealed(struct driver *driver)
{
    must_succeed(
        driver,
        run(driver, (const char *[]){"keys", "new", "--for", "seal", "keep", NULL}, NO_FAULTS),
        "keys new");
    must_succeed(driver, run_seal(driver, "known.age", NO_FAULTS), "seal");
}

static void map_state(struct driver *driver)
{
    const struct path path = in_work(driver, "state");
    const int fd = open(path.text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *driver->state) != 0)
        die(path.text);
    driver->state = mmap(NULL, sizeof *driver->state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (driver->state == MAP_FAILED)
        die(path.text);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: %s MERLON LIBRARY DATA WORK STEP KIND FIRST SPREAD\n", argv[0]);
        return 64;
    }
    struct driver driver = {.merlon = argv[1],
                            .library = argv[2],
                            .data = argv[3],
                            .work = argv[4],
                            .step = argv[5],
                            .sticky = strstr(argv[6], "_sticky") != NULL};
    (void)snprintf(driver.kind, sizeof driver.kind, "%.*s", (int)strcspn(argv[6], "_"), argv[6]);
    uint64_t first = strtoull(argv[7], NULL, 10);
    uint64_t spread = strtoull(argv[8], NULL, 10);
    const char *range = getenv("MERLON_FAULTS");
    if (range && strcmp(range, "full") == 0) {
        first = 2000;
        spread = 500;
    }

    make_folder(driver.work);
    const struct path scratch = in_work(&driver, "scratch");
    make_folder(scratch.text);
    map_state(&driver);
    make_known(&driver);
    if (is_step(&driver, "seal") || is_step(&driver, "open"))
        make_sealed(&driver);

    prepare(&driver);
    must_succeed(&driver, run_step(&driver, 0), "the step");
    const uint64_t total = atomic_load(&driver.state->requests);
    uint64_t n_tried = 0;
    for (uint64_t at = 1; at <= first && at <= total; at++, n_tried++)
        try_one(&driver, at);
    for (uint64_t i = 1; i <= spread && total > first; i++, n_tried++)
        try_one(&driver, first + (total - first) * i / spread);
    printf(
        "%s: %llu requests; %llu runs with a %s fault%s, %u complaints, %u not told by a library\n",
        driver.step, (unsigned long long)total, (unsigned long long)n_tried, driver.kind,
        driver.sticky ? " and all later ones" : "", driver.failures, driver.n_hidden);
    if (driver.failures == 0)
        remove_folder(driver.work);
    return driver.failures == 0 && n_tried > 0 ? 0 : 1;
}
