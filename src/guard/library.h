/* Which cryptography stands behind this room, for `merlon doctor`. */
#ifndef MER_GUARD_LIBRARY_H
#define MER_GUARD_LIBRARY_H

/* "OpenSSL 3.0.17 1 Jul 2025", of the library that is loaded. */
const char *mer_guard_library_version(void);

#endif
