/* Keys: as text and back, with and without a passphrase, on every curve, and never the same twice.
 */
#include "guard/signing_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/prctl.h>

#include "guard/guard_test.h"
#include "guard/hash.h"
#include "guard/secret.h"
#include "os/secret_memory.h"

#ifdef MER_UNDER_VALGRIND /* a key takes a while there */
enum { N_KEYS = 50 };
#else
enum { N_KEYS = 1000 };
#endif

static const char MESSAGE[] = "what is signed";
static const struct mer_message_part PARTS[2] = {{MESSAGE, 5}, {MESSAGE + 5, sizeof MESSAGE - 6}};
static const struct mer_message_part WHOLE[1] = {{MESSAGE, sizeof MESSAGE - 1}};
static const struct mer_message_part OTHER[1] = {{MESSAGE, sizeof MESSAGE - 2}};

/* The PEM text that libcrypto itself writes for a key that it made. */
static void make_pem(EVP_PKEY *pkey, bool is_private, struct mer_secret *pem)
{
    char *text;
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(pkey);
    assert_non_null(bio);
    assert_int_equal(is_private
                         ? PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
                         : PEM_write_bio_PUBKEY(bio, pkey),
                     1);
    const long n = BIO_get_mem_data(bio, &text);
    assert_int_equal(mer_secret_init(pem, MER_KEY_PEM_MAX, NULL).code, MER_OK);
    memcpy(pem->bytes, text, (size_t)n);
    pem->n = (size_t)n;
    BIO_free(bio);
}

static void open_curve(const char *curve, struct mer_signing_key *key)
{
    struct mer_secret pem;
    mer_err err;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    make_pem(pkey, true, &pem);
    EVP_PKEY_free(pkey);
    assert_ok(mer_signing_key_parse(&pem, "k", NULL, NULL, key, &err), &err);
    mer_secret_release(&pem);
}

static void every_curve_signs_and_verifies(void **state)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mer_signing_key key;
        unsigned char signature[MER_SIGNATURE_DER_MAX];
        size_t n;
        mer_err err;
        open_curve(curves[i], &key);
        assert_string_equal(mer_public_key_curve(&key.public_key), curves[i]);
        assert_ok(mer_signing_key_sign(&key, PARTS, 2, signature, &n, &err), &err);
        assert_ok(mer_public_key_verify(&key.public_key, WHOLE, 1, signature, n, &err), &err);
        assert_refused(mer_public_key_verify(&key.public_key, OTHER, 1, signature, n, &err),
                       MER_ERR_TRUST, &err, "does not fit");
        for (size_t bit = 0; bit < 8 * n; bit++) {
            signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_int_equal(
                mer_public_key_verify(&key.public_key, WHOLE, 1, signature, n, NULL).code,
                MER_ERR_TRUST);
            signature[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        for (size_t shorter = 0; shorter < n; shorter++)
            assert_int_equal(
                mer_public_key_verify(&key.public_key, WHOLE, 1, signature, shorter, NULL).code,
                MER_ERR_TRUST);
        mer_signing_key_release(&key);
    }
}

static void another_key_does_not_verify(void **state)
{
    struct mer_signing_key key, other;
    unsigned char signature[MER_SIGNATURE_DER_MAX];
    size_t n;
    mer_err err;
    (void)state;
    assert_ok(mer_signing_key_generate(&key, &err), &err);
    assert_ok(mer_signing_key_generate(&other, &err), &err);
    assert_ok(mer_signing_key_sign(&key, WHOLE, 1, signature, &n, &err), &err);
    assert_refused(mer_public_key_verify(&other.public_key, WHOLE, 1, signature, n, &err),
                   MER_ERR_TRUST, &err, "does not fit");
    mer_signing_key_release(&key);
    mer_signing_key_release(&other);
}

static void the_id_is_the_digest_of_the_pem_text(void **state)
{
    struct mer_signing_key key;
    struct mer_public_key read;
    struct mer_digest digest;
    struct mer_buf pem;
    char hex[MER_HASH_HEX_MAX];
    mer_err err;
    (void)state;
    assert_ok(mer_signing_key_generate(&key, &err), &err);
    mer_buf_init(&pem, &alloc, MER_KEY_PEM_MAX);
    assert_ok(mer_public_key_write(&key.public_key, &pem, &err), &err);
    assert_memory_equal(pem.bytes, "-----BEGIN PUBLIC KEY-----\n", 27);
    assert_memory_equal(pem.bytes + pem.n - 25, "-----END PUBLIC KEY-----\n", 25);
    assert_ok(mer_hash_bytes(MER_HASH_SHA256, pem.bytes, pem.n, &digest, &err), &err);
    mer_hash_hex(digest.bytes, digest.n, hex);
    assert_string_equal(key.public_key.id, hex);
    assert_ok(mer_public_key_parse(pem.bytes, pem.n, "key", &read, &err), &err);
    assert_string_equal(read.id, hex);
    mer_public_key_release(&read);
    mer_buf_release(&pem);
    mer_signing_key_release(&key);
}

