/* UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef MER_CORE_UTF8_H
#define MER_CORE_UTF8_H

#include "core/status.h"

/* The length in bytes (1 to 4) of the valid sequence at s, of which n > 0 bytes may be read; 0 when
 * it is not valid. */
size_t mer_utf8_length(const unsigned char *s, size_t n);
bool mer_utf8_valid(const char *bytes, size_t n);

#endif
