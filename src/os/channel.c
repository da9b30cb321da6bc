#include "os/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
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

void mer_channel_await_any(const int *fds, size_t n, int timeout_ms)
{
    struct pollfd waiting[MER_CHANNEL_ANY_MAX];
    for (size_t i = 0; i < n && i < MER_CHANNEL_ANY_MAX; i++)
        waiting[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    (void)poll(waiting, n < MER_CHANNEL_ANY_MAX ? n : MER_CHANNEL_ANY_MAX, timeout_ms);
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

/* Room for one descriptor beside a message. */
union passed {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool mer_channel_send_with(int fd, const void *bytes, size_t n, int fd_passed)
{
    union passed passed = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                                      .cmsg_level = SOL_SOCKET,
                                      .cmsg_type = SCM_RIGHTS}};
    struct iovec piece = {(void *)(uintptr_t)bytes, n};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    ssize_t sent;
    if (fd_passed >= 0) {
        memcpy(CMSG_DATA(&passed.header), &fd_passed, sizeof fd_passed);
        message.msg_control = passed.bytes;
        message.msg_controllen = sizeof passed.bytes;
    }
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent > 0 && mer_channel_send(fd, (const char *)bytes + sent, n - (size_t)sent);
}

bool mer_channel_receive_with(int fd, void *bytes, size_t n, int *ret_fd)
{
    union passed passed = {.bytes = {0}};
    struct iovec piece = {bytes, n};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = passed.bytes,
                             .msg_controllen = sizeof passed.bytes};
    ssize_t got;
    int fd_passed = -1;
    do
        got = recvmsg(fd, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    const struct cmsghdr *const header = CMSG_FIRSTHDR(&message);
    if (got >= 0 && header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd_passed, CMSG_DATA(header), sizeof fd_passed);
    if (got < 0 || (size_t)got != n) {
        mer_descriptor_close(fd_passed);
        return false;
    }
    *ret_fd = fd_passed;
    return true;
}

bool mer_channel_is_quiet(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN | POLLRDHUP};
    return poll(&waiting, 1, 0) == 0;
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
