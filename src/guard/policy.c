#include "guard/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "guard/hash.h"
#include "os/file.h"

enum { POLICY_DEPTH = 8, FORMAT = 1 };

void mer_policy_release(struct mer_policy *policy)
{
    for (size_t r = 0; r < policy->n_rules; r++)
        for (size_t s = 0; s < policy->rules[r].n_signers; s++)
            mer_authorities_release(&policy->rules[r].signers[s].authorities);
    if (policy->arena.alloc)
        mer_arena_release(&policy->arena);
    *policy = (struct mer_policy){0};
}

/* ---- Reading ---- */

static mer_status refuse(mer_err *err, const char *where, const char *why)
{
    return mer_fail(err, MER_ERR_TRUST, "the policy cannot be followed: %s%s", where, why);
}

/* An object with these members at most. */
static bool knows_all(const struct mer_json *object, const char *const *keys, size_t n_keys)
{
    size_t n_known = 0;
    for (size_t i = 0; i < n_keys; i++)
        n_known += mer_json_get(object, keys[i]) != NULL;
    return mer_json_type(object) == MER_JSON_OBJECT && mer_json_size(object) == n_known;
}

/* The text of a member, NULL where there is none. */
static mer_status read_text(struct mer_policy *policy, const struct mer_json *object,
                            const char *key, const char *where, const char **ret, mer_err *err)
{
    size_t n;
    const struct mer_json *value = mer_json_get(object, key);
    const char *text = mer_json_string(value, &n);
    *ret = NULL;
    if (!value)
        return mer_ok();
    if (!text || n == 0 || n > MER_POLICY_TEXT_MAX)
        return mer_fail(err, MER_ERR_TRUST,
                        "the policy cannot be followed: %s\"%s\" is no text of 1 to %d bytes",
                        where, key, MER_POLICY_TEXT_MAX);
    return mer_arena_text(&policy->arena, text, n, ret, err);
}

static mer_status read_signer(struct mer_policy *policy, const struct mer_json *object,
                              const char *where, struct mer_policy_signer *signer, mer_err *err)
{
    static const char *const keys[] = {"key", "ca", "subject", "name"};
    unsigned char id[MER_SHA256_BYTES];
    if (!knows_all(object, keys, sizeof keys / sizeof *keys))
        return refuse(err, where, "a signer has other members than key, ca, subject and name");
    MER_GUARD(read_text(policy, object, "key", where, &signer->key, err));
    MER_GUARD(read_text(policy, object, "ca", where, &signer->authority_file, err));
    MER_GUARD(read_text(policy, object, "subject", where, &signer->subject, err));
    MER_GUARD(read_text(policy, object, "name", where, &signer->alternative, err));
    if (signer->key && mer_json_size(object) != 1)
        return refuse(err, where, "a signer has a key and something else");
    if (signer->key && !mer_hash_unhex(signer->key, sizeof id, id))
        return refuse(err, where, "a key is not an id of 64 lower-case hex digits");
    if (!signer->key && !signer->subject && !signer->alternative)
        return refuse(err, where, "a signer has neither a key nor a subject nor a name");
    return mer_ok();
}

/* "rule 3: ", for messages. */
struct place {
    char text[32];
};

static mer_status read_rule(struct mer_policy *policy, const struct mer_json *object, size_t i,
                            struct mer_policy_rule *rule, mer_err *err)
{
    static const char *const keys[] = {"name", "files", "signed_as", "minimum_serial", "signers"};
    struct place place;
    int64_t serial = 0;
    (void)snprintf(place.text, sizeof place.text, "rule %zu: ", i + 1);
    if (!knows_all(object, keys, sizeof keys / sizeof *keys))
        return refuse(err, place.text, "it has members that are not known");
    MER_GUARD(read_text(policy, object, "name", place.text, &rule->name, err));
    MER_GUARD(read_text(policy, object, "files", place.text, &rule->files, err));
    MER_GUARD(read_text(policy, object, "signed_as", place.text, &rule->signed_as, err));
    const struct mer_json *minimum = mer_json_get(object, "minimum_serial");
    const struct mer_json *signers = mer_json_get(object, "signers");
    const size_t n = mer_json_size(signers);
    if (!rule->name || !rule->files)
        return refuse(err, place.text, "it has no name or no files");
    if (minimum && (!mer_json_integer(minimum, &serial) || serial < 1))
        return refuse(err, place.text, "minimum_serial is not a number from 1");
    if (mer_json_type(signers) != MER_JSON_ARRAY || n == 0 || n > MER_POLICY_SIGNERS_MAX)
        return refuse(err, place.text, "signers is not a list of 1 to 100");
    rule->minimum_serial = (uint64_t)serial;
    MER_GUARD(mer_arena_zero(&policy->arena, n, sizeof *rule->signers, &rule->signers, err));
    for (size_t s = 0; s < n; s++)
        MER_GUARD(read_signer(policy, mer_json_at(signers, s), place.text, &rule->signers[s], err));
    rule->n_signers = n;
    return mer_ok();
}

