/* Decompresses a piece of a file whose decompressed size is known beforehand. Nothing is written
 * outside of the given bytes, and fewer or more of them are an error.
 *
 * Snappy is decoded here (https://github.com/google/snappy/blob/main/format_description.txt):
 * Debian has it as a C++ library alone, which a static C program should not carry for sixty lines.
 */
#ifndef MER_INTAKE_DECOMPRESS_H
#define MER_INTAKE_DECOMPRESS_H

#include "core/status.h"

enum mer_compression {
    MER_COMPRESSION_NONE,
    MER_COMPRESSION_SNAPPY,
    MER_COMPRESSION_GZIP,
    MER_COMPRESSION_ZSTD,
    MER_COMPRESSION_LZ4,      /* one block */
    MER_COMPRESSION_LZ4_FRAME /* one frame or several */
};

/* Exactly n_out bytes; MER_ERR_DATA when the data are damaged or not of that size. */
MER_MUST_CHECK mer_status mer_decompress(enum mer_compression compression, const void *bytes,
                                         size_t n, void *ret_bytes, size_t n_out, mer_err *err);

#endif
