#include "probes.h"

static long call_64(long number, const int64_t *a)
{
    long result;
    register long a4 __asm__("r10") = a[3];
    register long a5 __asm__("r8") = a[4];
    register long a6 __asm__("r9") = a[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(a4), "r"(a5), "r"(a6)
                     : "rcx", "r11", "memory");
    return result;
}

/* Pushes rbx by hand: it holds the first argument here and is the compiler's otherwise. */
static long call_32(int number, const int64_t *a)
{
    int result;
    __asm__ volatile("push %%rbx\n\t"
                     "mov %2, %%ebx\n\t"
                     "int $0x80\n\t"
                     "pop %%rbx"
                     : "=a"(result)
                     : "0"(number), "r"((int)a[0]), "c"((int)a[1]), "d"((int)a[2]), "S"((int)a[3]),
                       "D"((int)a[4])
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

long probe_run(const struct probe *probe)
{
    enum { X32_BIT = 0x40000000 };
    switch (probe->way) {
    case PROBE_SYSCALL:
        return call_64(probe->number, probe->arguments);
    case PROBE_INT80:
        return call_32(probe->number, probe->arguments);
    default:
        return call_64(probe->number | X32_BIT, probe->arguments);
    }
}
