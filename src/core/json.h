/* JSON, strictly RFC 8259: our own small interface over jansson for reading, and a canonical
 * writer.
 *
 * Reading refuses duplicate keys, NUL inside strings, invalid UTF-8, trailing text, depth over the
 * limit and documents over the size limit. Numbers are kept as int64 or double. The tree is
 * read-only. Writing is canonical: no white space, keys in the order the caller gives (sorted where
 * a format says so), integers in decimal, doubles in the shortest form that reads back to the same
 * bits; NaN and infinities are refused.
 */
#ifndef MER_CORE_JSON_H
#define MER_CORE_JSON_H

#include "core/buf.h"

/* Opaque: a document and the values inside it. */
struct mer_json_document;
struct mer_json;

enum mer_json_type {
    MER_JSON_NULL,
    MER_JSON_BOOLEAN,
    MER_JSON_INTEGER,
    MER_JSON_NUMBER, /* a number that is not an int64 */
    MER_JSON_STRING,
    MER_JSON_ARRAY,
    MER_JSON_OBJECT
};

struct mer_json_limits {
    size_t max_bytes;
    size_t max_depth; /* at most 1000 */
};

/* 16 MB, 64 levels. */
extern const struct mer_json_limits MER_JSON_DEFAULT_LIMITS;

/* Texts of strangers must not be able to foresee how keys are hashed: a random number other than 0,
 * for a process that may not ask the system for one any more. Before anything is parsed; otherwise
 * the system is asked. */
void mer_json_seed(uint64_t seed);

/* MER_ERR_DATA with line and column on anything else than one valid document; `what` names it in
 * messages ("schema file"). Free with mer_json_free. */
MER_MUST_CHECK mer_status mer_json_parse(struct mer_alloc *alloc, const char *bytes, size_t n,
                                         const struct mer_json_limits *limits, const char *what,
                                         struct mer_json_document **ret_document, mer_err *err);
void mer_json_free(struct mer_json_document *document);
const struct mer_json *mer_json_root(const struct mer_json_document *document);

/* All accept NULL for an absent value; then the type is MER_JSON_NULL and sizes are 0. */
enum mer_json_type mer_json_type(const struct mer_json *value);
size_t mer_json_size(const struct mer_json *value); /* members or elements */
const struct mer_json *mer_json_get(const struct mer_json *object, const char *key);
const struct mer_json *mer_json_at(const struct mer_json *array, size_t i);
/* Members in document order; false when there is no i-th. */
bool mer_json_member(const struct mer_json *object, size_t i, const char **ret_key,
                     const struct mer_json **ret_value);
/* NULL when the value is not a string. *ret_n may be NULL. */
const char *mer_json_string(const struct mer_json *value, size_t *ret_n);
bool mer_json_boolean(const struct mer_json *value, bool *ret);
bool mer_json_integer(const struct mer_json *value, int64_t *ret);
bool mer_json_number(const struct mer_json *value, double *ret); /* integers too */

/* Members that must be there with that type, or MER_ERR_DATA naming the key and `what`. */
MER_MUST_CHECK mer_status mer_json_want_string(const struct mer_json *object, const char *key,
                                               const char *what, const char **ret, mer_err *err);
MER_MUST_CHECK mer_status mer_json_want_integer(const struct mer_json *object, const char *key,
                                                int64_t minimum, int64_t maximum, const char *what,
                                                int64_t *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_json_want_number(const struct mer_json *object, const char *key,
                                               const char *what, double *ret, mer_err *err);
/* NaN for null. */
MER_MUST_CHECK mer_status mer_json_want_finite(const struct mer_json *object, const char *key,
                                               const char *what, double *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_json_want_array(const struct mer_json *object, const char *key,
                                              const char *what, const struct mer_json **ret,
                                              mer_err *err);
MER_MUST_CHECK mer_status mer_json_want_object(const struct mer_json *object, const char *key,
                                               const char *what, const struct mer_json **ret,
                                               mer_err *err);

/* A writer appends to a buffer and remembers its first failure, so that calls chain without checks;
 * mer_json_writer_end tells. `indent` > 0 breaks lines for people. */
struct mer_json_writer {
    struct mer_buf *buf;
    mer_err *err;
    mer_status status;
    unsigned indent;
    unsigned depth;
    uint64_t has_items[2]; /* a bit a level, at most 120 levels */
    uint64_t is_object[2];
    bool after_key;
};

void mer_json_writer_init(struct mer_json_writer *writer, struct mer_buf *buf, unsigned indent,
                          mer_err *err);
void mer_json_begin_object(struct mer_json_writer *writer);
void mer_json_end_object(struct mer_json_writer *writer);
void mer_json_begin_array(struct mer_json_writer *writer);
void mer_json_end_array(struct mer_json_writer *writer);
void mer_json_key(struct mer_json_writer *writer, const char *key);
void mer_json_put_string(struct mer_json_writer *writer, const char *text);
void mer_json_put_string_n(struct mer_json_writer *writer, const char *bytes, size_t n);
void mer_json_put_integer(struct mer_json_writer *writer, int64_t value);
void mer_json_put_unsigned(struct mer_json_writer *writer, uint64_t value);
void mer_json_put_number(struct mer_json_writer *writer, double value);
/* A member; null for what is no finite number: JSON has none. */
void mer_json_put_finite(struct mer_json_writer *writer, const char *key, double value);
void mer_json_put_boolean(struct mer_json_writer *writer, bool value);
void mer_json_put_null(struct mer_json_writer *writer);
MER_MUST_CHECK mer_status mer_json_writer_end(struct mer_json_writer *writer);

#endif
