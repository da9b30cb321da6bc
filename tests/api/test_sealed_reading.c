/* What happens to a sealed file between its verification and its opening. It is sealed with a
 * passphrase, and who is asked for that, when the signature has been verified and nothing is opened
 * yet, changes the file. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api_folder.h"

enum {
    N_PLAIN = 5 << 20,
    MEMORY_BYTES = 512 << 10,
    ARMOR_BYTES = 3 << 20 /* armor hides where the header ends */
};

static char keys[PATH_BYTES];
static struct mer_context *context;
static struct mer_signer *signer;
static struct mer_trust *trust;

/* What the one who is asked does to the sealed file. */
static void (*meanwhile)(void);
static unsigned n_asked;

static int ask(void *self, const char *name, bool confirm, char *ret_bytes, size_t max)
{
    (void)self, (void)name, (void)confirm;
    n_asked++;
    if (meanwhile)
        meanwhile();
    assert_true(max >= 5);
    memcpy(ret_bytes, "words", 5);
    return 5;
}

static unsigned char *contents(void)
{
    static unsigned char bytes[N_PLAIN];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    return bytes;
}

static void seal(bool armored)
{
    const struct mer_seal_options options = {.size = sizeof options,
                                             .directory = keys,
                                             .ask = ask,
                                             .work = 4,
                                             .armored = armored,
                                             .replace = true,
                                             .signer = signer};
    meanwhile = NULL;
    assert_ok(mer_seal(context, in_folder("plain"), in_folder("s.age"), &options, NULL, &err));
}

/* Within so much memory. */
static mer_status unseal(size_t n_memory, bool is_unsigned)
{
    const struct mer_unseal_options options = {.size = sizeof options,
                                               .directory = keys,
                                               .ask = ask,
                                               .trust = trust,
                                               .is_unsigned = is_unsigned};
    const struct mer_context_options small = {
        .size = sizeof small, .n_threads = 1, .memory_bytes = n_memory};
    struct mer_context *own;
    (void)unlink(in_folder("opened"));
    assert_ok(mer_context_new(&small, &own, &err));
    n_asked = 0;
    const mer_status status =
        mer_unseal(own, in_folder("s.age"), in_folder("opened"), &options, NULL, &err);
    mer_context_free(own);
    return status;
}

static void assert_opened(void)
{
    static unsigned char bytes[N_PLAIN + 1];
    FILE *const file = fopen(in_folder("opened"), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), N_PLAIN);
    (void)fclose(file);
    assert_memory_equal(bytes, contents(), N_PLAIN);
}

static void assert_refused(size_t n_memory, const char *what)
{
    const mer_status status = unseal(n_memory, false);
    if (status.code != MER_ERR_TRUST)
        fail_msg("it was not refused: %s", status.code == MER_OK ? "opened" : err.message);
    if (!strstr(err.message, what))
        fail_msg("%s", err.message);
    assert_int_equal(n_asked, 1);
    assert_int_not_equal(access(in_folder("opened"), F_OK), 0);
}

static int make_files(void **state)
{
    FILE *file;
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(keys, sizeof keys, "%s/keys", folder);
    assert_ok(mer_context_new(NULL, &context, &err));
    assert_ok(mer_keys_new(keys, "tester", NULL, NULL, &err));
    assert_ok(mer_signer_open(keys, "tester", NULL, NULL, &signer, &err));
    assert_ok(mer_trust_open(keys, &trust, &err));
    file = fopen(in_folder("plain"), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(contents(), 1, N_PLAIN, file), N_PLAIN);
    return fclose(file);
}

static int remove_all(void **state)
{
    char command[PATH_BYTES];
    (void)state;
    mer_trust_free(trust);
    mer_signer_free(signer);
    mer_context_free(context);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* ---- What is done meanwhile ---- */

static void write_at(off_t at, const char *bytes, size_t n)
{
    const int fd = open(in_folder("s.age"), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), n);
    (void)close(fd);
}

static off_t size_now(void)
{
    struct stat info;
    assert_int_equal(stat(in_folder("s.age"), &info), 0);
    return info.st_size;
}

static void change_a_byte(void)
{
    write_at(N_PLAIN / 2, "X", 1);
}

