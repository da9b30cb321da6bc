/* OPENSSL_CONF can name a module, and libcrypto runs its code. Not here: a child with such a
 * configuration makes a key, signs and verifies, and the module stays silent. In a second child
 * that lets libcrypto read the configuration the same module speaks: so the first one proves
 * something. */
#include <openssl/crypto.h>
#include <spawn.h>
#include <sys/wait.h>

#include "guard/guard_test.h"

extern char **environ;

/* What the child prints on standard output. */
static void run_child(const char *mode, char *ret_text, size_t max)
{
    char self[512];
    int ends[2], status;
    size_t n = 0;
    ssize_t got;
    pid_t child;
    posix_spawn_file_actions_t actions;
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    char *const arguments[] = {self, (char *)mode, NULL};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn(&child, self, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    while (n < max - 1 && (got = read(ends[0], ret_text + n, max - 1 - n)) > 0)
        n += (size_t)got;
    ret_text[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_configuration_file_loads_no_code(void **state)
{
    char text[256];
    (void)state;
    write_text("openssl.cnf", "openssl_conf = all\n[all]\nproviders = mine\n[mine]\nevil = evil\n"
                              "[evil]\nmodule = " MER_CONF_MODULE "\nactivate = 1\n");
    assert_int_equal(setenv("OPENSSL_CONF", in_folder("openssl.cnf"), 1), 0);
    run_child("with-configuration", text, sizeof text);
    assert_string_equal(text, "the module's code was run\n");
    run_child("as-guard-does", text, sizeof text);
    assert_string_equal(text, "signed and verified\n");
}

/* The children. */
static int sign_and_verify(void)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_buf bundle;
    mer_alloc_init(&alloc, SIZE_MAX);
    make_trusted_key(&key, &trusted);
    mer_buf_init(&bundle, &alloc, 1 << 20);
    const bool fine =
        mer_guard_sign_bytes(signer_of(&key), "x", "x", 1, &bundle, NULL).code == MER_OK &&
        mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n, "x", 1, NULL, NULL).code ==
            MER_OK;
    mer_buf_release(&bundle);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
    puts(fine ? "signed and verified" : "failed");
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TEST(a_configuration_file_loads_no_code)};
    if (argc == 2 && strcmp(argv[1], "as-guard-does") == 0)
        return sign_and_verify();
    if (argc == 2) {
        (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
