#include "guard/seal_key.h"

#include <stdio.h>
#include <string.h>

#include "guard/bech32.h"
#include "os/secret_memory.h"
#include "os/secret_random.h"

static const char RECIPIENT[] = "age";
static const char IDENTITY[] = "age-secret-key-";

/* ---- Recipients ---- */

static bool begins_with(const char *text, size_t n, const char *prefix)
{
    const size_t n_prefix = strlen(prefix);
    return n >= n_prefix && strncasecmp(text, prefix, n_prefix) == 0;
}

/* Kinds that age or its plugins have and we have not. */
static mer_status refuse_recipient(const char *text, size_t n, mer_err *err)
{
    static const struct {
        const char *prefix;
        const char *kind;
    } kinds[] = {{"age1pq1", "a post-quantum recipient"},
                 {"age1tag1", "a recipient in hardware"},
                 {"age1tagpq1", "a post-quantum recipient in hardware"},
                 {"ssh-", "an SSH key"}};
    const struct mer_quoted quoted = mer_quote_n(text, n);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins_with(text, n, kinds[i].prefix))
            return mer_fail(err, MER_ERR_DATA, "%s is %s, which is not supported", quoted.text,
                            kinds[i].kind);
    if (begins_with(text, n, "age1") && n > 5 && memchr(text + 4, '1', n - 4))
        return mer_fail(err, MER_ERR_DATA, "%s is a plugin's recipient, which is not supported",
                        quoted.text);
    if (begins_with(text, n, "age1"))
        return mer_fail(err, MER_ERR_DATA, "%s is not a recipient: a character is wrong or missing",
                        quoted.text);
    return mer_fail(err, MER_ERR_DATA, "%s is not a recipient (age1...)", quoted.text);
}

mer_status mer_recipient_parse(const char *text, size_t n, struct mer_recipient *ret_recipient,
                               mer_err *err)
{
    struct mer_recipient recipient;
    /* A secret where a recipient belongs must not reach a message. */
    if (begins_with(text, n, IDENTITY))
        return mer_fail(err, MER_ERR_DATA, "an identity, which is secret, is not a recipient");
    if (!mer_bech32_decode(text, n, RECIPIENT, recipient.key, sizeof recipient.key))
        return refuse_recipient(text, n, err);
    *ret_recipient = recipient;
    return mer_ok();
}

void mer_recipient_text(const struct mer_recipient *recipient,
                        char ret_text[MER_RECIPIENT_TEXT_MAX])
{
    _Static_assert(MER_BECH32_SIZE(3, MER_SEAL_KEY_BYTES) == MER_RECIPIENT_TEXT_MAX, "size");
    mer_bech32_encode(RECIPIENT, recipient->key, sizeof recipient->key, ret_text);
}

/* ---- Identities ---- */

mer_status mer_identities_init(struct mer_identities *identities, mer_err *err)
{
    *identities = (struct mer_identities){.n = 0};
    MER_GUARD(mer_secret_init(&identities->keys, MER_IDENTITIES_MAX * MER_SEAL_KEY_BYTES, err));
    mer_process_hide();
    return mer_ok();
}

void mer_identities_release(struct mer_identities *identities)
{
    if (!identities->keys.bytes)
        return;
    mer_secret_release(&identities->keys);
    mer_process_unhide();
    identities->n = 0;
}

const unsigned char *mer_identities_key(const struct mer_identities *identities, size_t i)
{
    return identities->keys.bytes + i * MER_SEAL_KEY_BYTES;
}

/* The key that was put behind the last becomes one of them. */
static mer_status adopt(struct mer_identities *identities, mer_err *err)
{
    MER_GUARD(mer_x25519_public(mer_identities_key(identities, identities->n),
                                identities->recipients[identities->n].key, err));
    identities->n++;
    identities->keys.n += MER_SEAL_KEY_BYTES;
    return mer_ok();
}

static mer_status check_room(const struct mer_identities *identities, mer_err *err)
{
    if (identities->n < MER_IDENTITIES_MAX)
        return mer_ok();
    return mer_fail(err, MER_ERR_DATA, "there are over %d identities", MER_IDENTITIES_MAX);
}

mer_status mer_identities_generate(struct mer_identities *identities, mer_err *err)
{
    MER_GUARD(check_room(identities, err));
    MER_GUARD(
        mer_secret_random(identities->keys.bytes + identities->keys.n, MER_SEAL_KEY_BYTES, err));
    return adopt(identities, err);
}

static mer_status refuse_line(const char *text, size_t n, size_t n_line, const char *what,
                              mer_err *err)
{
    const char *kind = "holds no identity (AGE-SECRET-KEY-1...)";
    if (begins_with(text, n, "age-secret-key-pq-1"))
        kind = "holds a post-quantum identity, which is not supported";
    else if (begins_with(text, n, "age-plugin-"))
        kind = "holds a plugin's identity, which is not supported";
    else if (begins_with(text, n, "-----begin"))
        kind = "holds an SSH or PEM key, which is not supported";
    else if (begins_with(text, n, "age-secret-key-1"))
        kind = "holds an identity with a wrong or missing character";
    return mer_fail(err, MER_ERR_DATA, "%s: line %zu %s", what, n_line, kind);
}

mer_status mer_identities_parse(struct mer_identities *identities, const char *text, size_t n,
                                const char *what, mer_err *err)
{
    const size_t n_before = identities->n;
    const char *const end = n > 0 ? text + n : text;
    const char *next = NULL;
    size_t n_line = 0;
    for (const char *at = text; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        n_line++;
        while (stop > at && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        if (stop == at || *at == '#')
            continue;
        MER_GUARD(check_room(identities, err));
        if (!mer_bech32_decode(at, (size_t)(stop - at), IDENTITY,
                               identities->keys.bytes + identities->keys.n, MER_SEAL_KEY_BYTES))
            return refuse_line(at, (size_t)(stop - at), n_line, what, err);
        MER_GUARD(adopt(identities, err));
    }
    if (identities->n == n_before)
        return mer_fail(err, MER_ERR_DATA, "%s holds no identity (AGE-SECRET-KEY-1...)", what);
    return mer_ok();
}

void mer_identities_write(const struct mer_identities *identities, size_t i,
                          struct mer_secret *text)
{
    char recipient[MER_RECIPIENT_TEXT_MAX];
    char *const begin = (char *)text->bytes + text->n;
    mer_recipient_text(&identities->recipients[i], recipient);
    const int n = snprintf(begin, text->capacity - text->n, "# public key: %s\n", recipient);
    char *const key = begin + n;
    mer_bech32_encode(IDENTITY, mer_identities_key(identities, i), MER_SEAL_KEY_BYTES, key);
    const size_t n_key = strlen(key);
    for (size_t c = 0; c < n_key; c++)
        key[c] = key[c] >= 'a' && key[c] <= 'z' ? (char)(key[c] - 'a' + 'A') : key[c];
    key[n_key] = '\n';
    text->n += (size_t)n + n_key + 1;
}
