/* Trust policies: refused, or rules that are whole, each of which finds a file and judges. */
#include <stdlib.h>
#include <string.h>

#include "guard/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void try_rule(const struct mer_policy_rule *rule)
{
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const struct mer_chain chain = {0};
    const struct mer_authorities none = {0};
    struct mer_certified certified;
    require(rule->name && rule->files && rule->n_signers > 0);
    (void)mer_policy_matches(rule->files, rule->name);
    for (size_t i = 0; i < rule->n_signers; i++) {
        const struct mer_policy_signer *signer = &rule->signers[i];
        require((signer->key != NULL) != (signer->subject || signer->alternative));
        require(!signer->key || strlen(signer->key) == strlen(id));
    }
    const mer_status key = mer_policy_check_key(rule, id, "name", NULL);
    const mer_status statement = mer_policy_check_statement(rule, rule->files, 7, NULL);
    require(key.code == MER_OK || key.code == MER_ERR_TRUST);
    require(statement.code == MER_OK || statement.code == MER_ERR_TRUST);
    require(mer_policy_verify_chain(rule, &chain, &none, 0, &certified, NULL).code ==
            MER_ERR_TRUST);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_policy policy;
    const struct mer_policy_rule *rule = NULL;
    mer_err err = {.code = MER_OK};
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_policy_parse(&alloc, bytes, n, &policy, &err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < policy.n_rules; i++)
            try_rule(&policy.rules[i]);
        const mer_status found = mer_policy_find(&policy, "folder/m.safetensors/", &rule, NULL);
        require(found.code == MER_ERR_TRUST || rule != NULL);
        mer_policy_release(&policy);
    } else {
        require(status.code == MER_ERR_TRUST && err.message[0] != '\0');
    }
    require(alloc.used == 0);
    return 0;
}
