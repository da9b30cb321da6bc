/* Signatures of the reference tool (sigstore/model-transparency) and the examples of the
 * specification, from the shared vectors; skipped where they are absent. */
#include <dirent.h>

#include "guard/guard_test.h"
#include "guard/signature_bundle.h"
#include "guard/statement.h"
#include "os/file.h"

#define VECTORS MER_SOURCE_DIR "/../shared/vectors/oms"

static const char *const IGNORE_ME[] = {"ignore-me"};

static void open_reference_key(struct mer_trusted_keys *trusted)
{
    mer_err err;
    mer_trusted_keys_init(trusted, &alloc);
    assert_ok(mer_trusted_keys_add_file(trusted, VECTORS "/reference/signing-key-pub.pem", &err),
              &err);
}

/* Copies a folder of plain files to "model" in the test's folder. */
static void copy_model(const char *from)
{
    DIR *directory = opendir(from);
    struct dirent *entry;
    assert_non_null(directory);
    make_folder("model");
    while ((entry = readdir(directory))) {
        struct mer_file_bytes file;
        char path[1024], name[300];
        mer_err err;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        snprintf(name, sizeof name, "model/%s", entry->d_name);
        assert_ok(mer_file_read(&alloc, path, 1 << 20, &file, &err), &err);
        write_file(name, file.bytes, file.n);
        mer_file_release(&file);
    }
    closedir(directory);
}

static mer_status verify_model(const struct mer_trusted_keys *trusted, size_t n_ignored,
                               struct mer_verified *verified, mer_err *err)
{
    return mer_guard_verify_path(&alloc, trusted, in_folder("model"), NULL, IGNORE_ME, n_ignored,
                                 verified, err);
}

static void the_id_of_the_reference_key_is_the_hint_of_its_signatures(void **state)
{
    struct mer_trusted_keys trusted;
    (void)state;
    open_reference_key(&trusted);
    assert_string_equal(trusted.keys[0].key.id,
                        "e8450dec4eb99dae995da9af1bc2cc9f76ed669ee2e744f57abba763df3e3f8e");
    mer_trusted_keys_release(&trusted);
}

static void folders_signed_by_the_reference_tool_verify(void **state)
{
    struct mer_trusted_keys trusted;
    struct mer_verified verified;
    mer_err err;
    (void)state;
    open_reference_key(&trusted);
    /* 1.1.0 states what it left out; 1.0.1 did not: there the verifier has to say so. */
    assert_ok(mer_guard_verify_path(&alloc, &trusted, VECTORS "/reference/v1.1.0-elliptic-key",
                                    NULL, NULL, 0, &verified, &err),
              &err);
    assert_int_equal(verified.n_files, 2);
    assert_string_equal(verified.digest,
                        "92745110b1ab4368471cbe31664e10174e954b113a3df333db860317b2c6dec4");
    assert_ok(mer_guard_verify_path(&alloc, &trusted, VECTORS "/reference/v1.0.1-elliptic-key",
                                    NULL, IGNORE_ME, 1, &verified, &err),
              &err);
    assert_refused(mer_guard_verify_path(&alloc, &trusted, VECTORS "/reference/v1.0.1-elliptic-key",
                                         NULL, NULL, 0, &verified, &err),
                   MER_ERR_TRUST, &err, "'ignore-me' is not covered");
    mer_trusted_keys_release(&trusted);
}

/* What is done to a signed folder, and the words of the refusal. */
struct tampering {
    void (*tamper)(void);
    const char *words;
};

static void change_a_byte(void)
{
    write_text("model/signme-2", "signme-3");
}
static void cut_a_file(void)
{
    assert_int_equal(truncate(in_folder("model/signme-1"), 8), 0);
}
static void add_a_file(void)
{
    write_text("model/extra", "");
}
static void add_a_file_below(void)
{
    make_folder("model/deep");
    write_text("model/deep/extra", "");
}
static void add_a_git_folder_below(void)
{
    make_folder("model/deep");
    make_folder("model/deep/.git");
    write_text("model/deep/.git/config", "");
}
static void remove_a_file(void)
{
    assert_int_equal(remove(in_folder("model/signme-1")), 0);
}
static void rename_a_file(void)
{
    assert_int_equal(rename(in_folder("model/signme-1"), in_folder("model/signme-0")), 0);
}
static void swap_files(void)
{
    assert_int_equal(rename(in_folder("model/signme-1"), in_folder("model/x")), 0);
    assert_int_equal(rename(in_folder("model/signme-2"), in_folder("model/signme-1")), 0);
    assert_int_equal(rename(in_folder("model/x"), in_folder("model/signme-2")), 0);
}
static void link_a_file(void)
{
    assert_int_equal(rename(in_folder("model/signme-1"), in_folder("elsewhere")), 0);
    assert_int_equal(symlink(in_folder("elsewhere"), in_folder("model/signme-1")), 0);
}
static void link_a_folder(void)
{
    assert_int_equal(symlink("/", in_folder("model/root")), 0);
}
static void add_a_pipe(void)
{
    assert_int_equal(mkfifo(in_folder("model/pipe"), 0600), 0);
}
static void add_a_name_that_is_not_utf8(void)
{
    write_text("model/\xff", "");
}
static void remove_the_signature(void)
{
    assert_int_equal(remove(in_folder("model/model.sig")), 0);
}
static void empty_the_signature(void)
{
    write_text("model/model.sig", "");
}

