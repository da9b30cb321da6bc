/* The syntax tree of a pattern: what pattern_parse.c makes of the text and pattern.c makes a
 * program of. */
#ifndef MER_FRAME_PATTERN_PARSE_H
#define MER_FRAME_PATTERN_PARSE_H

#include "frame/pattern_class.h"

enum mer_pattern_node_kind {
    MER_NODE_SET,    /* one code point of a set */
    MER_NODE_LIST,   /* children one after the other */
    MER_NODE_CHOICE, /* one of the children */
    MER_NODE_REPEAT  /* the only child, `least` to `most` times */
};

#define MER_REPEAT_FOREVER UINT32_MAX

struct mer_pattern_node {
    enum mer_pattern_node_kind kind;
    struct mer_pattern_node *first; /* child */
    struct mer_pattern_node *next;  /* sibling */
    uint32_t least;
    uint32_t most;
    struct mer_code_set set;
    size_t number; /* of the set in the program, from 1; 0: not there yet */
};

MER_MUST_CHECK mer_status mer_pattern_parse(struct mer_arena *arena, const char *bytes, size_t n,
                                            struct mer_pattern_node **ret_root, mer_err *err);

/* The code point at s, of which at least its whole valid sequence may be read. */
uint32_t mer_pattern_decode(const char *s, size_t *ret_length);

#endif
