#include "guard/library.h"

#include <openssl/crypto.h>

const char *mer_guard_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
