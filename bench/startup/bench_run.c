/* Runs a command again and again, its output thrown away, and prints the median and best time from
 * before it is started to its end.
 *
 *   bench_run TIMES COMMAND [ARGUMENT]...
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t silent;
    const long n = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    double *times = n > 0 ? calloc((size_t)n, sizeof *times) : NULL;

    if (!times || posix_spawn_file_actions_init(&silent) != 0 ||
        posix_spawn_file_actions_addopen(&silent, 1, "/dev/null", O_WRONLY, 0) != 0) {
        fprintf(stderr, "usage: bench_run TIMES COMMAND [ARGUMENT]...\n");
        return 64;
    }
    for (long i = 0; i < n; i++) {
        pid_t pid;
        int status;
        const double start = now_ms();
        if (posix_spawn(&pid, argv[2], &silent, NULL, argv + 2, environ) != 0 ||
            waitpid(pid, &status, 0) != pid || status != 0) {
            fprintf(stderr, "bench_run: %s failed\n", argv[2]);
            return 70;
        }
        times[i] = now_ms() - start;
    }
    qsort(times, (size_t)n, sizeof *times, compare);
    printf("%s %s: median %.2f ms, best %.2f ms\n", argv[2], argc > 3 ? argv[3] : "", times[n / 2],
           times[0]);
    free(times);
    return 0;
}
