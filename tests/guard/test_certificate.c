/* Certificates: chains that hold and every way in which one can fail to, with authorities made
 * here.
 */
#include "guard/guard_test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "os/file.h"

enum { DAY = 86400 };

/* What a certificate is made of; a zero means the usual. */
struct plan {
    const char *subject;
    const char *usage;    /* keyUsage; "" leaves it out */
    const char *purposes; /* extendedKeyUsage */
    const char *basic;    /* basicConstraints */
    const char *names;    /* subjectAltName */
    const char *critical; /* an OID of a critical extension that nobody knows */
    long begins, ends;    /* in days from now */
    const char *digest;
};

struct party {
    EVP_PKEY *key;
    X509 *certificate;
};

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    if (!value || !value[0])
        return;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void add_unknown(X509 *certificate, const char *oid)
{
    if (!oid)
        return;
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
    assert_int_equal(ASN1_OCTET_STRING_set(bytes, (const unsigned char *)"\x05\x00", 2), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, bytes);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(bytes);
    ASN1_OBJECT_free(object);
}

static X509 *certify(EVP_PKEY *key, const struct plan *plan, const struct party *issuer)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_NAME_new();
    assert_int_equal(X509_set_version(certificate, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)plan->subject, -1, -1, 0),
                     1);
    assert_int_equal(X509_set_subject_name(certificate, name), 1);
    assert_int_equal(X509_set_issuer_name(
                         certificate, issuer ? X509_get_subject_name(issuer->certificate) : name),
                     1);
    X509_NAME_free(name);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate),
                          (plan->begins ? plan->begins : -1) * DAY);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), (plan->ends ? plan->ends : 30) * DAY);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    X509 *const by = issuer ? issuer->certificate : certificate;
    add_extension(certificate, by, NID_basic_constraints, plan->basic);
    add_extension(certificate, by, NID_key_usage,
                  plan->usage ? plan->usage : "critical,digitalSignature");
    add_extension(certificate, by, NID_ext_key_usage, plan->purposes);
    add_extension(certificate, by, NID_subject_alt_name, plan->names);
    add_unknown(certificate, plan->critical);
    assert_true(X509_sign(certificate, issuer ? issuer->key : key,
                          EVP_get_digestbyname(plan->digest ? plan->digest : "SHA256")) > 0);
    return certificate;
}

static struct party make(const char *curve, const struct plan *plan, const struct party *issuer)
{
    struct party party = {.key = EVP_EC_gen(curve)};
    assert_non_null(party.key);
    party.certificate = certify(party.key, plan, issuer);
    return party;
}

static void free_party(struct party *party)
{
    EVP_PKEY_free(party->key);
    X509_free(party->certificate);
}

static const struct plan ROOT = {
    .subject = "root", .usage = "critical,keyCertSign", .basic = "critical,CA:TRUE"};
static const struct plan MIDDLE = {
    .subject = "middle", .usage = "critical,keyCertSign", .basic = "critical,CA:TRUE"};
static const struct plan LEAF = {.subject = "Release, Ä",
                                 .purposes = "codeSigning",
                                 .names = "email:release@example.org,URI:https://example.org/x"};

static void write_pem(const char *file, X509 *const *certificates, size_t n)
{
    FILE *stream = fopen(in_folder(file), "wb");
    assert_non_null(stream);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(PEM_write_X509(stream, certificates[i]), 1);
    assert_int_equal(fclose(stream), 0);
}

static void add_to(struct mer_chain *chain, X509 *certificate)
{
    unsigned char *der = NULL;
    mer_err err;
    const int n = i2d_X509(certificate, &der);
    assert_true(n > 0);
    assert_ok(mer_chain_add(chain, der, (size_t)n, &err), &err);
    OPENSSL_free(der);
}

/* Verifies the chain leaf, middle and what else was sent under the authority's file. */
static mer_status verify_chain(const struct party *leaf, const struct party *middle,
                               const struct party *authority, const struct party *sent,
                               struct mer_certified *certified, mer_err *err)
{
    struct mer_authorities authorities = {0};
    struct mer_chain chain = {0};
    X509 *const one[] = {authority->certificate};
    write_pem("ca.pem", one, 1);
    assert_ok(mer_authorities_read_file(&authorities, &alloc, in_folder("ca.pem"), err), err);
    add_to(&chain, leaf->certificate);
    if (middle)
        add_to(&chain, middle->certificate);
    if (sent)
        add_to(&chain, sent->certificate);
    const mer_status status = mer_chain_verify(&chain, &authorities, time(NULL), certified, err);
    mer_chain_release(&chain);
    mer_authorities_release(&authorities);
    return status;
}

