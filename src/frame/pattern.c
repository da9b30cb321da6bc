/* From a pattern's tree to its program, and running that. */
#include "frame/pattern.h"

#include <string.h>

#include "frame/pattern_parse.h"

enum op {
    OP_SET,   /* one code point of set `a`, then the next instruction */
    OP_SPLIT, /* goes on at `a` and at `b` */
    OP_JUMP,  /* goes on at `a` */
    OP_MATCH
};

struct instruction {
    uint16_t op;
    uint16_t a;
    uint16_t b;
};

struct char_class {
    uint64_t ascii[2]; /* the first 128 code points, a bit each */
    const struct mer_code_range *ranges;
    size_t n_ranges;
};

struct mer_pattern {
    const struct instruction *program;
    size_t n_program;
    const struct char_class *classes;
};

struct builder {
    struct mer_arena *arena;
    struct instruction *program;
    size_t n_program;
    struct char_class *classes;
    size_t n_classes;
    mer_err *err;
};

static mer_status emit(struct builder *builder, enum op op, size_t a, size_t b)
{
    if (builder->n_program == MER_PATTERN_MAX_PROGRAM)
        return mer_fail(builder->err, MER_ERR_DATA,
                        "it is too large: its repetitions, written out, take more than %d steps",
                        MER_PATTERN_MAX_PROGRAM);
    builder->program[builder->n_program++] =
        (struct instruction){(uint16_t)op, (uint16_t)a, (uint16_t)b};
    return mer_ok();
}

static void finish_class(struct char_class *ret, const struct mer_code_set *set)
{
    *ret = (struct char_class){.ranges = set->ranges, .n_ranges = set->n};
    for (uint32_t code = 0; code < 128; code++)
        if (mer_code_set_has(set->ranges, set->n, code))
            ret->ascii[code / 64] |= UINT64_C(1) << (code % 64);
}

static mer_status build(struct builder *builder, struct mer_pattern_node *node);

static mer_status build_choice(struct builder *builder, const struct mer_pattern_node *node)
{
    /* split L1, next; L1: child; jump end; next: ... The jumps are chained through `a` until their
     * end is known. */
    size_t chain = SIZE_MAX;
    for (struct mer_pattern_node *child = node->first; child; child = child->next) {
        const size_t split = builder->n_program;
        if (child->next)
            MER_GUARD(emit(builder, OP_SPLIT, split + 1, 0));
        MER_GUARD(build(builder, child));
        if (!child->next)
            break;
        const size_t jump = builder->n_program;
        MER_GUARD(emit(builder, OP_JUMP, chain == SIZE_MAX ? UINT16_MAX : chain, 0));
        chain = jump;
        builder->program[split].b = (uint16_t)builder->n_program;
    }
    while (chain != SIZE_MAX) {
        const uint16_t before = builder->program[chain].a;
        builder->program[chain].a = (uint16_t)builder->n_program;
        chain = before == UINT16_MAX ? SIZE_MAX : before;
    }
    return mer_ok();
}

static mer_status build_star(struct builder *builder, struct mer_pattern_node *child)
{
    const size_t split = builder->n_program;
    MER_GUARD(emit(builder, OP_SPLIT, split + 1, 0));
    MER_GUARD(build(builder, child));
    MER_GUARD(emit(builder, OP_JUMP, split, 0));
    builder->program[split].b = (uint16_t)builder->n_program;
    return mer_ok();
}

static mer_status build_repeat(struct builder *builder, const struct mer_pattern_node *node)
{
    size_t chain = SIZE_MAX;
    for (uint32_t i = 0; i < node->least; i++) {
        const size_t before = builder->n_program;
        MER_GUARD(build(builder, node->first));
        if (builder->n_program == before)
            return mer_ok(); /* of nothing, any number is nothing */
    }
    if (node->most == MER_REPEAT_FOREVER)
        return build_star(builder, node->first);
    for (uint32_t i = node->least; i < node->most; i++) {
        const size_t split = builder->n_program;
        MER_GUARD(emit(builder, OP_SPLIT, split + 1, chain == SIZE_MAX ? UINT16_MAX : chain));
        chain = split;
        MER_GUARD(build(builder, node->first));
    }
    while (chain != SIZE_MAX) {
        const uint16_t before = builder->program[chain].b;
        builder->program[chain].b = (uint16_t)builder->n_program;
        chain = before == UINT16_MAX ? SIZE_MAX : before;
    }
    return mer_ok();
}

