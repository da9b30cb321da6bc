/* Outputs that appear whole or not at all. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

static const char NEW_SUFFIX[] = ".merlon-new";
static const char COMPANION_SUFFIX[] = ".new";

/* A name with a suffix, in a file name's bounds, which were checked when the output was opened. */
struct name {
    char text[NAME_MAX + 1];
};

static struct name with_suffix(const struct mer_output *output, const char *suffix)
{
    struct name name;
    (void)snprintf(name.text, sizeof name.text, "%s%s", output->name, suffix);
    return name;
}

static struct mer_quoted quoted_path(const struct mer_output *output)
{
    return mer_quote(output->path);
}

/* Copies the path and finds its last part. */
static mer_status take_path(struct mer_output *output, const char *path, mer_err *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return mer_fail(err, MER_ERR_EXISTS, "%s is not a name for a file", mer_quote(path).text);
    if (strlen(name) + strlen(NEW_SUFFIX) > NAME_MAX)
        return mer_fail(err, MER_ERR_EXISTS, "the name %s is too long", mer_quote(path).text);
    output->path = strdup(path);
    output->name = strdup(name);
    if (!output->path || !output->name)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for a path");
    return mer_ok();
}

static mer_status open_folder(struct mer_output *output, mer_err *err)
{
    const size_t n = strlen(output->path) - strlen(output->name);
    char *folder = n > 0 ? strndup(output->path, n) : strdup(".");
    if (!folder)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for a path");
    output->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = errno;
    const struct mer_quoted quoted = mer_quote(folder);
    free(folder);
    if (output->folder_fd >= 0)
        return mer_ok();
    if (error == ENOENT || error == ENOTDIR)
        return mer_fail(err, MER_ERR_EXISTS, "the output's folder %s does not exist", quoted.text);
    return mer_fail_system(err, MER_ERR_EXISTS, error, "the output's folder %s cannot be opened",
                           quoted.text);
}

static mer_status fail_exists(const struct mer_output *output, mer_err *err)
{
    const mer_status status =
        mer_fail(err, MER_ERR_EXISTS, "%s exists already", quoted_path(output).text);
    return mer_hint(err, status, "choose another name, or replace it with --force");
}

/* What stands at PATH may be replaced when asked for, if it is a file or a link (the link itself,
 * not what it points at), never a folder or a device. */
static mer_status check_target(const struct mer_output *output, mer_err *err)
{
    struct stat status;
    if (fstatat(output->folder_fd, output->name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return mer_ok();
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "%s cannot be examined",
                               quoted_path(output).text);
    }
    if (S_ISDIR(status.st_mode))
        return mer_fail(err, MER_ERR_EXISTS, "%s is a folder", quoted_path(output).text);
    if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode))
        return mer_fail(err, MER_ERR_EXISTS, "%s is not a regular file", quoted_path(output).text);
    return output->replace ? mer_ok() : fail_exists(output, err);
}

static mer_status create(struct mer_output *output, unsigned mode, mer_err *err)
{
    const struct name new_name = with_suffix(output, NEW_SUFFIX);
    /* What a killed run may have left. */
    if (unlinkat(output->folder_fd, new_name.text, 0) != 0 && errno != ENOENT)
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "the leftover %s cannot be removed",
                               mer_quote(new_name.text).text);
    output->fd = openat(output->folder_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, (mode_t)mode);
    if (output->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        output->fd = openat(output->folder_fd, new_name.text,
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
        output->named = output->fd >= 0;
    }
    if (output->fd < 0)
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "%s cannot be made",
                               quoted_path(output).text);
    return mer_ok();
}

mer_status mer_output_open(struct mer_output *output, const char *path, bool replace, unsigned mode,
                           mer_err *err)
{
    struct mer_output opened = {.fd = -1, .folder_fd = -1, .replace = replace};
    mer_status status;
    MER_GUARD_GOTO(take_path(&opened, path, err), fail);
    MER_GUARD_GOTO(open_folder(&opened, err), fail);
    MER_GUARD_GOTO(check_target(&opened, err), fail);
    MER_GUARD_GOTO(create(&opened, mode, err), fail);
    *output = opened;
    return mer_ok();
fail:
    mer_output_release(&opened);
    return status;
}

mer_status mer_output_write(struct mer_output *output, const void *bytes, size_t n, mer_err *err)
{
    return mer_fd_write(output->fd, bytes, n, quoted_path(output).text, err);
}

