/* The encodings of Parquet (https://parquet.apache.org/docs/file-format/data-pages/encodings/),
 * each a bounded function from bytes to an array whose length is known. False: the bytes are not
 * such an encoding of so many values.
 */
#ifndef MER_INTAKE_PARQUET_ENCODING_H
#define MER_INTAKE_PARQUET_ENCODING_H

#include "core/log.h"
#include "intake/byte_reader.h"

/* RLE and bit-packed runs of n values of `width` (0 to 32) bits. */
bool mer_parquet_runs(struct mer_byte_reader *reader, unsigned width, uint32_t *ret_values,
                      size_t n);

/* DELTA_BINARY_PACKED. The reader is then behind it. */
bool mer_parquet_deltas(struct mer_byte_reader *reader, int64_t *ret_values, size_t n);

/* BYTE_STREAM_SPLIT of n values of `width` bytes. */
bool mer_parquet_unsplit(struct mer_byte_reader *reader, size_t width, unsigned char *ret_bytes,
                         size_t n);

/* PLAIN byte arrays, as views into the bytes. */
bool mer_parquet_views(struct mer_byte_reader *reader, struct mer_cell *ret_views, size_t n);

#endif