static void a_chain_on_every_curve_leads_to_its_root(void **state)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mer_certified certified;
        mer_err err;
        struct party root = make("P-384", &ROOT, NULL);
        struct party middle = make(curves[i], &MIDDLE, &root);
        struct party leaf = make(curves[i], &LEAF, &middle);
        assert_ok(verify_chain(&leaf, &middle, &root, NULL, &certified, &err), &err);
        assert_string_equal(certified.subject, "CN=Release\\, \\C3\\84");
        assert_int_equal(certified.n_alternatives, 2);
        assert_string_equal(certified.alternatives[0], "release@example.org");
        assert_string_equal(certified.alternatives[1], "https://example.org/x");
        assert_string_equal(mer_public_key_curve(&certified.key), curves[i]);
        mer_public_key_release(&certified.key);
        /* One in the middle that was chosen as authority is one. */
        assert_ok(verify_chain(&leaf, NULL, &middle, NULL, &certified, &err), &err);
        mer_public_key_release(&certified.key);
        free_party(&leaf);
        free_party(&middle);
        free_party(&root);
    }
}

/* How the leaf, the middle and the root differ from the usual, and the words of the refusal. */
struct flaw {
    struct plan leaf, middle, root;
    const char *words;
};

static const struct flaw FLAWS[] = {
    {.leaf = {.begins = -9, .ends = -1}, .words = "has expired"},
    {.leaf = {.begins = 1, .ends = 9}, .words = "not yet valid"},
    {.middle = {.begins = -9, .ends = -1}, .words = "has expired"},
    {.root = {.begins = -9, .ends = -1}, .words = "has expired"},
    {.leaf = {.usage = "critical,keyAgreement"}, .words = "without digitalSignature"},
    {.leaf = {.usage = ""}, .words = "without digitalSignature"},
    {.leaf = {.purposes = "serverAuth"}, .words = "without codeSigning"},
    {.leaf = {.purposes = "emailProtection,clientAuth"}, .words = "without codeSigning"},
    {.leaf = {.critical = "1.2.3.4.5"}, .words = "critical extension"},
    {.middle = {.basic = "critical,CA:FALSE"}, .words = "invalid CA certificate"},
    {.middle = {.usage = "critical,digitalSignature"}, .words = "do not"},
    {.middle = {.purposes = "serverAuth"}, .words = "certificate 2 of the signer's chain"},
    {.middle = {.critical = "1.2.3.4.5"}, .words = "critical extension"},
    {.root = {.basic = "critical,CA:TRUE,pathlen:0"}, .words = "path length"},
    {.leaf = {.digest = "SHA1"}, .words = "too weak"},
};

static struct plan laid_over(const struct plan *usual, const struct plan *other)
{
    struct plan plan = *usual;
#define OVER(member)                                                                               \
    if (other->member)                                                                             \
    plan.member = other->member
    OVER(usage);
    OVER(purposes);
    OVER(basic);
    OVER(names);
    OVER(critical);
    OVER(begins);
    OVER(ends);
    OVER(digest);
#undef OVER
    return plan;
}

static void a_chain_with_a_flaw_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FLAWS / sizeof *FLAWS; i++) {
        struct mer_certified certified;
        mer_err err;
        const struct plan plans[] = {laid_over(&ROOT, &FLAWS[i].root),
                                     laid_over(&MIDDLE, &FLAWS[i].middle),
                                     laid_over(&LEAF, &FLAWS[i].leaf)};
        struct party root = make("P-256", &plans[0], NULL);
        struct party middle = make("P-256", &plans[1], &root);
        struct party leaf = make("P-256", &plans[2], &middle);
        assert_refused(verify_chain(&leaf, &middle, &root, NULL, &certified, &err), MER_ERR_TRUST,
                       &err, FLAWS[i].words);
        free_party(&leaf);
        free_party(&middle);
        free_party(&root);
    }
}

