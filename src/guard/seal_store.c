#include "guard/seal_store.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "os/file.h"
#include "os/private_file.h"

static const char IDENTITY[] = ".identity";
static const char RECIPIENT[] = ".recipient";
static const char DESTROYED[] = ".destroyed";

struct seal_path {
    char text[PATH_MAX];
};

/* DIRECTORY/seal, or with a name DIRECTORY/seal/NAME.SUFFIX. */
static mer_status make_path(const char *directory, const char *name, const char *suffix,
                            struct seal_path *ret_path, mer_err *err)
{
    const int n = snprintf(ret_path->text, sizeof ret_path->text, "%s/seal%s%s%s", directory,
                           name ? "/" : "", name ? name : "", name ? suffix : "");
    if (n < 0 || (size_t)n >= sizeof ret_path->text)
        return mer_fail(err, MER_ERR_USAGE, "the path %s is too long", mer_quote(directory).text);
    return mer_ok();
}

static bool has_file(const char *directory, const char *name, const char *suffix)
{
    struct seal_path path;
    return mer_is_ok(make_path(directory, name, suffix, &path, NULL)) && mer_file_exists(path.text);
}

static mer_status check_folders(const char *directory, mer_err *err)
{
    struct seal_path path;
    MER_GUARD(make_path(directory, NULL, NULL, &path, err));
    if (mer_file_exists(directory))
        MER_GUARD(mer_private_folder_check(directory, err));
    if (mer_file_exists(path.text))
        MER_GUARD(mer_private_folder_check(path.text, err));
    return mer_ok();
}

static mer_status make_folders(const char *directory, mer_err *err)
{
    struct seal_path path;
    MER_GUARD(make_path(directory, NULL, NULL, &path, err));
    MER_GUARD(mer_folder_make(path.text, err));
    return check_folders(directory, err);
}

