/* Statements: the way there and back, and every rule that they can break. */
#include "guard/statement.h"

#include "guard/guard_test.h"

#define D0 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define D1 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
/* SHA-256 of the 32 bytes of D0. */
#define S0 "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"

#define TYPE "\"_type\":\"https://in-toto.io/Statement/v1\""
#define SUBJECT(digest) "\"subject\":[{\"name\":\"m\",\"digest\":{\"sha256\":\"" digest "\"}}]"
#define PREDICATE_TYPE "\"predicateType\":\"https://model_signing/signature/v1.0\""
#define FILES "{\"method\":\"files\",\"hash_type\":\"sha256\",\"allow_symlinks\":false}"
#define RESOURCE(name, digest)                                                                     \
    "{\"name\":\"" name "\",\"algorithm\":\"sha256\",\"digest\":\"" digest "\"}"
#define PREDICATE(serialization, resources)                                                        \
    "\"predicate\":{\"serialization\":" serialization ",\"resources\":[" resources "]}"
#define STATEMENT(subject, serialization, resources)                                               \
    "{" TYPE "," subject "," PREDICATE_TYPE "," PREDICATE(serialization, resources) "}"

static mer_status parse(const char *text, struct mer_statement *statement, mer_err *err)
{
    return mer_statement_parse(&alloc, text, strlen(text), statement, err);
}

static void statements_are_written_as_they_are_read(void **state)
{
    static const char *const texts[] = {
        STATEMENT(SUBJECT(S0), FILES, RESOURCE(".", D0)),
        STATEMENT(SUBJECT(S0), FILES, RESOURCE("a/b c/caf\xc3\xa9", D0)),
        STATEMENT(SUBJECT(S0),
                  "{\"method\":\"files\",\"hash_type\":\"sha256\",\"allow_symlinks\":false,"
                  "\"ignore_paths\":[\".git\",\"model.sig\"]}",
                  RESOURCE("a", D0)),
        STATEMENT(SUBJECT(S0),
                  "{\"method\":\"shards\",\"hash_type\":\"sha256\",\"allow_symlinks\":false,"
                  "\"shard_size\":1000000000}",
                  RESOURCE("a:0:1", D0)),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct mer_statement statement;
        struct mer_buf again;
        mer_err err;
        assert_ok(parse(texts[i], &statement, &err), &err);
        mer_buf_init(&again, &alloc, 4096);
        assert_ok(mer_statement_write(&statement, &again, &err), &err);
        assert_int_equal(again.n, strlen(texts[i]));
        assert_memory_equal(again.bytes, texts[i], again.n);
        mer_buf_release(&again);
        mer_statement_release(&statement);
    }
}

