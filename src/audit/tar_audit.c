/* tar archives (POSIX ustar, and GNU's): PyTorch's checkpoints were ones before version 0.1.10.
 * Their members pickle, storages, tensors and sys_info hold pickles, some with tensors' bytes
 * behind.
 */
#include <string.h>

#include "audit/audit.h"
#include "audit/pickle_file.h"
#include "audit/pickle_machine.h"

enum { BLOCK = 512, NAME_BYTES = 100, SIZE_AT = 124, SUM_AT = 148, TYPE_AT = 156 };

static bool read_octal(const unsigned char *field, size_t n, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;
    while (i < n && field[i] == ' ')
        i++;
    const size_t from = i;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(field[i] - '0');
    *ret = value;
    return i > from && (i == n || field[i] == ' ' || field[i] == '\0');
}

static bool sum_is_right(const unsigned char *block)
{
    uint64_t stated, sum = 0;
    if (!read_octal(block + SUM_AT, 8, &stated))
        return false;
    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= SUM_AT && i < SUM_AT + 8 ? ' ' : block[i];
    return sum == stated;
}

static bool leads_outside(const char *name, size_t n)
{
    return n == 0 || name[0] == '/' || memmem(name, n, "..", 2) != NULL;
}

static bool is_named(const char *name, size_t n, const char *wanted)
{
    return strlen(wanted) == n && memcmp(name, wanted, n) == 0;
}

/* Pickles one behind the other as far as they are some; tensors' bytes follow. */
static mer_status follow_pickles(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    size_t at = 0;
    while (at < file.n && !audit->out_of_steps &&
           mer_audit_is_pickle(
               audit, (struct mer_audit_bytes){file.bytes + at, file.n - at, file.n - at}, NULL)) {
        struct mer_pickle pickle;
        mer_pickle_init(&pickle, audit, file.bytes + at, file.n - at, at);
        pickle.is_torch = true;
        const mer_status status = mer_pickle_follow(&pickle, err);
        at += pickle.at;
        mer_pickle_release(&pickle);
        MER_GUARD(status);
    }
    return mer_ok();
}

static mer_status read_member(struct mer_audit *audit, const unsigned char *header,
                              struct mer_audit_bytes data, bool is_torch, mer_err *err)
{
    const char *const name = (const char *)header;
    const size_t n_name = strnlen(name, NAME_BYTES);
    const char type = (char)header[TYPE_AT];
    size_t before;
    if (leads_outside(name, n_name) || type == '1' || type == '2' || type == '3' || type == '4')
        mer_audit_add(audit, MER_AUDIT_ZIP_PATH, 0, "%s leads outside, is a link or a device",
                      mer_quote_n(name, n_name).text);
    if (type != '0' && type != '\0' && type != '5')
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, 0, "%s is of a kind that is not looked into",
                      mer_quote_n(name, n_name).text);
    if ((type != '0' && type != '\0') || !mer_audit_enter(audit, name, n_name, &before))
        return mer_ok();
    const bool is_pickles =
        is_torch && (is_named(name, n_name, "storages") || is_named(name, n_name, "tensors") ||
                     is_named(name, n_name, "pickle") || is_named(name, n_name, "sys_info"));
    const mer_status status =
        is_pickles ? follow_pickles(audit, data, err) : mer_audit_content(audit, data, NULL, err);
    mer_audit_leave(audit, before);
    return status;
}

static bool is_empty(const unsigned char *block)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

static mer_status read_archive(struct mer_audit *audit, struct mer_audit_bytes file, bool is_torch,
                               mer_err *err)
{
    size_t at = 0, n_members = 0;
    uint64_t n;
    while (file.n - at >= BLOCK && !is_empty(file.bytes + at)) {
        const unsigned char *const header = file.bytes + at;
        if (!mer_audit_step(audit, 100))
            return mer_ok();
        if (!sum_is_right(header) || !read_octal(header + SIZE_AT, 12, &n) ||
            n > file.n - at - BLOCK) {
            mer_audit_add(audit, MER_AUDIT_BROKEN, at, "a header is none, or reaches too far");
            return mer_ok();
        }
        at += BLOCK;
        n_members++;
        MER_GUARD(read_member(
            audit, header, (struct mer_audit_bytes){file.bytes + at, (size_t)n, n}, is_torch, err));
        const size_t padded = ((size_t)n + BLOCK - 1) / BLOCK * BLOCK;
        at = padded > file.n - at ? file.n : at + padded;
    }
    for (; at < file.n && file.bytes[at] == 0; at++)
        ;
    if (at < file.n)
        mer_audit_add(audit, MER_AUDIT_TRAILING, at, "%s behind the archive",
                      mer_audit_show_size(file.n - at).text);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%zu entries", n_members);
    return mer_ok();
}

mer_status mer_audit_tar(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return read_archive(audit, file, false, err);
}

mer_status mer_audit_torch_tar(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return read_archive(audit, file, true, err);
}
