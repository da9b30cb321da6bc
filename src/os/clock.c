#include "os/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "core/log.h"

static uint64_t read_clock(clockid_t id)
{
    struct timespec time = {0};
    (void)clock_gettime(id, &time); /* cannot fail for these two clocks */
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t monotonic_ns(void *self)
{
    (void)self;
    return read_clock(CLOCK_MONOTONIC);
}

static uint64_t wall_ns(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME);
}

const struct mer_clock MER_CLOCK_MONOTONIC = {.now_ns = monotonic_ns};
const struct mer_clock MER_CLOCK_WALL = {.now_ns = wall_ns};

void mer_clock_format_utc(uint64_t ns, char ret_text[24])
{
    mer_log_format_utc(ns, ret_text);
}

/* VmHWM begins anew when a program is started; getrusage also remembers what the process was before
 * it, for example a large interpreter that forked. */
size_t mer_peak_rss_bytes(void)
{
    static const char KEY[] = "VmHWM:";
    char line[128];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (file) {
        while (kilobytes == 0 && fgets(line, sizeof line, file))
            if (strncmp(line, KEY, sizeof KEY - 1) == 0)
                kilobytes = strtoull(line + sizeof KEY - 1, NULL, 10);
        (void)fclose(file);
    }
    struct rusage usage;
    if (kilobytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kilobytes = (unsigned long long)usage.ru_maxrss;
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0 && (unsigned long long)usage.ru_maxrss > kilobytes)
        kilobytes = (unsigned long long)usage.ru_maxrss;
    return (size_t)kilobytes * 1024;
}

unsigned mer_processors_available(void)
{
    /* The kernel refuses a mask that is smaller than its own. */
    for (size_t n = CPU_SETSIZE; n <= 64 * CPU_SETSIZE; n *= 2) {
        cpu_set_t *set = CPU_ALLOC(n);
        if (!set)
            return 1;
        const size_t size = CPU_ALLOC_SIZE(n);
        const int result = sched_getaffinity(0, size, set);
        const int error = errno;
        const int count = result == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (result == 0)
            return count > 0 ? (unsigned)count : 1;
        if (error != EINVAL)
            return 1;
    }
    return 1;
}
