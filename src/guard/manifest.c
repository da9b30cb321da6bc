#include "guard/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sort.h"
#include "core/utf8.h"
#include "guard/statement.h"
#include "os/file.h"
#include "os/file_stream.h"

enum { FIRST_CAPACITY = 64, DEPTH_MAX = 64, CHUNK_BYTES = 1 << 16, SHARD_SUFFIX_MAX = 48 };

const char *const MER_MANIFEST_IGNORED[] = {".git", ".gitattributes", ".github", ".gitignore"};
const size_t MER_MANIFEST_N_IGNORED = sizeof MER_MANIFEST_IGNORED / sizeof *MER_MANIFEST_IGNORED;

void mer_manifest_init(struct mer_manifest *manifest, struct mer_alloc *alloc)
{
    *manifest = (struct mer_manifest){0};
    mer_arena_init(&manifest->arena, alloc);
}

void mer_manifest_release(struct mer_manifest *manifest)
{
    struct mer_alloc *alloc = manifest->arena.alloc;
    mer_free(alloc, manifest->items);
    mer_arena_release(&manifest->arena);
    mer_manifest_init(manifest, alloc);
}

static mer_status add_item(struct mer_manifest *manifest, const struct mer_manifest_item *item,
                           mer_err *err)
{
    if (manifest->n_items == manifest->capacity) {
        const size_t capacity = manifest->capacity ? manifest->capacity * 2 : FIRST_CAPACITY;
        MER_GUARD(mer_alloc_resize(manifest->arena.alloc, capacity * sizeof *manifest->items,
                                   &manifest->items, err));
        manifest->capacity = capacity;
    }
    manifest->items[manifest->n_items++] = *item;
    return mer_ok();
}

