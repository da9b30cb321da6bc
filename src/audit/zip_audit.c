/* ZIP archives, NumPy's and PyTorch's among them: what is in them, and what two readers could see
 * differently.
 */
#include "audit/zip_audit.h"

#include <string.h>

#include "audit/inflate_audit.h"
#include "audit/pickle_file.h"
#include "audit/pickle_machine.h"
#include "core/sort.h"

enum {
    LOCAL_BYTES = 30,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_ENCRYPTED = 1 << 0,
    FLAG_SIZES_BEHIND = 1 << 3,
    FLAG_STRONG = 1 << 6,
    FLAG_MASKED = 1 << 13,
    EXTRA_ZIP64 = 1,
    MODE_LINK = 0xa000,
    MODE_KIND = 0xf000,
    SMALL_TEXT = 64
};

struct archive {
    struct mer_audit *audit;
    struct mer_audit_bytes file;
    struct mer_zip_members members;
    struct mer_pickle pickle; /* of a PyTorch archive: the storages that it names */
    const struct mer_zip_member *pickle_member; /* where it lies; NULL: there is none */
};

static uint16_t word(const unsigned char *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t wide(const unsigned char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static void tell(struct archive *archive, const struct mer_zip_member *member,
                 enum mer_audit_kind kind, const char *what)
{
    mer_audit_add(archive->audit, kind, member->at, "%s: %s",
                  mer_quote_n(member->name, member->n_name).text, what);
}

/* ---- Names ---- */

static bool leads_outside(const char *name, size_t n)
{
    if (n == 0 || name[0] == '/' || memchr(name, '\\', n) || memchr(name, '\0', n) ||
        (n > 1 && name[1] == ':'))
        return true;
    for (size_t i = 0; i + 1 < n; i++)
        if (name[i] == '.' && name[i + 1] == '.' && (i == 0 || name[i - 1] == '/') &&
            (i + 2 == n || name[i + 2] == '/'))
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct mer_zip_member *const *x = a, *const *y = b;
    const size_t n = (*x)->n_name < (*y)->n_name ? (*x)->n_name : (*y)->n_name;
    const int order = n ? memcmp((*x)->name, (*y)->name, n) : 0;
    return order ? order : (*x)->n_name < (*y)->n_name ? -1 : (*x)->n_name > (*y)->n_name;
}

static int by_place(const void *a, const void *b)
{
    const struct mer_zip_member *const *x = a, *const *y = b;
    return (*x)->at < (*y)->at ? -1 : (*x)->at > (*y)->at;
}

/* ---- The entries' own headers ---- */

/* In the header, sizes may be behind the data, or in the extra field for large ones. */
static bool sizes_agree(const unsigned char *local, const struct mer_zip_member *member)
{
    uint64_t n_data = wide(local + 18), n = wide(local + 22);
    const unsigned char *const extra = local + LOCAL_BYTES + word(local + 26);
    const size_t n_extra = word(local + 28);
    if (word(local + 6) & FLAG_SIZES_BEHIND && n_data == 0 && n == 0)
        return true;
    for (size_t at = 0; at + 20 <= n_extra; at += 4U + word(extra + at + 2))
        if (word(extra + at) == EXTRA_ZIP64 && n == UINT32_MAX && n_data == UINT32_MAX) {
            memcpy(&n, extra + at + 4, sizeof n);
            memcpy(&n_data, extra + at + 12, sizeof n_data);
        }
    return n_data == member->n_data && n == member->n;
}

static void check_local(struct archive *archive, struct mer_zip_member *member)
{
    const uint64_t limit = archive->members.directory_at;
    uint64_t at;
    if (__builtin_add_overflow(member->at, archive->members.n_before, &at) || at > limit ||
        limit - at < LOCAL_BYTES || memcmp(archive->file.bytes + at, "PK\3\4", 4) != 0) {
        tell(archive, member, MER_AUDIT_BROKEN, "it has no header of its own");
        return;
    }
    const unsigned char *const local = archive->file.bytes + at;
    const size_t n_name = word(local + 26), n_header = LOCAL_BYTES + n_name + word(local + 28);
    member->at = at;
    if (n_header > limit - at || member->n_data > limit - at - n_header) {
        tell(archive, member, MER_AUDIT_BROKEN, "it reaches beyond its place");
        return;
    }
    if (n_name != member->n_name || memcmp(local + LOCAL_BYTES, member->name, n_name) != 0)
        tell(archive, member, MER_AUDIT_ZIP_TWICE, "its header has another name");
    if (word(local + 6) != member->flags || word(local + 8) != member->method)
        tell(archive, member, MER_AUDIT_ZIP_TWICE, "its header says another method or other flags");
    if (!sizes_agree(local, member))
        tell(archive, member, MER_AUDIT_ZIP_TWICE, "its header says other sizes");
    if (wide(local + 14) != member->crc &&
        !(word(local + 6) & FLAG_SIZES_BEHIND && wide(local + 14) == 0))
        tell(archive, member, MER_AUDIT_ZIP_TWICE, "its header says another checksum");
    member->data_at = at + n_header;
    member->end = member->data_at + member->n_data;
}

static void check_member(struct archive *archive, struct mer_zip_member *member)
{
    check_local(archive, member);
    if (member->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
        tell(archive, member, MER_AUDIT_ZIP_TWICE,
             "it is marked as encrypted, which some readers do not look at");
    if (leads_outside(member->name, member->n_name))
        tell(archive, member, MER_AUDIT_ZIP_PATH, "its name leads outside");
    if ((member->attributes >> 16 & MODE_KIND) == MODE_LINK)
        tell(archive, member, MER_AUDIT_ZIP_PATH, "it is a symbolic link");
    if (member->method == METHOD_STORED && member->n != member->n_data)
        tell(archive, member, MER_AUDIT_ZIP_TWICE, "it is stored, and has two sizes");
}

/* What lies between an entry and the next: the sizes that come behind the data, or nothing. */
static void check_gap(struct archive *archive, const struct mer_zip_member *before, uint64_t from,
                      uint64_t to)
{
    const uint64_t n = to > from ? to - from : 0;
    const bool behind = before && before->flags & FLAG_SIZES_BEHIND;
    if (to < from)
        mer_audit_add(archive->audit, MER_AUDIT_ZIP_OVERLAP, to, "%s of %s",
                      mer_audit_show_size(from - to).text,
                      mer_quote_n(before->name, before->n_name).text);
    else if (n > 0 && !(behind && (n == 12 || n == 16 || n == 20 || n == 24)))
        mer_audit_add(archive->audit, MER_AUDIT_ZIP_HIDDEN, from, "%s that belong to no entry",
                      mer_audit_show_size(n).text);
}

/* Names once, places one behind the other. */
static mer_status check_together(struct archive *archive, mer_err *err)
{
    const struct mer_zip_member **sorted;
    const size_t n = archive->members.n;
    const struct mer_zip_member *before = NULL;
    uint64_t at = archive->members.n_before;
    MER_GUARD(mer_alloc_array(archive->audit->ctx->alloc, n, sizeof *sorted, &sorted, err));
    for (size_t i = 0; i < n; i++)
        sorted[i] = &archive->members.items[i];
    if (n > 0)
        mer_sort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n; i++)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            tell(archive, sorted[i], MER_AUDIT_ZIP_TWICE, "two entries have this name");
    if (n > 0)
        mer_sort(sorted, n, sizeof *sorted, by_place);
    for (size_t i = 0; i < n; i++) {
        if (sorted[i]->data_at == 0)
            continue;
        check_gap(archive, before, at, sorted[i]->at);
        before = sorted[i];
        at = before->end > at ? before->end : at;
    }
    check_gap(archive, before, at, archive->members.directory_at);
    mer_free(archive->audit->ctx->alloc, sorted);
    return mer_ok();
}

/* ---- What is in them ---- */

/* The part of a name behind "/data/", which is a storage's key; NULL: it is another entry. */
static const char *storage_key(const struct mer_zip_member *member)
{
    const char *const folder = memchr(member->name, '/', member->n_name);
    const size_t n = folder ? member->n_name - (size_t)(folder - member->name) : 0;
    return n > 6 && memcmp(folder, "/data/", 6) == 0 ? folder + 6 : NULL;
}

static void check_storage(struct archive *archive, const struct mer_zip_member *member,
                          const char *key)
{
    uint64_t n_bytes;
    struct mer_pickle_storage *const storage = mer_pickle_find_storage(
        &archive->pickle, key, member->n_name - (size_t)(key - member->name));
    if (!storage) {
        tell(archive, member, MER_AUDIT_ZIP_HIDDEN, "no tensor uses it");
        return;
    }
    storage->found = true;
    if (__builtin_mul_overflow(storage->n_items, (uint64_t)storage->item_bytes, &n_bytes) ||
        n_bytes != member->n)
        tell(archive, member, MER_AUDIT_RANGE, "it has another size than its tensors expect");
}

static bool is_small_text(const struct mer_zip_member *member)
{
    static const char *const names[] = {"/version", "/byteorder", "/.data/serialization_id",
                                        "/.format_version", "/.storage_alignment"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (mer_zip_member_ends(member, names[i]))
            return member->n <= SMALL_TEXT;
    return false;
}

static mer_status look_into(struct archive *archive, const struct mer_zip_member *member,
                            struct mer_audit_bytes bytes, mer_err *err)
{
    const bool is_torch = archive->pickle_member != NULL;
    const char *const key = is_torch ? storage_key(member) : NULL;
    if (key) {
        check_storage(archive, member, key);
        return mer_ok();
    }
    if (is_torch && (is_small_text(member) || member == archive->pickle_member))
        return mer_ok();
    if (archive->audit->in_script && mer_zip_member_is_code(member))
        return mer_ok(); /* told once for all of them */
    return mer_audit_content(archive->audit, bytes, NULL, err);
}

static mer_status read_deflated(struct archive *archive, const struct mer_zip_member *member,
                                const unsigned char *data, mer_err *err)
{
    struct mer_inflated inflated;
    mer_status status = mer_audit_inflate(archive->audit, MER_INFLATE_RAW, data,
                                          (size_t)member->n_data, &inflated, err);
    if (mer_is_ok(status)) {
        if (inflated.is_bomb)
            tell(archive, member, MER_AUDIT_BOMB, "it grows over 200 times when decompressed");
        else if (archive->audit->inflate_left == 0 || archive->audit->out_of_steps)
            tell(archive, member, MER_AUDIT_NOT_ALL, "too large to be decompressed");
        else if (!inflated.ended)
            tell(archive, member, MER_AUDIT_BROKEN, "its data are not what deflate writes");
        else if (inflated.n_consumed != member->n_data)
            tell(archive, member, MER_AUDIT_ZIP_HIDDEN, "something follows its data");
        if (inflated.ended && inflated.n_total != member->n)
            tell(archive, member, MER_AUDIT_ZIP_TWICE, "it has another size than stated");
        if (inflated.ended && inflated.crc != member->crc)
            tell(archive, member, MER_AUDIT_CHECKSUM, "some readers refuse it, others do not");
        if (!inflated.is_bomb)
            status = look_into(
                archive, member,
                (struct mer_audit_bytes){inflated.bytes, inflated.n, inflated.n_total}, err);
    }
    mer_inflated_release(&inflated);
    return status;
}

static mer_status read_member(struct archive *archive, const struct mer_zip_member *member,
                              mer_err *err)
{
    size_t before;
    if (member->data_at == 0 ||
        (member->n_name > 0 && member->name[member->n_name - 1] == '/' && member->n == 0))
        return mer_ok();
    const unsigned char *const data = archive->file.bytes + member->data_at;
    if (member->method == METHOD_STORED &&
        mer_audit_crc(archive->audit, data, (size_t)member->n_data) != member->crc &&
        !archive->audit->out_of_steps)
        tell(archive, member, MER_AUDIT_CHECKSUM, "some readers refuse it, others do not");
    if (member->method != METHOD_STORED && member->method != METHOD_DEFLATED) {
        mer_audit_add(archive->audit, MER_AUDIT_NOT_ALL, member->at,
                      "%s is compressed by method %u",
                      mer_quote_n(member->name, member->n_name).text, member->method);
        return mer_ok();
    }
    if (!mer_audit_enter(archive->audit, member->name, member->n_name, &before))
        return mer_ok();
    const mer_status status =
        member->method == METHOD_DEFLATED
            ? read_deflated(archive, member, data, err)
            : look_into(archive, member,
                        (struct mer_audit_bytes){data, (size_t)member->n_data, member->n_data},
                        err);
    mer_audit_leave(archive->audit, before);
    return status;
}

/* PyTorch's pickle comes first, for it says what the other entries are. */
static mer_status read_pickle(struct archive *archive, const struct mer_zip_member *member,
                              mer_err *err)
{
    struct mer_inflated inflated = {.n = 0};
    struct mer_audit_bytes bytes = {archive->file.bytes + member->data_at, (size_t)member->n_data,
                                    member->n_data};
    size_t before;
    if (member->data_at == 0 || archive->pickle_member ||
        !mer_audit_enter(archive->audit, member->name, member->n_name, &before)) {
        if (archive->pickle_member)
            tell(archive, member, MER_AUDIT_ZIP_TWICE, "two entries are the checkpoint's pickle");
        return mer_ok();
    }
    mer_status status = mer_ok();
    if (member->method == METHOD_DEFLATED) {
        status = mer_audit_inflate(archive->audit, MER_INFLATE_RAW, bytes.bytes, bytes.n, &inflated,
                                   err);
        bytes = (struct mer_audit_bytes){inflated.bytes, inflated.n, inflated.n_total};
    }
    archive->pickle_member = member;
    if (mer_is_ok(status))
        status = mer_audit_torch_pickle(archive->audit, bytes, &archive->pickle, err);
    /* The keys lie in the bytes. */
    for (size_t i = 0; mer_is_ok(status) && i < archive->pickle.n_storages; i++) {
        struct mer_pickle_storage *const storage = &archive->pickle.storages[i];
        const char *key;
        status = mer_arena_text(&archive->pickle.arena, (const char *)storage->key, storage->n_key,
                                &key, err);
        storage->key = (const unsigned char *)key;
    }
    mer_inflated_release(&inflated);
    mer_audit_leave(archive->audit, before);
    return status;
}

static void check_missing(struct archive *archive)
{
    for (size_t i = 0; i < archive->pickle.n_storages; i++) {
        const struct mer_pickle_storage *const storage = &archive->pickle.storages[i];
        if (!storage->found)
            mer_audit_add(archive->audit, MER_AUDIT_BROKEN, 0,
                          "the memory of tensors %s is missing",
                          mer_quote_n((const char *)storage->key, storage->n_key).text);
    }
}

static mer_status read_members(struct archive *archive, bool is_torch, mer_err *err)
{
    const struct mer_zip_members *const members = &archive->members;
    for (size_t i = 0; is_torch && i < members->n; i++)
        if (mer_zip_member_ends(&members->items[i], "data.pkl"))
            MER_GUARD(read_pickle(archive, &members->items[i], err));
    for (size_t i = 0; i < members->n; i++) {
        if (!mer_audit_step(archive->audit, 100))
            return mer_ok();
        MER_GUARD(read_member(archive, &members->items[i], err));
    }
    check_missing(archive);
    return mer_ok();
}

static void tell_archive(struct archive *archive)
{
    const struct mer_zip_members *const members = &archive->members;
    struct mer_audit *const audit = archive->audit;
    if (members->has_two)
        mer_audit_add(audit, MER_AUDIT_ZIP_TWICE, members->end, "several ends of an archive");
    if (members->is_cut)
        mer_audit_add(audit, MER_AUDIT_BROKEN, members->directory_at,
                      "the directory is not as long as its end says");
    if (members->n_before > 0)
        mer_audit_add(audit, MER_AUDIT_POLYGLOT, 0, "%s lie in front of the archive",
                      mer_audit_show_size(members->n_before).text);
    if (members->end < archive->file.n)
        mer_audit_add(audit, MER_AUDIT_TRAILING, members->end, "%s behind the archive",
                      mer_audit_show_size(archive->file.n - members->end).text);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%zu entries", members->n);
}

static mer_status read_archive(struct mer_audit *audit, struct mer_audit_bytes file, bool is_torch,
                               mer_err *err)
{
    struct archive archive = {.audit = audit, .file = file};
    mer_pickle_init(&archive.pickle, audit, file.bytes, 0, 0);
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, 0, "too large to be decompressed");
    mer_status status = mer_zip_members_read(audit, file, &archive.members, err);
    if (mer_is_ok(status) && !archive.members.is_one)
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0, "an archive without a directory");
    if (mer_is_ok(status) && archive.members.is_one) {
        tell_archive(&archive);
        for (size_t i = 0; i < archive.members.n; i++)
            check_member(&archive, &archive.members.items[i]);
        status = check_together(&archive, err);
        if (mer_is_ok(status))
            status = read_members(&archive, is_torch, err);
    }
    mer_pickle_release(&archive.pickle);
    mer_zip_members_release(&archive.members);
    return status;
}

mer_status mer_audit_zip(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return read_archive(audit, file, false, err);
}

mer_status mer_audit_torch(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return read_archive(audit, file, true, err);
}

mer_status mer_audit_torchscript(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    const bool before = audit->in_script;
    mer_audit_add(audit, MER_AUDIT_NOT_READ, 0, "its code");
    audit->in_script = true;
    const mer_status status = read_archive(audit, file, true, err);
    audit->in_script = before;
    return status;
}
