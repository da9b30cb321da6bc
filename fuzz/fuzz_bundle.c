/* Signature bundles and the statements in them: whatever is accepted can be written, and reads back
 * to the same, its certificates too, which are then asked for their key and verified under the last
 * of them; the statement is tried as the input itself too, because a signature that covers the
 * fuzzer's bytes does not come by chance. */
#include <stdlib.h>
#include <string.h>

#include "guard/base64.h"
#include "guard/signature_bundle.h"
#include "guard/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_names(const struct mer_statement *statement)
{
    require(statement->n_resources > 0);
    for (size_t i = 0; i < statement->n_resources; i++) {
        const char *name = statement->resources[i].name;
        require(mer_resource_name_valid(name) || strcmp(name, MER_RESOURCE_SELF) == 0);
        require(name[0] != '/' && !strstr(name, "/../") && strncmp(name, "../", 3) != 0);
    }
}

static void try_statement(struct mer_alloc *alloc, const void *bytes, size_t n)
{
    struct mer_statement statement, again;
    struct mer_buf first, second;
    mer_err err = {.code = MER_OK};
    const mer_status status = mer_statement_parse(alloc, bytes, n, &statement, &err);
    if (!mer_is_ok(status)) {
        require(status.code == MER_ERR_TRUST && err.message[0] != '\0');
        return;
    }
    check_names(&statement);
    mer_buf_init(&first, alloc, SIZE_MAX);
    mer_buf_init(&second, alloc, SIZE_MAX);
    require(mer_is_ok(mer_statement_write(&statement, &first, NULL)));
    require(mer_is_ok(mer_statement_parse(alloc, first.bytes, first.n, &again, NULL)));
    require(mer_is_ok(mer_statement_write(&again, &second, NULL)));
    require(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) == 0);
    mer_buf_release(&first);
    mer_buf_release(&second);
    mer_statement_release(&again);
    mer_statement_release(&statement);
}

/* The last certificate of the chain as an authority, by way of PEM as every authority. */
static void take_last(struct mer_alloc *alloc, const struct mer_chain *chain,
                      struct mer_authorities *authorities)
{
    struct mer_buf der, pem;
    mer_buf_init(&der, alloc, SIZE_MAX);
    mer_buf_init(&pem, alloc, SIZE_MAX);
    require(mer_is_ok(mer_chain_write(chain, chain->n - 1, &der, NULL)));
    require(mer_is_ok(mer_buf_text(&pem, "-----BEGIN CERTIFICATE-----\n", NULL)));
    for (size_t at = 0; at < der.n; at += 48) { /* 64 characters a line */
        const size_t left = der.n - at;
        require(mer_is_ok(
            mer_base64_encode(&pem, (char *)der.bytes + at, left < 48 ? left : 48, NULL)));
        require(mer_is_ok(mer_buf_text(&pem, "\n", NULL)));
    }
    require(mer_is_ok(mer_buf_text(&pem, "-----END CERTIFICATE-----\n", NULL)));
    require(mer_is_ok(mer_authorities_read(authorities, pem.bytes, pem.n, "pem", NULL)));
    mer_buf_release(&der);
    mer_buf_release(&pem);
}

static void try_chain(struct mer_alloc *alloc, const struct mer_chain *chain)
{
    enum { MOMENT = 1800000000 }; /* in 2027 */
    struct mer_authorities authorities = {0};
    struct mer_certified certified;
    mer_err err = {.code = MER_OK};
    if (chain->n == 0)
        return;
    take_last(alloc, chain, &authorities);
    const mer_status status = mer_chain_verify(chain, &authorities, MOMENT, &certified, &err);
    if (mer_is_ok(status)) {
        require(mer_is_ok(mer_chain_check_signer(chain, MOMENT, NULL)));
        require(strnlen(certified.subject, MER_SUBJECT_MAX) < MER_SUBJECT_MAX);
        mer_public_key_release(&certified.key);
    } else {
        require(status.code == MER_ERR_TRUST && err.message[0] != '\0');
    }
    mer_authorities_release(&authorities);
}

static void try_bundle(struct mer_alloc *alloc, const void *bytes, size_t n)
{
    struct mer_signature_bundle bundle, again;
    struct mer_buf text;
    mer_err err = {.code = MER_OK};
    const mer_status status = mer_signature_bundle_parse(alloc, bytes, n, &bundle, &err);
    if (!mer_is_ok(status)) {
        require(status.code == MER_ERR_TRUST && err.message[0] != '\0');
        return;
    }
    mer_buf_init(&text, alloc, SIZE_MAX);
    require(mer_is_ok(mer_signature_bundle_write(&bundle, &text, NULL)));
    require(mer_is_ok(mer_signature_bundle_parse(alloc, text.bytes, text.n, &again, NULL)));
    require(bundle.chain.n == again.chain.n && strcmp(bundle.key_id, again.key_id) == 0);
    try_chain(alloc, &bundle.chain);
    require(bundle.payload.n == again.payload.n &&
            memcmp(bundle.payload.bytes, again.payload.bytes, again.payload.n) == 0);
    require(bundle.signature.n == again.signature.n &&
            memcmp(bundle.signature.bytes, again.signature.bytes, again.signature.n) == 0);
    try_statement(alloc, bundle.payload.bytes, bundle.payload.n);
    mer_buf_release(&text);
    mer_signature_bundle_release(&again);
    mer_signature_bundle_release(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    try_bundle(&alloc, bytes, n);
    try_statement(&alloc, bytes, n);
    require(alloc.used == 0);
    return 0;
}
