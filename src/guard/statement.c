#include "guard/statement.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/sort.h"

enum { STATEMENT_DEPTH = 16 };

static const char STATEMENT_TYPE[] = "https://in-toto.io/Statement/v1";
static const char PREDICATE_TYPE[] = "https://model_signing/signature/v1.0";

static const char SERIAL[] = "merlon.serial";

const char MER_RESOURCE_SELF[] = ".";

void mer_statement_init(struct mer_statement *statement, struct mer_alloc *alloc)
{
    *statement = (struct mer_statement){0};
    mer_arena_init(&statement->arena, alloc);
}

void mer_statement_release(struct mer_statement *statement)
{
    struct mer_alloc *alloc = statement->arena.alloc;
    mer_arena_release(&statement->arena);
    mer_statement_init(statement, alloc);
}

bool mer_resource_name_valid(const char *name)
{
    const char *part = name;
    for (;;) {
        const size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (part[n] == '\0')
            return true;
        part += n + 1;
    }
}

mer_status mer_statement_seal(struct mer_statement *statement, mer_err *err)
{
    struct mer_hash hash;
    MER_GUARD(mer_hash_init(&hash, MER_HASH_SHA256, err));
    for (size_t i = 0; i < statement->n_resources; i++) {
        const struct mer_digest *digest = &statement->resources[i].digest;
        const mer_status status = mer_hash_update(&hash, digest->bytes, digest->n, err);
        if (!mer_is_ok(status)) {
            mer_hash_release(&hash);
            return status;
        }
    }
    return mer_hash_final(&hash, &statement->digest, err);
}

/* ---- Writing ---- */

static void put_digest(struct mer_json_writer *writer, const char *key,
                       const struct mer_digest *digest)
{
    char hex[MER_HASH_HEX_MAX];
    mer_hash_hex(digest->bytes, digest->n, hex);
    mer_json_key(writer, key);
    mer_json_put_string(writer, hex);
}

static void put_text(struct mer_json_writer *writer, const char *key, const char *text)
{
    mer_json_key(writer, key);
    mer_json_put_string(writer, text);
}

static void put_subject(struct mer_json_writer *writer, const struct mer_statement *statement)
{
    mer_json_key(writer, "subject");
    mer_json_begin_array(writer);
    mer_json_begin_object(writer);
    put_text(writer, "name", statement->subject);
    mer_json_key(writer, "digest");
    mer_json_begin_object(writer);
    put_digest(writer, mer_hash_name(MER_HASH_SHA256), &statement->digest);
    mer_json_end_object(writer);
    if (statement->serial > 0) {
        mer_json_key(writer, "annotations");
        mer_json_begin_object(writer);
        mer_json_key(writer, SERIAL);
        mer_json_put_unsigned(writer, statement->serial);
        mer_json_end_object(writer);
    }
    mer_json_end_object(writer);
    mer_json_end_array(writer);
}

static void put_serialization(struct mer_json_writer *writer, const struct mer_statement *statement)
{
    mer_json_key(writer, "serialization");
    mer_json_begin_object(writer);
    put_text(writer, "method", statement->in_shards ? "shards" : "files");
    put_text(writer, "hash_type", mer_hash_name(statement->hash));
    mer_json_key(writer, "allow_symlinks");
    mer_json_put_boolean(writer, false);
    if (statement->in_shards) {
        mer_json_key(writer, "shard_size");
        mer_json_put_unsigned(writer, statement->shard_bytes);
    }
    if (statement->n_ignored > 0) {
        mer_json_key(writer, "ignore_paths");
        mer_json_begin_array(writer);
        for (size_t i = 0; i < statement->n_ignored; i++)
            mer_json_put_string(writer, statement->ignored[i]);
        mer_json_end_array(writer);
    }
    mer_json_end_object(writer);
}

static void put_resources(struct mer_json_writer *writer, const struct mer_statement *statement)
{
    mer_json_key(writer, "resources");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < statement->n_resources; i++) {
        mer_json_begin_object(writer);
        put_text(writer, "name", statement->resources[i].name);
        put_text(writer, "algorithm", mer_hash_name(statement->hash));
        put_digest(writer, "digest", &statement->resources[i].digest);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

mer_status mer_statement_write(const struct mer_statement *statement, struct mer_buf *buf,
                               mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 0, err);
    mer_json_begin_object(&writer);
    put_text(&writer, "_type", STATEMENT_TYPE);
    put_subject(&writer, statement);
    put_text(&writer, "predicateType", PREDICATE_TYPE);
    mer_json_key(&writer, "predicate");
    mer_json_begin_object(&writer);
    put_serialization(&writer, statement);
    put_resources(&writer, statement);
    mer_json_end_object(&writer);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}

/* ---- Reading ---- */

static mer_status refuse(mer_err *err, const char *why)
{
    return mer_fail(err, MER_ERR_TRUST, "the signed statement is not one of model signing v1.0: %s",
                    why);
}

