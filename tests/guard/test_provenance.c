/* Provenance records: whose they are, what they are about, and where one is found. */
#include "guard/guard_test.h"

#include "guard/envelope.h"
#include "guard/provenance.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TYPE "\"_type\":\"https://in-toto.io/Statement/v1\""
#define SUBJECT(digest) "\"subject\":[{\"name\":\"m\",\"digest\":{\"sha256\":\"" digest "\"}}]"
#define PREDICATE "\"predicateType\":\"https://slsa.dev/provenance/v1\",\"predicate\":{}"
#define RECORD(digest) "{" TYPE "," SUBJECT(digest) "," PREDICATE "}"

static void statements_that_break_a_rule_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "not valid JSON"},
        {"[]", "no statement of SLSA"},
        {"{" SUBJECT(DIGEST) "," PREDICATE "}", "no statement of SLSA"},
        {"{" TYPE "," SUBJECT(DIGEST) ",\"predicate\":{},\"predicateType\":\"x\"}", "no statement"},
        {"{" TYPE "," SUBJECT(DIGEST) ",\"predicateType\":\"https://slsa.dev/provenance/v1\"}",
         "has no predicate"},
        {"{" TYPE "," PREDICATE "}", "not about exactly one"},
        {"{" TYPE ",\"subject\":[{\"digest\":{\"sha256\":\"" DIGEST "\"}},{}]," PREDICATE "}",
         "not about exactly one"},
        {"{" TYPE ",\"subject\":[{}]," PREDICATE "}", "one of another model"},
        {RECORD(OTHER), "one of another model"},
    };
    mer_err err;
    (void)state;
    assert_ok(mer_provenance_check(&alloc, RECORD(DIGEST), strlen(RECORD(DIGEST)), DIGEST, &err),
              &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(mer_provenance_check(&alloc, cases[i][0], strlen(cases[i][0]), DIGEST, &err),
                       MER_ERR_TRUST, &err, cases[i][1]);
}

/* Writes a signed record to a file. */
static void write_record(const struct mer_signing_key *key, const char *file, const char *statement)
{
    struct mer_buf payload, buf;
    mer_err err;
    mer_buf_init(&payload, &alloc, 4096);
    mer_buf_init(&buf, &alloc, 1 << 16);
    assert_ok(mer_buf_text(&payload, statement, &err), &err);
    assert_ok(mer_envelope_make(signer_of(key), &payload, &buf, &err), &err);
    write_file(file, buf.bytes, buf.n);
    mer_buf_release(&payload);
    mer_buf_release(&buf);
}

static mer_status find(const struct mer_trusted_keys *trusted, struct mer_verified *verified,
                       mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &alloc, 4096);
    const mer_status status =
        mer_guard_verify_provenance(&alloc, trusted, in_folder("m"), DIGEST, &buf, verified, err);
    if (status.code == MER_OK) {
        assert_int_equal(buf.n, strlen(RECORD(DIGEST)));
        assert_memory_equal(buf.bytes, RECORD(DIGEST), buf.n);
    }
    mer_buf_release(&buf);
    return status;
}

static void a_record_is_found_where_it_is_or_where_it_waits(void **state)
{
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
    struct mer_verified verified;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    assert_refused(find(&trusted, NULL, &err), MER_ERR_NO_INPUT, &err, "has no provenance record");
    write_record(&key, "m.provenance.json", RECORD(DIGEST));
    assert_ok(find(&trusted, &verified, &err), &err);
    assert_string_equal(verified.signer_name, "tester");
    /* An older one stands there, the right one waits. */
    write_record(&key, "m.provenance.json", RECORD(OTHER));
    assert_refused(find(&trusted, NULL, &err), MER_ERR_TRUST, &err, "one of another model");
    make_folder("m.merlon-new");
    write_record(&key, "m.merlon-new/companion-2", RECORD(DIGEST));
    assert_ok(find(&trusted, NULL, &err), &err);
    write_record(&key, "m.merlon-new/companion-2", RECORD(OTHER));
    assert_refused(find(&trusted, NULL, &err), MER_ERR_TRUST, &err, "one of another model");
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

static void a_record_that_is_not_signed_by_a_trusted_key_is_refused(void **state)
{
    struct mer_signing_key key, stranger;
    struct mer_trusted_keys trusted;
    mer_err err;
    (void)state;
    make_trusted_key(&key, &trusted);
    assert_ok(mer_signing_key_generate(&stranger, &err), &err);
    write_record(&stranger, "m.provenance.json", RECORD(DIGEST));
    assert_refused(find(&trusted, NULL, &err), MER_ERR_TRUST, &err, "which is not trusted");
    write_text("m.provenance.json", RECORD(DIGEST));
    assert_refused(find(&trusted, NULL, &err), MER_ERR_TRUST, &err,
                   "not one of model signing v1.0");
    mer_signing_key_release(&stranger);
    mer_trusted_keys_release(&trusted);
    mer_signing_key_release(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statements_that_break_a_rule_are_refused),
        TEST(a_record_is_found_where_it_is_or_where_it_waits),
        TEST(a_record_that_is_not_signed_by_a_trusted_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
