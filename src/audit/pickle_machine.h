/* The symbolic machine that follows a pickle without running it: a stack and a memo of values of
 * which only that is known what the file says. Inside the reader of pickles.
 */
#ifndef MER_AUDIT_PICKLE_MACHINE_H
#define MER_AUDIT_PICKLE_MACHINE_H

#include "audit/audit.h"
#include "audit/python_names.h"
#include "core/arena.h"

enum mer_pickle_kind {
    MER_PICKLE_UNKNOWN,
    MER_PICKLE_MARK,
    MER_PICKLE_NONE,
    MER_PICKLE_BOOL,
    MER_PICKLE_INT,
    MER_PICKLE_FLOAT,
    MER_PICKLE_BYTES,
    MER_PICKLE_TEXT,
    MER_PICKLE_LIST,
    MER_PICKLE_TUPLE,
    MER_PICKLE_DICT,
    MER_PICKLE_SET,
    MER_PICKLE_GLOBAL,
    MER_PICKLE_MADE,       /* by a call: items are the callee, its arguments, the state set */
    MER_PICKLE_PERSISTENT, /* items are those of its id */
};

struct mer_pickle_box;
struct mer_pickle_global;

struct mer_pickle_value {
    uint32_t kind;
    uint32_t n; /* BYTES, TEXT: bytes, at most UINT32_MAX */
    union {
        int64_t integer; /* INT, BOOL; of a number that does not fit: INT64_MAX */
        const unsigned char *bytes;
        struct mer_pickle_box *box; /* LIST to SET, MADE, PERSISTENT */
        const struct mer_pickle_global *global;
    } as;
};

enum { MER_PICKLE_KEPT = 32 };

/* What holds others: how large it is as a tree, and its first items. */
struct mer_pickle_box {
    double weight; /* values below it, those that are shared counted each time */
    uint32_t depth;
    uint32_t n; /* items; of a dictionary, keys and values */
    uint32_t n_kept;
    uint32_t capacity;
    struct mer_pickle_value *items;
};

struct mer_pickle_global {
    const char *module;
    const char *name;
    size_t n_module;
    size_t n_name;
    const struct mer_python_name *known; /* NULL: not on the list */
};

struct mer_pickle_memo {
    uint64_t key; /* + 1; 0: free */
    struct mer_pickle_value value;
};

/* A tensor's memory, which lies elsewhere in the file. */
struct mer_pickle_storage {
    const unsigned char *key;
    size_t n_key;
    uint64_t n_items;
    unsigned item_bytes;
    bool found; /* in the archive */
};

/* One instruction. */
struct mer_pickle_op {
    unsigned char code;
    uint64_t at;
    uint64_t number;            /* of fixed size arguments */
    const unsigned char *bytes; /* of an argument that is bytes or a line */
    size_t n;
    const unsigned char *second; /* of two lines */
    size_t n_second;
};

struct mer_pickle {
    struct mer_audit *audit;
    struct mer_arena arena;
    const unsigned char *bytes;
    size_t n;
    size_t at;
    uint64_t base; /* what is added to places in findings */
    struct mer_pickle_value *stack;
    size_t n_stack;
    size_t stack_capacity;
    struct mer_pickle_memo *memo;
    size_t n_memo;
    size_t memo_capacity; /* a power of two, or 0 */
    unsigned protocol;
    bool is_torch; /* persistent ids are storages */
    /* Nobody says that these bytes are a pickle: nothing is told, and where every loader would
     * stop, they are none. */
    bool probing;
    bool tells_harm; /* something was imported, or called */
    bool told_broken;
    bool told_bomb;
    bool told_depth;
    bool ended; /* by STOP */
    bool is_joblib;
    uint64_t n_ops;
    uint64_t n_arrays;
    uint64_t n_tensors;
    struct mer_pickle_storage *storages; /* as often as they are named */
    size_t n_storages;
    size_t storage_capacity;
    struct mer_pickle_value result; /* of STOP */
};

void mer_pickle_init(struct mer_pickle *pickle, struct mer_audit *audit, const unsigned char *bytes,
                     size_t n, uint64_t base);
void mer_pickle_release(struct mer_pickle *pickle);

/* Follows one pickle from pickle->at on, behind its STOP or to where it can go no further. */
MER_MUST_CHECK mer_status mer_pickle_follow(struct mer_pickle *pickle, mer_err *err);

