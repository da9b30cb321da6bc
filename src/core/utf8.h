/* UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef MER_CORE_UTF8_H
#define MER_CORE_UTF8_H

#include "core/status.h"

/* The length in bytes (1 to 4) of the valid sequence at s, of which n > 0 bytes may be read; 0 when
 * it is not valid. */
size_t mer_utf8_length(const unsigned char *s, size_t n);
/* False for a valid sequence that changes how the line around it is shown: C0, DEL and C1 controls,
 * line and paragraph separators, bidirectional controls, the byte-order mark. */
bool mer_utf8_printable(const unsigned char *s, size_t length);
bool mer_utf8_valid(const char *bytes, size_t n);

#endif
