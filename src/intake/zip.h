/* Reads ZIP archives (PKWARE's APPNOTE, 6.3.10) in memory, far more narrowly than the format
 * allows: what a spreadsheet program writes and nothing that two readers could take for different
 * things.
 *
 * Refused: more than one disk, ZIP64, encryption, methods but "stored" and "deflated", names that
 * are empty, repeated, absolute or hold "..", a backslash or NUL, anything behind the archive's
 * end, a central directory that does not end where its end record begins, local headers that
 * contradict the central directory, entries that overlap each other or the directory, a size or
 * checksum that turns out wrong, and data that grow by more than MER_ZIP_RATIO_MAX.
 */
#ifndef MER_INTAKE_ZIP_H
#define MER_INTAKE_ZIP_H

#include "core/ctx.h"

enum {
    MER_ZIP_ENTRIES_MAX = 4096,
    MER_ZIP_NAME_MAX = 512,
    /* Deflated data may grow by this factor beyond the first MER_ZIP_FREE_BYTES. */
    MER_ZIP_RATIO_MAX = 200,
    MER_ZIP_FREE_BYTES = 1 << 20
};

struct mer_zip_entry {
    const char *name; /* n_name bytes in the archive, not zero-terminated */
    size_t n_name;
    bool deflated;
    uint32_t crc;
    const unsigned char *header;
    const unsigned char *data; /* n_data bytes in the archive, perhaps compressed */
    size_t n_data;
    size_t n; /* bytes when decompressed, as the directory states */
};

struct mer_zip {
    const struct mer_ctx *ctx;
    struct mer_zip_entry *entries; /* owned */
    size_t n_entries;
};

/* "PK\3\4" stands at the beginning. */
bool mer_zip_applies(const void *bytes, size_t n);

/* Checks all headers and finds the entries; the bytes are borrowed. MER_ERR_DATA says what is
 * wrong. Release with mer_zip_release. */
MER_MUST_CHECK mer_status mer_zip_open(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                       struct mer_zip *ret_zip, mer_err *err);
void mer_zip_release(struct mer_zip *zip);

/* The entry of that name, or NULL. */
const struct mer_zip_entry *mer_zip_find(const struct mer_zip *zip, const char *name);

/* Takes the next bytes of an entry; what it fails with ends the reading. */
typedef mer_status (*mer_zip_sink)(void *self, const unsigned char *bytes, size_t n, mer_err *err);

/* Gives the entry's bytes to `sink`, piece by piece (at most 64 KiB each), and checks that they are
 * as many as stated and have the checksum that was stated. */
MER_MUST_CHECK mer_status mer_zip_read(const struct mer_zip *zip, const struct mer_zip_entry *entry,
                                       mer_zip_sink sink, void *self, mer_err *err);

#endif
