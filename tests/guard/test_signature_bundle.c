/* Signature files: DSSE's encoding, the way there and back, and every rule that they can break. */
#include "guard/signature_bundle.h"

#include "guard/guard_test.h"
#include "guard/statement.h"

/* ---- Bundles ---- */

#define HINT "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TYPE "\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\""
#define KEY "{\"hint\":\"" HINT "\"}"
#define MATERIAL(key) "\"verificationMaterial\":{\"publicKey\":" key ",\"tlogEntries\":[]}"
#define SIGNATURE "{\"sig\":\"Zm9v\",\"keyid\":\"\"}"
#define ENVELOPE_TYPE "\"payloadType\":\"application/vnd.in-toto+json\""
#define ENVELOPE(signatures)                                                                       \
    "\"dsseEnvelope\":{\"payload\":\"eyJ9\"," ENVELOPE_TYPE ",\"signatures\":[" signatures "]}"
#define BUNDLE(key, signatures) "{" TYPE "," MATERIAL(key) "," ENVELOPE(signatures) "}"

#define CHAIN(chain)                                                                               \
    "{" TYPE ",\"verificationMaterial\":{\"x509CertificateChain\":" chain                          \
    "}," ENVELOPE(SIGNATURE) "}"

static void bundles_are_written_as_they_are_read(void **state)
{
    static const char text[] = BUNDLE(KEY, SIGNATURE);
    struct mer_signature_bundle bundle;
    struct mer_buf again;
    mer_err err;
    (void)state;
    assert_ok(mer_signature_bundle_parse(&alloc, text, sizeof text - 1, &bundle, &err), &err);
    assert_string_equal(bundle.key_id, HINT);
    assert_int_equal(bundle.payload.n, 3);
    assert_memory_equal(bundle.payload.bytes, "{\"}", 3);
    assert_memory_equal(bundle.signature.bytes, "foo", 3);
    mer_buf_init(&again, &alloc, 4096);
    assert_ok(mer_signature_bundle_write(&bundle, &again, &err), &err);
    assert_int_equal(again.n, sizeof text - 1);
    assert_memory_equal(again.bytes, text, again.n);
    mer_buf_release(&again);
    mer_signature_bundle_release(&bundle);
}

static void harmless_variants_are_read(void **state)
{
    static const char *const texts[] = {
        " " BUNDLE(KEY, SIGNATURE) "\n",
        BUNDLE(KEY, "{\"sig\":\"Zm9v\",\"keyid\":null}"),
        BUNDLE(KEY, "{\"sig\":\"Zm9v\"}"),
        BUNDLE(KEY, "{\"sig\":\"Zm9v\",\"keyid\":\"whatever\"}"),
        BUNDLE(KEY, "{\"sig\":\"Zg\"}"),
        "{" TYPE ",\"verificationMaterial\":{\"publicKey\":" KEY "}," ENVELOPE(SIGNATURE) "}",
        "{" TYPE ",\"verificationMaterial\":{\"publicKey\":" KEY
        ",\"timestampVerificationData\":{}}," ENVELOPE(SIGNATURE) "}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct mer_signature_bundle bundle;
        mer_err err;
        assert_ok(mer_signature_bundle_parse(&alloc, texts[i], strlen(texts[i]), &bundle, &err),
                  &err);
        mer_signature_bundle_release(&bundle);
    }
}

struct refused {
    const char *text;
    const char *words;
};