static void change_the_header(void)
{
    write_at(0, "age-encryption.org/v9", 21);
}

static void cut_it(void)
{
    assert_int_equal(truncate(in_folder("s.age"), N_PLAIN / 2), 0);
}

static void append_white_space(void)
{
    write_at(size_now(), "\n", 1);
}

static void put_another_in_its_place(void)
{
    FILE *const file = fopen(in_folder("other"), "wb");
    assert_non_null(file);
    assert_true(fputs("age-encryption.org/v1\nsomething else\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(in_folder("other"), in_folder("s.age")), 0);
}

/* ---- Tests ---- */

static void a_file_larger_than_the_memory_is_opened(void **state)
{
    (void)state;
    seal(false);
    assert_ok(unseal(MEMORY_BYTES, false));
    assert_opened();
    assert_ok(unseal(MEMORY_BYTES, true));
    assert_opened();
    seal(true);
    assert_ok(unseal(ARMOR_BYTES, false));
    assert_opened();
    assert_ok(unseal(ARMOR_BYTES, true));
    assert_opened();
}

static void a_file_that_changes_after_it_was_verified_leaves_nothing(void **state)
{
    (void)state;
    seal(false);
    meanwhile = change_a_byte;
    assert_refused(MEMORY_BYTES, "changed");
    seal(false);
    meanwhile = cut_it;
    assert_refused(MEMORY_BYTES, "changed");
    seal(false);
    meanwhile = append_white_space;
    assert_refused(MEMORY_BYTES, "changed");
}

/* White space behind armor opens as before: that it was not signed so is all that is wrong. */
static void a_change_that_opens_all_the_same_is_found(void **state)
{
    (void)state;
    seal(true);
    meanwhile = append_white_space;
    assert_refused(ARMOR_BYTES, "was changed while it was opened");
    meanwhile = NULL;
    assert_int_equal(unseal(ARMOR_BYTES, false).code, MER_ERR_TRUST);
    assert_int_equal(n_asked, 0);
    assert_ok(unseal(ARMOR_BYTES, true));
}

static void keys_are_tried_on_the_header_that_was_verified(void **state)
{
    (void)state;
    seal(false);
    meanwhile = change_the_header;
    assert_ok(unseal(MEMORY_BYTES, false));
    assert_opened();
}

static void a_file_in_its_place_is_not_looked_at(void **state)
{
    (void)state;
    seal(false);
    meanwhile = put_another_in_its_place;
    assert_ok(unseal(MEMORY_BYTES, false));
    assert_opened();
}

static void nobody_is_asked_for_a_file_that_does_not_verify(void **state)
{
    (void)state;
    seal(false);
    meanwhile = NULL;
    change_a_byte();
    assert_int_equal(unseal(MEMORY_BYTES, false).code, MER_ERR_TRUST);
    assert_int_equal(n_asked, 0);
    assert_int_equal(unseal(MEMORY_BYTES, true).code, MER_ERR_TRUST);
    assert_int_equal(n_asked, 1);
    assert_int_not_equal(access(in_folder("opened"), F_OK), 0);
}

static void what_does_not_begin_like_a_sealed_file_is_none(void **state)
{
    (void)state;
    seal(false);
    write_at(0, "X", 1);
    assert_int_equal(unseal(MEMORY_BYTES, true).code, MER_ERR_DATA);
    assert_non_null(strstr(err.message, "is not a sealed file"));
    assert_int_equal(n_asked, 0);
    assert_int_equal(truncate(in_folder("s.age"), 0), 0);
    assert_int_equal(unseal(MEMORY_BYTES, true).code, MER_ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_larger_than_the_memory_is_opened),
        cmocka_unit_test(a_file_that_changes_after_it_was_verified_leaves_nothing),
        cmocka_unit_test(a_change_that_opens_all_the_same_is_found),
        cmocka_unit_test(keys_are_tried_on_the_header_that_was_verified),
        cmocka_unit_test(a_file_in_its_place_is_not_looked_at),
        cmocka_unit_test(nobody_is_asked_for_a_file_that_does_not_verify),
        cmocka_unit_test(what_does_not_begin_like_a_sealed_file_is_none),
    };
    return cmocka_run_group_tests(tests, make_files, remove_all);
}
