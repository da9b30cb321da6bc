/* ZIP archives as two readers may see them: the directory and the entries' own headers are both
 * read, and what they say differently is told. Unlike intake/zip.h, which refuses such archives.
 */
#ifndef MER_AUDIT_ZIP_AUDIT_H
#define MER_AUDIT_ZIP_AUDIT_H

#include "audit/audit.h"

struct mer_zip_member {
    const char *name; /* in the archive */
    size_t n_name;
    uint16_t flags;
    uint16_t method;
    uint32_t crc;
    uint32_t attributes; /* outside ones: a file's mode */
    uint64_t n_data;     /* in the archive */
    uint64_t n;          /* decompressed, as stated */
    uint64_t at;         /* of its header */
    uint64_t data_at;    /* 0: no header was there */
    uint64_t end;        /* behind its data */
};

struct mer_zip_members {
    struct mer_alloc *alloc;
    struct mer_zip_member *items; /* owned; in the directory's order */
    size_t n;
    uint64_t n_before; /* bytes in front of the archive, which its offsets do not count */
    uint64_t directory_at;
    uint64_t end; /* behind the archive's comment */
    bool is_one;  /* a directory was found */
    bool is_cut;  /* it is not read to its end */
    bool has_two; /* ends of an archive */
};

/* Finds the directory and its entries, and tells nothing. */
MER_MUST_CHECK mer_status mer_zip_members_read(struct mer_audit *audit, struct mer_audit_bytes file,
                                               struct mer_zip_members *ret, mer_err *err);
void mer_zip_members_release(struct mer_zip_members *members);
/* The name is, or ends with, `end`. */
bool mer_zip_member_ends(const struct mer_zip_member *member, const char *end);
/* A source file of a TorchScript archive. */
bool mer_zip_member_is_code(const struct mer_zip_member *member);

/* A directory ends exactly where the file does: a reader of archives would take it for one. */
bool mer_audit_ends_as_zip(struct mer_audit *audit, struct mer_audit_bytes file);
/* Which of the formats that are archives. */
unsigned mer_audit_zip_format(struct mer_audit *audit, struct mer_audit_bytes file);

#endif
