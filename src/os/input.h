/* Opening an input and reading from it: what mer_file_read and mer_sealed_read share. */
#ifndef MER_OS_INPUT_H
#define MER_OS_INPUT_H

#include "core/team.h"

struct mer_input {
    int fd;
    const char *path; /* borrowed */
    size_t size_hint; /* of a regular file when it was opened; 0 when unknown */
    size_t max_bytes; /* reading more fails */
};

/* "-" is standard input. Folders, devices and sockets are refused by path; pipes are fine. */
MER_MUST_CHECK mer_status mer_input_open(struct mer_input *input, const char *path,
                                         size_t max_bytes, mer_err *err);
/* An entry of a folder: a regular file and nothing else, also where somebody puts something else in
 * its place; a symbolic link is not followed, nothing is waited for. */
MER_MUST_CHECK mer_status mer_input_open_entry(struct mer_input *input, const char *path,
                                               size_t max_bytes, mer_err *err);
/* Reads into the n bytes at `space`, behind `n_before` bytes read earlier; *ret_n is 0 at the end
 * only. A signal that was caught meanwhile ends it with MER_ERR_CANCELLED. */
MER_MUST_CHECK mer_status mer_input_read(const struct mer_input *input, size_t n_before,
                                         void *space, size_t n, size_t *ret_n, mer_err *err);
/* Hands up to n bytes of a regular file on to another file without a detour through memory of this
 * process; as mer_input_read otherwise. *ret_can is false, and nothing happened, where the system
 * cannot do that. */
MER_MUST_CHECK mer_status mer_input_send(const struct mer_input *input, size_t n_before, int fd,
                                         size_t n, bool *ret_can, size_t *ret_n, mer_err *err);
/* Whether the path leads to a regular file of so many bytes at least. */
bool mer_input_is_large(const char *path, size_t least);
/* A copy of the first n bytes of a regular file, in large pages where there are some, made by all
 * threads of the team (NULL: one). MER_ERR_IO when there are not so many any more. Lives until the
 * process ends. */
MER_MUST_CHECK mer_status mer_input_copy(struct mer_team *team, int fd, size_t n,
                                         const unsigned char **ret_bytes, mer_err *err);
void mer_input_close(struct mer_input *input);

#endif
