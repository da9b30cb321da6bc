/* Signing and verifying: what is signed verifies, whatever is changed does not. */
#include "guard/verify.h"

#include <pthread.h>
#include <stdatomic.h>

#include "guard/guard_test.h"
#include "guard/signature_bundle.h"
#include "guard/statement.h"
#include "os/file.h"

static const char CONTENTS[] = "the contents of a small file\n";
enum {
    N_CONTENTS = sizeof CONTENTS - 1,
#ifdef MER_UNDER_VALGRIND /* a signature is verified some 50 times slower there */
    N_RACES = 200,
    BITS = 13 /* every 13th bit, each place in a byte among them */
#else
    N_RACES = 5000,
    BITS = 1
#endif
};

static void sign_contents(const struct mer_signing_key *key, struct mer_buf *bundle)
{
    mer_err err;
    mer_buf_init(bundle, &alloc, MER_SIGNATURE_FILE_MAX);
    assert_ok(mer_guard_sign_bytes(signer_of(key), "dir/a.csv", CONTENTS, N_CONTENTS, bundle, &err),
              &err);
}

static void signed_bytes_verify_and_say_by_whom(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_verified verified;
    struct mer_digest digest;
    struct mer_buf bundle;
    char hex[MER_HASH_HEX_MAX];
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    sign_contents(&key, &bundle);
    assert_ok(mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n, CONTENTS, N_CONTENTS,
                                     &verified, &err),
              &err);
    assert_string_equal(verified.signer_name, "tester");
    assert_string_equal(verified.signer_id, key.public_key.id);
    assert_int_equal(verified.n_files, 1);
    assert_ok(mer_hash_bytes(MER_HASH_SHA256, CONTENTS, N_CONTENTS, &digest, &err), &err);
    mer_hash_hex(digest.bytes, digest.n, hex);
    assert_string_equal(verified.digest, hex);
    mer_buf_release(&bundle);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void no_flipped_bit_of_the_file_is_accepted(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_buf bundle;
    char changed[N_CONTENTS];
    (void)state;
    make_trusted_key(&key, &trusted);
    sign_contents(&key, &bundle);
    for (size_t bit = 0; bit < 8 * N_CONTENTS; bit++) {
        memcpy(changed, CONTENTS, N_CONTENTS);
        changed[bit / 8] = (char)(changed[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n, changed,
                                                N_CONTENTS, NULL, NULL)
                             .code,
                         MER_ERR_TRUST);
    }
    for (size_t n = 0; n < N_CONTENTS; n++)
        assert_int_equal(mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n, CONTENTS,
                                                n, NULL, NULL)
                             .code,
                         MER_ERR_TRUST);
    mer_buf_release(&bundle);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void no_flipped_bit_of_the_signature_file_is_accepted(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_buf bundle;
    (void)state;
    make_trusted_key(&key, &trusted);
    sign_contents(&key, &bundle);
    for (size_t bit = 0; bit < 8 * bundle.n; bit += BITS) {
        bundle.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        const mer_status status = mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n,
                                                         CONTENTS, N_CONTENTS, NULL, NULL);
        if (status.code != MER_ERR_TRUST)
            fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, mer_code_name(status.code));
        bundle.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (size_t n = 0; n < bundle.n; n += BITS)
        assert_int_equal(mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, n, CONTENTS,
                                                N_CONTENTS, NULL, NULL)
                             .code,
                         MER_ERR_TRUST);
    mer_buf_release(&bundle);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

/* ---- Files ---- */

