/* What test_spawn.c starts: tells on descriptor 1 what it holds, or waits.
 *
 *     spawned facts | wait | exit CODE
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void tell_limit(const char *name, int resource)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0)
        dprintf(1, "%s %llu %llu\n", name, (unsigned long long)limit.rlim_cur,
                (unsigned long long)limit.rlim_max);
}

static void tell_namespace(const char *name)
{
    char path[64];
    struct stat info;
    (void)snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    /* The mount namespace is a copy, so /proc is the parent's; self is told by its numbering. */
    if (stat(path, &info) == 0)
        dprintf(1, "ns_%s %llu\n", name, (unsigned long long)info.st_ino);
}

static void tell_facts(void)
{
    sigset_t mask;
    int n_blocked = 0, n_ignored = 0, n_environment = 0;
    (void)sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        n_blocked += sigismember(&mask, number) == 1;
        n_ignored += sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    }
    while (environ[n_environment])
        n_environment++;
    dprintf(1, "descriptors");
    for (int fd = 0; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            dprintf(1, " %d", fd);
    dprintf(1, "\nenvironment %d\nblocked %d\nignored %d\nleads_session %d\nuid %d\n",
            n_environment, n_blocked, n_ignored, getsid(0) == getpid(), (int)getuid());
    tell_limit("core", RLIMIT_CORE);
    tell_limit("address", RLIMIT_AS);
    tell_limit("cpu", RLIMIT_CPU);
    tell_limit("file", RLIMIT_FSIZE);
    dprintf(1, "pid %d\n", (int)getpid());
    tell_namespace("net");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "facts") == 0)
        tell_facts();
    if (argc > 1 && strcmp(argv[1], "wait") == 0) {
        (void)dprintf(1, "x");
        for (;;)
            (void)pause();
    }
    return argc > 2 ? atoi(argv[2]) : 0;
}
