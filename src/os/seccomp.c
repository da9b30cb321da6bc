#include "os/seccomp.h"

#include <assert.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/sort.h"

#if !defined(__x86_64__)
#error "the filter's words are laid out for little-endian x86-64"
#endif

enum {
    X32_BIT = 0x40000000,
    RULE_INSTRUCTIONS_MAX = 6,
    HEAD_INSTRUCTIONS = 4,
    TAIL_INSTRUCTIONS = 2,
    LEAF_RULES = 3,
    PROGRAM_MAX = HEAD_INSTRUCTIONS + MER_SECCOMP_RULES_MAX * (RULE_INSTRUCTIONS_MAX + 1) +
                  TAIL_INSTRUCTIONS, /* a tree has fewer forks than rules */
    /* Where a jump goes that is known in the end only. */
    TO_ALLOW = 255,
    TO_KILL = 254,
    TO_NEXT = 253 /* the next rule for the same number */
};

static_assert(PROGRAM_MAX < TO_NEXT, "whatever lies ahead is in reach of a jump");

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short n;
};

static void emit(struct program *program, uint16_t code, uint32_t k, uint8_t if_true,
                 uint8_t if_false)
{
    program->code[program->n++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load(struct program *program, size_t offset)
{
    emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void compare(struct program *program, uint16_t how, uint32_t k, uint8_t if_true,
                    uint8_t if_false)
{
    emit(program, (uint16_t)(BPF_JMP | BPF_K | how), k, if_true, if_false);
}

/* Foreign architectures and x32 numbers end the process; then the number is in the accumulator. */
static void emit_head(struct program *program)
{
    load(program, offsetof(struct seccomp_data, arch));
    compare(program, BPF_JEQ, AUDIT_ARCH_X86_64, 0, TO_KILL);
    load(program, offsetof(struct seccomp_data, nr));
    compare(program, BPF_JGE, X32_BIT, TO_KILL, 0);
}

/* The test of an argument, half by half; a mask's half without a bit needs no look. */
static void emit_test(struct program *program, const struct mer_syscall_rule *rule, uint8_t failed)
{
    const size_t low = offsetof(struct seccomp_data, args) + 8 * rule->argument;
    const uint32_t value_low = (uint32_t)rule->value;
    const uint32_t value_high = (uint32_t)(rule->value >> 32);

    switch (rule->test) {
    case MER_ARGUMENT_EQUALS:
        load(program, low + 4);
        compare(program, BPF_JEQ, value_high, 0, failed);
        load(program, low);
        compare(program, BPF_JEQ, value_low, TO_ALLOW, failed);
        break;
    case MER_ARGUMENT_LACKS:
        if (value_high != 0) {
            load(program, low + 4);
            compare(program, BPF_JSET, value_high, failed, 0);
        }
        load(program, low);
        compare(program, BPF_JSET, value_low, failed, TO_ALLOW);
        break;
    default: /* below: values under 2^32 only */
        load(program, low + 4);
        compare(program, BPF_JEQ, 0, 0, failed);
        load(program, low);
        compare(program, BPF_JGE, value_low, failed, TO_ALLOW);
        break;
    }
}

static uint8_t distance(const struct program *program, size_t from)
{
    return (uint8_t)(program->n - from - 1);
}

/* One rule of a leaf. When the argument's test fails, the next rule for the same number is tried,
 * with the number loaded again, if there is one. */
static void emit_rule(struct program *program, const struct mer_syscall_rule *rule,
                      const struct mer_syscall_rule *next)
{
    const bool again = next && next->number == rule->number;
    const size_t start = program->n;

    compare(program, BPF_JEQ, (uint32_t)rule->number, 0, TO_KILL);
    if (rule->test == MER_ARGUMENT_ANY)
        program->code[start].jt = TO_ALLOW;
    else
        emit_test(program, rule, again ? TO_NEXT : TO_KILL);
    for (size_t i = start + 1; i < program->n; i++) {
        if (program->code[i].jt == TO_NEXT)
            program->code[i].jt = distance(program, i);
        if (program->code[i].jf == TO_NEXT)
            program->code[i].jf = distance(program, i);
    }
    if (again && rule->test != MER_ARGUMENT_ANY)
        load(program, offsetof(struct seccomp_data, nr));
    if (next)
        program->code[start].jf = distance(program, start);
}

/* The two ends, and the jumps to them. */
static void emit_tail(struct program *program)
{
    const size_t n = program->n;
    for (size_t i = 0; i < n; i++) {
        struct sock_filter *const code = &program->code[i];
        if (BPF_CLASS(code->code) != BPF_JMP)
            continue;
        if (code->jt >= TO_KILL)
            code->jt = (uint8_t)(n - i - (code->jt == TO_KILL));
        if (code->jf >= TO_KILL)
            code->jf = (uint8_t)(n - i - (code->jf == TO_KILL));
    }
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* Where rules [0, n), sorted by number, are parted: near the middle, between two numbers; n when
 * there is no such place. */
static size_t place_to_part(const struct mer_syscall_rule *const *rules, size_t n)
{
    for (size_t away = 0; away < n; away++) {
        const size_t at = away % 2 ? n / 2 - (away + 1) / 2 : n / 2 + away / 2;
        if (at > 0 && at < n && rules[at]->number != rules[at - 1]->number)
            return at;
    }
    return n;
}

/* A number goes left or right until few rules are left for it. When a filter is installed the
 * kernel tries it for every number there is, twice, and makes machine code of each instruction in
 * several passes: a list of rules would cost the start of a cell some 50 microseconds, and half the
 * instructions half of what they take. The accumulator holds the number at each fork, which comes
 * before every rule that loads something else. */
static void emit_tree(struct program *program, const struct mer_syscall_rule *const *rules,
                      size_t n)
{
    const size_t middle = n > LEAF_RULES ? place_to_part(rules, n) : n;
    if (middle == n) {
        for (size_t i = 0; i < n; i++)
            emit_rule(program, rules[i], i + 1 < n ? rules[i + 1] : NULL);
        return;
    }
    const size_t fork = program->n;
    compare(program, BPF_JGE, (uint32_t)rules[middle]->number, 0, 0);
    emit_tree(program, rules, middle);
    program->code[fork].jt = distance(program, fork);
    emit_tree(program, rules + middle, n - middle);
}

/* By number, then by place, for an order in which no two are the same. */
static int compare_numbers(const void *a, const void *b)
{
    const struct mer_syscall_rule *const *const x = a;
    const struct mer_syscall_rule *const *const y = b;
    if ((*x)->number != (*y)->number)
        return (*x)->number > (*y)->number ? 1 : -1;
    return (*x > *y) - (*x < *y);
}

static void emit_program(struct program *program, const struct mer_syscall_rule *rules, size_t n)
{
    const struct mer_syscall_rule *sorted[MER_SECCOMP_RULES_MAX];
    for (size_t i = 0; i < n; i++)
        sorted[i] = &rules[i];
    mer_sort(sorted, n, sizeof sorted[0], compare_numbers);
    emit_head(program);
    if (n > 0)
        emit_tree(program, sorted, n);
    emit_tail(program);
}

bool mer_seccomp_available(void)
{
    const uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

mer_status mer_seccomp_install(const struct mer_syscall_rule *rules, size_t n_rules, mer_err *err)
{
    struct program program = {.n = 0};

    if (n_rules > MER_SECCOMP_RULES_MAX)
        return mer_fail(err, MER_ERR_INTERNAL, "a filter of %zu rules is too long", n_rules);
    for (size_t i = 0; i < n_rules; i++)
        if (rules[i].argument > 5 || rules[i].number < 0 || rules[i].number >= X32_BIT ||
            (rules[i].test == MER_ARGUMENT_BELOW && rules[i].value >> 32 != 0))
            return mer_fail(err, MER_ERR_INTERNAL, "rule %zu of the filter is not a rule", i);
    emit_program(&program, rules, n_rules);

    const struct sock_fprog filter = {.len = program.n, .filter = program.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return mer_fail(err, MER_ERR_ABSENT, "the kernel refuses no_new_privs: %s",
                        strerror(errno));
    const long refused =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    if (refused != 0)
        return mer_fail(err, MER_ERR_ABSENT, "the kernel refuses a system-call filter: %s",
                        refused > 0 ? "a thread could not be filtered" : strerror(errno));
    return mer_ok();
}