static mer_status read_policy(struct mer_policy *policy, const struct mer_json *root, mer_err *err)
{
    static const char *const keys[] = {"format", "rules"};
    int64_t format;
    const struct mer_json *rules = mer_json_get(root, "rules");
    const size_t n = mer_json_size(rules);
    if (!knows_all(root, keys, sizeof keys / sizeof *keys))
        return refuse(err, "", "it is not an object of format and rules");
    if (!mer_json_integer(mer_json_get(root, "format"), &format) || format != FORMAT)
        return refuse(err, "", "its format is not 1");
    if (mer_json_type(rules) != MER_JSON_ARRAY || n == 0 || n > MER_POLICY_RULES_MAX)
        return refuse(err, "", "rules is not a list of 1 to 1000");
    MER_GUARD(mer_arena_zero(&policy->arena, n, sizeof *policy->rules, &policy->rules, err));
    policy->n_rules = n;
    for (size_t i = 0; i < n; i++)
        MER_GUARD(read_rule(policy, mer_json_at(rules, i), i, &policy->rules[i], err));
    return mer_ok();
}

mer_status mer_policy_parse(struct mer_alloc *alloc, const void *bytes, size_t n,
                            struct mer_policy *ret_policy, mer_err *err)
{
    const struct mer_json_limits limits = {.max_bytes = MER_POLICY_FILE_MAX,
                                           .max_depth = POLICY_DEPTH};
    struct mer_json_document *document = NULL;
    struct mer_policy policy = {0};
    mer_status status = mer_json_parse(alloc, bytes, n, &limits, "the policy", &document, err);
    if (status.code == MER_ERR_DATA && err)
        err->code = MER_ERR_TRUST;
    if (status.code == MER_ERR_DATA)
        return (mer_status){MER_ERR_TRUST};
    MER_GUARD(status);
    mer_arena_init(&policy.arena, alloc);
    status = read_policy(&policy, mer_json_root(document), err);
    mer_json_free(document);
    if (mer_is_ok(status))
        *ret_policy = policy;
    else
        mer_policy_release(&policy);
    return status;
}

/* The authorities of a signer; their file is found from the policy's folder. */
static mer_status read_authorities(struct mer_alloc *alloc, const char *policy_path,
                                   struct mer_policy_signer *signer, mer_err *err)
{
    const char *slash = strrchr(policy_path, '/');
    const int n_folder = slash ? (int)(slash - policy_path) + 1 : 0;
    char *path = NULL;
    if (!signer->authority_file)
        return mer_ok();
    if (signer->authority_file[0] == '/')
        path = strdup(signer->authority_file);
    else if (asprintf(&path, "%.*s%s", n_folder, policy_path, signer->authority_file) < 0)
        path = NULL;
    if (!path)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    const mer_status status = mer_authorities_read_file(&signer->authorities, alloc, path, err);
    free(path);
    if (mer_is_ok(status) || status.code == MER_ERR_MEMORY)
        return status;
    if (err)
        err->code = MER_ERR_TRUST;
    return (mer_status){MER_ERR_TRUST};
}

mer_status mer_policy_open(struct mer_alloc *alloc, const char *path, const void *bytes, size_t n,
                           struct mer_policy *ret_policy, mer_err *err)
{
    struct mer_policy policy = {0};
    mer_status status = mer_policy_parse(alloc, bytes, n, &policy, err);
    for (size_t r = 0; mer_is_ok(status) && r < policy.n_rules; r++)
        for (size_t s = 0; mer_is_ok(status) && s < policy.rules[r].n_signers; s++)
            status = read_authorities(alloc, path, &policy.rules[r].signers[s], err);
    if (!mer_is_ok(status)) {
        mer_policy_release(&policy);
        return mer_prefix(err, status, "%s", mer_quote(path).text);
    }
    *ret_policy = policy;
    return mer_ok();
}

/* ---- Following ---- */

