/* Keys on disk: made, listed, trusted, revoked for good; loose permissions and odd names refused.
 */
#include "guard/key_store.h"

#include "guard/guard_test.h"

static const char *store(void)
{
    static char path[sizeof folder + 16];
    snprintf(path, sizeof path, "%s/config", folder);
    return path;
}

static mer_status make(const char *name, mer_err *err)
{
    return mer_key_store_make(&alloc, store(), name, NULL, NULL, err);
}

static mer_status open_key(const char *name, struct mer_signing_key *key, mer_err *err)
{
    return mer_key_store_open(&alloc, store(), name, NULL, NULL, key, err);
}

static mode_t mode_of(const char *name)
{
    struct stat info;
    assert_int_equal(stat(in_folder(name), &info), 0);
    return info.st_mode & 07777;
}

/* Writes NAME's public key to a file and gives its path. */
static const char *export_key(const char *name)
{
    struct mer_buf pem;
    mer_err err;
    mer_buf_init(&pem, &alloc, MER_KEY_PEM_MAX);
    assert_ok(mer_key_store_public(store(), name, &pem, &err), &err);
    write_file("exported.pem", pem.bytes, pem.n);
    mer_buf_release(&pem);
    return in_folder("exported.pem");
}

struct listing {
    char text[1000];
};

static void note_key(void *self, const struct mer_key_info *key)
{
    struct listing *listing = self;
    const size_t n = strlen(listing->text);
    assert_int_equal(strlen(key->id), 64);
    assert_string_equal(key->curve, "P-256");
    snprintf(listing->text + n, sizeof listing->text - n, "%s%s%s%s ", key->name,
             key->has_private ? "+private" : "", key->trusted ? "+trusted" : "",
             key->revoked ? "+revoked" : "");
}

static void assert_listing(const char *expected)
{
    struct listing listing = {""};
    mer_err err;
    assert_ok(mer_key_store_list(&alloc, store(), note_key, &listing, &err), &err);
    assert_string_equal(listing.text, expected);
}

static void a_store_that_does_not_exist_is_empty(void **state)
{
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    assert_listing("");
    mer_trusted_keys_init(&trusted, &alloc);
    assert_ok(mer_key_store_trusted(store(), &trusted, &err), &err);
    assert_int_equal(trusted.n, 0);
    mer_trusted_keys_release(&trusted);
}

static void a_new_key_is_private_and_trusted(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    (void)umask(0);
    assert_ok(make("me", &err), &err);
    assert_listing("me+private+trusted ");
    assert_int_equal(mode_of("config"), 0700);
    assert_int_equal(mode_of("config/keys/me.key"), 0600);
    assert_int_equal(mode_of("config/keys/me.pub"), 0644);
    assert_ok(open_key("me", &key, &err), &err);
    mer_trusted_keys_init(&trusted, &alloc);
    assert_ok(mer_key_store_trusted(store(), &trusted, &err), &err);
    assert_int_equal(trusted.n, 1);
    assert_string_equal(trusted.keys[0].name, "me");
    assert_string_equal(trusted.keys[0].key.id, key.public_key.id);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
    (void)umask(022);
}

static void a_name_is_given_once(void **state)
{
    mer_err err;
    (void)state;
    assert_ok(make("me", &err), &err);
    assert_refused(make("me", &err), MER_ERR_EXISTS, &err, "there is a key named 'me'");
    assert_refused(mer_key_store_trust(&alloc, store(), "me", export_key("me"), &err),
                   MER_ERR_EXISTS, &err, "there is a key named 'me'");
    assert_refused(mer_key_store_trust(&alloc, store(), "you", export_key("me"), &err),
                   MER_ERR_EXISTS, &err, "trusted already, under the name me");
}