static const struct tampering TAMPERINGS[] = {
    {change_a_byte, "'signme-2' is not what was signed"},
    {cut_a_file, "'signme-1' is not what was signed"},
    {add_a_file, "'extra' is not covered by the signature"},
    {add_a_file_below, "'deep/extra' is not covered by the signature"},
    {add_a_git_folder_below, "'deep/.git/config' is not covered by the signature"},
    {remove_a_file, "'signme-1' was signed and is missing"},
    {rename_a_file, "'signme-0' is not covered by the signature"},
    {swap_files, "'signme-1' is not what was signed"},
    {link_a_file, "is a symbolic link"},
    {link_a_folder, "is a symbolic link"},
    {add_a_pipe, "neither a file nor a folder"},
    {add_a_name_that_is_not_utf8, "is not UTF-8"},
    {remove_the_signature, "has no signature"},
    {empty_the_signature, "not valid JSON"},
};

static void every_tampering_is_refused(void **state)
{
    static const char *const models[] = {VECTORS "/reference/v1.0.1-elliptic-key",
                                         VECTORS "/reference/v1.1.0-elliptic-key"};
    struct mer_trusted_keys trusted;
    (void)state;
    open_reference_key(&trusted);
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < sizeof TAMPERINGS / sizeof *TAMPERINGS; i++) {
            mer_err err;
            copy_model(models[m]);
            assert_ok(verify_model(&trusted, 1, NULL, &err), &err);
            TAMPERINGS[i].tamper();
            assert_refused(verify_model(&trusted, 1, NULL, &err), MER_ERR_TRUST, &err,
                           TAMPERINGS[i].words);
            (void)nftw(in_folder("model"), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        }
    mer_trusted_keys_release(&trusted);
}

static void the_top_git_folder_may_be_there(void **state)
{
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    open_reference_key(&trusted);
    copy_model(VECTORS "/reference/v1.0.1-elliptic-key");
    make_folder("model/.git");
    write_text("model/.git/config", "");
    write_text("model/.gitignore", "");
    write_text("model/.gitattributes", "");
    make_folder("model/.github");
    assert_ok(verify_model(&trusted, 1, NULL, &err), &err);
    mer_trusted_keys_release(&trusted);
}

static void an_unknown_signer_is_refused_with_what_to_do(void **state)
{
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    mer_trusted_keys_init(&trusted, &alloc);
    assert_refused(mer_guard_verify_path(&alloc, &trusted, VECTORS "/reference/v1.1.0-elliptic-key",
                                         NULL, NULL, 0, NULL, &err),
                   MER_ERR_TRUST, &err, "signed with key e8450dec4eb99dae, which is not trusted");
    assert_non_null(strstr(err.hint, "merlon keys trust NAME FILE.pem"));
    mer_trusted_keys_release(&trusted);
}

static const char *const CERTIFIED[] = {VECTORS "/reference/v1.0.1-certificate",
                                        VECTORS "/reference/v1.1.0-certificate"};

/* Whose authorities are those of one file. */
static void open_authority(struct mer_trusted_keys *trusted, const char *file)
{
    mer_err err;
    mer_trusted_keys_init(trusted, &alloc);
    assert_ok(mer_authorities_read_file(&trusted->authorities, &alloc, file, &err), &err);
}