static const struct refused BUNDLES[] = {
    {"", "not valid JSON"},
    {"{", "not valid JSON"},
    {"[]", "exactly the three known fields"},
    {"{}", "mediaType"},
    {"null", "exactly the three known fields"},
    {"{" TYPE "," MATERIAL(KEY) "}", "dsseEnvelope is missing"},
    {"{" TYPE "," ENVELOPE(SIGNATURE) "}", "verificationMaterial is missing"},
    {"{" MATERIAL(KEY) "," ENVELOPE(SIGNATURE) "}", "mediaType"},
    {"{\"mediaType\":\"application/vnd.dev.sigstore.bundle+json;version=0.1\"," MATERIAL(
         KEY) "," ENVELOPE(SIGNATURE) "}",
     "mediaType"},
    {"{" TYPE "," MATERIAL(KEY) "," ENVELOPE(SIGNATURE) ",\"more\":1}", "exactly the three"},
    {"{" TYPE "," TYPE "," MATERIAL(KEY) "," ENVELOPE(SIGNATURE) "}", "not valid JSON"},
    {BUNDLE("{}", SIGNATURE), "says nothing of the key"},
    {BUNDLE("[]", SIGNATURE), "publicKey has unknown fields"},
    {BUNDLE("{\"hint\":\"" HINT "\",\"x\":1}", SIGNATURE), "publicKey has unknown fields"},
    {BUNDLE("{\"hint\":\"\"}", SIGNATURE), "hint is not"},
    {BUNDLE("{\"hint\":7}", SIGNATURE), "says nothing of the key"},
    {BUNDLE("{\"hint\":\"" HINT "0\"}", SIGNATURE), "hint is not"},
    {BUNDLE("{\"hint\":\"" HINT "\",\"rawBytes\":\"Zm9v\"}", SIGNATURE), "rawBytes is not"},
    {BUNDLE("{\"rawBytes\":\"\"}", SIGNATURE), "rawBytes is missing"},
    {BUNDLE("{\"rawBytes\":\"*\"}", SIGNATURE), "not base64"},
    {"{" TYPE ",\"verificationMaterial\":{\"publicKey\":" KEY
     ",\"more\":[]}," ENVELOPE(SIGNATURE) "}",
     "verificationMaterial is missing or has unknown"},
    {"{" TYPE ",\"verificationMaterial\":{\"publicKey\":" KEY
     ",\"tlogEntries\":[{}]}," ENVELOPE(SIGNATURE) "}",
     "log entries"},
    {"{" TYPE ",\"verificationMaterial\":{\"publicKey\":" KEY
     ",\"tlogEntries\":null}," ENVELOPE(SIGNATURE) "}",
     "log entries"},
    {"{" TYPE ",\"verificationMaterial\":{\"publicKey\":" KEY
     ",\"x509CertificateChain\":{}}," ENVELOPE(SIGNATURE) "}",
     "verificationMaterial is missing or has unknown"},
    {CHAIN("{}"), "not a list of certificates"},
    {CHAIN("{\"certificates\":[]}"), "not a list of certificates"},
    {CHAIN("{\"certificates\":{}}"), "not a list of certificates"},
    {CHAIN("{\"certificates\":[{}],\"more\":1}"), "not a list of certificates"},
    {CHAIN("{\"certificates\":[{}]}"), "a certificate is missing"},
    {CHAIN("{\"certificates\":[1]}"), "a certificate has unknown fields"},
    {CHAIN("{\"certificates\":[{\"rawBytes\":\"Zm9v\"}]}"), "a certificate is none"},
    {CHAIN("{\"certificates\":[{\"rawBytes\":\"MAA=\"}]}"), "a certificate is none"},
    {CHAIN("{\"certificates\":[{\"rawBytes\":\"*\"}]}"), "not base64"},
    {CHAIN("{\"certificates\":[1,2,3,4,5,6,7,8,9]}"), "too many certificates"},
    {BUNDLE(KEY, ""), "not exactly one signature"},
    {BUNDLE(KEY, SIGNATURE "," SIGNATURE), "not exactly one signature"},
    {BUNDLE(KEY, "{}"), "sig is missing"},
    {BUNDLE(KEY, "{\"sig\":\"\"}"), "sig is missing"},
    {BUNDLE(KEY, "{\"sig\":\"Zh==\"}"), "not base64"},
    {BUNDLE(KEY, "{\"sig\":\"Zm9v\",\"keyid\":1}"), "keyid is not a string"},
    {BUNDLE(KEY, "{\"sig\":\"Zm9v\",\"cert\":\"\"}"), "the signature has unknown fields"},
    {"{" TYPE "," MATERIAL(KEY) ",\"dsseEnvelope\":{\"payload\":\"eyJ9\",\"payloadType\":\"x\","
                                "\"signatures\":[" SIGNATURE "]}}",
     "payloadType"},
    {"{" TYPE "," MATERIAL(KEY) ",\"dsseEnvelope\":{\"payload\":\"\"," ENVELOPE_TYPE
                                ",\"signatures\":[" SIGNATURE "]}}",
     "payload is missing"},
    {"{" TYPE "," MATERIAL(KEY) ",\"dsseEnvelope\":{\"payload\":\"e yJ9\"," ENVELOPE_TYPE
                                ",\"signatures\":[" SIGNATURE "]}}",
     "not base64"},
    {"{" TYPE "," MATERIAL(KEY) ",\"messageSignature\":{}}", "exactly the three known fields"},
};

static void bundles_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BUNDLES / sizeof *BUNDLES; i++) {
        struct mer_signature_bundle bundle;
        mer_err err;
        assert_refused(mer_signature_bundle_parse(&alloc, BUNDLES[i].text, strlen(BUNDLES[i].text),
                                                  &bundle, &err),
                       MER_ERR_TRUST, &err, BUNDLES[i].words);
    }
}

/* The printed example of the DSSE protocol has another payload type; ours by the same rule, the
 * lengths counted by hand. */
static void what_is_signed_is_dsses_encoding(void **state)
{
    struct mer_dsse dsse;
    (void)state;
    mer_dsse_init(&dsse, "hello world", 11);
    assert_string_equal(dsse.prefix, "DSSEv1 28 application/vnd.in-toto+json 11 ");
    assert_int_equal(dsse.parts[0].n, strlen(dsse.prefix));
    assert_ptr_equal(dsse.parts[0].bytes, dsse.prefix);
    assert_int_equal(dsse.parts[1].n, 11);
}

static void every_failed_allocation_is_survived(void **state)
{
    static const char text[] = BUNDLE(KEY, SIGNATURE);
    (void)state;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct mer_signature_bundle bundle;
        alloc.fail_at = atomic_load(&alloc.requests) + fail_at;
        const mer_status status =
            mer_signature_bundle_parse(&alloc, text, sizeof text - 1, &bundle, NULL);
        alloc.fail_at = 0;
        if (status.code == MER_OK) {
            mer_signature_bundle_release(&bundle);
            assert_true(fail_at > 2);
            return;
        }
        assert_int_equal(status.code, MER_ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bundles_are_written_as_they_are_read),  TEST(harmless_variants_are_read),
        TEST(bundles_that_break_a_rule_are_refused), TEST(what_is_signed_is_dsses_encoding),
        TEST(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
