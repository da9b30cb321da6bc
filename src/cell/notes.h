/* What a cell tells beside its result: a row of numbers and texts in a fixed layout, written and
 * read here alone. Numbers are native (both ends are of one machine and one build), a text is its
 * length as a uint32 and its bytes.
 *
 * The reader trusts nobody: what is not there, or is no text, makes it fail for good, and then
 * every number is 0 and every text empty; whoever reads asks once, at the end.
 */
#ifndef MER_CELL_NOTES_H
#define MER_CELL_NOTES_H

#include "core/arena.h"
#include "core/buf.h"

MER_MUST_CHECK mer_status mer_notes_put_u32(struct mer_buf *buf, size_t number, mer_err *err);
MER_MUST_CHECK mer_status mer_notes_put_u64(struct mer_buf *buf, uint64_t number, mer_err *err);
MER_MUST_CHECK mer_status mer_notes_put_f64(struct mer_buf *buf, double number, mer_err *err);
MER_MUST_CHECK mer_status mer_notes_put_text(struct mer_buf *buf, const char *bytes, size_t n,
                                             mer_err *err);

struct mer_notes_reader {
    const char *at;
    size_t left;
    struct mer_arena *arena; /* takes the texts */
    bool failed;
    mer_status status; /* of the arena, when it was that which failed */
    mer_err *err;
};

void mer_notes_read(struct mer_notes_reader *reader, const void *bytes, size_t n,
                    struct mer_arena *arena, mer_err *err);
uint32_t mer_notes_u32(struct mer_notes_reader *reader);
uint64_t mer_notes_u64(struct mer_notes_reader *reader);
double mer_notes_f64(struct mer_notes_reader *reader);
/* A number that is at most `most`. */
uint32_t mer_notes_u32_upto(struct mer_notes_reader *reader, size_t most);
/* Valid UTF-8 without zeros inside, zero-terminated. ret_n may be NULL. */
const char *mer_notes_text(struct mer_notes_reader *reader, size_t *ret_n);
/* n bytes as they stand; NULL when there are not so many. */
const unsigned char *mer_notes_bytes(struct mer_notes_reader *reader, size_t n);
/* n zeroed elements of the arena, for a list whose entries take at least `least` bytes of the
 * notes: a short text cannot announce a long list. NULL when it fails, also where n is 0. */
void *mer_notes_list(struct mer_notes_reader *reader, size_t n, size_t size, size_t least);
/* Something does not fit. */
void mer_notes_refuse(struct mer_notes_reader *reader);
/* Everything was there and nothing is left over: MER_ERR_DATA with `what` otherwise, or what the
 * arena said. */
MER_MUST_CHECK mer_status mer_notes_end(struct mer_notes_reader *reader, const char *what);

#endif