/* Only the last `*` is ever gone back to, so the time is at most the product of the lengths. */
bool mer_policy_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

mer_status mer_policy_find(const struct mer_policy *policy, const char *path,
                           const struct mer_policy_rule **ret_rule, mer_err *err)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    char name[MER_POLICY_TEXT_MAX + 1]; /* as long as file names are */
    if (end - begin < sizeof name) {
        (void)snprintf(name, sizeof name, "%.*s", (int)(end - begin), path + begin);
        for (size_t i = 0; i < policy->n_rules; i++)
            if (mer_policy_matches(policy->rules[i].files, name)) {
                *ret_rule = &policy->rules[i];
                return mer_ok();
            }
    }
    return mer_hint(err,
                    mer_fail(err, MER_ERR_TRUST, "no rule of the trust policy is for this file"),
                    "what no rule is for is refused: add one to the policy");
}

mer_status mer_policy_check_key(const struct mer_policy_rule *rule, const char *id,
                                const char *name, mer_err *err)
{
    for (size_t i = 0; i < rule->n_signers; i++)
        if (rule->signers[i].key && strcmp(rule->signers[i].key, id) == 0)
            return mer_ok();
    return mer_fail(err, MER_ERR_TRUST,
                    "the rule %s of the trust policy does not have key %.*s (%s) as a signer",
                    mer_quote(rule->name).text, 16, id, mer_quote(name).text);
}

static bool fits(const struct mer_policy_signer *signer, const struct mer_certified *certified)
{
    bool named = signer->alternative == NULL;
    if (signer->subject && strcmp(signer->subject, certified->subject) != 0)
        return false;
    for (size_t i = 0; !named && i < certified->n_alternatives; i++)
        named = strcmp(signer->alternative, certified->alternatives[i]) == 0;
    return named;
}

/* Does the chain lead to the signer's authority, and is it the signer's? MER_ERR_TRUST. */
static mer_status try_signer(const struct mer_policy_signer *signer, const struct mer_chain *chain,
                             const struct mer_authorities *given, int64_t now,
                             struct mer_certified *ret, mer_err *err)
{
    const struct mer_authorities *authorities =
        signer->authority_file ? &signer->authorities : given;
    struct mer_certified certified;
    MER_GUARD(mer_chain_verify(chain, authorities, now, &certified, err));
    if (!fits(signer, &certified)) {
        mer_public_key_release(&certified.key);
        return mer_fail(err, MER_ERR_TRUST, "it does not have %s as a signer",
                        mer_quote(certified.subject).text);
    }
    *ret = certified;
    return mer_ok();
}

mer_status mer_policy_verify_chain(const struct mer_policy_rule *rule,
                                   const struct mer_chain *chain,
                                   const struct mer_authorities *given, int64_t now,
                                   struct mer_certified *ret, mer_err *err)
{
    mer_status status = mer_fail(err, MER_ERR_TRUST, "it has no signer with a certificate");
    for (size_t i = 0; i < rule->n_signers; i++) {
        if (rule->signers[i].key)
            continue;
        mer_err_clear(err);
        status = try_signer(&rule->signers[i], chain, given, now, ret, err);
        if (status.code != MER_ERR_TRUST)
            return status;
    }
    return mer_prefix(err, status, "the rule %s of the trust policy", mer_quote(rule->name).text);
}

mer_status mer_policy_check_statement(const struct mer_policy_rule *rule, const char *signed_as,
                                      uint64_t serial, mer_err *err)
{
    const struct mer_quoted name = mer_quote(rule->name);
    if (rule->signed_as && !mer_policy_matches(rule->signed_as, signed_as))
        return mer_fail(err, MER_ERR_TRUST,
                        "it was signed as %s, which the rule %s of the trust "
                        "policy does not allow",
                        mer_quote(signed_as).text, name.text);
    if (serial >= rule->minimum_serial)
        return mer_ok();
    const mer_status status =
        serial == 0
            ? mer_fail(err, MER_ERR_TRUST,
                       "it was signed without a serial number, and the rule %s of the trust "
                       "policy asks for %llu at least",
                       name.text, (unsigned long long)rule->minimum_serial)
            : mer_fail(err, MER_ERR_TRUST,
                       "its serial number is %llu, and the rule %s of the trust policy asks "
                       "for %llu at least",
                       (unsigned long long)serial, name.text,
                       (unsigned long long)rule->minimum_serial);
    return mer_hint(err, status,
                    "an older one was put in its place, or the newer one is to be had "
                    "from whoever signs it");
}
