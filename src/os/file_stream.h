/* A regular file read from one end to the other, for digests of files of any size; and what kind of
 * thing a path is.
 */
#ifndef MER_OS_FILE_STREAM_H
#define MER_OS_FILE_STREAM_H

#include "core/status.h"

enum mer_path_kind { MER_PATH_MISSING, MER_PATH_FILE, MER_PATH_FOLDER, MER_PATH_OTHER };

/* Follows symbolic links. A path that may not be looked at is missing. */
enum mer_path_kind mer_path_kind(const char *path);

/* Whether both paths lead to one and the same existing file, by whatever names. */
bool mer_path_same(const char *a, const char *b);

/* What tells at no cost that the file at a path was written or replaced between two moments. */
struct mer_path_stamp {
    uint64_t device, inode, n_bytes;
    int64_t written_ns, changed_ns;
};
/* All zero for what is missing. */
void mer_path_stamp(const char *path, struct mer_path_stamp *ret_stamp);

struct mer_file_stream {
    int fd; /* -1: closed */
    uint64_t n_bytes;
};

/* Opens a regular file; a symbolic link at PATH itself is MER_ERR_TRUST unless `follow`. */
MER_MUST_CHECK mer_status mer_file_stream_open(struct mer_file_stream *stream, const char *path,
                                               bool follow, mer_err *err);
/* Goes on at that byte. */
MER_MUST_CHECK mer_status mer_file_stream_seek(struct mer_file_stream *stream, uint64_t offset,
                                               mer_err *err);
/* The next bytes, `max` unless the file ends; 0 at the end. */
MER_MUST_CHECK mer_status mer_file_stream_read(struct mer_file_stream *stream, void *ret_bytes,
                                               size_t max, size_t *ret_n, mer_err *err);
void mer_file_stream_close(struct mer_file_stream *stream);

#endif
