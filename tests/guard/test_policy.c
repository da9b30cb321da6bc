/* Trust policies: what can be written, what cannot, and what each rule refuses. */
#include "guard/guard_test.h"

#include "guard/policy.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SIGNER "{\"key\":\"" ID "\"}"
#define RULE(more) "{\"name\":\"r\",\"files\":\"m*\"," more "\"signers\":[" SIGNER "]}"
#define POLICY(rules) "{\"format\":1,\"rules\":[" rules "]}"

static mer_status parse(const char *text, struct mer_policy *policy, mer_err *err)
{
    return mer_policy_parse(&alloc, text, strlen(text), policy, err);
}

static void a_rule_is_read_as_it_is_written(void **state)
{
    struct mer_policy policy;
    mer_err err;
    (void)state;
    assert_ok(parse("{\"rules\":[{\"signers\":[" SIGNER ",{\"ca\":\"a.pem\",\"subject\":\"CN=x\","
                    "\"name\":\"x@y\"}],\"name\":\"sales\",\"files\":\"s-*\",\"signed_as\":\"s*\","
                    "\"minimum_serial\":9007199254740993}],\"format\":1}",
                    &policy, &err),
              &err);
    const struct mer_policy_rule *rule = &policy.rules[0];
    assert_int_equal(policy.n_rules, 1);
    assert_string_equal(rule->name, "sales");
    assert_string_equal(rule->files, "s-*");
    assert_string_equal(rule->signed_as, "s*");
    assert_int_equal(rule->minimum_serial, 9007199254740993);
    assert_int_equal(rule->n_signers, 2);
    assert_string_equal(rule->signers[0].key, ID);
    assert_string_equal(rule->signers[1].authority_file, "a.pem");
    assert_string_equal(rule->signers[1].subject, "CN=x");
    assert_string_equal(rule->signers[1].alternative, "x@y");
    mer_policy_release(&policy);
}

