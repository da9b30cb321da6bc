/* Keys, signatures and verification through the public API. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "merlon/merlon.h"

static char folder[] = "/tmp/merlon-test-XXXXXX";
static char keys[64], data[64], pem[64];

static void assert_ok(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        fail_msg("%s: %s", mer_code_name(status.code), err->message);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (!mkdtemp(folder))
        return 1;
    snprintf(keys, sizeof keys, "%s/keys", folder);
    snprintf(data, sizeof data, "%s/data.csv", folder);
    snprintf(pem, sizeof pem, "%s/key.pem", folder);
    write_text(data, "a,b\n1,2\n");
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Signs the data with the key of that name. */
static mer_status sign_data(const char *name, mer_err *err)
{
    struct mer_signer *signer = NULL;
    mer_status status = mer_signer_open(keys, name, NULL, NULL, &signer, err);
    if (status.code == MER_OK)
        status = mer_sign(signer, data, NULL, true, err);
    mer_signer_free(signer);
    return status;
}

static mer_status verify_data(struct mer_verified *verified, mer_err *err)
{
    struct mer_trust *trust = NULL;
    mer_status status = mer_trust_open(keys, &trust, err);
    if (status.code == MER_OK)
        status = mer_verify(trust, data, NULL, verified, err);
    mer_trust_free(trust);
    return status;
}

static void a_new_key_signs_and_verifies(void **state)
{
    struct mer_verified verified;
    mer_err err;
    (void)state;
    assert_int_equal(sign_data("me", &err).code, MER_ERR_NO_INPUT);
    assert_ok(mer_keys_new(keys, "me", NULL, NULL, &err), &err);
    assert_int_equal(mer_keys_new(keys, "me", NULL, NULL, &err).code, MER_ERR_EXISTS);
    assert_int_equal(verify_data(&verified, &err).code, MER_ERR_TRUST);
    assert_ok(sign_data("me", &err), &err);
    assert_ok(verify_data(&verified, &err), &err);
    assert_string_equal(verified.signer_name, "me");
    assert_int_equal(verified.n_files, 1);
    write_text(data, "a,b\n1,3\n");
    assert_int_equal(verify_data(NULL, &err).code, MER_ERR_TRUST);
}

static void a_public_key_alone_verifies(void **state)
{
    struct mer_trust *trust = NULL;
    char *text = NULL;
    mer_err err;
    (void)state;
    assert_ok(mer_keys_new(keys, "me", NULL, NULL, &err), &err);
    assert_ok(sign_data("me", &err), &err);
    assert_ok(mer_keys_public(keys, "me", &text, &err), &err);
    write_text(pem, text);
    mer_text_free(text);
    assert_ok(mer_trust_open_key(pem, &trust, &err), &err);
    assert_ok(mer_verify(trust, data, NULL, NULL, &err), &err);
    mer_trust_free(trust);
    assert_int_equal(mer_trust_open_key(data, &trust, &err).code, MER_ERR_DATA);
}

static void note_key(void *self, const struct mer_key_info *key)
{
    char *text = self;
    strcat(text, key->name);
    strcat(text, key->revoked ? "-" : key->trusted ? "+" : "?");
}

static void a_revoked_key_is_out_for_good(void **state)
{
    char listing[200] = "";
    char *text = NULL;
    mer_err err;
    (void)state;
    assert_ok(mer_keys_new(keys, "me", NULL, NULL, &err), &err);
    assert_ok(mer_keys_new(keys, "also", NULL, NULL, &err), &err);
    assert_ok(sign_data("me", &err), &err);
    assert_ok(mer_keys_public(keys, "me", &text, &err), &err);
    write_text(pem, text);
    mer_text_free(text);
    assert_ok(mer_keys_revoke(keys, "me", &err), &err);
    assert_int_equal(verify_data(NULL, &err).code, MER_ERR_TRUST);
    assert_int_equal(sign_data("me", &err).code, MER_ERR_TRUST);
    assert_int_equal(mer_keys_trust(keys, "again", pem, &err).code, MER_ERR_TRUST);
    assert_ok(mer_keys_list(keys, note_key, listing, &err), &err);
    assert_string_equal(listing, "also+me-");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_key_signs_and_verifies),
        TEST(a_public_key_alone_verifies),
        TEST(a_revoked_key_is_out_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
