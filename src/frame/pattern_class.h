/* Sets of code points, for the character classes of patterns: sorted ranges that do not touch.
 */
#ifndef MER_FRAME_PATTERN_CLASS_H
#define MER_FRAME_PATTERN_CLASS_H

#include "core/arena.h"

struct mer_code_range {
    uint32_t first;
    uint32_t end; /* behind the last */
};

/* While it is built, the ranges of a set may overlap and stand in any order. */
struct mer_code_set {
    struct mer_code_range *ranges; /* in an arena */
    size_t n;
    size_t capacity;
};

/* What is built may take so many ranges in all; the count is the caller's. */
struct mer_code_budget {
    struct mer_arena *arena;
    size_t n_left;
};

MER_MUST_CHECK mer_status mer_code_set_add(struct mer_code_budget *budget, struct mer_code_set *set,
                                           uint32_t first, uint32_t end, mer_err *err);
MER_MUST_CHECK mer_status mer_code_set_add_set(struct mer_code_budget *budget,
                                               struct mer_code_set *set,
                                               const struct mer_code_set *more, mer_err *err);
/* Sorts and merges. */
void mer_code_set_settle(struct mer_code_set *set);
/* Of settled sets: everything else; what the second does not have. */
MER_MUST_CHECK mer_status mer_code_set_negate(struct mer_code_budget *budget,
                                              struct mer_code_set *set, mer_err *err);
MER_MUST_CHECK mer_status mer_code_set_subtract(struct mer_code_budget *budget,
                                                struct mer_code_set *set,
                                                struct mer_code_set *minus, mer_err *err);

/* Adds the code points of a general category ("L", "Lu"); *ret_known is false when there is none of
 * that name. */
MER_MUST_CHECK mer_status mer_code_set_add_category(struct mer_code_budget *budget,
                                                    struct mer_code_set *set, const char *name,
                                                    size_t n, bool *ret_known, mer_err *err);
/* Adds what a class escape stands for: one of s i c d w, in capitals for everything else. */
MER_MUST_CHECK mer_status mer_code_set_add_escape(struct mer_code_budget *budget,
                                                  struct mer_code_set *set, char letter,
                                                  mer_err *err);

/* Is the code point in the settled set? */
bool mer_code_set_has(const struct mer_code_range *ranges, size_t n, uint32_t code);

#endif