static void a_file_is_signed_beside_itself_and_may_be_renamed(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_verified verified;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m.safetensors", CONTENTS);
    assert_false(mer_guard_is_signed(in_folder("m.safetensors")));
    assert_ok(
        mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m.safetensors"), NULL, false, &err),
        &err);
    assert_true(mer_guard_is_signed(in_folder("m.safetensors")));
    assert_ok(mer_guard_verify_path(&alloc, &trusted, in_folder("m.safetensors"), NULL, NULL, 0,
                                    &verified, &err),
              &err);
    assert_refused(
        mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m.safetensors"), NULL, false, &err),
        MER_ERR_EXISTS, &err, "");
    assert_ok(
        mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m.safetensors"), NULL, true, &err),
        &err);
    assert_int_equal(rename(in_folder("m.safetensors"), in_folder("other")), 0);
    assert_ok(mer_guard_verify_path(&alloc, &trusted, in_folder("other"),
                                    in_folder("m.safetensors.sig"), NULL, 0, &verified, &err),
              &err);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void what_is_not_there_is_told_apart_from_what_is_not_signed(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_sealed sealed;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m", CONTENTS);
    assert_refused(
        mer_guard_verify_path(&alloc, &trusted, in_folder("m"), NULL, NULL, 0, NULL, &err),
        MER_ERR_TRUST, &err, "has no signature");
    assert_non_null(strstr(err.hint, "merlon sign"));
    assert_refused(
        mer_guard_verify_sealed(&alloc, &trusted, in_folder("m"), NULL, 1000, &sealed, NULL, &err),
        MER_ERR_TRUST, &err, "has no signature");
    assert_refused(
        mer_guard_verify_path(&alloc, &trusted, in_folder("none"), NULL, NULL, 0, NULL, &err),
        MER_ERR_NO_INPUT, &err, "does not exist");
    assert_refused(
        mer_guard_sign_path(&alloc, signer_of(&key), in_folder("none"), NULL, false, &err),
        MER_ERR_NO_INPUT, &err, "does not exist");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void the_sealed_bytes_are_those_that_were_verified(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_sealed sealed;
    struct mer_verified verified;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m", CONTENTS);
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m"), NULL, false, &err),
              &err);
    assert_ok(mer_guard_verify_sealed(&alloc, &trusted, in_folder("m"), NULL, 1000, &sealed,
                                      &verified, &err),
              &err);
    write_text("m", "swapped after it was verified\n");
    assert_int_equal(sealed.n, N_CONTENTS);
    assert_memory_equal(sealed.bytes, CONTENTS, N_CONTENTS);
    mer_sealed_release(&sealed);
    assert_refused(mer_guard_verify_sealed(&alloc, &trusted, in_folder("m"), NULL, 1000, &sealed,
                                           &verified, &err),
                   MER_ERR_TRUST, &err, "not what was signed");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

/* Whoever replaces a model and its signature can be stopped after the model was renamed: then the
 * signature that fits it still waits in m.merlon-new, or, where there are no unnamed files, as
 * m.sig.new. */
static void a_half_replaced_pair_verifies(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_sealed sealed;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m", "old");
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m"), NULL, false, &err),
              &err);
    write_text("m", "new");
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m"), in_folder("m.sig.new"),
                                  false, &err),
              &err);
    for (int round = 0; round < 2; round++) {
        assert_true(mer_guard_is_signed(in_folder("m")));
        assert_ok(
            mer_guard_verify_path(&alloc, &trusted, in_folder("m"), NULL, NULL, 0, NULL, &err),
            &err);
        assert_ok(mer_guard_verify_sealed(&alloc, &trusted, in_folder("m"), NULL, 1000, &sealed,
                                          NULL, &err),
                  &err);
        assert_memory_equal(sealed.bytes, "new", 3);
        mer_sealed_release(&sealed);
        if (round == 0)
            assert_int_equal(remove(in_folder("m.sig")), 0);
    }
    write_text("m", "bad");
    assert_refused(
        mer_guard_verify_path(&alloc, &trusted, in_folder("m"), NULL, NULL, 0, NULL, &err),
        MER_ERR_TRUST, &err, "the file is not what was signed");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

/* ---- Somebody else at work ---- */

static atomic_bool stop;

static void put(const char *name, const char *text)
{
    write_text("next", text);
    assert_int_equal(rename(in_folder("next"), in_folder(name)), 0);
}

/* Puts another file in the place of the signed one and back, again and again. */
static void *swap(void *argument)
{
    (void)argument;
    while (!atomic_load(&stop)) {
        put("m", "other contents, which nobody signed");
        put("m", CONTENTS);
    }
    return NULL;
}