/* As deep as the pattern is nested, which the parser bounds. */
static mer_status build(struct builder *builder, struct mer_pattern_node *node)
{
    switch (node->kind) {
    case MER_NODE_SET:
        if (node->number == 0) { /* a copy made by a repetition shares its class */
            finish_class(&builder->classes[builder->n_classes++], &node->set);
            node->number = builder->n_classes;
        }
        return emit(builder, OP_SET, node->number - 1, 0);
    case MER_NODE_LIST:
        for (struct mer_pattern_node *child = node->first; child; child = child->next)
            MER_GUARD(build(builder, child));
        return mer_ok();
    case MER_NODE_CHOICE:
        return build_choice(builder, node);
    case MER_NODE_REPEAT:
        return build_repeat(builder, node);
    }
    return mer_ok();
}

static mer_status finish(const struct builder *builder, const struct mer_pattern **ret_pattern)
{
    struct mer_pattern *pattern;
    struct instruction *program;
    MER_GUARD(mer_arena_zero(builder->arena, 1, sizeof *pattern, &pattern, builder->err));
    MER_GUARD(mer_arena_zero(builder->arena, builder->n_program, sizeof *program, &program,
                             builder->err));
    memcpy(program, builder->program, builder->n_program * sizeof *program);
    *pattern = (struct mer_pattern){
        .program = program, .n_program = builder->n_program, .classes = builder->classes};
    *ret_pattern = pattern;
    return mer_ok();
}

mer_status mer_pattern_compile(struct mer_arena *arena, const char *bytes, size_t n,
                               const struct mer_pattern **ret_pattern, mer_err *err)
{
    struct mer_pattern_node *root;
    struct builder builder = {.arena = arena, .err = err};
    MER_GUARD(mer_pattern_parse(arena, bytes, n, &root, err));
    /* Every class takes at least a byte of the pattern. */
    MER_GUARD(mer_arena_zero(arena, n, sizeof *builder.classes, &builder.classes, err));
    MER_GUARD(mer_alloc_array(arena->alloc, MER_PATTERN_MAX_PROGRAM, sizeof *builder.program,
                              &builder.program, err));
    mer_status status = build(&builder, root);
    if (mer_is_ok(status))
        status = emit(&builder, OP_MATCH, 0, 0);
    if (mer_is_ok(status))
        status = finish(&builder, ret_pattern);
    mer_free(arena->alloc, builder.program);
    return status;
}

/* The instructions that wait for the next code point. */
struct states {
    uint16_t waiting[MER_PATTERN_MAX_PROGRAM];
    size_t n;
    bool matches; /* the end was reached */
};

/* Follows everything that takes no code point from `start` on. `seen` holds the round in which an
 * instruction was last reached, so each is followed once a round. */
static void follow(const struct mer_pattern *pattern, size_t start, uint32_t round, uint32_t *seen,
                   struct states *states)
{
    uint16_t stack[MER_PATTERN_MAX_PROGRAM];
    size_t n_stack = 0;
    stack[n_stack++] = (uint16_t)start;
    seen[start] = round;
    while (n_stack > 0) {
        const uint16_t at = stack[--n_stack];
        const struct instruction *instruction = &pattern->program[at];
        uint16_t targets[2];
        size_t n_targets = 0;
        if (instruction->op == OP_SET) {
            states->waiting[states->n++] = at;
        } else if (instruction->op == OP_MATCH) {
            states->matches = true;
        } else {
            targets[n_targets++] = instruction->a;
            if (instruction->op == OP_SPLIT)
                targets[n_targets++] = instruction->b;
        }
        for (size_t i = 0; i < n_targets; i++) {
            if (seen[targets[i]] == round)
                continue;
            seen[targets[i]] = round;
            stack[n_stack++] = targets[i];
        }
    }
}

static inline bool class_has(const struct char_class *set, uint32_t code)
{
    if (code < 128)
        return set->ascii[code / 64] >> (code % 64) & 1;
    return mer_code_set_has(set->ranges, set->n_ranges, code);
}

bool mer_pattern_matches(const struct mer_pattern *pattern, const char *bytes, size_t n)
{
    struct states states[2];
    uint32_t seen[MER_PATTERN_MAX_PROGRAM];
    uint32_t round = 1;
    struct states *now = &states[0], *next = &states[1];
    memset(seen, 0, pattern->n_program * sizeof *seen);
    now->n = 0;
    now->matches = false;
    follow(pattern, 0, round, seen, now);
    for (size_t i = 0; i < n && now->n > 0;) {
        size_t length;
        const uint32_t code = mer_pattern_decode(bytes + i, &length);
        i += length;
        next->n = 0;
        next->matches = false;
        round++;
        for (size_t s = 0; s < now->n; s++) {
            const uint16_t at = now->waiting[s];
            if (seen[at + 1] != round && class_has(&pattern->classes[pattern->program[at].a], code))
                follow(pattern, at + 1u, round, seen, next);
        }
        struct states *const swap = now;
        now = next;
        next = swap;
        if (i >= n)
            return now->matches;
    }
    return n == 0 && now->matches;
}
