#include "os/seccomp.h"

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
    RULE_INSTRUCTIONS_MAX = 8,
    FORK_INSTRUCTIONS = 3, /* with the end of the branch that it adds */
    HEAD_INSTRUCTIONS = 7,
    LEAF_RULES = 3,
    PROGRAM_MAX =
        HEAD_INSTRUCTIONS + MER_SECCOMP_RULES_MAX * (RULE_INSTRUCTIONS_MAX + FORK_INSTRUCTIONS) + 1
};

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

/* Foreign architectures and x32 numbers end the process; then the number is in the accumulator. */
static void emit_head(struct program *program)
{
    load(program, offsetof(struct seccomp_data, arch));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
    load(program, offsetof(struct seccomp_data, nr));
    emit(program, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
}

/* One rule: skipped whole when the number differs; when the argument's test fails, falls to the
 * next rule with the number loaded again. */
static void emit_rule(struct program *program, const struct mer_syscall_rule *rule)
{
    const size_t low = offsetof(struct seccomp_data, args) + 8 * rule->argument;
    const uint32_t value_low = (uint32_t)rule->value;
    const uint32_t value_high = (uint32_t)(rule->value >> 32);

    if (rule->test == MER_ARGUMENT_ANY) {
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->number, 0, 1);
        emit(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
        return;
    }
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->number, 0, 6);
    load(program, low + 4);
    switch (rule->test) {
    case MER_ARGUMENT_EQUALS:
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, value_high, 0, 3);
        load(program, low);
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, value_low, 0, 1);
        break;
    case MER_ARGUMENT_LACKS:
        emit(program, BPF_JMP | BPF_JSET | BPF_K, value_high, 3, 0);
        load(program, low);
        emit(program, BPF_JMP | BPF_JSET | BPF_K, value_low, 1, 0);
        break;
    default: /* below: values under 2^32 only */
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3);
        load(program, low);
        emit(program, BPF_JMP | BPF_JGE | BPF_K, value_low, 1, 0);
        break;
    }
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    load(program, offsetof(struct seccomp_data, nr));
}

static void emit_end(struct program *program)
{
    emit(program, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
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
 * kernel tries it for every number there is, twice: a list of rules would cost the start of a cell
 * some 50 microseconds. The accumulator holds the number at each fork, which comes before every
 * rule that loads something else. */
static void emit_tree(struct program *program, const struct mer_syscall_rule *const *rules,
                      size_t n)
{
    const size_t middle = n > LEAF_RULES ? place_to_part(rules, n) : n;
    if (middle == n) {
        for (size_t i = 0; i < n; i++)
            emit_rule(program, rules[i]);
        emit_end(program);
        return;
    }
    emit(program, BPF_JMP | BPF_JGE | BPF_K, (uint32_t)rules[middle]->number, 0, 1);
    const unsigned short jump = program->n;
    emit(program, BPF_JMP | BPF_JA, 0, 0, 0);
    emit_tree(program, rules, middle);
    program->code[jump].k = (uint32_t)(program->n - jump - 1);
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
    emit_tree(program, sorted, n);
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
