/* Walks along a JSON document (RFC 8259, strictly) token by token, without building anything: files
 * with millions of numbers take no memory. The bytes are borrowed.
 */
#ifndef MER_AUDIT_JSON_WALK_H
#define MER_AUDIT_JSON_WALK_H

#include "core/status.h"

enum { MER_JSON_WALK_DEPTH_MAX = 128, MER_JSON_WALK_TEXT_MAX = 256 };

enum mer_json_token {
    MER_JSON_TOKEN_BAD, /* and for good; `problem` tells */
    MER_JSON_TOKEN_END,
    MER_JSON_TOKEN_BEGIN_OBJECT,
    MER_JSON_TOKEN_END_OBJECT,
    MER_JSON_TOKEN_BEGIN_ARRAY,
    MER_JSON_TOKEN_END_ARRAY,
    MER_JSON_TOKEN_KEY,
    MER_JSON_TOKEN_STRING,
    MER_JSON_TOKEN_NUMBER,
    MER_JSON_TOKEN_TRUE,
    MER_JSON_TOKEN_FALSE,
    MER_JSON_TOKEN_NULL
};

struct mer_json_walk {
    const char *bytes;
    size_t n;
    size_t at;
    unsigned depth;
    bool is_object[MER_JSON_WALK_DEPTH_MAX];
    bool has_items; /* something stands in front of `at` in the innermost container */
    bool after_key;
    bool began;
    enum mer_json_token token;
    const char *text; /* of a key or string, between its quotes; of a number */
    size_t n_text;
    bool has_escapes;
    const char *problem;
};

void mer_json_walk_init(struct mer_json_walk *walk, const void *bytes, size_t n);
/* The next token, also in walk->token. */
enum mer_json_token mer_json_walk_next(struct mer_json_walk *walk);
/* Goes to the end of the value that the last token began, over everything in it. */
void mer_json_walk_skip(struct mer_json_walk *walk);
/* The key or string with its escapes resolved, cut to MER_JSON_WALK_TEXT_MAX bytes. */
struct mer_json_walk_text {
    char bytes[MER_JSON_WALK_TEXT_MAX];
    size_t n;
    bool is_cut;
};
struct mer_json_walk_text mer_json_walk_unescape(const char *text, size_t n);
/* The key or string is `text`, however it is spelled. */
bool mer_json_walk_is(const struct mer_json_walk *walk, const char *text);
/* The number, or a string that holds one, as a whole number. */
bool mer_json_walk_integer(const struct mer_json_walk *walk, int64_t *ret);

#endif
