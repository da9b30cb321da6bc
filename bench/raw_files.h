/* Arrays in raw files, clocks and memory for the programs that measure. */
#ifndef BENCH_RAW_FILES_H
#define BENCH_RAW_FILES_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cpu.h"
#include "core/status.h"

static _Noreturn inline void stop(const char *what, const char *which)
{
    fprintf(stderr, "failed: %s: %s\n", what, which);
    exit(1);
}

static inline void check_status(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        stop("error", err->message);
}

/* FOLDER/NAME; NULL when it does not exist. */
static inline void *read_file(const char *folder, const char *name, size_t *ret_bytes)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    *ret_bytes = 0;
    if (!file && errno == ENOENT)
        return NULL;
    if (!file || fseek(file, 0, SEEK_END) != 0)
        stop("cannot read", path);
    const long n = ftell(file);
    rewind(file);
    void *bytes = n >= 0 ? aligned_alloc(64, ((size_t)n + 64) / 64 * 64) : NULL;
    if (!bytes || fread(bytes, 1, (size_t)n, file) != (size_t)n)
        stop("cannot read", path);
    fclose(file);
    *ret_bytes = (size_t)n;
    return bytes;
}

/* The same for a file that has to be there, with its number of elements. */
static inline void *read_array(const char *folder, const char *name, size_t element, size_t *ret_n)
{
    size_t n_bytes;
    void *bytes = read_file(folder, name, &n_bytes);
    if (!bytes)
        stop("missing", name);
    *ret_n = n_bytes / element;
    return bytes;
}

static inline void write_file(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        stop("cannot write", path);
}

static inline size_t parse_count(const char *text)
{
    char *end;
    const unsigned long long n = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        stop("not a count", text);
    return (size_t)n;
}

static inline enum mer_cpu_level parse_level(const char *text)
{
    for (int level = 0; level < MER_CPU_LEVEL_COUNT; level++)
        if (strcmp(text, mer_cpu_level_name((enum mer_cpu_level)level)) == 0)
            return (enum mer_cpu_level)level;
    stop("no instruction set", text);
}

static inline double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A line of /proc/self/status in bytes: VmRSS, the memory in use; VmHWM, the most since the start
 * or the last reset. (ru_maxrss will not do: it begins with what the parent had.) */
static inline double status_bytes(const char *name)
{
    char line[128];
    double kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            kilobytes = strtod(line + strlen(name) + 1, NULL);
    if (file)
        fclose(file);
    return 1024 * kilobytes;
}

/* From now on the peak is that of what follows. */
static inline void reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

#endif
