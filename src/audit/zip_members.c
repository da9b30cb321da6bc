/* The directory of a ZIP archive (PKWARE's APPNOTE, 6.3.10), ZIP64 too. */
#include <string.h>

#include "audit/zip_audit.h"

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    CENTRAL_BYTES = 46,
    COMMENT_MAX = 0xffff,
    MEMBERS_MAX = 1 << 20,
    EXTRA_ZIP64 = 1
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

static uint64_t large(const unsigned char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

struct stated {
    uint64_t n_directory;
    uint64_t directory_at;
    uint64_t n_members;
    uint64_t at; /* where the directory has to end */
};

/* What the end record says, or the one for large archives in front of it. */
static struct stated read_end(struct mer_audit_bytes file, const unsigned char *end)
{
    struct stated stated = {.n_directory = wide(end + 12),
                            .directory_at = wide(end + 16),
                            .n_members = word(end + 10),
                            .at = (uint64_t)(end - file.bytes)};
    if (stated.at < LOCATOR_BYTES || memcmp(end - LOCATOR_BYTES, "PK\6\7", 4) != 0)
        return stated;
    const uint64_t at64 = large(end - LOCATOR_BYTES + 8);
    if (file.n < END64_BYTES || at64 > stated.at - LOCATOR_BYTES ||
        stated.at - LOCATOR_BYTES - at64 < END64_BYTES ||
        memcmp(file.bytes + at64, "PK\6\6", 4) != 0)
        return stated;
    const unsigned char *const end64 = file.bytes + at64;
    return (struct stated){.n_directory = large(end64 + 40),
                           .directory_at = large(end64 + 48),
                           .n_members = large(end64 + 32),
                           .at = at64};
}

/* Its directory lies right in front of it, where it says: so that of an archive that is an entry of
 * this one does not. */
static bool fits(struct mer_audit_bytes file, const unsigned char *end)
{
    const struct stated stated = read_end(file, end);
    return stated.n_directory <= stated.at && stated.directory_at == stated.at - stated.n_directory;
}

/* The last end record; one that ends with the file, if there is such. */
static const unsigned char *find_end(struct mer_audit_bytes file, bool *ret_has_two)
{
    const unsigned char *found = NULL;
    *ret_has_two = false;
    for (size_t back = END_BYTES; back <= file.n && back <= END_BYTES + COMMENT_MAX; back++) {
        const unsigned char *const at = file.bytes + file.n - back;
        if (memcmp(at, "PK\5\6", 4) != 0 || (size_t)END_BYTES + word(at + 20) > back)
            continue;
        const bool ends_the_file = (size_t)END_BYTES + word(at + 20) == back;
        *ret_has_two |= found != NULL && fits(file, at);
        if (!found ||
            (ends_the_file && found + END_BYTES + word(found + 20) != file.bytes + file.n))
            found = at;
    }
    return found;
}

/* Sizes of 64 bits stand behind the name, in the order of those that did not fit. */
static void read_extra(const unsigned char *extra, size_t n, struct mer_zip_member *member)
{
    for (size_t at = 0; at + 4 <= n;) {
        const size_t n_field = word(extra + at + 2);
        if (n_field > n - at - 4)
            return;
        size_t from = at + 4;
        if (word(extra + at) == EXTRA_ZIP64) {
            uint64_t *const values[] = {&member->n, &member->n_data, &member->at};
            for (size_t i = 0; i < 3; i++)
                if (*values[i] == UINT32_MAX && from + 8 <= at + 4 + n_field) {
                    *values[i] = large(extra + from);
                    from += 8;
                }
        }
        at += 4 + n_field;
    }
}

/* The record at *at, which moves behind it; false where there is none. */
static bool read_record(const unsigned char *directory, size_t n, size_t *at,
                        struct mer_zip_member *ret)
{
    const unsigned char *const record = directory + *at;
    if (n - *at < CENTRAL_BYTES || memcmp(record, "PK\1\2", 4) != 0)
        return false;
    const size_t n_name = word(record + 28), n_extra = word(record + 30);
    const size_t n_record = CENTRAL_BYTES + n_name + n_extra + word(record + 32);
    if (n_record > n - *at)
        return false;
    *ret = (struct mer_zip_member){.name = (const char *)record + CENTRAL_BYTES,
                                   .n_name = n_name,
                                   .flags = word(record + 8),
                                   .method = word(record + 10),
                                   .crc = wide(record + 16),
                                   .n_data = wide(record + 20),
                                   .n = wide(record + 24),
                                   .attributes = wide(record + 38),
                                   .at = wide(record + 42)};
    read_extra(record + CENTRAL_BYTES + n_name, n_extra, ret);
    *at += n_record;
    return true;
}

static mer_status read_records(struct mer_audit *audit, const unsigned char *directory, size_t n,
                               uint64_t n_stated, struct mer_zip_members *members, mer_err *err)
{
    size_t at = 0, capacity = 0;
    struct mer_zip_member member;
    while (members->n < MEMBERS_MAX && mer_audit_step(audit, 10) &&
           read_record(directory, n, &at, &member)) {
        if (members->n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            MER_GUARD(
                mer_alloc_resize(members->alloc, capacity * sizeof member, &members->items, err));
        }
        members->items[members->n++] = member;
    }
    members->is_cut = at != n || members->n != n_stated;
    return mer_ok();
}

mer_status mer_zip_members_read(struct mer_audit *audit, struct mer_audit_bytes file,
                                struct mer_zip_members *ret, mer_err *err)
{
    *ret = (struct mer_zip_members){.alloc = audit->ctx->alloc};
    const unsigned char *const end = find_end(file, &ret->has_two);
    if (!end || file.n != file.n_total)
        return mer_ok();
    const struct stated stated = read_end(file, end);
    if (stated.n_directory > stated.at || stated.directory_at > stated.at - stated.n_directory)
        return mer_ok();
    ret->is_one = true;
    ret->directory_at = stated.at - stated.n_directory;
    ret->n_before = ret->directory_at - stated.directory_at;
    ret->end = (uint64_t)(end - file.bytes) + END_BYTES + word(end + 20);
    return read_records(audit, file.bytes + ret->directory_at, (size_t)stated.n_directory,
                        stated.n_members, ret, err);
}

void mer_zip_members_release(struct mer_zip_members *members)
{
    mer_free(members->alloc, members->items);
    members->items = NULL;
    members->n = 0;
}

bool mer_zip_member_ends(const struct mer_zip_member *member, const char *end)
{
    const size_t n = strlen(end);
    return member->n_name >= n && memcmp(member->name + member->n_name - n, end, n) == 0;
}

bool mer_audit_ends_as_zip(struct mer_audit *audit, struct mer_audit_bytes file)
{
    struct mer_zip_members members;
    const mer_status status = mer_zip_members_read(audit, file, &members, NULL);
    const bool is_one = mer_audit_went_well(audit, status) && members.is_one &&
                        members.end == file.n && (members.n > 0 || !members.is_cut);
    mer_zip_members_release(&members);
    return is_one;
}

bool mer_zip_member_is_code(const struct mer_zip_member *member)
{
    return memmem(member->name, member->n_name, "/code/", 6) && mer_zip_member_ends(member, ".py");
}

static unsigned format_of(const struct mer_zip_members *members)
{
    size_t n_arrays = 0;
    bool has_data = false;
    for (size_t i = 0; i < members->n; i++) {
        const struct mer_zip_member *const member = &members->items[i];
        n_arrays += mer_zip_member_ends(member, ".npy");
        has_data |= mer_zip_member_ends(member, "data.pkl");
        if (mer_zip_member_is_code(member))
            return MER_AUDIT_FORMAT_TORCHSCRIPT;
    }
    if (has_data)
        return MER_AUDIT_FORMAT_TORCH;
    return members->n > 0 && n_arrays == members->n ? MER_AUDIT_FORMAT_NPZ : MER_AUDIT_FORMAT_ZIP;
}

unsigned mer_audit_zip_format(struct mer_audit *audit, struct mer_audit_bytes file)
{
    struct mer_zip_members members;
    const mer_status status = mer_zip_members_read(audit, file, &members, NULL);
    const unsigned format =
        mer_audit_went_well(audit, status) ? format_of(&members) : MER_AUDIT_FORMAT_ZIP;
    mer_zip_members_release(&members);
    return format;
}
