#include "os/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/privilege.h"
#include "os/system_error.h"

bool mer_user_is_root(void)
{
    return geteuid() == 0;
}

mer_status mer_user_become(const char *user, mer_err *err)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return mer_fail(err, MER_ERR_USAGE, "there is no user %s on this machine",
                        mer_quote(user).text);
    const uid_t uid = entry->pw_uid;
    const gid_t gid = entry->pw_gid;
    if (uid == geteuid() && uid == getuid())
        return mer_ok();
    MER_GUARD(mer_privilege_gain_none(err));
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0 || setenv("HOME", entry->pw_dir, 1) != 0)
        return mer_fail_system(err, MER_ERR_TRUST, errno, "cannot become %s", mer_quote(user).text);
    if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
        return mer_fail(err, MER_ERR_INTERNAL, "became %s, but could come back",
                        mer_quote(user).text);
    return mer_ok();
}
