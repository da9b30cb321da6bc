/* The terminal: is there one, how wide, colours or not, a passphrase without echo. */
#ifndef MER_OS_TERMINAL_H
#define MER_OS_TERMINAL_H

#include "core/status.h"

bool mer_terminal_is(int fd);
unsigned mer_terminal_columns(int fd); /* 80 when unknown */
bool mer_terminal_colours(int fd);     /* a terminal, NO_COLOR unset or empty, TERM not "dumb" */
/* Asks on /dev/tty with echo off; at most max bytes; restores the terminal in every case.
 * MER_ERR_ABSENT without a terminal. */
MER_MUST_CHECK mer_status mer_terminal_passphrase(const char *prompt, char *ret_bytes, size_t max,
                                                  size_t *ret_n, mer_err *err);
#endif