static void odd_names_are_refused(void **state)
{
    static const char *const names[] = {
        "",    ".",        "..",
        "a/b", "../a",     "A",
        "a b", "-a",       ".a",
        "a\n", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct mer_signing_key key;
        struct mer_buf pem;
        mer_err err;
        mer_buf_init(&pem, &alloc, 1000);
        assert_refused(make(names[i], &err), MER_ERR_USAGE, &err, "is no name for a key");
        assert_refused(open_key(names[i], &key, &err), MER_ERR_USAGE, &err, "is no name");
        assert_refused(mer_key_store_trust(&alloc, store(), names[i], "x", &err), MER_ERR_USAGE,
                       &err, "is no name");
        assert_refused(mer_key_store_revoke(&alloc, store(), names[i], &err), MER_ERR_USAGE, &err,
                       "is no name");
        assert_refused(mer_key_store_public(store(), names[i], &pem, &err), MER_ERR_USAGE, &err,
                       "is no name");
    }
    mer_err err;
    assert_ok(make("0.a_b-c", &err), &err);
    assert_ok(make("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &err), &err);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    static const mode_t loose[] = {0640, 0604, 0660, 0601, 0777};
    struct mer_signing_key key;
    mer_err err;
    (void)state;
    assert_ok(make("me", &err), &err);
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        assert_int_equal(chmod(in_folder("config/keys/me.key"), loose[i]), 0);
        assert_refused(open_key("me", &key, &err), MER_ERR_TRUST, &err, "others can reach");
        assert_non_null(strstr(err.hint, "chmod 600"));
    }
    assert_int_equal(chmod(in_folder("config/keys/me.key"), 0400), 0);
    assert_ok(open_key("me", &key, &err), &err);
    mer_signing_key_release(&key);
}

static void a_key_that_is_a_link_is_refused(void **state)
{
    struct mer_signing_key key;
    mer_err err;
    (void)state;
    assert_ok(make("me", &err), &err);
    assert_int_equal(rename(in_folder("config/keys/me.key"), in_folder("key")), 0);
    assert_int_equal(symlink(in_folder("key"), in_folder("config/keys/me.key")), 0);
    assert_refused(open_key("me", &key, &err), MER_ERR_TRUST, &err, "symbolic link");
}

static void folders_in_which_others_can_write_are_refused(void **state)
{
    static const char *const places[] = {"config", "config/keys", "config/trusted",
                                         "config/revoked"};
    struct mer_trusted_keys trusted;
    struct mer_signing_key key;
    mer_err err;
    (void)state;
    assert_ok(make("me", &err), &err);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(chmod(in_folder(places[i]), 0720), 0);
        mer_trusted_keys_init(&trusted, &alloc);
        assert_refused(mer_key_store_trusted(store(), &trusted, &err), MER_ERR_TRUST, &err,
                       "others can write in");
        assert_refused(open_key("me", &key, &err), MER_ERR_TRUST, &err, "others can write in");
        mer_trusted_keys_release(&trusted);
        assert_int_equal(chmod(in_folder(places[i]), 0755), 0);
    }
    assert_int_equal(chmod(in_folder("config/trusted/me.pem"), 0664), 0);
    mer_trusted_keys_init(&trusted, &alloc);
    assert_refused(mer_key_store_trusted(store(), &trusted, &err), MER_ERR_TRUST, &err,
                   "others can write");
    mer_trusted_keys_release(&trusted);
}

static void a_missing_key_is_no_input(void **state)
{
    struct mer_signing_key key;
    mer_err err;
    (void)state;
    assert_refused(open_key("me", &key, &err), MER_ERR_NO_INPUT, &err, "no private key named 'me'");
    assert_non_null(strstr(err.hint, "merlon keys new"));
    assert_refused(mer_key_store_revoke(&alloc, store(), "me", &err), MER_ERR_NO_INPUT, &err,
                   "no key named 'me'");
    assert_refused(mer_key_store_trust(&alloc, store(), "you", in_folder("none.pem"), &err),
                   MER_ERR_NO_INPUT, &err, "none.pem");
    write_text("junk.pem", "junk");
    assert_refused(mer_key_store_trust(&alloc, store(), "you", in_folder("junk.pem"), &err),
                   MER_ERR_DATA, &err, "no public key");
}

/* ---- Trusting and revoking ---- */