static void no_file_that_is_swapped_meanwhile_gets_through(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    pthread_t swapper;
    size_t n_verified = 0, n_refused = 0;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m", CONTENTS);
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("m"), NULL, false, &err),
              &err);
    char *path = strdup(in_folder("m"));
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&swapper, NULL, swap, NULL), 0);
    for (int i = 0; i < N_RACES || n_verified == 0 || n_refused == 0; i++) {
        struct mer_sealed sealed;
        const mer_status status =
            mer_guard_verify_sealed(&alloc, &trusted, path, NULL, 1000, &sealed, NULL, &err);
        if (status.code == MER_OK) {
            assert_int_equal(sealed.n, N_CONTENTS);
            assert_memory_equal(sealed.bytes, CONTENTS, N_CONTENTS);
            mer_sealed_release(&sealed);
            n_verified++;
        } else {
            assert_int_equal(status.code, MER_ERR_TRUST);
            n_refused++;
        }
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(swapper, NULL), 0);
    free(path);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void what_did_not_verify_is_looked_at_again_only_where_it_was_replaced(void **state)
{
    static const char *const names[] = {"m", "m.sig", "m.sig.new"};
    const mer_status refused = {MER_ERR_TRUST};
    struct mer_looks looks;
    (void)state;
    write_text("m", CONTENTS);
    write_text("m.sig", "a signature");
    (void)remove(in_folder("m.sig.new"));
    char *const path = strdup(in_folder("m"));
    assert_non_null(path);
    mer_looks_begin(&looks, path, NULL);
    assert_false(mer_looks_again(&looks, refused));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        mer_looks_begin(&looks, path, NULL);
        put(names[i], CONTENTS);
        assert_false(mer_looks_again(&looks, (mer_status){MER_ERR_NO_INPUT}));
        assert_true(mer_looks_again(&looks, refused));
        put(names[i], CONTENTS);
        assert_false(mer_looks_again(&looks, refused));
    }
    assert_int_equal(remove(in_folder("m.sig")) | remove(in_folder("m.sig.new")), 0);
    free(path);
}

/* ---- Folders ---- */

static void make_model(void)
{
    make_folder("model");
    make_folder("model/a");
    write_text("model/a/weights", "w");
    write_text("model/a.b", "sorts before a/ by code points, behind it by path parts");
    write_text("model/caf\xc3\xa9", "");
    write_text("model/with space\nand line", "x");
    make_folder("model/.git");
    write_text("model/.git/config", "not signed");
    make_folder("model/empty");
}

static mer_status verify_model(const struct mer_trusted_keys *trusted,
                               struct mer_verified *verified, mer_err *err)
{
    return mer_guard_verify_path(&alloc, trusted, in_folder("model"), NULL, NULL, 0, verified, err);
}