static void a_compressed_point_has_the_id_of_the_whole_one(void **state)
{
    struct mer_secret plain, compressed;
    struct mer_public_key one, other;
    mer_err err;
    (void)state;
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    make_pem(pkey, false, &plain);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, "point-format", "compressed"), 1);
    make_pem(pkey, false, &compressed);
    EVP_PKEY_free(pkey);
    assert_true(compressed.n < plain.n);
    assert_ok(mer_public_key_parse(plain.bytes, plain.n, "key", &one, &err), &err);
    assert_ok(mer_public_key_parse(compressed.bytes, compressed.n, "key", &other, &err), &err);
    assert_string_equal(one.id, other.id);
    mer_public_key_release(&one);
    mer_public_key_release(&other);
    mer_secret_release(&plain);
    mer_secret_release(&compressed);
}

static void assert_no_key(EVP_PKEY *pkey, const char *words)
{
    struct mer_secret pem;
    struct mer_public_key key;
    struct mer_signing_key private_key;
    mer_err err;
    make_pem(pkey, false, &pem);
    assert_refused(mer_public_key_parse(pem.bytes, pem.n, "it", &key, &err), MER_ERR_DATA, &err,
                   words);
    mer_secret_release(&pem);
    make_pem(pkey, true, &pem);
    assert_refused(mer_signing_key_parse(&pem, "it", NULL, NULL, &private_key, &err), MER_ERR_DATA,
                   &err, words);
    mer_secret_release(&pem);
    EVP_PKEY_free(pkey);
}

static void other_kinds_of_keys_are_refused(void **state)
{
    static const char words[] = "not an ECDSA key on P-256, P-384 or P-521";
    (void)state;
    assert_no_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), words);
    assert_no_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"), words);
    assert_no_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), words);
    assert_no_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), words);
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, "encoding", "explicit"), 1);
    assert_no_key(pkey, words);
}

/* A P-256 key without its point. */
#define CUT_KEY                                                                                    \
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n"                           \
    "-----END PUBLIC KEY-----\n"

static void texts_without_a_key_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "hello",
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        CUT_KEY,
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct mer_public_key key;
        mer_err err;
        assert_refused(mer_public_key_parse(texts[i], strlen(texts[i]), "it", &key, &err),
                       MER_ERR_DATA, &err, "holds no public key");
    }
}

/* ---- Passphrases ---- */

struct answers {
    const char *passphrase; /* NULL: none */
    int n_asked;
};

static int give(void *self, const char *name, bool confirm, char *ret_bytes, size_t max)
{
    struct answers *answers = self;
    assert_string_equal(name, "k");
    assert_false(confirm);
    answers->n_asked++;
    if (!answers->passphrase)
        return -1;
    const size_t n = strlen(answers->passphrase);
    assert_true(n <= max);
    memcpy(ret_bytes, answers->passphrase, n);
    return (int)n;
}

static void write_key(const struct mer_signing_key *key, const char *passphrase,
                      struct mer_secret *pem)
{
    struct mer_secret secret;
    mer_err err;
    assert_ok(mer_secret_init(pem, MER_KEY_PEM_MAX, &err), &err);
    assert_ok(mer_secret_init(&secret, MER_PASSPHRASE_MAX, &err), &err);
    secret.n = strlen(passphrase);
    memcpy(secret.bytes, passphrase, secret.n);
    assert_ok(mer_signing_key_write(key, &secret, pem, &err), &err);
    mer_secret_release(&secret);
}

static void an_open_key_is_read_without_asking(void **state)
{
    struct mer_signing_key key, read;
    struct mer_secret pem;
    struct answers answers = {"never", 0};
    mer_err err;
    (void)state;
    assert_ok(mer_signing_key_generate(&key, &err), &err);
    write_key(&key, "", &pem);
    assert_memory_equal(pem.bytes, "-----BEGIN PRIVATE KEY-----\n", 28);
    assert_ok(mer_signing_key_parse(&pem, "k", give, &answers, &read, &err), &err);
    assert_int_equal(answers.n_asked, 0);
    assert_string_equal(read.public_key.id, key.public_key.id);
    mer_signing_key_release(&read);
    mer_signing_key_release(&key);
    mer_secret_release(&pem);
}

