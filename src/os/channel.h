/* A stream socket between two processes of this machine.
 */
#ifndef MER_OS_CHANNEL_H
#define MER_OS_CHANNEL_H

#include "core/status.h"

/* Two connected ends, close-on-exec. */
MER_MUST_CHECK mer_status mer_channel_pair(int ret_fds[2], mer_err *err);

enum mer_channel_state { MER_CHANNEL_SILENT, MER_CHANNEL_READY, MER_CHANNEL_BROKEN };

/* Waits until there is something to receive, the other end is gone, or the time is up. */
enum mer_channel_state mer_channel_await(int fd, int timeout_ms);

enum { MER_CHANNEL_ANY_MAX = 64 };
/* Waits until one of at most MER_CHANNEL_ANY_MAX ends (-1: none) has something to receive or has
 * lost its other end, or the time is up. */
void mer_channel_await_any(const int *fds, size_t n, int timeout_ms);

/* All n bytes or false; a peer that is gone raises no signal. */
MER_MUST_CHECK bool mer_channel_send(int fd, const void *bytes, size_t n);
/* 1 to n bytes, waiting for the first; 0: the other end is gone. False: it cannot be read. */
MER_MUST_CHECK bool mer_channel_receive(int fd, void *bytes, size_t n, size_t *ret_n);

/* A message with a descriptor beside it, whole or not at all; fd_passed -1: none. */
MER_MUST_CHECK bool mer_channel_send_with(int fd, const void *bytes, size_t n, int fd_passed);
/* Exactly n bytes that one mer_channel_send_with sent, and its descriptor, close-on-exec; -1: it
 * had none. False: the other end is gone, or sent something else. */
MER_MUST_CHECK bool mer_channel_receive_with(int fd, void *bytes, size_t n, int *ret_fd);
/* Nothing was said that was not heard yet, and the other end is there. */
bool mer_channel_is_quiet(int fd);

/* The same for a confined process, which may write but not send. */
MER_MUST_CHECK bool mer_descriptor_write(int fd, const void *bytes, size_t n);

/* -1 is nothing. */
void mer_descriptor_close(int fd);

#endif