static void a_root_in_the_bundle_is_no_authority(void **state)
{
    struct mer_certified certified;
    mer_err err;
    (void)state;
    struct party ours = make("P-256", &ROOT, NULL), theirs = make("P-256", &ROOT, NULL);
    struct party middle = make("P-256", &MIDDLE, &theirs);
    struct party leaf = make("P-256", &LEAF, &middle);
    const struct plan alone = {.subject = "alone", .purposes = "codeSigning"};
    struct party self_signed = make("P-256", &alone, NULL);
    assert_refused(verify_chain(&leaf, &middle, &ours, &theirs, &certified, &err), MER_ERR_TRUST,
                   &err, "do not");
    assert_refused(verify_chain(&leaf, &middle, &ours, NULL, &certified, &err), MER_ERR_TRUST, &err,
                   "do not hold"); /* ours has the same name */
    assert_refused(verify_chain(&self_signed, NULL, &ours, NULL, &certified, &err), MER_ERR_TRUST,
                   &err, "do not lead to the given authority");
    /* A leaf cannot issue. */
    struct party child = make("P-256", &LEAF, &leaf);
    assert_refused(verify_chain(&child, &leaf, &theirs, &middle, &certified, &err), MER_ERR_TRUST,
                   &err, "do not");
    free_party(&child);
    free_party(&self_signed);
    free_party(&leaf);
    free_party(&middle);
    free_party(&theirs);
    free_party(&ours);
}

static void a_leaf_on_another_kind_of_key_is_refused(void **state)
{
    struct mer_certified certified;
    mer_err err;
    (void)state;
    struct party root = make("P-256", &ROOT, NULL);
    struct party leaf = {.key = EVP_RSA_gen(2048)};
    leaf.certificate = certify(leaf.key, &LEAF, &root);
    assert_refused(verify_chain(&leaf, NULL, &root, NULL, &certified, &err), MER_ERR_TRUST, &err,
                   "not an ECDSA key on P-256, P-384 or P-521");
    free_party(&leaf);
    leaf.key = EVP_EC_gen("secp256k1");
    leaf.certificate = certify(leaf.key, &LEAF, &root);
    assert_refused(verify_chain(&leaf, NULL, &root, NULL, &certified, &err), MER_ERR_TRUST, &err,
                   "not an ECDSA key on P-256, P-384 or P-521");
    free_party(&leaf);
    free_party(&root);
}

/* ---- From signing to verifying ---- */

/* A signer whose key a root has certified, by way of one in the middle. */
struct scene {
    struct mer_guard_signer signer;
    struct mer_trusted_keys trusted; /* no key, the root */
    struct party root, middle;
    EVP_PKEY *key; /* the signer's public one */
};

static void certify_signer(struct scene *scene, const struct plan *plan)
{
    X509 *const chain[] = {certify(scene->key, plan, &scene->middle), scene->middle.certificate,
                           scene->root.certificate};
    write_pem("chain.pem", chain, 3);
    X509_free(chain[0]);
}

static void set_scene(struct scene *scene)
{
    X509 *root;
    mer_err err;
    *scene = (struct scene){0};
    make_trusted_key(&scene->signer.key, &scene->trusted);
    mer_trusted_keys_release(&scene->trusted);
    scene->root = make("P-256", &ROOT, NULL);
    scene->middle = make("P-256", &MIDDLE, &scene->root);
    scene->key = scene->signer.key.public_key.pkey;
    root = scene->root.certificate;
    write_pem("root.pem", &root, 1);
    assert_ok(
        mer_authorities_read_file(&scene->trusted.authorities, &alloc, in_folder("root.pem"), &err),
        &err);
    certify_signer(scene, &LEAF);
}

static void strike_scene(struct scene *scene)
{
    mer_guard_signer_release(&scene->signer);
    mer_trusted_keys_release(&scene->trusted);
    free_party(&scene->middle);
    free_party(&scene->root);
}

