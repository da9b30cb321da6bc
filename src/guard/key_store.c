#include "guard/key_store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sort.h"
#include "os/file.h"
#include "os/private_file.h"

enum { PRIVATE_MODE = 0600, PUBLIC_MODE = 0644 };

/* The kinds of files in a store. */
enum part { PART_PRIVATE, PART_PUBLIC, PART_TRUSTED, PART_REVOKED, PART_COUNT };

static const struct {
    const char *folder;
    const char *suffix;
} PARTS[PART_COUNT] = {
    [PART_PRIVATE] = {"keys", ".key"},
    [PART_PUBLIC] = {"keys", ".pub"},
    [PART_TRUSTED] = {"trusted", ".pem"},
    [PART_REVOKED] = {"revoked", ".pem"},
};

/* ---- Names and paths ---- */

struct store_path {
    char text[PATH_MAX];
};

bool mer_key_name_is_valid(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char all[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t n = strnlen(name, MER_KEY_NAME_MAX + 1);
    return n > 0 && n <= MER_KEY_NAME_MAX && strchr(letters, name[0]) && strspn(name, all) == n;
}

mer_status mer_key_name_check(const char *name, mer_err *err)
{
    if (mer_key_name_is_valid(name))
        return mer_ok();
    const mer_status status =
        mer_fail(err, MER_ERR_USAGE, "%s is no name for a key or project", mer_quote(name).text);
    return mer_hint(err, status,
                    "1 to %d characters of a-z, 0-9, '.', '_' and '-', beginning with a "
                    "letter or digit",
                    MER_KEY_NAME_MAX);
}

/* DIRECTORY/FOLDER, or with a name DIRECTORY/FOLDER/NAME.SUFFIX. */
static mer_status make_path(const char *directory, enum part part, const char *name,
                            struct store_path *ret_path, mer_err *err)
{
    const int n = snprintf(ret_path->text, sizeof ret_path->text, "%s/%s%s%s%s", directory,
                           PARTS[part].folder, name ? "/" : "", name ? name : "",
                           name ? PARTS[part].suffix : "");
    if (n < 0 || (size_t)n >= sizeof ret_path->text)
        return mer_fail(err, MER_ERR_USAGE, "the path %s is too long", mer_quote(directory).text);
    return mer_ok();
}

mer_status mer_key_store_folder(const char *directory, char **ret_folder, mer_err *err)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    char *folder = NULL;
    int n = -1;
    if (directory)
        n = asprintf(&folder, "%s", directory);
    else if (config && config[0] == '/') /* others are to be ignored, says the specification */
        n = asprintf(&folder, "%s/merlon", config);
    else if (home && home[0] == '/')
        n = asprintf(&folder, "%s/.config/merlon", home);
    else
        return mer_hint(err, mer_fail(err, MER_ERR_ABSENT, "there is no folder for keys"),
                        "set HOME or XDG_CONFIG_HOME");
    if (n < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    *ret_folder = folder;
    return mer_ok();
}

static mer_status check_folder(const char *path, mer_err *err)
{
    return mer_file_exists(path) ? mer_private_folder_check(path, err) : mer_ok();
}

/* Nobody else may write in the store's folders, as far as they exist. */
static mer_status check_store(const char *directory, mer_err *err)
{
    MER_GUARD(check_folder(directory, err));
    for (enum part part = 0; part < PART_COUNT; part++) {
        struct store_path path;
        MER_GUARD(make_path(directory, part, NULL, &path, err));
        MER_GUARD(check_folder(path.text, err));
    }
    return mer_ok();
}

static mer_status make_store(const char *directory, mer_err *err)
{
    for (enum part part = 0; part < PART_COUNT; part++) {
        struct store_path path;
        MER_GUARD(make_path(directory, part, NULL, &path, err));
        MER_GUARD(mer_folder_make(path.text, err));
    }
    return check_store(directory, err);
}

/* ---- Files ---- */

static mer_status write_file(const char *directory, enum part part, const char *name,
                             const void *bytes, size_t n, mer_err *err)
{
    struct store_path path;
    struct mer_output output;
    MER_GUARD(make_path(directory, part, name, &path, err));
    MER_GUARD(mer_output_open(&output, path.text, false,
                              part == PART_PRIVATE ? PRIVATE_MODE : PUBLIC_MODE, err));
    mer_status status = mer_output_write(&output, bytes, n, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

static mer_status write_public(const char *directory, enum part part, const char *name,
                               const struct mer_public_key *key, struct mer_alloc *alloc,
                               mer_err *err)
{
    struct mer_buf pem;
    mer_buf_init(&pem, alloc, MER_KEY_PEM_MAX);
    mer_status status = mer_public_key_write(key, &pem, err);
    if (mer_is_ok(status))
        status = write_file(directory, part, name, pem.bytes, pem.n, err);
    mer_buf_release(&pem);
    return status;
}

static void remove_file(const char *directory, enum part part, const char *name)
{
    struct store_path path;
    if (mer_is_ok(make_path(directory, part, name, &path, NULL)))
        (void)remove(path.text);
}

static bool has_file(const char *directory, enum part part, const char *name)
{
    struct store_path path;
    return mer_is_ok(make_path(directory, part, name, &path, NULL)) && mer_file_exists(path.text);
}

static mer_status read_public(const char *directory, enum part part, const char *name,
                              struct mer_public_key *ret_key, mer_err *err)
{
    struct store_path path;
    unsigned char pem[4096]; /* a P-521 key has some 270 */
    size_t n = 0;
    MER_GUARD(make_path(directory, part, name, &path, err));
    MER_GUARD(mer_private_file_read(path.text, MER_PRIVACY_WRITE, pem, sizeof pem, &n, err));
    return mer_public_key_parse(pem, n, mer_quote(path.text).text, ret_key, err);
}

/* The public key of a name, wherever it is. */
static mer_status find_public(const char *directory, const char *name,
                              struct mer_public_key *ret_key, mer_err *err)
{
    static const enum part places[] = {PART_REVOKED, PART_TRUSTED, PART_PUBLIC};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (has_file(directory, places[i], name))
            return read_public(directory, places[i], name, ret_key, err);
    const mer_status status =
        mer_fail(err, MER_ERR_NO_INPUT, "there is no key named %s", mer_quote(name).text);
    return mer_hint(err, status, "merlon keys list shows those that there are");
}

static mer_status check_name_is_free(const char *directory, const char *name, mer_err *err)
{
    const bool revoked = has_file(directory, PART_REVOKED, name);
    bool taken = revoked;
    for (enum part part = 0; part < PART_COUNT; part++)
        taken = taken || has_file(directory, part, name);
    if (!taken)
        return mer_ok();
    const mer_status status = mer_fail(err, MER_ERR_EXISTS, "there is a key named %s%s",
                                       mer_quote(name).text, revoked ? ", which was revoked" : "");
    return mer_hint(err, status, "choose another name");
}

/* ---- Names of a part ---- */

/* The key name of a file name, or false where it is none of that part. */
static bool key_name(const char *file, enum part part, char ret_name[MER_KEY_NAME_MAX + 1])
{
    const size_t n = strlen(file), n_suffix = strlen(PARTS[part].suffix);
    if (n <= n_suffix || n - n_suffix > MER_KEY_NAME_MAX ||
        strcmp(file + n - n_suffix, PARTS[part].suffix) != 0)
        return false;
    memcpy(ret_name, file, n - n_suffix);
    ret_name[n - n_suffix] = '\0';
    return mer_key_name_is_valid(ret_name);
}

/* Calls visit with every key name of a part, sorted. */
static mer_status each_name(const char *directory, enum part part,
                            mer_status (*visit)(void *self, const char *name, mer_err *err),
                            void *self, mer_err *err)
{
    struct store_path path;
    struct mer_folder_list list;
    mer_status status = mer_ok();
    MER_GUARD(make_path(directory, part, NULL, &path, err));
    if (!mer_file_exists(path.text))
        return mer_ok();
    MER_GUARD(mer_folder_read(path.text, &list, err));
    for (size_t i = 0; mer_is_ok(status) && i < list.n; i++) {
        char name[MER_KEY_NAME_MAX + 1];
        if (key_name(list.entries[i].name, part, name))
            status = visit(self, name, err);
    }
    mer_folder_release(&list);
    return status;
}

/* ---- Trust ---- */

struct gathering {
    const char *directory;
    enum part part;
    struct mer_trusted_keys *trusted;
};

static mer_status gather_key(void *self, const char *name, mer_err *err)
{
    const struct gathering *gathering = self;
    struct mer_public_key key;
    MER_GUARD(read_public(gathering->directory, gathering->part, name, &key, err));
    const mer_status status =
        mer_trusted_keys_add(gathering->trusted, name, &key, gathering->part == PART_REVOKED, err);
    if (!mer_is_ok(status))
        mer_public_key_release(&key);
    return status;
}

mer_status mer_key_store_revoked(const char *directory, struct mer_trusted_keys *trusted,
                                 mer_err *err)
{
    struct gathering gathering = {directory, PART_REVOKED, trusted};
    MER_GUARD(check_store(directory, err));
    return each_name(directory, PART_REVOKED, gather_key, &gathering, err);
}

mer_status mer_key_store_trusted(const char *directory, struct mer_trusted_keys *trusted,
                                 mer_err *err)
{
    struct gathering gathering = {directory, PART_TRUSTED, trusted};
    MER_GUARD(mer_key_store_revoked(directory, trusted, err));
    return each_name(directory, PART_TRUSTED, gather_key, &gathering, err);
}

mer_status mer_key_store_policy(const char *directory, struct mer_trusted_keys *trusted,
                                mer_err *err)
{
    struct store_path path;
    unsigned char *bytes = NULL;
    size_t n = 0;
    MER_GUARD(check_store(directory, err));
    const int length = snprintf(path.text, sizeof path.text, "%s/policy.json", directory);
    if (length < 0 || (size_t)length >= sizeof path.text)
        return mer_fail(err, MER_ERR_USAGE, "the path %s is too long", mer_quote(directory).text);
    if (!mer_file_exists(path.text))
        return mer_ok();
    MER_GUARD(mer_alloc_array(trusted->alloc, MER_POLICY_FILE_MAX, 1, &bytes, err));
    mer_status status =
        mer_private_file_read(path.text, MER_PRIVACY_WRITE, bytes, MER_POLICY_FILE_MAX, &n, err);
    mer_policy_release(&trusted->policy);
    if (mer_is_ok(status))
        status = mer_policy_open(trusted->alloc, path.text, bytes, n, &trusted->policy, err);
    mer_free(trusted->alloc, bytes);
    return status;
}

/* MER_ERR_TRUST when the key was revoked; else *ret_known tells whether it is trusted already. */
static mer_status check_not_revoked(struct mer_alloc *alloc, const char *directory, const char *id,
                                    char ret_known[MER_KEY_NAME_MAX + 1], mer_err *err)
{
    struct mer_trusted_keys trusted;
    mer_trusted_keys_init(&trusted, alloc);
    mer_status status = mer_key_store_trusted(directory, &trusted, err);
    const struct mer_trusted_key *known =
        mer_is_ok(status) ? mer_trusted_keys_find(&trusted, id) : NULL;
    ret_known[0] = '\0';
    if (known && known->revoked)
        status = mer_fail(err, MER_ERR_TRUST, "key %.*s was revoked for good, under the name %s",
                          MER_KEY_ID_SHOWN, id, known->name);
    else if (known)
        memcpy(ret_known, known->name, sizeof known->name);
    mer_trusted_keys_release(&trusted);
    return status;
}

static mer_status trust_key(struct mer_alloc *alloc, const char *directory, const char *name,
                            const struct mer_public_key *key, mer_err *err)
{
    char known[MER_KEY_NAME_MAX + 1];
    MER_GUARD(make_store(directory, err));
    MER_GUARD(check_name_is_free(directory, name, err));
    MER_GUARD(check_not_revoked(alloc, directory, key->id, known, err));
    if (known[0])
        return mer_fail(err, MER_ERR_EXISTS, "that key is trusted already, under the name %s",
                        known);
    return write_public(directory, PART_TRUSTED, name, key, alloc, err);
}

mer_status mer_key_store_trust(struct mer_alloc *alloc, const char *directory, const char *name,
                               const char *pem_file, mer_err *err)
{
    struct mer_file_bytes file;
    struct mer_public_key key;
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(mer_file_read(alloc, pem_file, MER_KEY_PEM_MAX, &file, err));
    mer_status status =
        mer_public_key_parse(file.bytes, file.n, mer_quote(pem_file).text, &key, err);
    mer_file_release(&file);
    MER_GUARD(status);
    status = trust_key(alloc, directory, name, &key, err);
    mer_public_key_release(&key);
    return status;
}

mer_status mer_key_store_revoke(struct mer_alloc *alloc, const char *directory, const char *name,
                                mer_err *err)
{
    struct mer_public_key key;
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(check_store(directory, err));
    MER_GUARD(find_public(directory, name, &key, err));
    mer_status status = make_store(directory, err);
    /* Revoked before it is no longer trusted: a stop in between leaves it refused. */
    if (mer_is_ok(status) && !has_file(directory, PART_REVOKED, name))
        status = write_public(directory, PART_REVOKED, name, &key, alloc, err);
    if (mer_is_ok(status))
        remove_file(directory, PART_TRUSTED, name);
    mer_public_key_release(&key);
    return status;
}

/* ---- Private keys ---- */

mer_status mer_key_ask_new(mer_passphrase_fn *ask, void *self, const char *name,
                           struct mer_secret *passphrase, mer_err *err)
{
    if (!ask)
        return mer_ok();
    const int n = ask(self, name, true, (char *)passphrase->bytes, passphrase->capacity);
    if (n < 0 || (size_t)n > passphrase->capacity)
        return mer_fail(err, MER_ERR_TRUST, "no passphrase was given for %s", mer_quote(name).text);
    passphrase->n = (size_t)n;
    return mer_ok();
}

/* All three files of a new key, or none. */
static mer_status write_new(struct mer_alloc *alloc, const char *directory, const char *name,
                            const struct mer_signing_key *key, const struct mer_secret *passphrase,
                            mer_err *err)
{
    struct mer_secret pem;
    MER_GUARD(mer_secret_init(&pem, MER_KEY_PEM_MAX, err));
    mer_status status = mer_signing_key_write(key, passphrase, &pem, err);
    if (mer_is_ok(status))
        status = write_file(directory, PART_PRIVATE, name, pem.bytes, pem.n, err);
    mer_secret_release(&pem);
    MER_GUARD(status);
    status = write_public(directory, PART_PUBLIC, name, &key->public_key, alloc, err);
    if (mer_is_ok(status))
        status = write_public(directory, PART_TRUSTED, name, &key->public_key, alloc, err);
    if (!mer_is_ok(status)) {
        remove_file(directory, PART_PUBLIC, name);
        remove_file(directory, PART_PRIVATE, name);
    }
    return status;
}

mer_status mer_key_store_make(struct mer_alloc *alloc, const char *directory, const char *name,
                              mer_passphrase_fn *ask, void *self, mer_err *err)
{
    struct mer_secret passphrase = {0};
    struct mer_signing_key key = {0};
    mer_status status;
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(make_store(directory, err));
    MER_GUARD(check_name_is_free(directory, name, err));
    MER_GUARD_GOTO(mer_secret_init(&passphrase, MER_PASSPHRASE_MAX, err), done);
    MER_GUARD_GOTO(mer_key_ask_new(ask, self, name, &passphrase, err), done);
    MER_GUARD_GOTO(mer_signing_key_generate(&key, err), done);
    MER_GUARD_GOTO(write_new(alloc, directory, name, &key, &passphrase, err), done);
done:
    mer_signing_key_release(&key);
    mer_secret_release(&passphrase);
    return status;
}

bool mer_key_store_has_private(const char *directory, const char *name)
{
    struct store_path path;
    return mer_is_ok(make_path(directory, PART_PRIVATE, name, &path, NULL)) &&
           mer_file_exists(path.text);
}

static mer_status read_private(const char *directory, const char *name, mer_passphrase_fn *ask,
                               void *self, struct mer_signing_key *ret_key, mer_err *err)
{
    struct store_path path;
    struct mer_secret pem;
    MER_GUARD(make_path(directory, PART_PRIVATE, name, &path, err));
    if (!mer_key_store_has_private(directory, name)) {
        const mer_status status = mer_fail(
            err, MER_ERR_NO_INPUT, "there is no private key named %s", mer_quote(name).text);
        return mer_hint(err, status, "make one: merlon keys new %s", mer_quote(name).text);
    }
    MER_GUARD(mer_secret_init(&pem, MER_KEY_PEM_MAX, err));
    mer_status status =
        mer_private_file_read(path.text, MER_PRIVACY_READ, pem.bytes, pem.capacity, &pem.n, err);
    if (mer_is_ok(status))
        status = mer_signing_key_parse(&pem, name, ask, self, ret_key, err);
    mer_secret_release(&pem);
    return status;
}

mer_status mer_key_store_open(struct mer_alloc *alloc, const char *directory, const char *name,
                              mer_passphrase_fn *ask, void *self, struct mer_signing_key *ret_key,
                              mer_err *err)
{
    struct mer_signing_key key = {0};
    char known[MER_KEY_NAME_MAX + 1];
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(check_store(directory, err));
    MER_GUARD(read_private(directory, name, ask, self, &key, err));
    const mer_status status = check_not_revoked(alloc, directory, key.public_key.id, known, err);
    if (mer_is_ok(status))
        *ret_key = key;
    else
        mer_signing_key_release(&key);
    return status;
}

/* ---- Looking ---- */

struct names {
    struct mer_alloc *alloc;
    char (*names)[MER_KEY_NAME_MAX + 1]; /* owned */
    size_t n;
};

static mer_status add_name(void *self, const char *name, mer_err *err)
{
    struct names *names = self;
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->names[i], name) == 0)
            return mer_ok();
    MER_GUARD(
        mer_alloc_resize(names->alloc, (names->n + 1) * sizeof *names->names, &names->names, err));
    memcpy(names->names[names->n++], name, strlen(name) + 1);
    return mer_ok();
}

static int by_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

static mer_status describe_name(const char *directory, const char *name,
                                const struct mer_trusted_keys *trusted,
                                struct mer_key_info *ret_info, mer_err *err)
{
    struct mer_public_key key;
    struct mer_key_info info = {.has_private = has_file(directory, PART_PRIVATE, name)};
    MER_GUARD(find_public(directory, name, &key, err));
    const struct mer_trusted_key *known = mer_trusted_keys_find(trusted, key.id);
    snprintf(info.name, sizeof info.name, "%s", name);
    snprintf(info.curve, sizeof info.curve, "%s", mer_public_key_curve(&key));
    memcpy(info.id, key.id, sizeof info.id);
    info.revoked = known && known->revoked;
    info.trusted = known && !known->revoked;
    mer_public_key_release(&key);
    *ret_info = info;
    return mer_ok();
}

static mer_status list_names(const char *directory, struct names *names,
                             struct mer_trusted_keys *trusted,
                             void (*each)(void *self, const struct mer_key_info *key), void *self,
                             mer_err *err)
{
    for (enum part part = PART_PUBLIC; part < PART_COUNT; part++)
        MER_GUARD(each_name(directory, part, add_name, names, err));
    MER_GUARD(mer_key_store_trusted(directory, trusted, err));
    if (names->n > 0)
        mer_sort(names->names, names->n, sizeof *names->names, by_text);
    for (size_t i = 0; i < names->n; i++) {
        struct mer_key_info info;
        MER_GUARD(describe_name(directory, names->names[i], trusted, &info, err));
        each(self, &info);
    }
    return mer_ok();
}

mer_status mer_key_store_list(struct mer_alloc *alloc, const char *directory,
                              void (*each)(void *self, const struct mer_key_info *key), void *self,
                              mer_err *err)
{
    struct names names = {.alloc = alloc};
    struct mer_trusted_keys trusted;
    mer_trusted_keys_init(&trusted, alloc);
    const mer_status status = list_names(directory, &names, &trusted, each, self, err);
    mer_trusted_keys_release(&trusted);
    mer_free(alloc, names.names);
    return status;
}

mer_status mer_key_store_public(const char *directory, const char *name, struct mer_buf *buf,
                                mer_err *err)
{
    struct mer_public_key key;
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(check_store(directory, err));
    MER_GUARD(find_public(directory, name, &key, err));
    const mer_status status = mer_public_key_write(&key, buf, err);
    mer_public_key_release(&key);
    return status;
}
