#include "guard/pseudonyms.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/sort.h"
#include "guard/crypto.h"
#include "guard/hash.h"
#include "guard/key_store.h"
#include "os/file.h"
#include "os/private_file.h"
#include "os/secret_random.h"

enum { KEY_BYTES = 32, KEY_TEXT = 2 * KEY_BYTES + 1, TOKEN_BYTES = 16, FORMAT = 1, DEPTH = 4 };

static const char PREFIX[] = "mer_";
enum { N_PREFIX = sizeof PREFIX - 1, N_LETTERS = MER_TOKEN_CHARS - N_PREFIX };

/* ---- Tokens ---- */

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648's, in lower case */

/* 128 bits in 26 letters of 5 bits; the last one holds 3. */
static void write_token(const unsigned char bytes[TOKEN_BYTES], struct mer_token *ret)
{
    unsigned bits = 0, n_bits = 0;
    size_t at = N_PREFIX;
    memcpy(ret->text, PREFIX, N_PREFIX);
    for (size_t i = 0; i < TOKEN_BYTES; i++) {
        bits = bits << 8 | bytes[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5)
            ret->text[at++] = LETTERS[bits >> (n_bits - 5) & 31];
    }
    ret->text[at++] = LETTERS[bits << (5 - n_bits) & 31];
    ret->text[at] = '\0';
}

bool mer_token_is(const char *text, size_t n)
{
    if (n != MER_TOKEN_CHARS || memcmp(text, PREFIX, N_PREFIX) != 0)
        return false;
    for (size_t i = N_PREFIX; i < n; i++)
        if (!text[i] || !strchr(LETTERS, text[i]))
            return false;
    return true;
}

/* HMAC-SHA256 (RFC 2104) over what tells two names apart: which kind, how long the column's is. */
static bool authenticate(const struct mer_crypto *crypto, const struct mer_secret *key,
                         const struct mer_message_part *parts, size_t n_parts,
                         unsigned char ret[MER_SHA256_BYTES])
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_END};
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(crypto->hmac);
    size_t n = 0;
    bool fine = context && EVP_MAC_init(context, key->bytes, key->n, params) == 1;
    for (size_t i = 0; fine && i < n_parts; i++)
        fine = EVP_MAC_update(context, parts[i].bytes, parts[i].n) == 1;
    fine = fine && EVP_MAC_final(context, ret, &n, MER_SHA256_BYTES) == 1 && n == MER_SHA256_BYTES;
    EVP_MAC_CTX_free(context);
    return fine;
}

mer_status mer_book_token(const struct mer_book *book, const char *column, size_t n_column,
                          const char *level, size_t n_level, struct mer_token *ret_token,
                          mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    unsigned char mac[MER_SHA256_BYTES];
    char head[64];
    MER_GUARD(mer_crypto_get(&crypto, err));
    const int n_head = snprintf(head, sizeof head, "merlon pseudonym 1 %s %zu ",
                                level ? "level" : "column", n_column);
    const struct mer_message_part parts[] = {
        {head, (size_t)n_head}, {column, n_column}, {level ? level : "", level ? n_level : 0}};
    if (!authenticate(crypto, &book->key, parts, 3, mac))
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a pseudonym could not be made");
    write_token(mac, ret_token);
    return mer_ok();
}

/* ---- Names ---- */

static int by_token(const void *left, const void *right)
{
    const struct mer_book_entry *a = left, *b = right;
    return memcmp(a->token.text, b->token.text, MER_TOKEN_CHARS);
}