static void a_folder_is_signed_with_all_its_files(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_verified verified;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    make_model();
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("model/"), NULL, false, &err),
              &err);
    assert_ok(verify_model(&trusted, &verified, &err), &err);
    assert_int_equal(verified.n_files, 4);
    write_text("model/.git/config", "changed");
    assert_ok(verify_model(&trusted, &verified, &err), &err);
    write_text("model/a/.gitignore", "");
    assert_refused(verify_model(&trusted, &verified, &err), MER_ERR_TRUST, &err,
                   "'a/.gitignore' is not covered");
    assert_int_equal(remove(in_folder("model/a/.gitignore")), 0);
    assert_ok(verify_model(&trusted, &verified, &err), &err);
    write_text("model/a/weights", "v");
    assert_refused(verify_model(&trusted, &verified, &err), MER_ERR_TRUST, &err,
                   "'a/weights' is not what was signed");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void a_signature_may_lie_anywhere(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    make_model();
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("model"),
                                  in_folder("elsewhere.sig"), false, &err),
              &err);
    assert_ok(mer_guard_sign_path(&alloc, signer_of(&key), in_folder("model"),
                                  in_folder("model/a/own.sig"), false, &err),
              &err);
    assert_ok(mer_guard_verify_path(&alloc, &trusted, in_folder("model"),
                                    in_folder("model/a/own.sig"), NULL, 0, NULL, &err),
              &err);
    /* To the signature outside, the one inside is a file too many. */
    assert_refused(mer_guard_verify_path(&alloc, &trusted, in_folder("model"),
                                         in_folder("elsewhere.sig"), NULL, 0, NULL, &err),
                   MER_ERR_TRUST, &err, "'a/own.sig' is not covered");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void what_cannot_be_named_is_not_signed(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    make_folder("model");
    assert_refused(
        mer_guard_sign_path(&alloc, signer_of(&key), in_folder("model"), NULL, false, &err),
        MER_ERR_DATA, &err, "holds no file to sign");
    write_text("model/file", "");
    assert_int_equal(symlink("file", in_folder("model/link")), 0);
    assert_refused(
        mer_guard_sign_path(&alloc, signer_of(&key), in_folder("model"), NULL, false, &err),
        MER_ERR_TRUST, &err, "symbolic link");
    assert_int_equal(access(in_folder("model/model.sig"), F_OK), -1);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void every_failed_allocation_is_survived(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    mer_err err;
    uint64_t fail_at;
    mer_status status;
    (void)state;
    make_trusted_key(&key, &trusted);
    make_model();
    const size_t used = atomic_load(&alloc.used);
    for (int verifying = 0; verifying < 2; verifying++) {
        for (fail_at = 1;; fail_at++) {
            alloc.fail_at = atomic_load(&alloc.requests) + fail_at;
            status = verifying ? verify_model(&trusted, NULL, &err)
                               : mer_guard_sign_path(&alloc, signer_of(&key), in_folder("model"),
                                                     NULL, false, &err);
            alloc.fail_at = 0;
            assert_int_equal(atomic_load(&alloc.used), used);
            if (status.code == MER_OK)
                break;
            assert_int_equal(status.code, MER_ERR_MEMORY);
        }
        assert_true(fail_at > 5);
    }
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

/* ---- Statements of other signers ---- */

/* Signs any statement and writes it where verification looks. */
static void sign_statement(const struct mer_signing_key *key, struct mer_statement *statement,
                           const char *signature)
{
    struct mer_signature_bundle bundle = {0};
    struct mer_buf text;
    struct mer_dsse dsse;
    unsigned char der[MER_SIGNATURE_DER_MAX];
    size_t n;
    mer_err err;
    memcpy(bundle.key_id, key->public_key.id, sizeof bundle.key_id);
    mer_buf_init(&bundle.payload, &alloc, MER_STATEMENT_MAX_BYTES);
    mer_buf_init(&bundle.signature, &alloc, MER_SIGNATURE_DER_MAX);
    mer_buf_init(&text, &alloc, MER_SIGNATURE_FILE_MAX);
    assert_ok(mer_statement_seal(statement, &err), &err);
    assert_ok(mer_statement_write(statement, &bundle.payload, &err), &err);
    mer_dsse_init(&dsse, bundle.payload.bytes, bundle.payload.n);
    assert_ok(mer_signing_key_sign(key, dsse.parts, 2, der, &n, &err), &err);
    assert_ok(mer_buf_append(&bundle.signature, der, n, &err), &err);
    assert_ok(mer_signature_bundle_write(&bundle, &text, &err), &err);
    write_file(signature, text.bytes, text.n);
    mer_signature_bundle_release(&bundle);
    mer_buf_release(&text);
}

static void add_resource(struct mer_statement *statement, struct mer_resource *resource,
                         const char *name, const char *contents)
{
    mer_err err;
    resource->name = name;
    assert_ok(mer_hash_bytes(statement->hash, contents, strlen(contents), &resource->digest, &err),
              &err);
    statement->n_resources++;
}

static void files_in_shards_verify(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_resource resources[4];
    struct mer_statement statement = {
        .subject = "model", .in_shards = true, .shard_bytes = 4, .resources = resources};
    struct mer_verified verified;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    make_folder("model");
    write_text("model/a:1:2", "0123456789");
    write_text("model/b", "xyz");
    write_text("model/empty", "");
    /* Deliberately not sorted: the signer's order decides the subject's digest. */
    add_resource(&statement, &resources[0], "b:0:3", "xyz");
    add_resource(&statement, &resources[1], "a:1:2:4:8", "4567");
    add_resource(&statement, &resources[2], "a:1:2:0:4", "0123");
    add_resource(&statement, &resources[3], "a:1:2:8:10", "89");
    sign_statement(&key, &statement, "model/model.sig");
    assert_ok(verify_model(&trusted, &verified, &err), &err);
    assert_int_equal(verified.n_files, 4);
    write_text("model/a:1:2", "0123456789a");
    assert_refused(verify_model(&trusted, NULL, &err), MER_ERR_TRUST, &err,
                   "'a:1:2:8:10' was signed and is missing");
    write_text("model/a:1:2", "012345678");
    assert_refused(verify_model(&trusted, NULL, &err), MER_ERR_TRUST, &err, "");
    write_text("model/a:1:2", "012345678x");
    assert_refused(verify_model(&trusted, NULL, &err), MER_ERR_TRUST, &err,
                   "'a:1:2:8:10' is not what was signed");
    write_text("model/a:1:2", "0123456789");
    write_text("model/more", "a file of its own");
    assert_refused(verify_model(&trusted, NULL, &err), MER_ERR_TRUST, &err, "more shards");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void blake2b_digests_verify(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_resource resources[1];
    struct mer_statement statement = {
        .subject = "m", .hash = MER_HASH_BLAKE2B, .resources = resources};
    struct mer_sealed sealed;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m", CONTENTS);
    add_resource(&statement, &resources[0], MER_RESOURCE_SELF, CONTENTS);
    sign_statement(&key, &statement, "m.sig");
    assert_ok(mer_guard_verify_path(&alloc, &trusted, in_folder("m"), NULL, NULL, 0, NULL, &err),
              &err);
    assert_ok(
        mer_guard_verify_sealed(&alloc, &trusted, in_folder("m"), NULL, 1000, &sealed, NULL, &err),
        &err);
    mer_sealed_release(&sealed);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void a_folders_signature_does_not_cover_a_file(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_resource resources[1];
    struct mer_statement statement = {.subject = "m", .resources = resources};
    struct mer_sealed sealed;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    write_text("m", CONTENTS);
    add_resource(&statement, &resources[0], "m", CONTENTS);
    sign_statement(&key, &statement, "m.sig");
    assert_refused(
        mer_guard_verify_sealed(&alloc, &trusted, in_folder("m"), NULL, 1000, &sealed, NULL, &err),
        MER_ERR_TRUST, &err, "one of a folder");
    assert_refused(
        mer_guard_verify_path(&alloc, &trusted, in_folder("m"), NULL, NULL, 0, NULL, &err),
        MER_ERR_TRUST, &err, "one of a folder");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

/* ---- Whom to trust ---- */

static void a_revoked_key_is_refused_however_often_it_is_trusted(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_public_key again;
    struct mer_buf bundle, pem;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    sign_contents(&key, &bundle);
    mer_buf_init(&pem, &alloc, MER_KEY_PEM_MAX);
    assert_ok(mer_public_key_write(&key.public_key, &pem, &err), &err);
    for (int i = 0; i < 2; i++) {
        assert_ok(mer_public_key_parse(pem.bytes, pem.n, "key", &again, &err), &err);
        assert_ok(mer_trusted_keys_add(&trusted, i ? "late" : "lost", &again, i == 0, &err), &err);
        assert_refused(mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n, CONTENTS,
                                              N_CONTENTS, NULL, &err),
                       MER_ERR_TRUST, &err, "(lost), which was revoked");
    }
    mer_buf_release(&pem);
    mer_buf_release(&bundle);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

/* A signature by one key that names another key in its hint is refused: the hint only chooses. */
static void the_hint_does_not_lend_trust(void **state)
{
    struct mer_signing_key key, stranger;
    struct mer_trusted_keys trusted;
    struct mer_buf bundle;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    assert_ok(mer_signing_key_generate(&stranger, &err), &err);
    sign_contents(&stranger, &bundle);
    const char *text = NULL;
    assert_ok(mer_buf_cstr(&bundle, &text, &err), &err);
    char *hint = strstr(text, stranger.public_key.id);
    assert_non_null(hint);
    memcpy(hint, key.public_key.id, strlen(key.public_key.id));
    assert_refused(mer_guard_verify_bytes(&alloc, &trusted, bundle.bytes, bundle.n, CONTENTS,
                                          N_CONTENTS, NULL, &err),
                   MER_ERR_TRUST, &err, "the signature does not fit");
    mer_buf_release(&bundle);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
    mer_signing_key_release(&stranger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signed_bytes_verify_and_say_by_whom),
        TEST(no_flipped_bit_of_the_file_is_accepted),
        TEST(no_flipped_bit_of_the_signature_file_is_accepted),
        TEST(a_file_is_signed_beside_itself_and_may_be_renamed),
        TEST(what_is_not_there_is_told_apart_from_what_is_not_signed),
        TEST(the_sealed_bytes_are_those_that_were_verified),
        TEST(a_half_replaced_pair_verifies),
        TEST(no_file_that_is_swapped_meanwhile_gets_through),
        TEST(what_did_not_verify_is_looked_at_again_only_where_it_was_replaced),
        TEST(a_folder_is_signed_with_all_its_files),
        TEST(a_signature_may_lie_anywhere),
        TEST(what_cannot_be_named_is_not_signed),
        TEST(every_failed_allocation_is_survived),
        TEST(files_in_shards_verify),
        TEST(blake2b_digests_verify),
        TEST(a_folders_signature_does_not_cover_a_file),
        TEST(a_revoked_key_is_refused_however_often_it_is_trusted),
        TEST(the_hint_does_not_lend_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
