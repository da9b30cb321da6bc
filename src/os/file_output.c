/* Outputs that appear whole or not at all. */
#include "os/output_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/system_error.h"

struct mer_output_name mer_output_new_name(const struct mer_output *output)
{
    struct mer_output_name name; /* its length was checked when the output was opened */
    (void)snprintf(name.text, sizeof name.text, "%s%s", output->name, MER_OUTPUT_NEW_SUFFIX);
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
    if (strlen(name) + strlen(MER_OUTPUT_NEW_SUFFIX) > NAME_MAX)
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

int mer_output_open_waiting(const struct mer_output *output)
{
    struct stat status;
    const int fd = openat(output->folder_fd, mer_output_new_name(output).text,
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &status) == 0 && status.st_uid == geteuid()))
        return fd;
    (void)close(fd);
    errno = EPERM;
    return -1;
}

/* Unless something waits in it. */
static void remove_waiting_folder(const struct mer_output *output)
{
    (void)unlinkat(output->folder_fd, mer_output_new_name(output).text, AT_REMOVEDIR);
}

/* The file where there are no unnamed ones: a draft in the folder in which a pair waits, so that
 * all that a kill can leave has one pattern of names. What waits there already stays, for it may be
 * a companion whose file was published; 0 or an errno value. */
static int make_draft(struct mer_output *output, unsigned mode)
{
    if (mkdirat(output->folder_fd, mer_output_new_name(output).text, 0755) != 0 && errno != EEXIST)
        return errno;
    const int waiting_fd = mer_output_open_waiting(output);
    if (waiting_fd < 0)
        return errno;
    (void)unlinkat(waiting_fd, MER_OUTPUT_DRAFT, 0);
    output->fd = openat(waiting_fd, MER_OUTPUT_DRAFT,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
    const int error = output->fd < 0 ? errno : 0;
    (void)close(waiting_fd);
    output->drafted = error == 0;
    if (error)
        remove_waiting_folder(output);
    return error;
}

/* Out of its folder, which goes when nothing else waits in it. */
static int move_draft(struct mer_output *output, int folder_fd, const char *name, bool replace)
{
    const int waiting_fd = mer_output_open_waiting(output);
    if (waiting_fd < 0)
        return errno;
    const int error = mer_output_rename(waiting_fd, MER_OUTPUT_DRAFT, folder_fd, name, replace);
    (void)close(waiting_fd);
    output->drafted = error != 0;
    if (error == 0)
        remove_waiting_folder(output);
    return error;
}

static void drop_draft(const struct mer_output *output)
{
    const int waiting_fd = mer_output_open_waiting(output);
    if (waiting_fd < 0)
        return;
    (void)unlinkat(waiting_fd, MER_OUTPUT_DRAFT, 0);
    (void)close(waiting_fd);
    remove_waiting_folder(output);
}

static mer_status create(struct mer_output *output, unsigned mode, mer_err *err)
{
    const struct mer_output_name new_name = mer_output_new_name(output);
    /* What a killed run may have left; a pair's folder is swept when it is published. */
    if (unlinkat(output->folder_fd, new_name.text, 0) != 0 && errno != ENOENT && errno != EISDIR &&
        errno != EPERM)
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "the leftover %s cannot be removed",
                               mer_quote(new_name.text).text);
    output->fd = openat(output->folder_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, (mode_t)mode);
    int error = output->fd < 0 ? errno : 0;
    if (error == EOPNOTSUPP || error == EISDIR || error == EINVAL)
        error = make_draft(output, mode);
    if (error)
        return mer_fail_system(err, MER_ERR_EXISTS, error, "%s cannot be made",
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

int mer_output_link(struct mer_output *output, int folder_fd, const char *name)
{
    char source[32];
    if (output->drafted)
        return move_draft(output, folder_fd, name, false);
    (void)snprintf(source, sizeof source, "/proc/self/fd/%d", output->fd);
    if (linkat(AT_FDCWD, source, folder_fd, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (errno != ENOENT) /* no /proc: the other way, which may need a capability */
        return errno;
    return linkat(output->fd, "", folder_fd, name, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

int mer_output_rename(int from_fd, const char *from, int to_fd, const char *to, bool replace)
{
    if (replace)
        return renameat(from_fd, from, to_fd, to) == 0 ? 0 : errno;
    if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS) /* where the file system cannot do it in one step */
        return errno;
    if (linkat(from_fd, from, to_fd, to, 0) != 0)
        return errno;
    return unlinkat(from_fd, from, 0) == 0 ? 0 : errno;
}

int mer_output_appear_as(struct mer_output *output, const char *name, bool replace)
{
    const struct mer_output_name new_name = mer_output_new_name(output);
    if (output->drafted)
        return move_draft(output, output->folder_fd, name, replace);
    if (!output->named) {
        const int error = mer_output_link(output, output->folder_fd, name);
        if (error != EEXIST || !replace)
            return error;
        const int new_error = mer_output_link(output, output->folder_fd, new_name.text);
        if (new_error)
            return new_error;
        output->named = true;
    }
    const int error =
        mer_output_rename(output->folder_fd, new_name.text, output->folder_fd, name, replace);
    if (error == 0)
        output->named = false;
    return error;
}

/* A file system that cannot sync says EINVAL: then it has its own ways. */
mer_status mer_output_sync_file(const struct mer_output *output, mer_err *err)
{
    if (fsync(output->fd) != 0 && errno != EINVAL)
        return mer_fail_system(err, MER_ERR_IO, errno, "%s cannot be written to the disk",
                               quoted_path(output).text);
    return mer_ok();
}

/* The name itself reaches the disk. */
mer_status mer_output_sync_folder(const struct mer_output *output, mer_err *err)
{
    if (fsync(output->folder_fd) != 0 && errno != EINVAL)
        return mer_fail_system(err, MER_ERR_IO, errno, "the folder of %s cannot be synced",
                               quoted_path(output).text);
    return mer_ok();
}

mer_status mer_output_fail_publish(const struct mer_output *output, int error, mer_err *err)
{
    if (error == EEXIST)
        return fail_exists(output, err);
    return mer_fail_system(err, MER_ERR_IO, error, "%s cannot be given its name",
                           quoted_path(output).text);
}

mer_status mer_output_publish(struct mer_output *output, mer_err *err)
{
    MER_GUARD(mer_output_sync_file(output, err));
    if (!output->named)
        mer_output_sweep_pair(output);
    const int error = mer_output_appear_as(output, output->name, output->replace);
    if (error)
        return mer_output_fail_publish(output, error, err);
    MER_GUARD(mer_output_sync_folder(output, err));
    mer_output_release(output);
    return mer_ok();
}

void mer_output_release(struct mer_output *output)
{
    if (output->named)
        (void)unlinkat(output->folder_fd, mer_output_new_name(output).text, 0);
    if (output->drafted)
        drop_draft(output);
    if (output->fd >= 0)
        (void)close(output->fd);
    if (output->folder_fd >= 0)
        (void)close(output->folder_fd);
    free(output->path);
    free(output->name);
    *output = (struct mer_output){.fd = -1, .folder_fd = -1};
}
