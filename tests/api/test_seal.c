/* Sealed files through the public API, and a small signed model of which every bit is flipped and
 * every end cut off: nothing but the whole is loaded, sealed or not. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api_folder.h"

enum { N_ROWS = 60, FILE_MAX = 1 << 16 };

#ifdef MER_UNDER_VALGRIND /* a file is opened some 50 times slower there */
enum { STEP = 61 };
#else
enum { STEP = 1 };
#endif

static char keys[PATH_BYTES];
static char recipient[MER_RECIPIENT_MAX];
static struct mer_context *context;
static struct mer_signer *signer;
static struct mer_trust *trust;
static size_t n_bytes_before;

static size_t read_file(const char *name, unsigned char *bytes)
{
    FILE *const file = fopen(in_folder(name), "rb");
    assert_non_null(file);
    const size_t n = fread(bytes, 1, FILE_MAX, file);
    assert_true(n > 0 && n < FILE_MAX);
    (void)fclose(file);
    return n;
}

static void write_file(const char *name, const unsigned char *bytes, size_t n)
{
    (void)remove(in_folder(name)); /* emptying a file instead makes file systems write it out */
    FILE *const file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static int make_model(void **state)
{
    static char csv[32 * N_ROWS];
    const uint64_t seed = 7;
    struct mer_table *table;
    struct mer_fitted *model;
    (void)state;
    size_t n = (size_t)snprintf(csv, sizeof csv, "x,y\n");
    for (int i = 0; i < N_ROWS; i++)
        n += (size_t)snprintf(csv + n, sizeof csv - n, "%d.5,%d.25\n", i, i % 11);
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(keys, sizeof keys, "%s/keys", folder);
    const struct mer_context_options options = {
        .size = sizeof options, .n_threads = 1, .cell_program = MER_BINARY_DIR "/merlon-cell"};
    const struct mer_fit_options fit = {
        .size = sizeof fit, .target = "y", .family = "baseline", .n_folds = 2, .seed = &seed};
    assert_ok(mer_context_new(&options, &context, &err));
    n_bytes_before = mer_context_used_bytes(context);
    assert_ok(mer_keys_new(keys, "tester", NULL, NULL, &err));
    assert_ok(mer_seal_key_new(keys, "mine", NULL, NULL, recipient, &err));
    assert_ok(mer_signer_open(keys, "tester", NULL, NULL, &signer, &err));
    assert_ok(mer_trust_open(keys, &trust, &err));
    assert_ok(mer_table_parse(context, csv, n, NULL, &table, &err));
    assert_ok(mer_fit(context, table, &fit, &model, &err));
    assert_ok(mer_model_save(model, in_folder("m"), signer, false, NULL, &err));
    mer_fitted_free(model);
    mer_table_free(table);
    return 0;
}

static int remove_all(void **state)
{
    char command[PATH_BYTES];
    (void)state;
    mer_trust_free(trust);
    mer_signer_free(signer);
    assert_int_equal(mer_context_used_bytes(context), n_bytes_before);
    mer_context_free(context);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static mer_status seal(const char *name, const char *out)
{
    const char *const recipients[] = {recipient};
    const struct mer_seal_options options = {.size = sizeof options,
                                             .directory = keys,
                                             .recipients = recipients,
                                             .n_recipients = 1,
                                             .replace = true,
                                             .signer = signer,
                                             .trust = trust};
    return mer_seal(context, in_folder(name), in_folder(out), &options, NULL, &err);
}

static struct mer_unseal_options opening(void)
{
    static const char *const identities[] = {"mine"};
    return (struct mer_unseal_options){.size = sizeof(struct mer_unseal_options),
                                       .directory = keys,
                                       .identities = identities,
                                       .n_identities = 1,
                                       .trust = trust,
                                       .replace = true};
}

static void a_sealed_model_is_loaded_and_is_the_one_that_was_sealed(void **state)
{
    const struct mer_unseal_options options = opening();
    struct mer_fitted *plain, *sealed;
    struct mer_verified verified;
    unsigned char a[FILE_MAX], b[FILE_MAX];
    char *description, *other;
    (void)state;
    assert_ok(seal("m", "m.age"));
    assert_ok(mer_model_load(context, in_folder("m"), trust, &plain, &err));
    assert_ok(mer_model_load_sealed(context, in_folder("m.age"), &options, &sealed, &err));
    assert_false(mer_model_is_unsigned(sealed));
    assert_ok(mer_model_describe(plain, &description, &err));
    assert_ok(mer_model_describe(sealed, &other, &err));
    assert_string_equal(description, other);
    mer_text_free(description);
    mer_text_free(other);
    mer_fitted_free(plain);
    mer_fitted_free(sealed);
    assert_ok(
        mer_unseal(context, in_folder("m.age"), in_folder("again"), &options, &verified, &err));
    assert_string_equal(verified.signer_name, "tester");
    assert_int_equal(read_file("m", a), read_file("again", b));
    assert_memory_equal(a, b, read_file("m", a));
}

static void an_unsigned_one_is_refused_or_runs_in_a_cell(void **state)
{
    struct mer_unseal_options options = opening();
    struct mer_fitted *model;
    (void)state;
    assert_ok(seal("m", "m.age"));
    assert_int_equal(remove(in_folder("m.age.sig")), 0);
    assert_int_equal(
        mer_model_load_sealed(context, in_folder("m.age"), &options, &model, &err).code,
        MER_ERR_TRUST);
    options.is_unsigned = true;
    assert_ok(mer_model_load_sealed(context, in_folder("m.age"), &options, &model, &err));
    assert_true(mer_model_is_unsigned(model));
    mer_fitted_free(model);
    options.is_unsigned = false;
    options.trust = NULL;
    assert_int_equal(
        mer_model_load_sealed(context, in_folder("m.age"), &options, &model, &err).code,
        MER_ERR_TRUST);
}

/* Loads "changed", which lies beside the signature of what it was. */
static void assert_refused(const char *what, size_t at)
{
    struct mer_fitted *model;
    const mer_status status = mer_model_load(context, in_folder("changed"), trust, &model, &err);
    if (status.code != MER_ERR_TRUST)
        fail_msg("%s at %zu: %s", what, at, status.code == MER_OK ? "loaded" : err.message);
}

static void a_signed_model_with_any_bit_flipped_or_cut_anywhere_is_refused(void **state)
{
    static unsigned char bytes[FILE_MAX];
    (void)state;
    const size_t n_signature = read_file("m.sig", bytes);
    write_file("changed.sig", bytes, n_signature);
    const size_t n = read_file("m", bytes);
    for (size_t bit = 0; bit < 8 * n; bit += STEP) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        write_file("changed", bytes, n);
        assert_refused("a bit flipped", bit);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < n; cut += STEP) {
        write_file("changed", bytes, cut);
        assert_refused("cut", cut);
    }
}

/* Opens "changed.age" whoever has signed it: sealing alone must find it. */
static void assert_closed(const char *what, size_t at)
{
    struct mer_unseal_options options = opening();
    options.is_unsigned = true;
    const mer_status status =
        mer_unseal(context, in_folder("changed.age"), in_folder("no"), &options, NULL, &err);
    if (status.code != MER_ERR_TRUST && status.code != MER_ERR_DATA)
        fail_msg("%s at %zu: %s", what, at, status.code == MER_OK ? "opened" : err.message);
    if (access(in_folder("no"), F_OK) == 0)
        fail_msg("%s at %zu: something is left", what, at);
}

static void a_sealed_model_with_any_byte_changed_or_cut_anywhere_leaves_nothing(void **state)
{
    static unsigned char bytes[FILE_MAX];
    (void)state;
    assert_ok(seal("m", "m.age"));
    const size_t n = read_file("m.age", bytes);
    for (size_t at = 0; at < n; at += STEP) {
        bytes[at] ^= (unsigned char)(1u << at % 8);
        write_file("changed.age", bytes, n);
        assert_closed("a bit flipped", at);
        bytes[at] ^= (unsigned char)(1u << at % 8);
        write_file("changed.age", bytes, at);
        assert_closed("cut", at);
    }
}

static void a_model_that_does_not_fit_the_memory_is_refused(void **state)
{
    static unsigned char bytes[1 << 20];
    const struct mer_unseal_options options = opening();
    const struct mer_context_options small = {
        .size = sizeof small, .n_threads = 1, .memory_bytes = 512 << 10};
    struct mer_context *own;
    struct mer_fitted *model;
    (void)state;
    write_file("large", bytes, sizeof bytes);
    assert_ok(seal("large", "large.age"));
    assert_ok(mer_context_new(&small, &own, &err));
    assert_int_equal(
        mer_model_load_sealed(own, in_folder("large.age"), &options, &model, &err).code,
        MER_ERR_MEMORY);
    assert_non_null(strstr(err.message, "memory budget"));
    assert_ok(mer_unseal(own, in_folder("large.age"), in_folder("again"), &options, NULL, &err));
    mer_context_free(own);
}

static void a_destroyed_key_opens_nothing(void **state)
{
    const struct mer_unseal_options options = opening();
    (void)state;
    assert_ok(seal("m", "m.age"));
    assert_ok(mer_seal_key_destroy(keys, "mine", &err));
    assert_int_equal(
        mer_unseal(context, in_folder("m.age"), in_folder("no"), &options, NULL, &err).code,
        MER_ERR_TRUST);
    assert_non_null(strstr(err.message, "destroyed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_model_is_loaded_and_is_the_one_that_was_sealed),
        cmocka_unit_test(an_unsigned_one_is_refused_or_runs_in_a_cell),
        cmocka_unit_test(a_signed_model_with_any_bit_flipped_or_cut_anywhere_is_refused),
        cmocka_unit_test(a_sealed_model_with_any_byte_changed_or_cut_anywhere_leaves_nothing),
        cmocka_unit_test(a_model_that_does_not_fit_the_memory_is_refused),
        cmocka_unit_test(a_destroyed_key_opens_nothing),
    };
    return cmocka_run_group_tests(tests, make_model, remove_all);
}
