#include "os/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

mer_status mer_log_file_open(struct mer_log_file *file, const char *path, mer_err *err)
{
    const int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        const mer_status status =
            mer_fail(err, MER_ERR_EXISTS, "the log file %s exists already", mer_quote(path).text);
        return mer_hint(err, status, "give another name: a log is never continued or replaced");
    }
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "the log file %s cannot be made",
                               mer_quote(path).text);
    if (fchmod(fd, 0600) != 0) { /* whatever the umask left */
        const int error = errno;
        (void)close(fd);
        (void)unlink(path);
        return mer_fail_system(err, MER_ERR_IO, error, "the log file %s cannot be protected",
                               mer_quote(path).text);
    }
    file->fd = fd;
    return mer_ok();
}

/* A log that cannot be written must not stop the work: there is nobody to tell but the log. */
void mer_log_file_write(void *self, const char *line, size_t n)
{
    const struct mer_log_file *file = self;
    const int fd = file->fd;
    while (fd >= 0 && n > 0) {
        const ssize_t written = write(fd, line, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        line += written;
        n -= (size_t)written;
    }
}

void mer_log_file_seal(struct mer_log_file *file)
{
    /* Taken in one step, so that a signal handler and the program do not both close it. */
    const int fd = atomic_exchange(&file->fd, -1);
    if (fd < 0)
        return;
    (void)fchmod(fd, 0400);
    (void)close(fd);
}