/* Tells what is not well formed, once, and that the rest is followed as well as can be. */
void mer_pickle_broken(struct mer_pickle *pickle, const char *what);
/* The same for what some loader bears: while probing, it is let by. */
void mer_pickle_odd(struct mer_pickle *pickle, const char *what);
/* Something is imported or called; while probing, that counts only before what is broken. */
void mer_pickle_harm(struct mer_pickle *pickle);
void mer_pickle_tell(struct mer_pickle *pickle, enum mer_audit_kind kind, uint64_t at,
                     const char *text);

/* pickle_values.c */
MER_MUST_CHECK mer_status mer_pickle_push(struct mer_pickle *pickle, struct mer_pickle_value value,
                                          mer_err *err);
/* UNKNOWN, and broken, where there is nothing. Never takes a mark. */
struct mer_pickle_value mer_pickle_pop(struct mer_pickle *pickle);
struct mer_pickle_value *mer_pickle_top(struct mer_pickle *pickle);
/* Where the items above the topmost mark begin; the mark itself is one below. */
size_t mer_pickle_find_mark(struct mer_pickle *pickle);
MER_MUST_CHECK mer_status mer_pickle_new_box(struct mer_pickle *pickle, uint32_t kind,
                                             struct mer_pickle_value *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_pickle_put_in(struct mer_pickle *pickle, struct mer_pickle_value box,
                                            const struct mer_pickle_value *items, size_t n,
                                            mer_err *err);
MER_MUST_CHECK mer_status mer_pickle_remember(struct mer_pickle *pickle, uint64_t key,
                                              struct mer_pickle_value value, mer_err *err);
struct mer_pickle_value mer_pickle_recall(struct mer_pickle *pickle, uint64_t key);
/* The i-th item that was kept of a box; UNKNOWN otherwise. */
struct mer_pickle_value mer_pickle_item(struct mer_pickle_value box, size_t i);
bool mer_pickle_is_text(struct mer_pickle_value value, const char *text);
/* The value under a text key of a dictionary. */
struct mer_pickle_value mer_pickle_member(struct mer_pickle_value dict, const char *key);

/* pickle_calls.c: what imports, calls and states mean. */
MER_MUST_CHECK mer_status mer_pickle_import(struct mer_pickle *pickle, uint64_t at,
                                            const unsigned char *module, size_t n_module,
                                            const unsigned char *name, size_t n_name,
                                            struct mer_pickle_value *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_pickle_call(struct mer_pickle *pickle, uint64_t at,
                                          struct mer_pickle_value callee,
                                          struct mer_pickle_value arguments,
                                          struct mer_pickle_value *ret, mer_err *err);
MER_MUST_CHECK mer_status mer_pickle_set_state(struct mer_pickle *pickle, uint64_t at,
                                               struct mer_pickle_value object,
                                               struct mer_pickle_value state, mer_err *err);
MER_MUST_CHECK mer_status mer_pickle_persistent(struct mer_pickle *pickle, uint64_t at,
                                                struct mer_pickle_value id,
                                                struct mer_pickle_value *ret, mer_err *err);
/* pickle_arguments.c: whether a data constructor is called as it is by those who wrote data. */
void mer_pickle_check_call(struct mer_pickle *pickle, uint64_t at,
                           const struct mer_pickle_global *callee,
                           struct mer_pickle_value arguments);
/* Of a numpy.dtype that was made: false where it is not clear. */
struct mer_pickle_dtype {
    uint64_t item_bytes;
    bool has_objects;
};
bool mer_pickle_dtype_of(struct mer_pickle_value value, unsigned depth,
                         struct mer_pickle_dtype *ret);
/* The product of a tuple of sizes; false where it is none. */
bool mer_pickle_product(struct mer_pickle_value tuple, uint64_t *ret);

/* Of a joblib array whose state was set just now: goes behind its bytes. */
MER_MUST_CHECK mer_status mer_pickle_skip_array(struct mer_pickle *pickle,
                                                struct mer_pickle_value state, mer_err *err);
/* Sorts the storages and leaves one of each key; tells of those that are told in two ways. */
void mer_pickle_settle_storages(struct mer_pickle *pickle);
/* The one of that key, once they are settled; NULL: none. */
struct mer_pickle_storage *mer_pickle_find_storage(const struct mer_pickle *pickle, const char *key,
                                                   size_t n_key);

/* Bytes that may be a pickle again: tells what it imports, if it is one. */
MER_MUST_CHECK mer_status mer_pickle_probe(struct mer_pickle *pickle, uint64_t at,
                                           struct mer_pickle_value bytes, bool any_protocol,
                                           mer_err *err);

#endif
