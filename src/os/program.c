#include "os/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

/* The running program's folder, without a slash at its end, and its owner. */
static mer_status find_self(char ret_folder[PATH_MAX], uid_t *ret_owner, mer_err *err)
{
    struct stat self;
    const ssize_t n = readlink("/proc/self/exe", ret_folder, PATH_MAX - 1);
    if (n <= 0 || stat("/proc/self/exe", &self) != 0)
        return mer_fail_system(err, MER_ERR_ABSENT, errno, "/proc/self/exe tells nothing");
    ret_folder[n] = '\0';
    char *const slash = strrchr(ret_folder, '/');
    if (slash)
        *slash = '\0';
    *ret_owner = self.st_uid;
    return mer_ok();
}

static bool is_ours(const struct stat *info, uid_t owner_of_self)
{
    const bool by_group = info->st_mode & S_IWGRP && info->st_gid != 0 && info->st_gid != getegid();
    return (info->st_uid == 0 || info->st_uid == geteuid() || info->st_uid == owner_of_self) &&
           !(info->st_mode & S_IWOTH) && !by_group;
}

/* *ret_path stays NULL where there is no such program. */
static mer_status look(const char *folder, const char *within, const char *name,
                       uid_t owner_of_self, char **ret_path, mer_err *err)
{
    struct stat info;
    char *path;
    if (asprintf(&path, "%s/%s%s%s", folder, within, *within ? "/" : "", name) < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode) || access(path, X_OK) != 0) {
        free(path);
        return mer_ok();
    }
    if (!is_ours(&info, owner_of_self)) {
        const mer_status status = mer_fail(err, MER_ERR_TRUST,
                                           "%s belongs to others or can be "
                                           "changed by them",
                                           mer_quote(path).text);
        free(path);
        return status;
    }
    *ret_path = path;
    return mer_ok();
}

mer_status mer_program_find(const char *name, const char *beside_it, const char *fixed,
                            char **ret_path, mer_err *err)
{
    char folder[PATH_MAX];
    char *path = NULL;
    uid_t owner = 0;
    MER_GUARD(find_self(folder, &owner, err));
    MER_GUARD(look(folder, "", name, owner, &path, err));
    if (!path)
        MER_GUARD(look(folder, beside_it, name, owner, &path, err));
    if (!path)
        MER_GUARD(look(fixed, "", name, owner, &path, err));
    if (!path)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_ABSENT,
                                 "the program %s is missing: it is neither in "
                                 "%s nor in %s",
                                 name, mer_quote(folder).text, mer_quote(fixed).text),
                        "it belongs to Merlon: install it whole");
    *ret_path = path;
    return mer_ok();
}
