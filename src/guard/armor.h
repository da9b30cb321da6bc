/* Armor: a sealed file as text that survives mail and clipboards, by the age v1 format: a strict
 * kind of PEM. Pure.
 */
#ifndef MER_GUARD_ARMOR_H
#define MER_GUARD_ARMOR_H

#include "core/buf.h"

/* Whether the bytes begin, behind white space, like an armored file. */
bool mer_armor_is(const void *bytes, size_t n);

/* Appends what an armored file holds. White space may stand before and behind, lines may end with
 * CR LF, the last one with nothing; anything else that is not as an armored file is written is
 * MER_ERR_DATA. */
MER_MUST_CHECK mer_status mer_armor_decode(struct mer_buf *buf, const void *bytes, size_t n,
                                           mer_err *err);

/* Reading piece by piece: init, pieces, end. Appends what a piece completes; of an armored file
 * that is too long or cut nothing may be used before the end was read. */
enum { MER_ARMOR_LINE_MAX = 66 }; /* 64 columns, a carriage return, and one that is too many */
struct mer_armor_reader {
    char line[MER_ARMOR_LINE_MAX]; /* that has not ended yet */
    size_t n_line;
    size_t number; /* of the last one that ended, from 1 */
    size_t n_white;
    bool was_short; /* so it must be the last */
    enum { MER_ARMOR_BEFORE, MER_ARMOR_FIRST, MER_ARMOR_BODY, MER_ARMOR_BEHIND } where;
};
void mer_armor_reader_init(struct mer_armor_reader *reader);
MER_MUST_CHECK mer_status mer_armor_read(struct mer_armor_reader *reader, const void *bytes,
                                         size_t n, struct mer_buf *buf, mer_err *err);
MER_MUST_CHECK mer_status mer_armor_read_end(struct mer_armor_reader *reader, struct mer_buf *buf,
                                             mer_err *err);

/* Writing: begin, pieces, end. What is not a whole line yet is kept from piece to piece. */
enum { MER_ARMOR_LINE_BYTES = 48 };
struct mer_armor {
    unsigned char kept[MER_ARMOR_LINE_BYTES];
    size_t n_kept;
};
MER_MUST_CHECK mer_status mer_armor_begin(struct mer_armor *armor, struct mer_buf *buf,
                                          mer_err *err);
MER_MUST_CHECK mer_status mer_armor_put(struct mer_armor *armor, const void *bytes, size_t n,
                                        struct mer_buf *buf, mer_err *err);
MER_MUST_CHECK mer_status mer_armor_end(struct mer_armor *armor, struct mer_buf *buf, mer_err *err);

#endif
