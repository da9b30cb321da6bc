#include "os/state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

mer_status mer_state_folder(const char *folder, char **ret_folder, mer_err *err)
{
    const char *const state = getenv("XDG_STATE_HOME");
    const char *const home = getenv("HOME");
    char *path = NULL;
    int n = -1;
    if (folder)
        n = asprintf(&path, "%s", folder);
    else if (state && state[0] == '/') /* others are to be ignored, says the specification */
        n = asprintf(&path, "%s/merlon", state);
    else if (home && home[0] == '/')
        n = asprintf(&path, "%s/.local/state/merlon", home);
    else
        return mer_hint(err, mer_fail(err, MER_ERR_ABSENT, "there is no folder for journals"),
                        "set HOME or XDG_STATE_HOME");
    if (n < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    *ret_folder = path;
    return mer_ok();
}

mer_status mer_private_file_make(const char *path, mer_err *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return mer_fail(err, MER_ERR_EXISTS, "%s exists already", mer_quote(path).text);
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be made", mer_quote(path).text);
    (void)fchmod(fd, 0600); /* whatever the umask left */
    (void)close(fd);
    return mer_ok();
}

/* Whether the name still stands for the file that was opened. */
static bool is_file_of(const char *path, int fd)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

mer_status mer_lock_take(const char *path, int *ret_fd, mer_err *err)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be opened", mer_quote(path).text);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        (void)close(fd);
        if (error == EWOULDBLOCK)
            return mer_fail(err, MER_ERR_EXISTS, "%s is held by another process",
                            mer_quote(path).text);
        return mer_fail_system(err, MER_ERR_IO, error, "%s cannot be held", mer_quote(path).text);
    }
    if (!is_file_of(path, fd)) { /* whoever held it has taken its name away meanwhile */
        (void)close(fd);
        return mer_fail(err, MER_ERR_EXISTS, "%s was held by another process",
                        mer_quote(path).text);
    }
    *ret_fd = fd;
    return mer_ok();
}

mer_status mer_file_remove(const char *path, mer_err *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return mer_ok();
    return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be removed", mer_quote(path).text);
}
