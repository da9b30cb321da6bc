#include "os/landlock.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's headers know version 2; the kernel that runs may know more. Laid out as in the
 * kernel's include/uapi/linux/landlock.h. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* from version 4 */
    uint64_t scoped;             /* from version 6 */
};

enum { GET_VERSION = 1 };

/* Rights are numbered from bit 0; each version adds some. */
static const struct {
    unsigned fs_rights;
    unsigned net_rights;
    unsigned scopes;
    size_t size;
} versions[] = {
    {0, 0, 0, 0},   {13, 0, 0, 8},  {14, 0, 0, 8},  {15, 0, 0, 8},
    {15, 2, 0, 16}, {16, 2, 0, 16}, {16, 2, 2, 24},
};

enum { NEWEST = sizeof versions / sizeof versions[0] - 1 };

static uint64_t first_bits(unsigned n)
{
    return ((uint64_t)1 << n) - 1;
}

int mer_landlock_abi(void)
{
    const long version = syscall(SYS_landlock_create_ruleset, NULL, 0, GET_VERSION);
    return version < 0 ? 0 : (int)version;
}

mer_status mer_landlock_deny_all(mer_err *err)
{
    const int abi = mer_landlock_abi();
    if (abi <= 0)
        return mer_fail(err, MER_ERR_ABSENT, "the kernel has no Landlock");
    const size_t known = abi > NEWEST ? NEWEST : (size_t)abi;
    const struct ruleset ruleset = {
        .handled_access_fs = first_bits(versions[known].fs_rights),
        .handled_access_net = first_bits(versions[known].net_rights),
        .scoped = first_bits(versions[known].scopes),
    };
    const int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, versions[known].size, 0);
    if (fd < 0)
        return mer_fail(err, MER_ERR_ABSENT, "the kernel refuses a Landlock ruleset: %s",
                        strerror(errno));
    const long refused = syscall(SYS_landlock_restrict_self, fd, 0);
    const int reason = errno;
    (void)close(fd);
    if (refused != 0)
        return mer_fail(err, MER_ERR_ABSENT,
                        "the kernel refuses to restrict itself with Landlock: %s",
                        strerror(reason));
    return mer_ok();
}