static void an_encrypted_key_opens_with_its_passphrase_only(void **state)
{
    struct mer_signing_key key, read;
    struct mer_secret pem;
    struct answers right = {"correct horse", 0}, wrong = {"correct hors", 0}, none = {NULL, 0};
    mer_err err;
    (void)state;
    assert_ok(mer_signing_key_generate(&key, &err), &err);
    write_key(&key, right.passphrase, &pem);
    assert_memory_equal(pem.bytes, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", 38);
    assert_ok(mer_signing_key_parse(&pem, "k", give, &right, &read, &err), &err);
    assert_string_equal(read.public_key.id, key.public_key.id);
    mer_signing_key_release(&read);
    assert_refused(mer_signing_key_parse(&pem, "k", give, &wrong, &read, &err), MER_ERR_TRUST, &err,
                   "does not open with that passphrase");
    assert_int_equal(wrong.n_asked, 1);
    assert_refused(mer_signing_key_parse(&pem, "k", give, &none, &read, &err), MER_ERR_TRUST, &err,
                   "needs a passphrase");
    /* Nobody is asked behind the caller's back: with no function there is no passphrase. */
    assert_refused(mer_signing_key_parse(&pem, "k", NULL, NULL, &read, &err), MER_ERR_TRUST, &err,
                   "needs a passphrase");
    mer_signing_key_release(&key);
    mer_secret_release(&pem);
}

static void the_same_key_and_passphrase_never_give_the_same_text(void **state)
{
    struct mer_signing_key key;
    struct mer_secret one, other;
    mer_err err;
    (void)state;
    assert_ok(mer_signing_key_generate(&key, &err), &err);
    write_key(&key, "p", &one);
    write_key(&key, "p", &other);
    assert_true(one.n != other.n || memcmp(one.bytes, other.bytes, one.n) != 0);
    mer_secret_release(&one);
    mer_secret_release(&other);
    mer_signing_key_release(&key);
}

/* ---- Secrets ---- */

static int by_id(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void a_thousand_keys_are_a_thousand_keys(void **state)
{
    static char ids[N_KEYS][MER_KEY_ID_MAX];
    (void)state;
    for (size_t i = 0; i < N_KEYS; i++) {
        struct mer_signing_key key;
        mer_err err;
        assert_ok(mer_signing_key_generate(&key, &err), &err);
        memcpy(ids[i], key.public_key.id, MER_KEY_ID_MAX);
        mer_signing_key_release(&key);
    }
    qsort(ids, N_KEYS, sizeof ids[0], by_id);
    for (size_t i = 1; i < N_KEYS; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

static void the_process_is_hidden_while_a_key_is_held(void **state)
{
    struct mer_signing_key one, other;
    mer_err err;
    (void)state;
    assert_int_equal(prctl(PR_SET_DUMPABLE, 1), 0);
    assert_ok(mer_signing_key_generate(&one, &err), &err);
    assert_ok(mer_signing_key_generate(&other, &err), &err);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    mer_signing_key_release(&one);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
    mer_signing_key_release(&other);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
    /* A text that is no key leaves the process as it was. */
    struct mer_secret junk;
    assert_ok(mer_secret_init(&junk, 10, &err), &err);
    assert_int_equal(mer_signing_key_parse(&junk, "k", NULL, NULL, &one, &err).code, MER_ERR_DATA);
    mer_secret_release(&junk);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
}

static void secret_memory_is_zero_at_first_and_left_out_of_dumps(void **state)
{
    struct mer_secret secret;
    char line[256];
    bool inside = false, dontdump = false;
    unsigned long begin, end;
    mer_err err;
    (void)state;
    assert_ok(mer_secret_init(&secret, 5000, &err), &err);
    for (size_t i = 0; i < secret.capacity; i++)
        assert_int_equal(secret.bytes[i], 0);
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            inside = begin <= (uintptr_t)secret.bytes && (uintptr_t)secret.bytes < end;
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            dontdump = strstr(line, " dd") != NULL;
    }
    fclose(maps);
    assert_true(dontdump);
    mer_secret_release(&secret);
    assert_null(secret.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_curve_signs_and_verifies),
        TEST(another_key_does_not_verify),
        TEST(the_id_is_the_digest_of_the_pem_text),
        TEST(a_compressed_point_has_the_id_of_the_whole_one),
        TEST(other_kinds_of_keys_are_refused),
        TEST(texts_without_a_key_are_refused),
        TEST(an_open_key_is_read_without_asking),
        TEST(an_encrypted_key_opens_with_its_passphrase_only),
        TEST(the_same_key_and_passphrase_never_give_the_same_text),
        TEST(a_thousand_keys_are_a_thousand_keys),
        TEST(the_process_is_hidden_while_a_key_is_held),
        TEST(secret_memory_is_zero_at_first_and_left_out_of_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