/* Does the object have members other than these? */
static bool has_others(const struct mer_json *object, const char *const *keys, size_t n_keys)
{
    size_t n_known = 0;
    for (size_t i = 0; i < n_keys; i++)
        n_known += mer_json_get(object, keys[i]) != NULL;
    return mer_json_size(object) != n_known;
}

static bool is_text(const struct mer_json *value, const char *text)
{
    const char *string = mer_json_string(value, NULL);
    return string && strcmp(string, text) == 0;
}

static mer_status read_hash_kind(const struct mer_json *value, enum mer_hash_kind *ret,
                                 mer_err *err)
{
    for (size_t i = 0; i < MER_HASH_KIND_COUNT; i++)
        if (is_text(value, mer_hash_name((enum mer_hash_kind)i))) {
            *ret = (enum mer_hash_kind)i;
            return mer_ok();
        }
    if (is_text(value, "blake3"))
        return mer_fail(err, MER_ERR_TRUST,
                        "the files were signed by their BLAKE3 digests, which cannot be checked "
                        "here; sign with SHA-256");
    return refuse(err, "hash_type is unknown");
}

static mer_status read_ignored(struct mer_statement *statement, const struct mer_json *array,
                               mer_err *err)
{
    const size_t n = mer_json_size(array);
    if (!array)
        return mer_ok();
    if (mer_json_type(array) != MER_JSON_ARRAY)
        return refuse(err, "ignore_paths is not an array");
    MER_GUARD(
        mer_arena_zero(&statement->arena, n, sizeof *statement->ignored, &statement->ignored, err));
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *text = mer_json_string(mer_json_at(array, i), &length);
        if (!text || length == 0)
            return refuse(err, "ignore_paths holds something that is not a path");
        MER_GUARD(mer_arena_text(&statement->arena, text, length, &statement->ignored[i], err));
    }
    statement->n_ignored = n;
    return mer_ok();
}

static mer_status read_serialization(struct mer_statement *statement, const struct mer_json *object,
                                     mer_err *err)
{
    static const char *const keys[] = {"method", "hash_type", "allow_symlinks", "shard_size",
                                       "ignore_paths"};
    bool allow_symlinks;
    int64_t shard_bytes = 0;
    if (mer_json_type(object) != MER_JSON_OBJECT ||
        has_others(object, keys, sizeof keys / sizeof *keys))
        return refuse(err, "serialization has unknown fields");
    const struct mer_json *method = mer_json_get(object, "method");
    const struct mer_json *shard_size = mer_json_get(object, "shard_size");
    statement->in_shards = is_text(method, "shards");
    if (!statement->in_shards && !is_text(method, "files"))
        return refuse(err, "the method is neither files nor shards");
    /* Links are not followed here in either case: with true, a folder that has one is refused when
     * it is met. */
    if (!mer_json_boolean(mer_json_get(object, "allow_symlinks"), &allow_symlinks))
        return refuse(err, "allow_symlinks is not a boolean");
    if (statement->in_shards && (!mer_json_integer(shard_size, &shard_bytes) || shard_bytes <= 0))
        return refuse(err, "shard_size is not a positive number");
    if (!statement->in_shards && shard_size)
        return refuse(err, "shard_size has no meaning for whole files");
    statement->shard_bytes = (uint64_t)shard_bytes;
    MER_GUARD(read_hash_kind(mer_json_get(object, "hash_type"), &statement->hash, err));
    return read_ignored(statement, mer_json_get(object, "ignore_paths"), err);
}

