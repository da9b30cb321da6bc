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

/* All n bytes or false; a peer that is gone raises no signal. */
MER_MUST_CHECK bool mer_channel_send(int fd, const void *bytes, size_t n);
/* 1 to n bytes, waiting for the first; 0: the other end is gone. False: it cannot be read. */
MER_MUST_CHECK bool mer_channel_receive(int fd, void *bytes, size_t n, size_t *ret_n);

/* The same for a confined process, which may write but not send. */
MER_MUST_CHECK bool mer_descriptor_write(int fd, const void *bytes, size_t n);

/* -1 is nothing. */
void mer_descriptor_close(int fd);

#endif
