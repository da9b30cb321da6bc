/* What there is to sign or to verify: the files of a folder with their names in it, or a single
 * file, whole or in shards; and the digest of each.
 *
 * Files are regular files. A symbolic link, a pipe or a name that is not UTF-8 is refused unless it
 * is ignored: model signing has no way to name them safely.
 */
#ifndef MER_GUARD_MANIFEST_H
#define MER_GUARD_MANIFEST_H

#include "core/arena.h"
#include "guard/hash.h"

/* Bytes [begin, end) of a file; `end` is UINT64_MAX for a whole file. */
struct mer_manifest_item {
    const char *name; /* as in a statement */
    const char *path; /* to open it */
    uint64_t begin;
    uint64_t end;
};

struct mer_manifest {
    struct mer_arena arena; /* owns names and paths */
    const char *root;       /* borrowed: the file or folder */
    bool is_folder;
    struct mer_manifest_item *items; /* owned: from the arena's allocator; sorted by name */
    size_t n_items;
    size_t capacity;
};

/* Left out at the top of every folder: .git, .gitattributes, .github, .gitignore. */
extern const char *const MER_MANIFEST_IGNORED[];
extern const size_t MER_MANIFEST_N_IGNORED;

void mer_manifest_init(struct mer_manifest *manifest, struct mer_alloc *alloc);
void mer_manifest_release(struct mer_manifest *manifest);

/* Lists what is at `path`, a file or a folder, less the ignored relative paths and what is below
 * them. MER_ERR_NO_INPUT when there is nothing, MER_ERR_TRUST for what cannot be named. */
MER_MUST_CHECK mer_status mer_manifest_list(struct mer_manifest *manifest, const char *path,
                                            const char *const *ignored, size_t n_ignored,
                                            mer_err *err);
/* Cuts every file into shards of that many bytes; empty files vanish. MER_ERR_TRUST when there are
 * more than max_items. */
MER_MUST_CHECK mer_status mer_manifest_cut(struct mer_manifest *manifest, uint64_t shard_bytes,
                                           size_t max_items, mer_err *err);
MER_MUST_CHECK mer_status mer_manifest_digest(const struct mer_manifest *manifest,
                                              const struct mer_manifest_item *item,
                                              enum mer_hash_kind kind,
                                              struct mer_digest *ret_digest, mer_err *err);

/* The relative name of `file` (which need not exist) if it lies in `folder`, else NULL; malloc,
 * free with free. */
char *mer_manifest_name_in(const char *folder, const char *file);

#endif
