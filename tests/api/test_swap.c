/* A model that is swapped between being verified and being loaded: somebody changes the file all
 * the time, in place and by renaming, while it is loaded again and again. What is loaded is what
 * was verified, or nothing. The twin verifies a path and then reads it, and loads the stranger's.
 *
 * 2,000 loads; MERLON_TRIES=100000 in the environment makes it more. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "merlon/merlon.h"

enum { N_ROWS = 60, PATH_BYTES = 128, TRUSTED_SEED = 7, STRANGER_SEED = 8, FILE_MAX = 1 << 16 };

static char folder[] = "/tmp/merlon-swap-XXXXXX";
static struct mer_context *context;
static struct mer_trust *trust;
static mer_err err;

/* The two files' bytes, of equal length, and where the one is that is loaded. */
static struct {
    unsigned char bytes[FILE_MAX];
    size_t n;
} trusted, stranger;
static char model_path[PATH_BYTES], other_path[PATH_BYTES];
static _Atomic bool stop;

static void assert_ok(mer_status status)
{
    if (status.code != MER_OK)
        fail_msg("%s", err.message);
}

static size_t read_file(const char *path, unsigned char *bytes)
{
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    const size_t n = fread(bytes, 1, FILE_MAX, file);
    (void)fclose(file);
    return n;
}

static void write_file(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void fit(const struct mer_table *table, uint64_t seed, const char *path,
                const struct mer_signer *signer)
{
    struct mer_fitted *model;
    const struct mer_fit_options options = {
        .size = sizeof options, .target = "y", .family = "baseline", .n_folds = 2, .seed = &seed};
    assert_ok(mer_fit(context, table, &options, &model, &err));
    assert_ok(mer_model_save(model, path, signer, false, NULL, &err));
    mer_fitted_free(model);
}

static int make_models(void **state)
{
    static char csv[32 * N_ROWS];
    char keys[PATH_BYTES], stranger_path[PATH_BYTES];
    struct mer_table *table;
    struct mer_signer *signer;
    (void)state;
    size_t n = (size_t)snprintf(csv, sizeof csv, "x,y\n");
    for (int i = 0; i < N_ROWS; i++)
        n += (size_t)snprintf(csv + n, sizeof csv - n, "%d.5,%d.25\n", i, i % 11);
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(keys, sizeof keys, "%s/keys", folder);
    (void)snprintf(model_path, sizeof model_path, "%s/m", folder);
    (void)snprintf(other_path, sizeof other_path, "%s/other", folder);
    (void)snprintf(stranger_path, sizeof stranger_path, "%s/stranger", folder);
    const struct mer_context_options options = {
        .size = sizeof options, .n_threads = 1, .cell_program = MER_BINARY_DIR "/merlon-cell"};
    assert_ok(mer_context_new(&options, &context, &err));
    assert_ok(mer_keys_new(keys, "tester", NULL, NULL, &err));
    assert_ok(mer_signer_open(keys, "tester", NULL, NULL, &signer, &err));
    assert_ok(mer_trust_open(keys, &trust, &err));
    assert_ok(mer_table_parse(context, csv, n, NULL, &table, &err));
    fit(table, TRUSTED_SEED, model_path, signer);
    fit(table, STRANGER_SEED, stranger_path, NULL);
    trusted.n = read_file(model_path, trusted.bytes);
    stranger.n = read_file(stranger_path, stranger.bytes);
    mer_table_free(table);
    mer_signer_free(signer);
    return trusted.n == stranger.n && trusted.n < FILE_MAX ? 0 : -1;
}

static int remove_models(void **state)
{
    char command[PATH_BYTES];
    (void)state;
    mer_trust_free(trust);
    mer_context_free(context);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* In place, where a mapping or a second reading would see it, then by names. */
static void *swap(void *argument)
{
    (void)argument;
    const int fd = open(model_path, O_WRONLY | O_CLOEXEC);
    for (unsigned i = 0; fd >= 0 && !stop; i++) {
        const unsigned char *const bytes = i % 2 ? trusted.bytes : stranger.bytes;
        if (i / 256 % 2 == 0) {
            if (pwrite(fd, bytes, trusted.n, 0) != (ssize_t)trusted.n)
                break;
        } else {
            write_file(other_path, bytes, trusted.n);
            if (rename(other_path, model_path) != 0)
                break;
        }
    }
    if (fd >= 0)
        (void)close(fd);
    return NULL;
}

static size_t n_tries(void)
{
    const char *const tries = getenv("MERLON_TRIES");
    return tries ? (size_t)strtoul(tries, NULL, 10) : 2000;
}

static void what_is_loaded_is_what_was_verified(void **state)
{
    pthread_t swapper;
    size_t n_loaded = 0, n_refused = 0;
    (void)state;
    write_file(model_path, trusted.bytes, trusted.n);
    stop = false;
    assert_int_equal(pthread_create(&swapper, NULL, swap, NULL), 0);
    for (size_t i = 0; i < n_tries(); i++) {
        struct mer_fitted *model;
        const mer_status status = mer_model_load(context, model_path, trust, &model, &err);
        if (status.code == MER_OK) {
            assert_int_equal(mer_model_seed(model), TRUSTED_SEED);
            mer_fitted_free(model);
            n_loaded++;
        } else {
            if (status.code != MER_ERR_TRUST)
                fail_msg("%s", err.message);
            n_refused++;
        }
    }
    stop = true;
    (void)pthread_join(swapper, NULL);
    print_message("%zu tries: %zu loads, all of what was verified; %zu refused\n", n_tries(),
                  n_loaded, n_refused);
    assert_true(n_loaded > 0 && n_refused > 0);
}

static void verifying_a_path_and_then_reading_it_loads_the_strangers(void **state)
{
    enum { TRIES_MAX = 20000 };
    static unsigned char bytes[FILE_MAX];
    pthread_t swapper;
    size_t n_wrong = 0, n = 0;
    (void)state;
    write_file(model_path, trusted.bytes, trusted.n);
    stop = false;
    assert_int_equal(pthread_create(&swapper, NULL, swap, NULL), 0);
    for (; n < TRIES_MAX && n_wrong == 0; n++) {
        if (mer_verify(trust, model_path, NULL, NULL, &err).code != MER_OK)
            continue;
        (void)sched_yield(); /* on a busy machine the other thread might not run at all */
        const size_t n_bytes = read_file(model_path, bytes);
        n_wrong += n_bytes == stranger.n && memcmp(bytes, stranger.bytes, n_bytes) == 0;
    }
    stop = true;
    (void)pthread_join(swapper, NULL);
    print_message("the twin loads the stranger's at try %zu\n", n);
    assert_true(n_wrong > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_loaded_is_what_was_verified),
        cmocka_unit_test(verifying_a_path_and_then_reading_it_loads_the_strangers),
    };
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
