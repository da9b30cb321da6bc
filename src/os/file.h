/* Files: read whole without surprises, replaced atomically or not at all.
 */
#ifndef MER_OS_FILE_H
#define MER_OS_FILE_H

#include "core/alloc.h"

/* What a path is, told apart in errors: missing (MER_ERR_NO_INPUT), a folder, not a regular file,
 * no permission. */

/* The contents of a file or of standard input ("-", also pipes): owned memory, free with
 * mer_file_release. Regular files are read, never mapped: a file that changes under our hands must
 * not change our bytes. Devices are refused; a signal that is caught while a pipe or terminal is
 * waited for ends the reading with MER_ERR_CANCELLED. */
struct mer_file_bytes {
    struct mer_alloc *alloc;
    unsigned char *bytes; /* 64-byte aligned */
    size_t n;
};
MER_MUST_CHECK mer_status mer_file_read(struct mer_alloc *alloc, const char *path, size_t max_bytes,
                                        struct mer_file_bytes *ret, mer_err *err);
void mer_file_release(struct mer_file_bytes *file);

bool mer_file_exists(const char *path);
/* A folder, also through a symbolic link. */
bool mer_folder_is(const char *path);
/* A regular file with at least one byte. */
bool mer_file_has_bytes(const char *path);

/* An output that appears whole or not at all. The bytes go to an unnamed file (O_TMPFILE) in the
 * target's folder; publish syncs it, then links it to a new name, or, where an existing output is
 * replaced, links it to PATH.merlon-new and renames that over PATH. A failure or a kill leaves PATH
 * as it was; the only name that can be left is PATH.merlon-new, which mer_output_open sweeps. Where
 * the file system has no O_TMPFILE, the file is made as PATH.merlon-new from the start. */
struct mer_output {
    int fd; /* for writing; -1 when not open */
    int folder_fd;
    char *path; /* owned copies, malloc */
    char *name;
    bool named;   /* PATH.merlon-new is the file */
    bool drafted; /* PATH.merlon-new is a folder with the file in it: there are no unnamed files */
    bool replace;
};

/* MER_ERR_EXISTS (73) when PATH exists and not `replace`, or when its folder cannot be written.
 * Never follows a symbolic link at PATH. `mode` such as 0644 or 0600 (less the umask). */
MER_MUST_CHECK mer_status mer_output_open(struct mer_output *output, const char *path, bool replace,
                                          unsigned mode, mer_err *err);
MER_MUST_CHECK mer_status mer_output_write(struct mer_output *output, const void *bytes, size_t n,
                                           mer_err *err);
MER_MUST_CHECK mer_status mer_output_publish(struct mer_output *output, mer_err *err);
/* Drops what was not published; nothing after a publish. Always safe to call on an opened output.
 */
void mer_output_release(struct mer_output *output);

/* Publishes a file and its companions (a model, its signature, its record) so that a reader always
 * finds what belongs together: all wait in a folder FILE.merlon-new, then the file gets its name,
 * then each companion. All outputs are fully written; a reader that finds a mismatch also tries
 * mer_output_waiting_companion. The only name that a kill can leave is FILE.merlon-new; where there
 * are no unnamed files, COMPANION.merlon-new too, as long as they are being written. */
enum { MER_COMPANIONS_MAX = 2 };
MER_MUST_CHECK mer_status mer_output_publish_group(struct mer_output *file,
                                                   struct mer_output *const *companions,
                                                   size_t n_companions, mer_err *err);
/* With one companion. */
MER_MUST_CHECK mer_status mer_output_publish_pair(struct mer_output *file,
                                                  struct mer_output *companion, mer_err *err);
/* Where companion i of the file at `path` may wait, malloc; NULL: no memory. */
char *mer_output_waiting_companion(const char *path, size_t i);

/* Writes all bytes to a descriptor, over partial writes and EINTR; EPIPE and ENOSPC are MER_ERR_IO.
 */
MER_MUST_CHECK mer_status mer_fd_write(int fd, const void *bytes, size_t n, const char *what,
                                       mer_err *err);

/* A path by which a file is found from anywhere: absolute, its folder's links followed; malloc.
 * What is not there stays as it is. */
MER_MUST_CHECK mer_status mer_path_resolve(const char *path, char **ret_path, mer_err *err);

/* A folder and its parents, mode 0700; fine when it is there already. */
MER_MUST_CHECK mer_status mer_folder_make(const char *path, mer_err *err);

/* Waits until nobody else holds the folder's lock and takes it; the process's end gives it back
 * too.
 */
MER_MUST_CHECK mer_status mer_folder_lock(const char *path, int *ret_lock, mer_err *err);
void mer_folder_unlock(int lock);

/* The entries of a folder, sorted by name in byte order, without . and .. . */
enum mer_entry_kind { MER_ENTRY_FILE, MER_ENTRY_FOLDER, MER_ENTRY_LINK, MER_ENTRY_OTHER };
struct mer_folder_entry {
    const char *name;
    enum mer_entry_kind kind;
};
struct mer_folder_list {
    struct mer_folder_entry *entries; /* owned, malloc */
    size_t n;
};
MER_MUST_CHECK mer_status mer_folder_read(const char *path, struct mer_folder_list *ret,
                                          mer_err *err);
void mer_folder_release(struct mer_folder_list *list);

#endif