static void names_have_one_spelling(void **state)
{
    static const char *const good[] = {"a",   "a/b", ".a",  "..a", "a..",
                                       "...", "a b", "a:b", "-",   "~"};
    static const char *const bad[] = {"",    "/",   "/a",   "a/",   "a//b",   ".",     "..",
                                      "./a", "a/.", "a/..", "../a", "a/../b", "a/./b", "//"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(mer_resource_name_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(mer_resource_name_valid(bad[i]));
}

struct refused {
    const char *text;
    const char *words;
};

#define WITH_SERIALIZATION(fields) STATEMENT(SUBJECT(S0), "{" fields "}", RESOURCE("a", D0))
#define METHOD "\"method\":\"files\""
#define HASH "\"hash_type\":\"sha256\""
#define LINKS "\"allow_symlinks\":false"

static const struct refused STATEMENTS[] = {
    {"", "not valid JSON"},
    {"[]", "_type"},
    {"{}", "_type"},
    {"{\"_type\":\"https://in-toto.io/Statement/v0.1\"}", "_type"},
    {"{" TYPE "," SUBJECT(S0) "," PREDICATE_TYPE "}", "the predicate"},
    {"{" TYPE "," SUBJECT(S0) "," PREDICATE_TYPE
                              "," PREDICATE(FILES, RESOURCE("a", D0)) ",\"x\":1}",
     "unknown fields"},
    {"{" TYPE
     "," SUBJECT(S0) ",\"predicateType\":\"https://model_signing/Digests/v0.1\"," PREDICATE(
         FILES, RESOURCE("a", D0)) "}",
     "predicateType is another one"},
    {"{" TYPE "," SUBJECT(S0) "," PREDICATE_TYPE ",\"predicate\":{\"serialization\":" FILES
                              ",\"resources\":[" RESOURCE("a", D0) "],\"x\":1}}",
     "the predicate has unknown fields"},
    {STATEMENT("\"subject\":[]", FILES, RESOURCE("a", D0)), "exactly one subject"},
    {STATEMENT("\"subject\":[{\"name\":\"m\",\"digest\":{\"sha256\":\"" S0
               "\"}},{\"name\":\"m\",\"digest\":{\"sha256\":\"" S0 "\"}}]",
               FILES, RESOURCE("a", D0)),
     "exactly one subject"},
    {STATEMENT("\"subject\":[{\"name\":\"m\",\"digest\":{\"sha512\":\"00\"}}]", FILES,
               RESOURCE("a", D0)),
     "no SHA-256 digest"},
    {STATEMENT("\"subject\":[{\"digest\":{\"sha256\":\"" S0 "\"}}]", FILES, RESOURCE("a", D0)),
     "no name"},
    {STATEMENT(SUBJECT(D0), FILES, RESOURCE("a", D0)), "not that of the resources"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("a", D1)), "not that of the resources"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("a", D0) "," RESOURCE("b", D1)),
     "not that of the resources"},
    {STATEMENT(SUBJECT(S0), FILES, ""), "lists no resources"},
    {STATEMENT(SUBJECT(S0), FILES, "1"), "no name or no digest"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("", D0)), "not a relative path"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("/etc/passwd", D0)), "not a relative path"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("../a", D0)), "not a relative path"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("a//b", D0)), "not a relative path"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("a", D0) "," RESOURCE("b", D1) "," RESOURCE("a", D0)),
     "the same name"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("a", "")), "lower-case hex"},
    {STATEMENT(SUBJECT(S0), FILES, RESOURCE("a", "00")), "lower-case hex"},
    {STATEMENT(SUBJECT(S0), FILES,
               "{\"name\":\"a\",\"algorithm\":\"blake2b\",\"digest\":\"" D0 "\"}"),
     "not the one of hash_type"},
    {STATEMENT(SUBJECT(S0), FILES, "{\"name\":\"a\",\"digest\":\"" D0 "\"}"),
     "not the one of hash_type"},
    {STATEMENT(SUBJECT(S0), "[]", RESOURCE("a", D0)), "serialization has unknown"},
    {WITH_SERIALIZATION(METHOD "," HASH "," LINKS ",\"x\":1"), "serialization has unknown"},
    {WITH_SERIALIZATION(HASH "," LINKS), "neither files nor shards"},
    {WITH_SERIALIZATION("\"method\":\"tree\"," HASH "," LINKS), "neither files nor shards"},
    {WITH_SERIALIZATION(METHOD "," HASH), "allow_symlinks"},
    {WITH_SERIALIZATION(METHOD "," HASH ",\"allow_symlinks\":\"false\""), "allow_symlinks"},
    {WITH_SERIALIZATION(METHOD ",\"hash_type\":\"md5\"," LINKS), "hash_type is unknown"},
    {WITH_SERIALIZATION(METHOD ",\"hash_type\":\"blake3\"," LINKS), "BLAKE3"},
    {WITH_SERIALIZATION(METHOD "," HASH "," LINKS ",\"shard_size\":5"), "no meaning for whole"},
    {WITH_SERIALIZATION("\"method\":\"shards\"," HASH "," LINKS), "shard_size is not"},
    {WITH_SERIALIZATION("\"method\":\"shards\"," HASH "," LINKS ",\"shard_size\":0"),
     "shard_size is not"},
    {WITH_SERIALIZATION("\"method\":\"shards\"," HASH "," LINKS ",\"shard_size\":-5"),
     "shard_size is not"},
    {WITH_SERIALIZATION(METHOD "," HASH "," LINKS ",\"ignore_paths\":{}"), "ignore_paths"},
    {WITH_SERIALIZATION(METHOD "," HASH "," LINKS ",\"ignore_paths\":[1]"), "ignore_paths"},
    {WITH_SERIALIZATION(METHOD "," HASH "," LINKS ",\"ignore_paths\":[\"\"]"), "ignore_paths"},
};

static void statements_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof STATEMENTS / sizeof *STATEMENTS; i++) {
        struct mer_statement statement;
        mer_err err;
        assert_refused(parse(STATEMENTS[i].text, &statement, &err), MER_ERR_TRUST, &err,
                       STATEMENTS[i].words);
    }
}

static void every_failed_allocation_is_survived(void **state)
{
    static const char text[] = STATEMENT(SUBJECT(S0), FILES, RESOURCE("a", D0));
    (void)state;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct mer_statement statement;
        alloc.fail_at = atomic_load(&alloc.requests) + fail_at;
        const mer_status status = parse(text, &statement, NULL);
        alloc.fail_at = 0;
        if (status.code == MER_OK) {
            mer_statement_release(&statement);
            assert_true(fail_at > 2);
            return;
        }
        assert_int_equal(status.code, MER_ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statements_are_written_as_they_are_read),
        TEST(names_have_one_spelling),
        TEST(statements_that_break_a_rule_are_refused),
        TEST(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
