/* System-call filters: a list of what is allowed, everything else ends the process.
 *
 * Mechanism only; which calls a cell may make is policy and stands in cell/confine.c. The
 * filter is classic BPF written here, small and fixed: it compares the whole 64 bits of an
 * argument, checks the architecture first and refuses x32 numbers, so that neither int 0x80 nor x32
 * is a way around it. Includes the numbers (SYS_*) and PROT_EXEC, which the tables are made of.
 */
#ifndef MER_OS_SECCOMP_H
#define MER_OS_SECCOMP_H

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "core/status.h"

enum mer_argument_test {
    MER_ARGUMENT_ANY,    /* no argument is looked at */
    MER_ARGUMENT_EQUALS, /* argument == value */
    MER_ARGUMENT_LACKS,  /* (argument & value) == 0 */
    MER_ARGUMENT_BELOW   /* argument < value */
};

/* Allows one system call; several rules for one number allow what any of them allows. */
struct mer_syscall_rule {
    long number;
    enum mer_argument_test test;
    unsigned argument; /* 0 .. 5 */
    uint64_t value;
};

enum { MER_SECCOMP_RULES_MAX = 34 };

/* Installs the filter for all threads of the process and sets no_new_privs. Filters stack: a later
 * one can only take away. MER_ERR_ABSENT where the kernel has no seccomp filters. */
MER_MUST_CHECK mer_status mer_seccomp_install(const struct mer_syscall_rule *rules, size_t n_rules,
                                              mer_err *err);

/* Whether the kernel can end a process from a filter. */
bool mer_seccomp_available(void);

#endif
