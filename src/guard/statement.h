/* What a model signature states: an in-toto Statement v1 with the predicate of OpenSSF Model
 * Signing v1.0 (https://github.com/ossf/model-signing-spec). Pure: bytes to struct or error, and
 * back.
 *
 * One subject, whose digest is SHA-256 over the raw digests of the resources in their order; each
 * resource a file, or in the method "shards" a range of a file named "path:start:end". The serial
 * number is an annotation of the subject, "merlon.serial", which other readers pass over.
 */
#ifndef MER_GUARD_STATEMENT_H
#define MER_GUARD_STATEMENT_H

#include "core/arena.h"
#include "core/buf.h"
#include "guard/hash.h"

/* Of the text, so that the signature file around it stays below MER_SIGNATURE_FILE_MAX: some
 * 250,000 files. */
/* Serial numbers end where JSON's numbers stop being exact everywhere. */
#define MER_SERIAL_MAX ((uint64_t)1 << 53)

enum { MER_STATEMENT_MAX_BYTES = 45 << 20, MER_STATEMENT_MAX_RESOURCES = 1 << 20 };

/* The name that a single file has as the only resource of its own signature: model signing names
 * files relative to what is signed. */
extern const char MER_RESOURCE_SELF[];

struct mer_resource {
    const char *name;
    struct mer_digest digest;
};

struct mer_statement {
    struct mer_arena arena; /* owns every text and array below */
    const char *subject;    /* a name for people; decides nothing but where a policy asks for it */
    uint64_t serial;        /* rises with every release of the subject; 0: none */
    struct mer_digest digest;
    enum mer_hash_kind hash;
    bool in_shards;
    uint64_t shard_bytes; /* when in_shards */
    const char **ignored; /* relative paths that are left out, with what is below them */
    size_t n_ignored;
    struct mer_resource *resources; /* names differ from each other */
    size_t n_resources;
};

/* A relative path in its one spelling: no empty part, no "." or ".." part, no "/" at either end. */
bool mer_resource_name_valid(const char *name);

void mer_statement_init(struct mer_statement *statement, struct mer_alloc *alloc);
void mer_statement_release(struct mer_statement *statement);

/* Every field is checked, the subject's digest too. MER_ERR_TRUST names what does not hold: a
 * statement is read after its signature was verified, so its faults are reasons to refuse. */
MER_MUST_CHECK mer_status mer_statement_parse(struct mer_alloc *alloc, const void *bytes, size_t n,
                                              struct mer_statement *ret_statement, mer_err *err);

/* Fills in digest from the resources. */
MER_MUST_CHECK mer_status mer_statement_seal(struct mer_statement *statement, mer_err *err);
/* Appends the JSON text, without white space, fields in a fixed order. */
MER_MUST_CHECK mer_status mer_statement_write(const struct mer_statement *statement,
                                              struct mer_buf *buf, mer_err *err);

#endif
