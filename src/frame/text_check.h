/* Finds what may not stand in a text: bytes that are not UTF-8, and NUL. */
#ifndef MER_FRAME_TEXT_CHECK_H
#define MER_FRAME_TEXT_CHECK_H

#include "core/status.h"

/* The position of the first byte that is NUL or begins something that is not UTF-8; n when all is
 * well. Runs of ASCII go eight bytes at a time. */
size_t mer_text_check(const char *bytes, size_t n);

#endif