static void a_strangers_key_is_trusted_under_a_name(void **state)
{
    struct mer_signing_key key;
    mer_err err;
    (void)state;
    assert_ok(make("zed", &err), &err);
    (void)export_key("zed");
    (void)nftw(in_folder("config"), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    assert_ok(make("me", &err), &err);
    assert_ok(mer_key_store_trust(&alloc, store(), "anna", in_folder("exported.pem"), &err), &err);
    assert_listing("anna+trusted me+private+trusted ");
    assert_refused(open_key("anna", &key, &err), MER_ERR_NO_INPUT, &err, "no private key");
}

static void a_revoked_key_stays_revoked(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    char id[MER_KEY_ID_MAX];
    mer_err err;
    (void)state;
    assert_ok(make("me", &err), &err);
    assert_ok(make("other", &err), &err);
    const char *pem = export_key("me");
    assert_ok(open_key("me", &key, &err), &err);
    memcpy(id, key.public_key.id, sizeof id);
    mer_signing_key_release(&key);

    assert_ok(mer_key_store_revoke(&alloc, store(), "me", &err), &err);
    assert_ok(mer_key_store_revoke(&alloc, store(), "me", &err), &err); /* said twice */
    assert_listing("me+private+revoked other+private+trusted ");
    assert_refused(open_key("me", &key, &err), MER_ERR_TRUST, &err, "revoked for good");
    assert_refused(mer_key_store_trust(&alloc, store(), "again", pem, &err), MER_ERR_TRUST, &err,
                   "revoked for good, under the name me");
    assert_refused(make("me", &err), MER_ERR_EXISTS, &err, "'me', which was revoked");

    /* Even one who puts the file back by hand. */
    assert_int_equal(rename(pem, in_folder("config/trusted/again.pem")), 0);
    mer_trusted_keys_init(&trusted, &alloc);
    assert_ok(mer_key_store_trusted(store(), &trusted, &err), &err);
    const struct mer_trusted_key *found = NULL;
    assert_refused(mer_trusted_keys_want(&trusted, id, &found, &err), MER_ERR_TRUST, &err,
                   "(me), which was revoked");
    mer_trusted_keys_release(&trusted);
    assert_listing("again+revoked me+private+revoked other+private+trusted ");
}

/* ---- Passphrases ---- */

static int give(void *self, const char *name, bool confirm, char *ret_bytes, size_t max)
{
    const char *const *passphrases = self; /* to make it, to open it */
    const char *passphrase = passphrases[confirm ? 0 : 1];
    assert_string_equal(name, "me");
    if (!passphrase)
        return -1;
    assert_true(strlen(passphrase) <= max);
    memcpy(ret_bytes, passphrase, strlen(passphrase));
    return (int)strlen(passphrase);
}

static void a_passphrase_protects_the_key(void **state)
{
    const char *const right[2] = {"open sesame", "open sesame"};
    const char *const wrong[2] = {NULL, "open barley"};
    struct mer_signing_key key;
    mer_err err;
    (void)state;
    assert_refused(mer_key_store_make(&alloc, store(), "me", give, (void *)wrong, &err),
                   MER_ERR_TRUST, &err, "no passphrase was given");
    assert_listing("");
    assert_ok(mer_key_store_make(&alloc, store(), "me", give, (void *)right, &err), &err);
    assert_refused(open_key("me", &key, &err), MER_ERR_TRUST, &err, "needs a passphrase");
    assert_refused(mer_key_store_open(&alloc, store(), "me", give, (void *)wrong, &key, &err),
                   MER_ERR_TRUST, &err, "does not open");
    assert_ok(mer_key_store_open(&alloc, store(), "me", give, (void *)right, &key, &err), &err);
    mer_signing_key_release(&key);
}

/* ---- Where ---- */

static void the_folder_follows_the_environment(void **state)
{
    char *path = NULL;
    mer_err err;
    (void)state;
    assert_int_equal(setenv("HOME", "/base", 1), 0);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "/etc/mine", 1), 0);
    assert_ok(mer_key_store_folder("here", &path, &err), &err);
    assert_string_equal(path, "here");
    free(path);
    assert_ok(mer_key_store_folder(NULL, &path, &err), &err);
    assert_string_equal(path, "/etc/mine/merlon");
    free(path);
    assert_int_equal(setenv("XDG_CONFIG_HOME", "relative", 1), 0);
    assert_ok(mer_key_store_folder(NULL, &path, &err), &err);
    assert_string_equal(path, "/base/.config/merlon");
    free(path);
    assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    assert_int_equal(unsetenv("HOME"), 0);
    assert_refused(mer_key_store_folder(NULL, &path, &err), MER_ERR_ABSENT, &err, "no folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_does_not_exist_is_empty),
        TEST(a_new_key_is_private_and_trusted),
        TEST(a_name_is_given_once),
        TEST(odd_names_are_refused),
        TEST(a_key_that_others_can_read_is_refused),
        TEST(a_key_that_is_a_link_is_refused),
        TEST(folders_in_which_others_can_write_are_refused),
        TEST(a_missing_key_is_no_input),
        TEST(a_strangers_key_is_trusted_under_a_name),
        TEST(a_revoked_key_stays_revoked),
        TEST(a_passphrase_protects_the_key),
        TEST(the_folder_follows_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