/* Gives the unnamed file a name that must not exist yet; 0 or an errno value. */
static int link_unnamed(const struct mer_output *output, const char *name)
{
    char source[32];
    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", output->fd);
    if (linkat(AT_FDCWD, source, output->folder_fd, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != ENOENT) /* no /proc: the other way, which may need a capability */
        return errno;
    return linkat(output->fd, "", output->folder_fd, name, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

/* Renames without replacing, also where the file system cannot do that in one step; 0 or an errno
 * value. */
static int rename_exclusive(int folder_fd, const char *from, const char *to)
{
    if (renameat2(folder_fd, from, folder_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (linkat(folder_fd, from, folder_fd, to, 0) != 0)
        return errno;
    return unlinkat(folder_fd, from, 0) == 0 ? 0 : errno;
}

/* Makes the synced file appear as `name`; 0 or an errno value. */
static int appear_as(struct mer_output *output, const char *name, bool replace)
{
    const struct name new_name = with_suffix(output, NEW_SUFFIX);
    if (!output->named) {
        const int error = link_unnamed(output, name);
        if (error != EEXIST || !replace)
            return error;
        const int new_error = link_unnamed(output, new_name.text);
        if (new_error)
            return new_error;
        output->named = true;
    }
    int error;
    if (replace)
        error =
            renameat(output->folder_fd, new_name.text, output->folder_fd, name) == 0 ? 0 : errno;
    else
        error = rename_exclusive(output->folder_fd, new_name.text, name);
    if (error == 0)
        output->named = false;
    return error;
}

/* A file system that cannot sync says EINVAL: then it has its own ways. */
static mer_status sync_file(const struct mer_output *output, mer_err *err)
{
    if (fsync(output->fd) != 0 && errno != EINVAL)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be written to the disk",
                               quoted_path(output).text);
    return mer_ok();
}

/* The name itself reaches the disk. */
static mer_status sync_folder(const struct mer_output *output, mer_err *err)
{
    if (fsync(output->folder_fd) != 0 && errno != EINVAL)
        return mer_fail_system(err, MER_ERR_IO, errno, "the folder of %s cannot be synced",
                               quoted_path(output).text);
    return mer_ok();
}

static mer_status fail_publish(const struct mer_output *output, int error, mer_err *err)
{
    if (error == EEXIST)
        return fail_exists(output, err);
    return mer_fail_system(err, MER_ERR_IO, error, "%s cannot be given its name",
                           quoted_path(output).text);
}

mer_status mer_output_publish(struct mer_output *output, mer_err *err)
{
    MER_GUARD(sync_file(output, err));
    const int error = appear_as(output, output->name, output->replace);
    if (error)
        return fail_publish(output, error, err);
    MER_GUARD(sync_folder(output, err));
    mer_output_release(output);
    return mer_ok();
}

mer_status mer_output_publish_pair(struct mer_output *file, struct mer_output *companion,
                                   mer_err *err)
{
    const struct name waiting = with_suffix(companion, COMPANION_SUFFIX);
    MER_GUARD(sync_file(file, err));
    MER_GUARD(sync_file(companion, err));
    int error = appear_as(companion, waiting.text, true);
    if (error)
        return fail_publish(companion, error, err);
    mer_status status = sync_folder(companion, err);
    if (mer_is_ok(status)) {
        error = appear_as(file, file->name, file->replace);
        if (error)
            status = fail_publish(file, error, err);
    }
    if (!mer_is_ok(status)) {
        /* The file is as it was, so what waits beside it belongs to nothing. */
        (void)unlinkat(companion->folder_fd, waiting.text, 0);
        return status;
    }
    MER_GUARD(sync_folder(file, err));
    if (companion->replace)
        error =
            renameat(companion->folder_fd, waiting.text, companion->folder_fd, companion->name) == 0
                ? 0
                : errno;
    else
        error = rename_exclusive(companion->folder_fd, waiting.text, companion->name);
    if (error)
        return fail_publish(companion, error, err);
    MER_GUARD(sync_folder(companion, err));
    mer_output_release(file);
    mer_output_release(companion);
    return mer_ok();
}

void mer_output_release(struct mer_output *output)
{
    if (output->named)
        (void)unlinkat(output->folder_fd, with_suffix(output, NEW_SUFFIX).text, 0);
    if (output->fd >= 0)
        (void)close(output->fd);
    if (output->folder_fd >= 0)
        (void)close(output->folder_fd);
    free(output->path);
    free(output->name);
    *output = (struct mer_output){.fd = -1, .folder_fd = -1};
}