static const struct mer_book_entry *find_entry(const struct mer_book *book, const char *token)
{
    size_t low = 0, high = book->n_sorted;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = memcmp(token, book->entries[middle].token.text, MER_TOKEN_CHARS);
        if (order == 0)
            return &book->entries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *mer_book_find(const struct mer_book *book, const char *token, size_t n, size_t *ret_n)
{
    const struct mer_book_entry *entry = mer_token_is(token, n) ? find_entry(book, token) : NULL;
    if (entry && ret_n)
        *ret_n = entry->n;
    return entry ? entry->text : NULL;
}

/* Sorts what was learned in among the others, each token once. */
static void sort_names(struct mer_book *book)
{
    size_t n = 0;
    if (book->n_sorted == book->n)
        return;
    mer_sort(book->entries, book->n, sizeof *book->entries, by_token);
    for (size_t i = 0; i < book->n; i++) {
        if (n > 0 && by_token(&book->entries[n - 1], &book->entries[i]) == 0)
            mer_free(book->alloc, book->entries[i].text);
        else
            book->entries[n++] = book->entries[i];
    }
    book->n = book->n_sorted = n;
}

mer_status mer_book_learn(struct mer_book *book, const struct mer_token *token, const char *text,
                          size_t n, mer_err *err)
{
    enum { FIRST_CAPACITY = 64 };
    char *copy;
    if (find_entry(book, token->text))
        return mer_ok();
    if (book->n == book->capacity) {
        const size_t capacity = book->capacity ? book->capacity * 2 : FIRST_CAPACITY;
        MER_GUARD(
            mer_alloc_resize(book->alloc, capacity * sizeof *book->entries, &book->entries, err));
        book->capacity = capacity;
    }
    MER_GUARD(mer_alloc_bytes(book->alloc, n + 1, &copy, err));
    memcpy(copy, text, n);
    copy[n] = '\0';
    book->entries[book->n++] = (struct mer_book_entry){.token = *token, .n = n, .text = copy};
    return mer_ok();
}

/* ---- Files ---- */

struct book_path {
    char text[PATH_MAX];
};

static mer_status make_path(const struct mer_book *book, const char *suffix,
                            struct book_path *ret_path, mer_err *err)
{
    const int n = snprintf(ret_path->text, sizeof ret_path->text, "%s/%s%s", book->folder,
                           book->project, suffix);
    if (n < 0 || (size_t)n >= sizeof ret_path->text)
        return mer_fail(err, MER_ERR_USAGE, "the path %s is too long",
                        mer_quote(book->folder).text);
    return mer_ok();
}

static mer_status write_private(const char *path, const void *bytes, size_t n, bool replace,
                                mer_err *err)
{
    struct mer_output output;
    MER_GUARD(mer_output_open(&output, path, replace, 0600, err));
    mer_status status = mer_output_write(&output, bytes, n, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

static mer_status make_key(const char *path, mer_err *err)
{
    struct mer_secret text = {0};
    unsigned char bytes[KEY_BYTES];
    MER_GUARD(mer_secret_init(&text, KEY_TEXT + 1, err));
    mer_status status = mer_secret_random(bytes, sizeof bytes, err);
    if (mer_is_ok(status)) {
        mer_hash_hex(bytes, sizeof bytes, (char *)text.bytes);
        text.bytes[KEY_TEXT - 1] = '\n';
        status = write_private(path, text.bytes, KEY_TEXT, false, err);
    }
    explicit_bzero(bytes, sizeof bytes);
    mer_secret_release(&text);
    return status.code == MER_ERR_EXISTS ? mer_ok() : status; /* another run was first */
}

static mer_status read_key(struct mer_book *book, const char *path, mer_err *err)
{
    struct mer_secret text = {0};
    size_t n = 0;
    MER_GUARD(mer_secret_init(&text, KEY_TEXT + 1, err));
    mer_status status =
        mer_private_file_read(path, MER_PRIVACY_READ, text.bytes, KEY_TEXT, &n, err);
    if (mer_is_ok(status)) {
        if (n == KEY_TEXT)
            text.bytes[KEY_TEXT - 1] = '\0';
        if (n != KEY_TEXT || !mer_hash_unhex((char *)text.bytes, KEY_BYTES, book->key.bytes))
            status = mer_fail(err, MER_ERR_DATA, "%s does not hold a key for pseudonyms",
                              mer_quote(path).text);
        book->key.n = KEY_BYTES;
    }
    mer_secret_release(&text);
    return status;
}

static mer_status take_names(struct mer_book *book, const struct mer_json *root, mer_err *err)
{
    const struct mer_json *names = mer_json_get(root, "names");
    int64_t format;
    if (!mer_json_integer(mer_json_get(root, "format"), &format) || format != FORMAT ||
        mer_json_type(names) != MER_JSON_ARRAY || mer_json_size(names) % 2 != 0)
        return mer_fail(err, MER_ERR_DATA, "the project's names are not in a form that is known");
    for (size_t i = 0; i < mer_json_size(names); i += 2) {
        size_t n_token, n_text;
        struct mer_token token;
        const char *const text = mer_json_string(mer_json_at(names, i + 1), &n_text);
        const char *const bytes = mer_json_string(mer_json_at(names, i), &n_token);
        if (!text || !bytes || !mer_token_is(bytes, n_token))
            return mer_fail(err, MER_ERR_DATA, "the project's names are broken");
        memcpy(token.text, bytes, sizeof token.text);
        MER_GUARD(mer_book_learn(book, &token, text, n_text, err));
    }
    return mer_ok();
}

/* Adds the names of the file, if there is one. */
static mer_status read_names(struct mer_book *book, mer_err *err)
{
    const struct mer_json_limits limits = {MER_BOOK_FILE_MAX, DEPTH};
    struct mer_json_document *document = NULL;
    struct mer_file_bytes file;
    struct book_path path;
    unsigned char first;
    size_t n;
    MER_GUARD(make_path(book, ".json", &path, err));
    if (!mer_file_exists(path.text))
        return mer_ok();
    /* Who may read it is checked on the file itself; that it is longer than the byte is no matter.
     */
    const mer_status open = mer_private_file_read(path.text, MER_PRIVACY_READ, &first, 1, &n, err);
    if (open.code == MER_ERR_TRUST || open.code == MER_ERR_NO_INPUT)
        return open;
    mer_err_clear(err);
    MER_GUARD(mer_file_read(book->alloc, path.text, MER_BOOK_FILE_MAX, &file, err));
    mer_status status = mer_json_parse(book->alloc, (const char *)file.bytes, file.n, &limits,
                                       "the project's names", &document, err);
    mer_file_release(&file);
    if (mer_is_ok(status))
        status = take_names(book, mer_json_root(document), err);
    mer_json_free(document);
    sort_names(book);
    return status;
}

static mer_status write_names(const struct mer_book *book, struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 0, err);
    mer_json_begin_object(&writer);
    mer_json_key(&writer, "format");
    mer_json_put_integer(&writer, FORMAT);
    mer_json_key(&writer, "names");
    mer_json_begin_array(&writer);
    for (size_t i = 0; i < book->n; i++) {
        mer_json_put_string(&writer, book->entries[i].token.text);
        mer_json_put_string_n(&writer, book->entries[i].text, book->entries[i].n);
    }
    mer_json_end_array(&writer);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}

static mer_status save_locked(struct mer_book *book, mer_err *err)
{
    MER_CLEANUP(mer_buf_release) struct mer_buf buf;
    struct book_path path;
    mer_buf_init(&buf, book->alloc, MER_BOOK_FILE_MAX);
    MER_GUARD(make_path(book, ".json", &path, err));
    MER_GUARD(read_names(book, err));
    sort_names(book);
    MER_GUARD(write_names(book, &buf, err));
    return write_private(path.text, buf.bytes, buf.n, true, err);
}

mer_status mer_book_save(struct mer_book *book, mer_err *err)
{
    int lock;
    if (book->n == book->n_sorted)
        return mer_ok(); /* nothing was learned */
    MER_GUARD(mer_folder_lock(book->folder, &lock, err));
    const mer_status status = save_locked(book, err);
    mer_folder_unlock(lock);
    return status;
}

static mer_status open_book(struct mer_book *book, bool make, bool *ret_is_new, mer_err *err)
{
    struct book_path path;
    MER_GUARD(make_path(book, ".key", &path, err));
    if (make)
        MER_GUARD(mer_folder_make(book->folder, err));
    if (mer_file_exists(book->folder))
        MER_GUARD(mer_private_folder_check(book->folder, err));
    const bool is_new = !mer_file_exists(path.text);
    if (is_new && !make)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_NO_INPUT, "there is no project %s with pseudonyms",
                                 mer_quote(book->project).text),
                        "whoever made the model has its key: names/%s.key and names/%s.json in the "
                        "folder for keys",
                        book->project, book->project);
    if (is_new)
        MER_GUARD(make_key(path.text, err));
    MER_GUARD(mer_secret_init(&book->key, KEY_BYTES, err));
    MER_GUARD(read_key(book, path.text, err));
    if (ret_is_new)
        *ret_is_new = is_new;
    return read_names(book, err);
}

