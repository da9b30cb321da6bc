#include "os/secret_random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "os/system_error.h"

mer_status mer_secret_random(void *ret_bytes, size_t n, mer_err *err)
{
    unsigned char *p = ret_bytes;
    size_t filled = 0;
    while (filled < n) {
        const ssize_t got = getrandom(p + filled, n - filled, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const int error = errno;
            /* Nobody shall go on with half a key. */
            explicit_bzero(ret_bytes, n);
            return mer_fail_system(err, MER_ERR_ABSENT, error, "the kernel gives no random bytes");
        }
        filled += (size_t)got;
    }
    return mer_ok();
}