static void policies_that_break_a_rule_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "policy"},
        {"[]", "not an object of format and rules"},
        {"{\"format\":1}", "rules is not a list"},
        {"{\"rules\":[" RULE("") "]}", "format is not 1"},
        {"{\"format\":2,\"rules\":[" RULE("") "]}", "format is not 1"},
        {"{\"format\":1,\"format\":1,\"rules\":[" RULE("") "]}", "policy"},
        {"{\"format\":1,\"more\":1,\"rules\":[" RULE("") "]}", "not an object of"},
        {POLICY(""), "rules is not a list"},
        {POLICY("1"), "rule 1: it has members that are not known"},
        {POLICY(RULE("") "," RULE("\"x\":1,")), "rule 2: it has members that are not known"},
        {POLICY(RULE("\"minimum_serial\":0,")), "minimum_serial"},
        {POLICY(RULE("\"minimum_serial\":-4,")), "minimum_serial"},
        {POLICY(RULE("\"minimum_serial\":1.5,")), "minimum_serial"},
        {POLICY(RULE("\"minimum_serial\":\"1\",")), "minimum_serial"},
        {POLICY(RULE("\"signed_as\":\"\",")), "\"signed_as\" is no text"},
        {POLICY(RULE("\"signed_as\":[],")), "\"signed_as\" is no text"},
        {POLICY("{\"files\":\"*\",\"signers\":[" SIGNER "]}"), "no name or no files"},
        {POLICY("{\"name\":\"n\",\"signers\":[" SIGNER "]}"), "no name or no files"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\"}"), "signers is not a list"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[]}"), "signers is not a list"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[{}]}"), "neither a key nor"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[{\"ca\":\"a\"}]}"), "neither a key"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[{\"key\":\"AB\"}]}"),
         "64 lower-case"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[{\"key\":\"" ID
                "\",\"name\":\"x\"}]}"),
         "a key and something else"},
        {POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[{\"keys\":\"" ID "\"}]}"),
         "other members than"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_policy policy;
        mer_err err;
        assert_refused(parse(cases[i][0], &policy, &err), MER_ERR_TRUST, &err, cases[i][1]);
    }
}

static void a_pattern_has_no_magic_but_the_star(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},           {"*", "", true},         {"**", "x", true},
        {"a", "a", true},         {"a", "b", false},       {"a", "ab", false},
        {"a*", "a", true},        {"a*", "ab", true},      {"a*c", "abc", true},
        {"a*c", "abcd", false},   {"*.x", "a.x.x", true},  {"*.x", "a.xx", false},
        {"a?c", "abc", false},    {"a?c", "a?c", true},    {"[ab]", "a", false},
        {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"\\*", "*", false},
        {"*ab", "aab", true},     {"*aab*", "aaab", true},
    };
    char many[256], stars[256];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (mer_policy_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
    /* What takes a matcher that goes back everywhere for ever. */
    memset(many, 'a', 255);
    many[255] = '\0';
    for (size_t i = 0; i < 254; i += 2)
        memcpy(stars + i, "a*", 2);
    memcpy(stars + 254, "b", 2);
    assert_false(mer_policy_matches(stars, many));
}

static void the_first_rule_for_the_name_decides(void **state)
{
    static const char text[] =
        POLICY("{\"name\":\"one\",\"files\":\"a-*\",\"signers\":[" SIGNER
               "]},{\"name\":\"two\",\"files\":\"a*\",\"signers\":[" SIGNER "]}");
    static const struct {
        const char *path, *rule;
    } cases[] = {{"a-1", "one"},   {"x/y/a-1", "one"}, {"a-1///", "one"}, {"a", "two"},
                 {"./ab/", "two"}, {"b", NULL},        {"a-1/b", NULL},   {"/", NULL},
                 {"", NULL},       {"..", NULL}};
    struct mer_policy policy;
    mer_err err;
    (void)state;
    assert_ok(parse(text, &policy, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mer_policy_rule *rule = NULL;
        const mer_status status = mer_policy_find(&policy, cases[i].path, &rule, &err);
        if (cases[i].rule) {
            assert_ok(status, &err);
            assert_string_equal(rule->name, cases[i].rule);
        } else {
            assert_refused(status, MER_ERR_TRUST, &err, "no rule of the trust policy");
        }
    }
    mer_policy_release(&policy);
}

/* ---- Obeyed by verification ---- */

struct scene {
    struct mer_signing_key key;
    struct mer_trusted_keys trusted;
};

/* A file "m-1" that was signed with a serial number, and a trusted key with that policy. */
static void set_scene(struct scene *scene, uint64_t serial)
{
    struct mer_guard_signer signer;
    mer_err err;
    make_trusted_key(&scene->key, &scene->trusted);
    signer = (struct mer_guard_signer){.key = scene->key, .serial = serial};
    write_text("m-1", "hello");
    assert_ok(mer_guard_sign_path(&alloc, &signer, in_folder("m-1"), NULL, true, &err), &err);
}

static void obey(struct scene *scene, const char *format)
{
    char text[1024];
    mer_err err;
    mer_policy_release(&scene->trusted.policy);
    snprintf(text, sizeof text, format, scene->key.public_key.id);
    assert_ok(mer_policy_open(&alloc, in_folder("policy.json"), text, strlen(text),
                              &scene->trusted.policy, &err),
              &err);
}

static mer_status verify(const struct scene *scene, const char *name, mer_err *err)
{
    struct mer_verified verified;
    return mer_guard_verify_path(&alloc, &scene->trusted, in_folder(name), NULL, NULL, 0, &verified,
                                 err);
}

static void strike_scene(struct scene *scene)
{
    mer_trusted_keys_release(&scene->trusted);
    mer_signing_key_release(&scene->key);
}

#define RULE_FOR(files, more)                                                                      \
    "{\"format\":1,\"rules\":[{\"name\":\"the rule\",\"files\":\"" files "\"," more                \
    "\"signers\":[{\"key\":\"%s\"}]}]}"

static void an_older_serial_number_is_refused_by_the_rules_name(void **state)
{
    struct scene scene;
    mer_err err;
    (void)state;
    set_scene(&scene, 7);
    obey(&scene, RULE_FOR("m*", "\"minimum_serial\":7,"));
    assert_ok(verify(&scene, "m-1", &err), &err);
    obey(&scene, RULE_FOR("m*", "\"minimum_serial\":8,"));
    assert_refused(
        verify(&scene, "m-1", &err), MER_ERR_TRUST, &err,
        "its serial number is 7, and the rule 'the rule' of the trust policy asks for 8");
    strike_scene(&scene);
    set_scene(&scene, 0);
    obey(&scene, RULE_FOR("m*", "\"minimum_serial\":1,"));
    assert_refused(verify(&scene, "m-1", &err), MER_ERR_TRUST, &err, "without a serial number");
    obey(&scene, RULE_FOR("m*", ""));
    assert_ok(verify(&scene, "m-1", &err), &err);
    strike_scene(&scene);
}

static void one_file_in_anothers_place_is_refused(void **state)
{
    struct scene scene;
    mer_err err;
    (void)state;
    set_scene(&scene, 1);
    obey(&scene, RULE_FOR("*", "\"signed_as\":\"m-*\","));
    assert_ok(verify(&scene, "m-1", &err), &err);
    obey(&scene, RULE_FOR("*", "\"signed_as\":\"fraud-*\","));
    assert_refused(verify(&scene, "m-1", &err), MER_ERR_TRUST, &err,
                   "it was signed as 'm-1', which");
    obey(&scene, RULE_FOR("fraud-*", ""));
    assert_refused(verify(&scene, "m-1", &err), MER_ERR_TRUST, &err, "no rule of the trust policy");
    strike_scene(&scene);
}

static void a_trusted_key_that_the_rule_does_not_have_is_refused(void **state)
{
    struct scene scene;
    mer_err err;
    (void)state;
    set_scene(&scene, 1);
    obey(&scene,
         "{\"format\":1,\"rules\":[{\"name\":\"r\",\"files\":\"*\",\"signers\":[{\"key\":\"" ID
         "\"}]}]}");
    assert_refused(verify(&scene, "m-1", &err), MER_ERR_TRUST, &err,
                   "the rule 'r' of the trust policy does not have key");
    /* And one that the rule has but nobody trusts is nobody. */
    obey(&scene, RULE_FOR("*", ""));
    mer_public_key_release(&scene.trusted.keys[0].key);
    scene.trusted.n = 0;
    assert_refused(verify(&scene, "m-1", &err), MER_ERR_TRUST, &err, "which is not trusted");
    strike_scene(&scene);
}

static void an_authority_that_cannot_be_read_ends_all_trust(void **state)
{
    static const char text[] = POLICY("{\"name\":\"n\",\"files\":\"*\",\"signers\":[{\"ca\":\"none."
                                      "pem\",\"subject\":\"CN=x\"}]}");
    struct mer_policy policy;
    mer_err err;
    (void)state;
    assert_refused(
        mer_policy_open(&alloc, in_folder("policy.json"), text, strlen(text), &policy, &err),
        MER_ERR_TRUST, &err, "none.pem");
}

static void every_failed_allocation_is_survived(void **state)
{
    static const char text[] = POLICY(RULE("\"minimum_serial\":3,"));
    (void)state;
    for (uint64_t fail_at = 1;; fail_at++) {
        struct mer_policy policy;
        alloc.fail_at = atomic_load(&alloc.requests) + fail_at;
        const mer_status status = parse(text, &policy, NULL);
        alloc.fail_at = 0;
        if (status.code == MER_OK) {
            mer_policy_release(&policy);
            assert_true(fail_at > 2);
            return;
        }
        assert_int_equal(status.code, MER_ERR_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rule_is_read_as_it_is_written),
        TEST(policies_that_break_a_rule_are_refused),
        TEST(a_pattern_has_no_magic_but_the_star),
        TEST(the_first_rule_for_the_name_decides),
        TEST(an_older_serial_number_is_refused_by_the_rules_name),
        TEST(one_file_in_anothers_place_is_refused),
        TEST(a_trusted_key_that_the_rule_does_not_have_is_refused),
        TEST(an_authority_that_cannot_be_read_ends_all_trust),
        TEST(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