static mer_status read_resource(struct mer_statement *statement, const struct mer_json *object,
                                struct mer_resource *resource, mer_err *err)
{
    size_t n;
    const char *name = mer_json_string(mer_json_get(object, "name"), &n);
    const char *digest = mer_json_string(mer_json_get(object, "digest"), NULL);
    if (!name || !digest)
        return refuse(err, "a resource has no name or no digest");
    if (!mer_resource_name_valid(name) && strcmp(name, MER_RESOURCE_SELF) != 0)
        return refuse(err, "a resource's name is not a relative path in plain form");
    if (!is_text(mer_json_get(object, "algorithm"), mer_hash_name(statement->hash)))
        return refuse(err, "a resource's algorithm is not the one of hash_type");
    resource->digest.n = mer_hash_size(statement->hash);
    if (!mer_hash_unhex(digest, resource->digest.n, resource->digest.bytes))
        return refuse(err, "a resource's digest is not one in lower-case hex");
    return mer_arena_text(&statement->arena, name, n, &resource->name, err);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static mer_status check_names_differ(const struct mer_statement *statement, mer_err *err)
{
    struct mer_alloc *alloc = statement->arena.alloc;
    const size_t n = statement->n_resources;
    const char **names = NULL;
    bool differ = true;
    MER_GUARD(mer_alloc_array(alloc, n, sizeof *names, &names, err));
    for (size_t i = 0; i < n; i++)
        names[i] = statement->resources[i].name;
    mer_sort(names, n, sizeof *names, by_name);
    for (size_t i = 1; i < n; i++)
        differ = differ && strcmp(names[i - 1], names[i]) != 0;
    mer_free(alloc, names);
    return differ ? mer_ok() : refuse(err, "two resources have the same name");
}

static mer_status read_resources(struct mer_statement *statement, const struct mer_json *array,
                                 mer_err *err)
{
    const size_t n = mer_json_size(array);
    if (mer_json_type(array) != MER_JSON_ARRAY || n == 0)
        return refuse(err, "it lists no resources");
    if (n > MER_STATEMENT_MAX_RESOURCES)
        return refuse(err, "it lists too many resources");
    MER_GUARD(mer_arena_zero(&statement->arena, n, sizeof *statement->resources,
                             &statement->resources, err));
    /* Their order is the signer's and makes the subject's digest. The specification sorts names by
     * code points, the reference tool by path parts: "a.b" and "a/c" come either way round. */
    for (size_t i = 0; i < n; i++)
        MER_GUARD(read_resource(statement, mer_json_at(array, i), &statement->resources[i], err));
    statement->n_resources = n;
    return check_names_differ(statement, err);
}

static mer_status read_subject(struct mer_statement *statement, const struct mer_json *array,
                               mer_err *err)
{
    struct mer_digest stated = {.n = MER_SHA256_BYTES};
    size_t n;
    const struct mer_json *subject = mer_json_at(array, 0);
    const char *name = mer_json_string(mer_json_get(subject, "name"), &n);
    const char *digest =
        mer_json_string(mer_json_get(mer_json_get(subject, "digest"), "sha256"), NULL);
    if (mer_json_type(array) != MER_JSON_ARRAY || mer_json_size(array) != 1)
        return refuse(err, "it has not exactly one subject");
    if (!name || n == 0 || !digest || !mer_hash_unhex(digest, stated.n, stated.bytes))
        return refuse(err, "the subject has no name or no SHA-256 digest");
    const struct mer_json *serial = mer_json_get(mer_json_get(subject, "annotations"), SERIAL);
    int64_t number = 0;
    if (serial &&
        (!mer_json_integer(serial, &number) || number < 1 || (uint64_t)number > MER_SERIAL_MAX))
        return refuse(err, "the serial number is none");
    statement->serial = (uint64_t)number;
    MER_GUARD(mer_statement_seal(statement, err));
    if (!mer_digest_equal(&stated, &statement->digest))
        return refuse(err, "the subject's digest is not that of the resources");
    return mer_arena_text(&statement->arena, name, n, &statement->subject, err);
}

static mer_status read_statement(struct mer_statement *statement, const struct mer_json *root,
                                 mer_err *err)
{
    static const char *const keys[] = {"_type", "subject", "predicateType", "predicate"};
    static const char *const predicate_keys[] = {"resources", "serialization"};
    if (!is_text(mer_json_get(root, "_type"), STATEMENT_TYPE))
        return refuse(err, "_type is not in-toto's Statement v1");
    if (!is_text(mer_json_get(root, "predicateType"), PREDICATE_TYPE))
        return refuse(err, "predicateType is another one");
    if (has_others(root, keys, sizeof keys / sizeof *keys))
        return refuse(err, "it has unknown fields");
    const struct mer_json *predicate = mer_json_get(root, "predicate");
    if (mer_json_type(predicate) != MER_JSON_OBJECT ||
        has_others(predicate, predicate_keys, sizeof predicate_keys / sizeof *predicate_keys))
        return refuse(err, "the predicate has unknown fields");
    MER_GUARD(read_serialization(statement, mer_json_get(predicate, "serialization"), err));
    MER_GUARD(read_resources(statement, mer_json_get(predicate, "resources"), err));
    return read_subject(statement, mer_json_get(root, "subject"), err);
}

mer_status mer_statement_parse(struct mer_alloc *alloc, const void *bytes, size_t n,
                               struct mer_statement *ret_statement, mer_err *err)
{
    const struct mer_json_limits limits = {.max_bytes = MER_STATEMENT_MAX_BYTES,
                                           .max_depth = STATEMENT_DEPTH};
    struct mer_json_document *document = NULL;
    struct mer_statement statement;
    mer_status status =
        mer_json_parse(alloc, bytes, n, &limits, "signed statement", &document, err);
    if (status.code == MER_ERR_DATA)
        return refuse(err, "it is not valid JSON");
    MER_GUARD(status);
    mer_statement_init(&statement, alloc);
    status = read_statement(&statement, mer_json_root(document), err);
    mer_json_free(document);
    if (mer_is_ok(status))
        *ret_statement = statement;
    else
        mer_statement_release(&statement);
    return status;
}