static void what_a_certified_key_signs_verifies_without_the_key(void **state)
{
    struct scene scene;
    struct mer_verified verified;
    struct mer_file_bytes bundle;
    mer_err err;
    (void)state;
    set_scene(&scene);
    write_text("m", "hello");
    assert_ok(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err), &err);
    assert_int_equal(scene.signer.chain.n, 2); /* without the root */
    assert_ok(mer_guard_sign_path(&alloc, &scene.signer, in_folder("m"), NULL, false, &err), &err);
    assert_ok(mer_guard_verify_path(&alloc, &scene.trusted, in_folder("m"), NULL, NULL, 0,
                                    &verified, &err),
              &err);
    assert_string_equal(verified.subject, "CN=Release\\, \\C3\\84");
    assert_string_equal(verified.signer_id, scene.signer.key.public_key.id);
    /* Every byte of the bundle changed: refused, or nothing that is signed has changed. */
    assert_ok(mer_file_read(&alloc, in_folder("m.sig"), 1 << 20, &bundle, &err), &err);
    for (size_t i = 0; i < bundle.n; i++) {
        unsigned char *const byte = (unsigned char *)bundle.bytes + i;
        *byte ^= 1;
        assert_int_equal(mer_guard_verify_bytes(&alloc, &scene.trusted, bundle.bytes, bundle.n,
                                                "hello", 5, NULL, NULL)
                             .code,
                         MER_ERR_TRUST);
        *byte ^= 1;
    }
    mer_file_release(&bundle);
    write_text("m", "hellp");
    assert_refused(mer_guard_verify_path(&alloc, &scene.trusted, in_folder("m"), NULL, NULL, 0,
                                         &verified, &err),
                   MER_ERR_TRUST, &err, "not what was signed");
    strike_scene(&scene);
}

static void a_revoked_key_is_refused_whoever_certifies_it(void **state)
{
    struct scene scene;
    struct mer_public_key key;
    mer_err err;
    (void)state;
    set_scene(&scene);
    write_text("m", "hello");
    assert_ok(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err), &err);
    assert_ok(mer_guard_sign_path(&alloc, &scene.signer, in_folder("m"), NULL, false, &err), &err);
    assert_ok(mer_chain_key(&scene.signer.chain, &key, &err), &err);
    assert_ok(mer_trusted_keys_add(&scene.trusted, "old", &key, true, &err), &err);
    assert_refused(
        mer_guard_verify_path(&alloc, &scene.trusted, in_folder("m"), NULL, NULL, 0, NULL, &err),
        MER_ERR_TRUST, &err, "(old), which was revoked");
    strike_scene(&scene);
}

static void certificates_that_cannot_sign_are_refused_before_they_do(void **state)
{
    const struct plan flawed[] = {
        {.subject = "x", .begins = -9, .ends = -1, .purposes = "codeSigning"},
        {.subject = "x", .begins = 1, .ends = 9},
        {.subject = "x", .purposes = "serverAuth"},
        {.subject = "x", .usage = "critical,keyAgreement"},
    };
    static const char *const words[] = {"has expired", "not valid yet", "without codeSigning",
                                        "without digitalSignature"};
    struct scene scene;
    mer_err err;
    (void)state;
    set_scene(&scene);
    for (size_t i = 0; i < 4; i++) {
        certify_signer(&scene, &flawed[i]);
        assert_refused(
            mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err),
            MER_ERR_TRUST, &err, words[i]);
    }
    struct party other = make("P-256", &LEAF, &scene.middle);
    X509 *const chains[][2] = {{other.certificate, scene.middle.certificate},
                               {other.certificate, other.certificate}};
    write_pem("chain.pem", chains[0], 2);
    assert_refused(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err),
                   MER_ERR_TRUST, &err, "is one of another key");
    write_pem("chain.pem", chains[1], 2);
    assert_refused(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err),
                   MER_ERR_DATA, &err, "certificate 2 of the chain did not issue");
    write_pem("chain.pem", &scene.root.certificate, 1);
    assert_refused(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err),
                   MER_ERR_DATA, &err, "holds roots alone");
    write_text("chain.pem", "nothing");
    assert_refused(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err),
                   MER_ERR_DATA, &err, "holds no certificate");
    write_text("chain.pem", "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n");
    assert_refused(mer_guard_signer_certify(&scene.signer, &alloc, in_folder("chain.pem"), &err),
                   MER_ERR_DATA, &err, "no X.509 certificate");
    free_party(&other);
    strike_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_chain_on_every_curve_leads_to_its_root),
        TEST(a_chain_with_a_flaw_is_refused),
        TEST(a_root_in_the_bundle_is_no_authority),
        TEST(a_leaf_on_another_kind_of_key_is_refused),
        TEST(what_a_certified_key_signs_verifies_without_the_key),
        TEST(a_revoked_key_is_refused_whoever_certifies_it),
        TEST(certificates_that_cannot_sign_are_refused_before_they_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
