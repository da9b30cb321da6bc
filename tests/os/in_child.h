/* Runs a piece of a test in a process of its own, which what it does to itself ends with. */
#ifndef MER_TESTS_OS_IN_CHILD_H
#define MER_TESTS_OS_IN_CHILD_H

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The wait status of a child that ended with the number that the function returned, by a plain
 * system call: what sanitizers do at an end, a filter may not allow. */
static inline int in_child(int (*function)(const void *argument), const void *argument)
{
    int status = -1;
    const pid_t child = fork();
    if (child == 0)
        (void)syscall(SYS_exit_group, function(argument));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return status;
}

static inline int ended_well(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
