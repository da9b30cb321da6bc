/* Deflated data, decompressed as far as the audit's budget reaches. */
#ifndef MER_AUDIT_INFLATE_AUDIT_H
#define MER_AUDIT_INFLATE_AUDIT_H

#include "audit/audit.h"

enum mer_inflate_form { MER_INFLATE_RAW, MER_INFLATE_ZLIB_OR_GZIP };

struct mer_inflated {
    struct mer_alloc *alloc;
    unsigned char *bytes; /* the first n; owned */
    size_t n;
    uint64_t n_total;  /* all that came out */
    size_t n_consumed; /* of what went in */
    uint32_t crc;      /* CRC-32 of all that came out */
    bool ended;        /* the data's own end was reached */
    bool is_bomb;
};

/* Decompresses and keeps at most MER_AUDIT_INFLATED_MAX bytes. Damaged data, and data behind the
 * budget's end, leave `ended` false. A failure is MER_ERR_MEMORY; release in any case. */
MER_MUST_CHECK mer_status mer_audit_inflate(struct mer_audit *audit, enum mer_inflate_form form,
                                            const unsigned char *bytes, size_t n,
                                            struct mer_inflated *ret, mer_err *err);
void mer_inflated_release(struct mer_inflated *inflated);

/* CRC-32 of bytes, counted as steps. */
uint32_t mer_audit_crc(struct mer_audit *audit, const unsigned char *bytes, size_t n);

#endif
