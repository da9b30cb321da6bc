#include "guard/trusted_keys.h"

#include <stdio.h>
#include <string.h>

#include "os/file.h"

enum { FIRST_CAPACITY = 8 };

void mer_trusted_keys_init(struct mer_trusted_keys *trusted, struct mer_alloc *alloc)
{
    *trusted = (struct mer_trusted_keys){.alloc = alloc};
}

void mer_trusted_keys_release(struct mer_trusted_keys *trusted)
{
    for (size_t i = 0; i < trusted->n; i++)
        mer_public_key_release(&trusted->keys[i].key);
    mer_free(trusted->alloc, trusted->keys);
    mer_authorities_release(&trusted->authorities);
    mer_policy_release(&trusted->policy);
    mer_trusted_keys_init(trusted, trusted->alloc);
}

mer_status mer_trusted_keys_add(struct mer_trusted_keys *trusted, const char *name,
                                struct mer_public_key *key, bool revoked, mer_err *err)
{
    if (trusted->n == trusted->capacity) {
        const size_t capacity = trusted->capacity ? trusted->capacity * 2 : FIRST_CAPACITY;
        MER_GUARD(mer_alloc_resize(trusted->alloc, capacity * sizeof *trusted->keys, &trusted->keys,
                                   err));
        trusted->capacity = capacity;
    }
    struct mer_trusted_key *entry = &trusted->keys[trusted->n++];
    *entry = (struct mer_trusted_key){.key = *key, .revoked = revoked};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    *key = (struct mer_public_key){0};
    return mer_ok();
}

mer_status mer_trusted_keys_add_file(struct mer_trusted_keys *trusted, const char *pem_file,
                                     mer_err *err)
{
    struct mer_file_bytes file;
    struct mer_public_key key;
    const char *slash = strrchr(pem_file, '/');
    MER_GUARD(mer_file_read(trusted->alloc, pem_file, MER_KEY_PEM_MAX, &file, err));
    mer_status status =
        mer_public_key_parse(file.bytes, file.n, mer_quote(pem_file).text, &key, err);
    mer_file_release(&file);
    MER_GUARD(status);
    status = mer_trusted_keys_add(trusted, slash ? slash + 1 : pem_file, &key, false, err);
    if (!mer_is_ok(status))
        mer_public_key_release(&key);
    return status;
}

const struct mer_trusted_key *mer_trusted_keys_find(const struct mer_trusted_keys *trusted,
                                                    const char *id)
{
    const struct mer_trusted_key *found = NULL;
    for (size_t i = 0; i < trusted->n; i++) {
        const struct mer_trusted_key *entry = &trusted->keys[i];
        if (strcmp(entry->key.id, id) == 0 && (!found || entry->revoked))
            found = entry;
    }
    return found;
}

mer_status mer_trusted_keys_check(const struct mer_trusted_keys *trusted, const char *id,
                                  mer_err *err)
{
    const struct mer_trusted_key *found = mer_trusted_keys_find(trusted, id);
    if (!found || !found->revoked)
        return mer_ok();
    const mer_status status =
        mer_fail(err, MER_ERR_TRUST, "it was signed with key %.*s (%s), which was revoked",
                 MER_KEY_ID_SHOWN, id, found->name);
    return mer_hint(err, status, "have it signed again with another key");
}

mer_status mer_trusted_keys_want(const struct mer_trusted_keys *trusted, const char *id,
                                 const struct mer_trusted_key **ret_key, mer_err *err)
{
    const struct mer_trusted_key *found = mer_trusted_keys_find(trusted, id);
    if (!found) {
        const mer_status status =
            mer_fail(err, MER_ERR_TRUST, "it was signed with key %.*s, which is not trusted",
                     MER_KEY_ID_SHOWN, id);
        return mer_hint(err, status,
                        "get the signer's public key from the signer, then: merlon keys trust NAME "
                        "FILE.pem");
    }
    MER_GUARD(mer_trusted_keys_check(trusted, id, err));
    *ret_key = found;
    return mer_ok();
}