/* Code point order, which is byte order in UTF-8. */
static int by_name(const void *left, const void *right)
{
    const struct mer_manifest_item *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static void sort_items(struct mer_manifest *manifest)
{
    if (manifest->n_items > 0)
        mer_sort(manifest->items, manifest->n_items, sizeof *manifest->items, by_name);
}

/* ---- Listing ---- */

struct walk {
    struct mer_manifest *manifest;
    const char *const *ignored;
    size_t n_ignored;
    unsigned depth;
};

static bool is_listed(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* "folder/entry", or "entry" where the folder is empty; from the arena. */
static mer_status join(struct mer_arena *arena, const char *folder, const char *entry,
                       const char **ret, mer_err *err)
{
    char *text;
    const size_t n_folder = strlen(folder), n_entry = strlen(entry);
    const size_t n_slash = n_folder > 0 && folder[n_folder - 1] != '/' ? 1 : 0;
    MER_GUARD(mer_arena_zero(arena, n_folder + n_slash + n_entry + 1, 1, &text, err));
    memcpy(text, folder, n_folder);
    if (n_slash)
        text[n_folder] = '/';
    memcpy(text + n_folder + n_slash, entry, n_entry);
    *ret = text;
    return mer_ok();
}

static mer_status walk_folder(struct walk *walk, const char *path, const char *name, mer_err *err);

static mer_status walk_entry(struct walk *walk, const char *folder, const char *folder_name,
                             const struct mer_folder_entry *entry, mer_err *err)
{
    struct mer_manifest_item item = {.end = UINT64_MAX};
    struct mer_arena *arena = &walk->manifest->arena;
    MER_GUARD(join(arena, folder_name, entry->name, &item.name, err));
    if (is_listed(item.name, walk->ignored, walk->n_ignored) ||
        (walk->depth == 1 && is_listed(item.name, MER_MANIFEST_IGNORED, MER_MANIFEST_N_IGNORED)))
        return mer_ok();
    MER_GUARD(join(arena, folder, entry->name, &item.path, err));
    if (!mer_utf8_valid(entry->name, strlen(entry->name)))
        return mer_fail(err, MER_ERR_TRUST, "the name of %s is not UTF-8",
                        mer_quote(item.path).text);
    if (entry->kind == MER_ENTRY_LINK)
        return mer_fail(err, MER_ERR_TRUST, "%s is a symbolic link, which signatures do not cover",
                        mer_quote(item.path).text);
    if (entry->kind == MER_ENTRY_FOLDER)
        return walk_folder(walk, item.path, item.name, err);
    if (entry->kind != MER_ENTRY_FILE)
        return mer_fail(err, MER_ERR_TRUST, "%s is neither a file nor a folder",
                        mer_quote(item.path).text);
    if (walk->manifest->n_items == MER_STATEMENT_MAX_RESOURCES)
        return mer_fail(err, MER_ERR_TRUST, "there are more than %d files",
                        MER_STATEMENT_MAX_RESOURCES);
    return add_item(walk->manifest, &item, err);
}

static mer_status walk_folder(struct walk *walk, const char *path, const char *name, mer_err *err)
{
    struct mer_folder_list list;
    mer_status status = mer_ok();
    if (walk->depth == DEPTH_MAX)
        return mer_fail(err, MER_ERR_TRUST, "%s lies deeper than %d folders", mer_quote(path).text,
                        DEPTH_MAX);
    MER_GUARD(mer_folder_read(path, &list, err));
    walk->depth++;
    for (size_t i = 0; mer_is_ok(status) && i < list.n; i++)
        status = walk_entry(walk, path, name, &list.entries[i], err);
    walk->depth--;
    mer_folder_release(&list);
    return status;
}

mer_status mer_manifest_list(struct mer_manifest *manifest, const char *path,
                             const char *const *ignored, size_t n_ignored, mer_err *err)
{
    const enum mer_path_kind kind = mer_path_kind(path);
    manifest->root = path;
    manifest->is_folder = kind == MER_PATH_FOLDER;
    manifest->n_items = 0;
    if (kind == MER_PATH_FILE) {
        const struct mer_manifest_item item = {MER_RESOURCE_SELF, path, 0, UINT64_MAX};
        return add_item(manifest, &item, err);
    }
    if (kind == MER_PATH_MISSING)
        return mer_fail(err, MER_ERR_NO_INPUT, "%s does not exist", mer_quote(path).text);
    if (kind == MER_PATH_OTHER)
        return mer_fail(err, MER_ERR_NO_INPUT, "%s is neither a file nor a folder",
                        mer_quote(path).text);
    struct walk walk = {.manifest = manifest, .ignored = ignored, .n_ignored = n_ignored};
    MER_GUARD(walk_folder(&walk, path, "", err));
    sort_items(manifest);
    return mer_ok();
}

/* ---- Shards ---- */

static mer_status add_shards(struct mer_manifest *manifest, const struct mer_manifest_item *file,
                             uint64_t n_bytes, uint64_t shard_bytes, size_t max_items, mer_err *err)
{
    const size_t size = strlen(file->name) + SHARD_SUFFIX_MAX;
    for (uint64_t begin = 0; begin < n_bytes;) {
        const uint64_t left = n_bytes - begin;
        struct mer_manifest_item shard = *file;
        char *name;
        shard.begin = begin;
        shard.end = begin + (left < shard_bytes ? left : shard_bytes);
        if (manifest->n_items == max_items)
            return mer_fail(err, MER_ERR_TRUST, "there are more shards than were signed");
        MER_GUARD(mer_arena_zero(&manifest->arena, size, 1, &name, err));
        snprintf(name, size, "%s:%llu:%llu", file->name, (unsigned long long)shard.begin,
                 (unsigned long long)shard.end);
        shard.name = name;
        MER_GUARD(add_item(manifest, &shard, err));
        begin = shard.end;
    }
    return mer_ok();
}

mer_status mer_manifest_cut(struct mer_manifest *manifest, uint64_t shard_bytes, size_t max_items,
                            mer_err *err)
{
    struct mer_alloc *alloc = manifest->arena.alloc;
    struct mer_manifest_item *files = manifest->items;
    const size_t n_files = manifest->n_items;
    mer_status status = mer_ok();
    manifest->items = NULL;
    manifest->n_items = 0;
    manifest->capacity = 0;
    for (size_t i = 0; mer_is_ok(status) && i < n_files; i++) {
        struct mer_file_stream stream;
        status = mer_file_stream_open(&stream, files[i].path, !manifest->is_folder, err);
        if (!mer_is_ok(status))
            break;
        mer_file_stream_close(&stream);
        status = add_shards(manifest, &files[i], stream.n_bytes, shard_bytes, max_items, err);
    }
    mer_free(alloc, files);
    sort_items(manifest);
    return status;
}

/* ---- Digests ---- */

/* From `begin` to `end` or the file's end. */
static mer_status hash_range(struct mer_file_stream *stream, const struct mer_manifest_item *item,
                             struct mer_hash *hash, mer_err *err)
{
    unsigned char chunk[CHUNK_BYTES];
    uint64_t left = item->end - item->begin;
    if (item->begin > 0)
        MER_GUARD(mer_file_stream_seek(stream, item->begin, err));
    for (;;) {
        size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;
        MER_GUARD(mer_file_stream_read(stream, chunk, n, &n, err));
        if (n == 0)
            return mer_ok();
        MER_GUARD(mer_hash_update(hash, chunk, n, err));
        left -= n;
    }
}

mer_status mer_manifest_digest(const struct mer_manifest *manifest,
                               const struct mer_manifest_item *item, enum mer_hash_kind kind,
                               struct mer_digest *ret_digest, mer_err *err)
{
    struct mer_file_stream stream;
    struct mer_hash hash;
    MER_GUARD(mer_file_stream_open(&stream, item->path, !manifest->is_folder, err));
    mer_status status = mer_hash_init(&hash, kind, err);
    if (mer_is_ok(status)) {
        status = hash_range(&stream, item, &hash, err);
        if (mer_is_ok(status))
            status = mer_hash_final(&hash, ret_digest, err);
        else
            mer_hash_release(&hash);
    }
    mer_file_stream_close(&stream);
    return status;
}

/* ---- Where a file lies ---- */

/* What is left of `path` behind `folder`, both absolute and without links; NULL if it lies outside.
 */
static const char *behind(const char *path, const char *folder)
{
    const size_t n = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    if (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != '\0'))
        return NULL;
    return path[n] == '/' ? path + n + 1 : path + n;
}

char *mer_manifest_name_in(const char *folder, const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash ? slash + 1 : file;
    char *name = NULL;
    char *parent = slash ? strndup(file, (size_t)(slash - file) + 1) : strdup(".");
    char *real_parent = parent ? realpath(parent, NULL) : NULL;
    char *real_folder = realpath(folder, NULL);
    const char *rest = real_parent && real_folder ? behind(real_parent, real_folder) : NULL;
    if (rest && asprintf(&name, "%s%s%s", rest, rest[0] ? "/" : "", base) < 0)
        name = NULL;
    free(real_folder);
    free(real_parent);
    free(parent);
    return name;
}