mer_status mer_book_open(struct mer_alloc *alloc, const char *directory, const char *project,
                         bool make, struct mer_book *ret_book, bool *ret_is_new, mer_err *err)
{
    struct mer_book book = {.alloc = alloc};
    mer_status status;
    MER_GUARD(mer_key_name_check(project, err));
    book.project = strdup(project);
    if (!book.project || asprintf(&book.folder, "%s/names", directory) < 0) {
        free(book.project);
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    }
    status = open_book(&book, make, ret_is_new, err);
    if (mer_is_ok(status))
        *ret_book = book;
    else
        mer_book_release(&book);
    return status;
}

void mer_book_release(struct mer_book *book)
{
    for (size_t i = 0; i < book->n; i++) {
        explicit_bzero(book->entries[i].text, book->entries[i].n);
        mer_free(book->alloc, book->entries[i].text);
    }
    mer_free(book->alloc, book->entries);
    mer_secret_release(&book->key);
    free(book->folder);
    free(book->project);
    *book = (struct mer_book){0};
}

/* ---- Turning back ---- */

static mer_status put_escaped(struct mer_buf *buf, enum mer_names_text kind, const char *text,
                              size_t n, mer_err *err)
{
    for (size_t i = 0; i < n; i++) {
        char escape[8];
        const unsigned char c = (unsigned char)text[i];
        const char *written = NULL;
        if (kind == MER_NAMES_HTML)
            written = c == '&'    ? "&amp;"
                      : c == '<'  ? "&lt;"
                      : c == '>'  ? "&gt;"
                      : c == '"'  ? "&quot;"
                      : c == '\'' ? "&#39;"
                                  : NULL;
        else if (kind == MER_NAMES_JSON && (c == '"' || c == '\\' || c < 0x20)) {
            (void)snprintf(escape, sizeof escape, c < 0x20 ? "\\u%04x" : "\\%c", c);
            written = escape;
        } else if (kind == MER_NAMES_CSV && c == '"')
            written = "\"\"";
        if (written)
            MER_GUARD(mer_buf_text(buf, written, err));
        else
            MER_GUARD(mer_buf_append(buf, text + i, 1, err));
    }
    return mer_ok();
}

