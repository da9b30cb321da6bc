/* A file and its companions, published so that a reader always finds what belongs together, and a
 * run that is killed leaves one name at most: a folder FILE.merlon-new in which all of them wait.
 *
 *   the folder is made; all are linked into it, the file first
 *   the file is renamed from it to its name       from here on the companions in the folder fit
 *   the companions are renamed to their names     from here on the folder is empty
 *   the folder is removed
 *
 * Where there are no unnamed files, each is written as a draft in its own folder of that pattern of
 * names, and takes part from there; so it can be several names that are left, of the same pattern.
 *
 * So a companion that waits without its file belongs to the file that stands at its name, and
 * whoever comes next finishes what was begun; in every other case what waits belongs to nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/output_parts.h"
#include "os/system_error.h"

static const char FILE_WAITS[] = "file";
static const char *const COMPANION_WAITS[MER_COMPANIONS_MAX] = {"companion", "companion-2"};
static const char OLD_SUFFIX[] = ".new"; /* of an earlier version, where no file was unnamed */

/* A file's companions. */
struct companions {
    struct mer_output *const *outputs;
    size_t n;
};

char *mer_output_waiting_companion(const char *path, size_t i)
{
    char *waiting;
    return asprintf(&waiting, "%s%s/%s", path, MER_OUTPUT_NEW_SUFFIX, COMPANION_WAITS[i]) < 0
               ? NULL
               : waiting;
}

static bool waits(int waiting_fd, const char *name, struct stat *ret_status)
{
    return fstatat(waiting_fd, name, ret_status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void remove_waiting(const struct mer_output *file, int waiting_fd)
{
    (void)unlinkat(waiting_fd, FILE_WAITS, 0);
    /* A draft that is not this run's: of one before, when there were no unnamed files here. */
    if (!file->drafted)
        (void)unlinkat(waiting_fd, MER_OUTPUT_DRAFT, 0);
    for (size_t i = 0; i < MER_COMPANIONS_MAX; i++)
        (void)unlinkat(waiting_fd, COMPANION_WAITS[i], 0);
    (void)unlinkat(file->folder_fd, mer_output_new_name(file).text, AT_REMOVEDIR);
}

void mer_output_sweep_pair(const struct mer_output *output)
{
    const int waiting_fd = mer_output_open_waiting(output);
    if (waiting_fd < 0)
        return;
    remove_waiting(output, waiting_fd);
    (void)close(waiting_fd);
}

/* Ends what a run began that was killed: see above. The file may wait and be in its place at once
 * where renaming without replacing is a link and an unlink. */
static void finish_older(const struct mer_output *file, const struct companions *companions)
{
    struct stat waiting, placed;
    const int waiting_fd = mer_output_open_waiting(file);
    if (waiting_fd < 0)
        return;
    const bool is_placed =
        !waits(waiting_fd, FILE_WAITS, &waiting) ||
        (fstatat(file->folder_fd, file->name, &placed, AT_SYMLINK_NOFOLLOW) == 0 &&
         placed.st_ino == waiting.st_ino && placed.st_dev == waiting.st_dev);
    for (size_t i = 0; is_placed && i < companions->n; i++)
        if (waits(waiting_fd, COMPANION_WAITS[i], &waiting))
            (void)renameat(waiting_fd, COMPANION_WAITS[i], companions->outputs[i]->folder_fd,
                           companions->outputs[i]->name);
    remove_waiting(file, waiting_fd);
    (void)close(waiting_fd);
}

/* All in the folder, on the disk. */
static int let_wait(struct mer_output *file, const struct companions *companions, int waiting_fd)
{
    int error = mer_output_link(file, waiting_fd, FILE_WAITS);
    for (size_t i = 0; error == 0 && i < companions->n; i++)
        error = mer_output_link(companions->outputs[i], waiting_fd, COMPANION_WAITS[i]);
    if (error == 0 && fsync(waiting_fd) != 0 && errno != EINVAL)
        error = errno;
    return error;
}

static mer_status publish_waiting(struct mer_output *file, const struct companions *companions,
                                  int waiting_fd, mer_err *err)
{
    int error = let_wait(file, companions, waiting_fd);
    mer_status status =
        error ? mer_output_fail_publish(file, error, err) : mer_output_sync_folder(file, err);
    if (mer_is_ok(status)) {
        error =
            mer_output_rename(waiting_fd, FILE_WAITS, file->folder_fd, file->name, file->replace);
        if (error)
            status = mer_output_fail_publish(file, error, err);
    }
    if (!mer_is_ok(status)) {
        /* The file is as it was, so what waits belongs to nothing. */
        remove_waiting(file, waiting_fd);
        return status;
    }
    MER_GUARD(mer_output_sync_folder(file, err));
    for (size_t i = 0; i < companions->n; i++) {
        struct mer_output *const companion = companions->outputs[i];
        error = mer_output_rename(waiting_fd, COMPANION_WAITS[i], companion->folder_fd,
                                  companion->name, companion->replace);
        if (error)
            return mer_output_fail_publish(companion, error, err);
    }
    (void)unlinkat(file->folder_fd, mer_output_new_name(file).text, AT_REMOVEDIR);
    return mer_output_sync_folder(file, err);
}

static mer_status publish_all(struct mer_output *file, const struct companions *companions,
                              mer_err *err)
{
    finish_older(file, companions);
    for (size_t i = 0; i < companions->n; i++)
        if (!companions->outputs[i]->drafted)
            mer_output_sweep_pair(companions->outputs[i]);
    /* The folder is there already where the file is a draft in it. */
    if (!file->drafted && mkdirat(file->folder_fd, mer_output_new_name(file).text, 0755) != 0)
        return errno == EEXIST ? mer_fail(err, MER_ERR_EXISTS, "the leftover %s cannot be removed",
                                          mer_quote(mer_output_new_name(file).text).text)
                               : mer_output_fail_publish(file, errno, err);
    const int waiting_fd = mer_output_open_waiting(file);
    if (waiting_fd < 0) {
        const int error = errno;
        (void)unlinkat(file->folder_fd, mer_output_new_name(file).text, AT_REMOVEDIR);
        return mer_output_fail_publish(file, error, err);
    }
    const mer_status status = publish_waiting(file, companions, waiting_fd, err);
    (void)close(waiting_fd);
    return status;
}

/* NAME.new */
static struct mer_output_name old_name(const struct mer_output *output)
{
    struct mer_output_name name;
    (void)snprintf(name.text, sizeof name.text, "%s%s", output->name, OLD_SUFFIX);
    return name;
}

mer_status mer_output_publish_group(struct mer_output *file, struct mer_output *const *companions,
                                    size_t n_companions, mer_err *err)
{
    const struct companions group = {companions, n_companions};
    MER_GUARD(mer_output_sync_file(file, err));
    for (size_t i = 0; i < n_companions; i++)
        MER_GUARD(mer_output_sync_file(companions[i], err));
    MER_GUARD(publish_all(file, &group, err));
    for (size_t i = 0; i < n_companions; i++) {
        /* What an earlier version may have left. */
        (void)unlinkat(companions[i]->folder_fd, old_name(companions[i]).text, 0);
        mer_output_release(companions[i]);
    }
    mer_output_release(file);
    return mer_ok();
}

mer_status mer_output_publish_pair(struct mer_output *file, struct mer_output *companion,
                                   mer_err *err)
{
    return mer_output_publish_group(file, &companion, 1, err);
}