static mer_status write_file(const char *directory, const char *name, const char *suffix,
                             unsigned mode, const void *bytes, size_t n, mer_err *err)
{
    struct seal_path path;
    struct mer_output output;
    MER_GUARD(make_path(directory, name, suffix, &path, err));
    MER_GUARD(mer_output_open(&output, path.text, false, mode, err));
    mer_status status = mer_output_write(&output, bytes, n, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

static mer_status write_recipient(const char *directory, const char *name, const char *suffix,
                                  const struct mer_recipient *recipient, mer_err *err)
{
    char line[MER_RECIPIENT_TEXT_MAX + 1];
    mer_recipient_text(recipient, line);
    const size_t n = strlen(line);
    line[n] = '\n';
    return write_file(directory, name, suffix, 0644, line, n + 1, err);
}

/* ---- Making one ---- */

static mer_status into_secret(void *self, const void *bytes, size_t n, mer_err *err)
{
    struct mer_secret *const secret = self;
    if (n > secret->capacity - secret->n)
        return mer_fail(err, MER_ERR_DATA, "it is too large for what it should be");
    if (n > 0)
        memcpy(secret->bytes + secret->n, bytes, n);
    secret->n += n;
    return mer_ok();
}

/* The identity's file: the text itself, or sealed with the passphrase. */
static mer_status write_identity(struct mer_alloc *alloc, const char *directory, const char *name,
                                 const struct mer_secret *text, const struct mer_secret *passphrase,
                                 mer_err *err)
{
    struct mer_secret sealed;
    struct mer_sealer sealer;
    if (passphrase->n == 0)
        return write_file(directory, name, IDENTITY, 0600, text->bytes, text->n, err);
    const struct mer_seal_to to = {.passphrase = passphrase, .armored = true};
    MER_GUARD(mer_secret_init(&sealed, MER_IDENTITY_FILE_MAX, err));
    mer_status status =
        mer_sealer_init(&sealer, alloc, &to, (struct mer_seal_sink){into_secret, &sealed}, err);
    if (mer_is_ok(status))
        status = mer_sealer_write(&sealer, text->bytes, text->n, err);
    if (mer_is_ok(status))
        status = mer_sealer_end(&sealer, err);
    mer_sealer_release(&sealer);
    if (mer_is_ok(status))
        status = write_file(directory, name, IDENTITY, 0600, sealed.bytes, sealed.n, err);
    mer_secret_release(&sealed);
    return status;
}

static mer_status check_name_is_free(const char *directory, const char *name, mer_err *err)
{
    const bool destroyed = has_file(directory, name, DESTROYED);
    if (!destroyed && !has_file(directory, name, IDENTITY) && !has_file(directory, name, RECIPIENT))
        return mer_ok();
    const mer_status status =
        mer_fail(err, MER_ERR_EXISTS, "there is a key for sealing named %s%s", mer_quote(name).text,
                 destroyed ? ", which was destroyed" : "");
    return mer_hint(err, status, "choose another name");
}

mer_status mer_seal_store_make(struct mer_alloc *alloc, const char *directory, const char *name,
                               mer_passphrase_fn *ask, void *self,
                               struct mer_recipient *ret_recipient, mer_err *err)
{
    struct mer_identities identities = {.n = 0};
    struct mer_secret passphrase = {0}, text = {0};
    struct seal_path path;
    mer_status status;
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(make_folders(directory, err));
    MER_GUARD(check_name_is_free(directory, name, err));
    MER_GUARD_GOTO(mer_secret_init(&passphrase, MER_PASSPHRASE_MAX, err), done);
    MER_GUARD_GOTO(mer_secret_init(&text, 1024, err), done);
    MER_GUARD_GOTO(mer_key_ask_new(ask, self, name, &passphrase, err), done);
    MER_GUARD_GOTO(mer_identities_init(&identities, err), done);
    MER_GUARD_GOTO(mer_identities_generate(&identities, err), done);
    mer_identities_write(&identities, 0, &text);
    MER_GUARD_GOTO(write_identity(alloc, directory, name, &text, &passphrase, err), done);
    status = write_recipient(directory, name, RECIPIENT, &identities.recipients[0], err);
    if (mer_is_ok(status))
        *ret_recipient = identities.recipients[0];
    else if (mer_is_ok(make_path(directory, name, IDENTITY, &path, NULL)))
        (void)remove(path.text);
done:
    mer_identities_release(&identities);
    mer_secret_release(&text);
    mer_secret_release(&passphrase);
    return status;
}

/* ---- Recipients ---- */

static mer_status add_recipient(struct mer_recipients *recipients, const char *text, size_t n,
                                mer_err *err)
{
    if (recipients->n == MER_RECIPIENTS_MAX)
        return mer_fail(err, MER_ERR_USAGE, "there are over %d recipients", MER_RECIPIENTS_MAX);
    MER_GUARD(mer_recipient_parse(text, n, &recipients->items[recipients->n], err));
    recipients->n++;
    return mer_ok();
}

static mer_status add_lines(struct mer_recipients *recipients, const char *text, size_t n,
                            const char *what, mer_err *err)
{
    const size_t n_before = recipients->n;
    const char *const end = n > 0 ? text + n : text;
    const char *next = NULL;
    for (const char *at = text; at < end; at = next) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        next = stop ? stop + 1 : end;
        stop = stop ? stop : end;
        while (stop > at && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        if (stop == at || *at == '#')
            continue;
        const mer_status status = add_recipient(recipients, at, (size_t)(stop - at), err);
        if (!mer_is_ok(status))
            return mer_prefix(err, status, "%s", what);
    }
    if (recipients->n == n_before)
        return mer_fail(err, MER_ERR_DATA, "%s holds no recipient (age1...)", what);
    return mer_ok();
}

static mer_status read_recipient(const char *directory, const char *name, const char *suffix,
                                 struct mer_recipients *recipients, mer_err *err)
{
    struct seal_path path;
    char text[1024];
    size_t n = 0;
    MER_GUARD(make_path(directory, name, suffix, &path, err));
    MER_GUARD(mer_private_file_read(path.text, MER_PRIVACY_WRITE, text, sizeof text, &n, err));
    return add_lines(recipients, text, n, mer_quote(path.text).text, err);
}

static mer_status fail_destroyed(const char *name, mer_err *err)
{
    const mer_status status =
        mer_fail(err, MER_ERR_TRUST, "the key %s was destroyed", mer_quote(name).text);
    return mer_hint(err, status, "what was sealed to it alone stays closed for ever");
}

mer_status mer_seal_store_recipients(struct mer_alloc *alloc, const char *directory,
                                     const char *which, struct mer_recipients *recipients,
                                     mer_err *err)
{
    struct mer_file_bytes file;
    if (strncmp(which, "age1", 4) == 0 || strncmp(which, "ssh-", 4) == 0 ||
        strncasecmp(which, "age-secret-key-", 15) == 0)
        return add_recipient(recipients, which, strlen(which), err);
    if (mer_key_name_is_valid(which)) {
        MER_GUARD(check_folders(directory, err));
        if (has_file(directory, which, DESTROYED))
            return fail_destroyed(which, err);
        if (has_file(directory, which, RECIPIENT))
            return read_recipient(directory, which, RECIPIENT, recipients, err);
    }
    if (!mer_file_exists(which)) {
        const mer_status status =
            mer_fail(err, MER_ERR_NO_INPUT,
                     "%s is neither a recipient (age1...) nor a key in the store nor a file",
                     mer_quote(which).text);
        return mer_hint(err, status, "merlon keys list shows the keys");
    }
    MER_GUARD(mer_file_read(alloc, which, MER_IDENTITY_FILE_MAX, &file, err));
    const mer_status status =
        add_lines(recipients, (const char *)file.bytes, file.n, mer_quote(which).text, err);
    mer_file_release(&file);
    return status;
}

/* ---- Identities ---- */

/* The text of an identity file, of which some are sealed with a passphrase. */
static mer_status parse_identities(struct mer_alloc *alloc, const struct mer_secret *text,
                                   const char *path, mer_passphrase_fn *ask, void *self,
                                   struct mer_identities *identities, mer_err *err)
{
    const struct mer_unseal_with with = {.ask = ask, .self = self, .name = path};
    struct mer_secret opened;
    if (!mer_unseal_is_sealed(text->bytes, text->n))
        return mer_identities_parse(identities, (const char *)text->bytes, text->n,
                                    mer_quote(path).text, err);
    MER_GUARD(mer_secret_init(&opened, MER_IDENTITY_FILE_MAX, err));
    mer_status status = mer_unseal_bytes(alloc, &with, text->bytes, text->n,
                                         (struct mer_seal_sink){into_secret, &opened}, NULL, err);
    if (!mer_is_ok(status))
        status = mer_prefix(err, status, "%s", mer_quote(path).text);
    else
        status = mer_identities_parse(identities, (const char *)opened.bytes, opened.n,
                                      mer_quote(path).text, err);
    mer_secret_release(&opened);
    return status;
}

mer_status mer_seal_store_identities(struct mer_alloc *alloc, const char *directory,
                                     const char *which, mer_passphrase_fn *ask, void *self,
                                     struct mer_identities *identities, mer_err *err)
{
    struct seal_path path;
    struct mer_secret text;
    const char *at = which;
    if (mer_key_name_is_valid(which)) {
        MER_GUARD(check_folders(directory, err));
        if (has_file(directory, which, DESTROYED))
            return fail_destroyed(which, err);
        if (has_file(directory, which, IDENTITY)) {
            MER_GUARD(make_path(directory, which, IDENTITY, &path, err));
            at = path.text;
        }
    }
    if (at == which && !mer_file_exists(which)) {
        const mer_status status =
            mer_fail(err, MER_ERR_NO_INPUT, "%s is neither an identity file nor a key in the store",
                     mer_quote(which).text);
        return mer_hint(err, status, "merlon keys new --for seal makes one");
    }
    MER_GUARD(mer_secret_init(&text, MER_IDENTITY_FILE_MAX, err));
    mer_status status =
        mer_private_file_read(at, MER_PRIVACY_READ, text.bytes, text.capacity, &text.n, err);
    if (mer_is_ok(status))
        status = parse_identities(alloc, &text, at, ask, self, identities, err);
    mer_secret_release(&text);
    return status;
}

/* ---- Destroying and looking ---- */

mer_status mer_seal_store_destroy(const char *directory, const char *name, mer_err *err)
{
    struct mer_recipients recipients = {.n = 0};
    struct seal_path path;
    MER_GUARD(mer_key_name_check(name, err));
    MER_GUARD(check_folders(directory, err));
    if (has_file(directory, name, RECIPIENT)) {
        MER_GUARD(read_recipient(directory, name, RECIPIENT, &recipients, err));
        /* First the name stops sealing: a stop in between must not leave others to seal to a key
         * that nobody has. */
        if (!has_file(directory, name, DESTROYED))
            MER_GUARD(write_recipient(directory, name, DESTROYED, &recipients.items[0], err));
    } else if (!has_file(directory, name, IDENTITY) && !has_file(directory, name, DESTROYED)) {
        const mer_status status = mer_fail(
            err, MER_ERR_NO_INPUT, "there is no key for sealing named %s", mer_quote(name).text);
        return mer_hint(err, status, "merlon keys list shows those that there are");
    }
    if (has_file(directory, name, IDENTITY)) {
        MER_GUARD(make_path(directory, name, IDENTITY, &path, err));
        MER_GUARD(mer_private_file_destroy(path.text, err));
    }
    MER_GUARD(make_path(directory, name, RECIPIENT, &path, err));
    (void)remove(path.text);
    return mer_ok();
}

/* The key whose file this is: those with a recipient, and those that were destroyed. */
static bool describe(const char *directory, const char *file, struct mer_seal_key_info *ret_key)
{
    struct mer_recipients recipients = {.n = 0};
    struct mer_seal_key_info key = {.destroyed = false};
    const char *const dot = strrchr(file, '.');
    const size_t n = dot ? (size_t)(dot - file) : 0;
    if (n == 0 || n >= sizeof key.name || (strcmp(dot, RECIPIENT) && strcmp(dot, DESTROYED)))
        return false;
    memcpy(key.name, file, n);
    key.name[n] = '\0';
    key.destroyed = strcmp(dot, DESTROYED) == 0;
    if (!mer_key_name_is_valid(key.name) ||
        !mer_is_ok(read_recipient(directory, key.name, dot, &recipients, NULL)))
        return false;
    mer_recipient_text(&recipients.items[0], key.recipient);
    key.has_identity = has_file(directory, key.name, IDENTITY);
    *ret_key = key;
    return true;
}

mer_status mer_seal_store_list(const char *directory,
                               void (*each)(void *self, const struct mer_seal_key_info *key),
                               void *self, mer_err *err)
{
    struct seal_path path;
    struct mer_folder_list list;
    MER_GUARD(check_folders(directory, err));
    MER_GUARD(make_path(directory, NULL, NULL, &path, err));
    if (!mer_file_exists(path.text))
        return mer_ok();
    MER_GUARD(mer_folder_read(path.text, &list, err));
    for (size_t i = 0; i < list.n; i++) {
        struct mer_seal_key_info key;
        if (describe(directory, list.entries[i].name, &key))
            each(self, &key);
    }
    mer_folder_release(&list);
    return mer_ok();
}
