/* What file_output.c and output_pair.c share. Functions of type int give 0 or an errno value. */
#ifndef MER_OS_OUTPUT_PARTS_H
#define MER_OS_OUTPUT_PARTS_H

#include <limits.h>

#include "os/file.h"

/* The file where there are no unnamed ones, in the folder in which a pair waits. */
#define MER_OUTPUT_DRAFT "draft"
#define MER_OUTPUT_NEW_SUFFIX ".merlon-new"

struct mer_output_name {
    char text[NAME_MAX + 1];
};
/* NAME.merlon-new */
struct mer_output_name mer_output_new_name(const struct mer_output *output);

/* The folder NAME.merlon-new, or -1 with errno. One that another user has made is none. */
int mer_output_open_waiting(const struct mer_output *output);

/* Gives the file, which has none or waits as a draft, a name that must not exist yet. */
int mer_output_link(struct mer_output *output, int folder_fd, const char *name);
/* Renames; without `replace` only where there is nothing, on any file system. */
int mer_output_rename(int from_fd, const char *from, int to_fd, const char *to, bool replace);
/* Makes the synced file appear as `name` in its folder. */
int mer_output_appear_as(struct mer_output *output, const char *name, bool replace);
MER_MUST_CHECK mer_status mer_output_sync_file(const struct mer_output *output, mer_err *err);
/* The names themselves reach the disk. */
MER_MUST_CHECK mer_status mer_output_sync_folder(const struct mer_output *output, mer_err *err);
mer_status mer_output_fail_publish(const struct mer_output *output, int error, mer_err *err);
/* Removes what a pair that was being published to this name left, when the file is replaced alone.
 */
void mer_output_sweep_pair(const struct mer_output *output);

#endif
