/* Anonymous files in memory (memfd): how tables and results travel between a parent and its cell
 * without a copy and without a name.
 */
#ifndef MER_OS_MEMORY_FILE_H
#define MER_OS_MEMORY_FILE_H

#include "core/region.h"

/* A new, empty one; close-on-exec, never executable, may be sealed. */
MER_MUST_CHECK mer_status mer_memory_file_new(const char *name, int *ret_fd, mer_err *err);
/* One that holds the given bytes, sealed. */
MER_MUST_CHECK mer_status mer_memory_file_of(const char *name, const void *bytes, size_t n,
                                             int *ret_fd, mer_err *err);

/* Nobody can write, grow or shrink it any more; fails while anybody has it mapped for writing. */
MER_MUST_CHECK mer_status mer_memory_file_seal(int fd, mer_err *err);

/* The n bytes of a sealed one, mapped read-only: nobody can change or cut them. n = 0 gives a valid
 * pointer to nothing. Unmap with mer_memory_file_unmap, or never. */
MER_MUST_CHECK mer_status mer_memory_file_map(int fd, size_t n, const unsigned char **ret_bytes,
                                              mer_err *err);
/* The same, for who may not look at all of it: pages are mapped as they are touched. */
MER_MUST_CHECK mer_status mer_memory_file_map_lazily(int fd, size_t n,
                                                     const unsigned char **ret_bytes, mer_err *err);
/* A number that no other file in memory has while anybody holds this one; 0 where there is none. */
uint64_t mer_memory_file_id(int fd);
void mer_memory_file_unmap(const unsigned char *bytes, size_t n);

/* Exactly the first n bytes of one that somebody else may still change: copied, so that what is
 * looked at stays what it was. Shorter is MER_ERR_DATA. */
MER_MUST_CHECK mer_status mer_memory_file_read(int fd, void *bytes, size_t n, mer_err *err);
/* The same for n bytes from an offset on. */
MER_MUST_CHECK mer_status mer_memory_file_read_at(int fd, size_t offset, void *bytes, size_t n,
                                                  mer_err *err);
/* Cuts one that is not sealed to n bytes. */
MER_MUST_CHECK mer_status mer_memory_file_cut(int fd, size_t n, mer_err *err);

/* A sealed one as a region, mapped read-only and charged to alloc. Its size must be n: MER_ERR_DATA
 * otherwise. The descriptor stays the caller's and is not needed any more. */
MER_MUST_CHECK mer_status mer_region_init_sealed(struct mer_region *region, struct mer_alloc *alloc,
                                                 int fd, size_t n, mer_err *err);

/* A region that grows inside the given memory file, mapped for writing and charged to alloc. */
struct mer_file_region {
    struct mer_region region; /* first: the region's functions find the rest through it */
    struct mer_alloc *alloc;
    int fd; /* borrowed */
};
void mer_region_init_memory_file(struct mer_file_region *file, struct mer_alloc *alloc, int fd,
                                 size_t max_bytes);

/* The memory that this machine has. */
size_t mer_memory_of_machine(void);

#endif
