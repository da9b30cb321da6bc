#include "os/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/system_error.h"

mer_status mer_channel_pair(int ret_fds[2], mer_err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, errno, "no pair of sockets");
    ret_fds[0] = pair[0];
    ret_fds[1] = pair[1];
    return mer_ok();
}

enum mer_channel_state mer_channel_await(int fd, int timeout_ms)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    const int ready = poll(&waiting, 1, timeout_ms);
    if (ready > 0)
        return MER_CHANNEL_READY;
    return ready == 0 || errno == EINTR ? MER_CHANNEL_SILENT : MER_CHANNEL_BROKEN;
}

bool mer_channel_send(int fd, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        const ssize_t sent = send(fd, (const char *)bytes + done, n - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

bool mer_channel_receive(int fd, void *bytes, size_t n, size_t *ret_n)
{
    ssize_t got;
    do
        got = read(fd, bytes, n);
    while (got < 0 && errno == EINTR);
    *ret_n = got < 0 ? 0 : (size_t)got;
    return got >= 0 || errno == ECONNRESET;
}

bool mer_descriptor_write(int fd, const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        const ssize_t written = write(fd, (const char *)bytes + done, n - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return true;
}

void mer_descriptor_close(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}
