/* Headers of sealed files: what is accepted says the same when it is written again; then the whole
 * file, opened with the identity of the corpus. */
#include <stdlib.h>
#include <string.h>

#include "guard/seal_header.h"
#include "guard/unseal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char IDENTITY[] =
    "AGE-SECRET-KEY-1WDX5YPA0XAMN606HDFJ0LN7JRH698UH6D2NX46TS3PRHD3QRNMHQ9DTNMY";

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* A header of short stanzas has one spelling: writing it gives the bytes that were read. */
static void write_again(struct mer_alloc *alloc, const struct mer_seal_header *header,
                        const uint8_t *bytes)
{
    struct mer_buf text, words;
    mer_buf_init(&text, alloc, SIZE_MAX);
    mer_buf_init(&words, alloc, SIZE_MAX);
    require(mer_is_ok(mer_seal_header_begin(&text, NULL)));
    for (size_t i = 0; i < header->n_stanzas; i++) {
        const struct mer_stanza *const stanza = &header->stanzas[i];
        const char *arguments = NULL;
        if (stanza->n_arguments > MER_STANZA_ARGUMENTS_KEPT ||
            stanza->n_body > MER_STANZA_BODY_KEPT)
            goto done;
        mer_buf_clear(&words);
        for (size_t k = 0; k < stanza->n_arguments; k++) {
            require(k == 0 || mer_is_ok(mer_buf_text(&words, " ", NULL)));
            require(mer_is_ok(
                mer_buf_append(&words, stanza->arguments[k].text, stanza->arguments[k].n, NULL)));
        }
        require(mer_is_ok(mer_buf_cstr(&words, &arguments, NULL)));
        require(mer_is_ok(
            mer_seal_header_stanza(&text, arguments, stanza->body, stanza->n_body, NULL)));
    }
    require(mer_is_ok(mer_seal_header_end(&text, NULL)));
    require(text.n == header->n_authenticated);
    require(mer_is_ok(mer_seal_header_mac(&text, header->mac, NULL)));
    require(text.n == header->n_bytes && memcmp(text.bytes, bytes, text.n) == 0);
done:
    mer_buf_release(&words);
    mer_buf_release(&text);
}

static mer_status take(void *self, const void *bytes, size_t n, mer_err *err)
{
    (void)bytes, (void)err;
    *(size_t *)self += n;
    return mer_ok();
}

static int answer(void *self, const char *name, bool confirm, char *ret_bytes, size_t max)
{
    (void)self, (void)name, (void)confirm, (void)max;
    memcpy(ret_bytes, "password", 8);
    return 8;
}

static void open_file(struct mer_alloc *alloc, const uint8_t *bytes, size_t n)
{
    struct mer_identities identities;
    size_t n_plain = 0;
    enum mer_unseal_fault fault;
    mer_err err = {.code = MER_OK};
    require(mer_is_ok(mer_identities_init(&identities, NULL)));
    require(
        mer_is_ok(mer_identities_parse(&identities, IDENTITY, sizeof IDENTITY - 1, "it", NULL)));
    const struct mer_unseal_with with = {.identities = &identities, .ask = answer};
    const mer_status status = mer_unseal_bytes(
        alloc, &with, bytes, n, (struct mer_seal_sink){take, &n_plain}, &fault, &err);
    require(mer_is_ok(status) == (fault == MER_UNSEAL_FINE) || status.code == MER_ERR_MEMORY);
    require(mer_is_ok(status) || err.message[0] != '\0');
    require(n_plain <= n);
    mer_identities_release(&identities);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_seal_header header;
    mer_err err = {.code = MER_OK};
    mer_alloc_init(&alloc, 64 << 20); /* passphrases that ask for more work are refused */
    const mer_status status = mer_seal_header_parse(&alloc, bytes, n, &header, &err);
    if (mer_is_ok(status)) {
        require(header.n_bytes <= n && header.n_authenticated < header.n_bytes);
        write_again(&alloc, &header, bytes);
        mer_seal_header_release(&header);
    } else {
        require(status.code == MER_ERR_DATA && err.message[0] != '\0');
    }
    open_file(&alloc, bytes, n);
    require(alloc.used == 0);
    return 0;
}