static void folders_signed_with_certificates_verify_against_their_authority(void **state)
{
    static const char *const authorities[] = {VECTORS "/reference/ca-cert.pem",
                                              VECTORS "/reference/int-ca-cert.pem"};
    (void)state;
    for (size_t a = 0; a < 2; a++)
        for (size_t i = 0; i < 2; i++) {
            struct mer_trusted_keys trusted;
            struct mer_verified verified;
            mer_err err;
            open_authority(&trusted, authorities[a]);
            assert_ok(mer_guard_verify_path(&alloc, &trusted, CERTIFIED[i], NULL, IGNORE_ME, 1,
                                            &verified, &err),
                      &err);
            assert_string_equal(verified.subject, "CN=intermediate-ca"); /* so it is called */
            assert_string_equal(verified.signer_id, "e8450dec4eb99dae995da9af1bc2cc9f76ed669ee2e744"
                                                    "f57abba763df3e3f8e");
            assert_int_equal(verified.n_files, 2);
            copy_model(CERTIFIED[i]);
            assert_ok(verify_model(&trusted, 1, NULL, &err), &err);
            change_a_byte();
            assert_refused(verify_model(&trusted, 1, NULL, &err), MER_ERR_TRUST, &err,
                           "'signme-2' is not what was signed");
            (void)nftw(in_folder("model"), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
            mer_trusted_keys_release(&trusted);
        }
}

static void a_certificate_is_nothing_without_an_authority(void **state)
{
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    /* The very key is trusted; the signature is one of a certificate all the same. */
    open_reference_key(&trusted);
    assert_refused(
        mer_guard_verify_path(&alloc, &trusted, CERTIFIED[1], NULL, IGNORE_ME, 1, NULL, &err),
        MER_ERR_TRUST, &err, "signed with a certificate, and no authority is trusted");
    mer_trusted_keys_release(&trusted);
}

/* ---- The examples of the specification ---- */

static mer_status parse_example(const char *path, mer_err *err)
{
    struct mer_file_bytes file;
    struct mer_signature_bundle bundle;
    struct mer_statement statement;
    assert_ok(mer_file_read(&alloc, path, 1 << 20, &file, err), err);
    mer_status status = mer_signature_bundle_parse(&alloc, file.bytes, file.n, &bundle, err);
    if (status.code == MER_OK) {
        status =
            mer_statement_parse(&alloc, bundle.payload.bytes, bundle.payload.n, &statement, err);
        if (status.code == MER_OK)
            mer_statement_release(&statement);
        mer_signature_bundle_release(&bundle);
    }
    mer_file_release(&file);
    return status;
}

static void the_valid_example_is_read_and_the_invalid_ones_are_not(void **state)
{
    mer_err err;
    (void)state;
    assert_ok(parse_example(VECTORS "/v1.0/valid/key.bundle.json", &err), &err);
    assert_ok(parse_example(VECTORS "/v1.0/valid/certificate.bundle.json", &err), &err);
    assert_refused(parse_example(VECTORS "/v1.0/valid/sigstore.bundle.json", &err), MER_ERR_TRUST,
                   &err, "keyless service");
    assert_refused(parse_example(VECTORS "/v1.0/invalid/empty.bundle.json", &err), MER_ERR_TRUST,
                   &err, "not valid JSON");
    assert_refused(parse_example(VECTORS "/v1.0/invalid/missing-envelope.bundle.json", &err),
                   MER_ERR_TRUST, &err, "dsseEnvelope is missing");
    assert_refused(
        parse_example(VECTORS "/v1.0/invalid/missing-verification-material.bundle.json", &err),
        MER_ERR_TRUST, &err, "verificationMaterial is missing");
    assert_refused(parse_example(VECTORS "/v1.0/invalid/missing-tlog-entries.bundle.json", &err),
                   MER_ERR_TRUST, &err, "keyless service");
    assert_refused(parse_example(VECTORS "/v1.0/invalid-payload/wrong-predicate.bundle.json", &err),
                   MER_ERR_TRUST, &err, "predicateType is another one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_id_of_the_reference_key_is_the_hint_of_its_signatures),
        TEST(folders_signed_by_the_reference_tool_verify),
        TEST(every_tampering_is_refused),
        TEST(the_top_git_folder_may_be_there),
        TEST(an_unknown_signer_is_refused_with_what_to_do),
        TEST(folders_signed_with_certificates_verify_against_their_authority),
        TEST(a_certificate_is_nothing_without_an_authority),
        TEST(the_valid_example_is_read_and_the_invalid_ones_are_not),
    };
    if (access(VECTORS "/reference", R_OK) != 0) {
        printf("skipped: %s is absent\n", VECTORS);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