/* A token that is a whole cell gets quotes where its name needs them; one inside quotes does not.
 */
static bool wants_quotes(const char *text, size_t n, size_t at, const char *name)
{
    const bool begins = at == 0 || strchr(",;\t|\n\r", text[at - 1]);
    const size_t end = at + MER_TOKEN_CHARS;
    const bool ends = end == n || strchr(",;\t|\n\r", text[end]);
    return begins && ends && name[strcspn(name, ",;\t|\"\r\n")] != '\0';
}

static mer_status put_name(struct mer_buf *buf, enum mer_names_text kind, const char *text,
                           size_t n, size_t at, const char *name, size_t n_name, mer_err *err)
{
    if (kind != MER_NAMES_CSV)
        return put_escaped(buf, kind, name, n_name, err);
    const bool in_quotes = at > 0 && text[at - 1] == '"';
    const bool quotes = wants_quotes(text, n, at, name);
    if (quotes)
        MER_GUARD(mer_buf_text(buf, "\"", err));
    MER_GUARD(
        put_escaped(buf, quotes || in_quotes ? MER_NAMES_CSV : MER_NAMES_PLAIN, name, n_name, err));
    return quotes ? mer_buf_text(buf, "\"", err) : mer_ok();
}

mer_status mer_book_turn_back(const struct mer_book *book, enum mer_names_text kind,
                              const char *text, size_t n, struct mer_buf *buf, size_t *ret_n_known,
                              size_t *ret_n_unknown, mer_err *err)
{
    size_t done = 0, n_known = 0, n_unknown = 0;
    const char *at = text;
    while ((at = memmem(text + (at - text), n - (size_t)(at - text), PREFIX, N_PREFIX))) {
        const size_t offset = (size_t)(at - text);
        size_t n_name = 0;
        if (n - offset < MER_TOKEN_CHARS || !mer_token_is(at, MER_TOKEN_CHARS)) {
            at++;
            continue;
        }
        const char *const name = mer_book_find(book, at, MER_TOKEN_CHARS, &n_name);
        n_known += name != NULL;
        n_unknown += name == NULL;
        at += MER_TOKEN_CHARS;
        if (!name)
            continue;
        MER_GUARD(mer_buf_append(buf, text + done, offset - done, err));
        MER_GUARD(put_name(buf, kind, text, n, offset, name, n_name, err));
        done = offset + MER_TOKEN_CHARS;
    }
    *ret_n_known = n_known;
    *ret_n_unknown = n_unknown;
    return mer_buf_append(buf, text + done, n - done, err);
}
