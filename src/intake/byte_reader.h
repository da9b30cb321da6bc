/* A cursor over bytes from outside: little-endian values and variable-length integers. A read
 * beyond the end gives zeros and marks the reader as failed, for good; so a parser reads on and
 * asks once. */
#ifndef MER_INTAKE_BYTE_READER_H
#define MER_INTAKE_BYTE_READER_H

#include <string.h>

#include "core/status.h"

struct mer_byte_reader {
    const unsigned char *at;
    const unsigned char *end;
    bool failed;
};

static inline struct mer_byte_reader mer_byte_reader_of(const void *bytes, size_t n)
{
    const unsigned char *const at = bytes;
    return (struct mer_byte_reader){at, at ? at + n : at, false};
}

static inline size_t mer_byte_reader_left(const struct mer_byte_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* The next n bytes, or NULL. */
static inline const unsigned char *mer_byte_reader_take(struct mer_byte_reader *reader, uint64_t n)
{
    if (reader->failed || n > mer_byte_reader_left(reader)) {
        reader->failed = true;
        return NULL;
    }
    const unsigned char *const bytes = reader->at;
    reader->at += n;
    return bytes;
}

static inline uint8_t mer_byte_reader_u8(struct mer_byte_reader *reader)
{
    const unsigned char *const bytes = mer_byte_reader_take(reader, 1);
    return bytes ? *bytes : 0;
}

static inline uint32_t mer_byte_reader_u32(struct mer_byte_reader *reader)
{
    uint32_t value = 0;
    const unsigned char *const bytes = mer_byte_reader_take(reader, sizeof value);
    if (bytes)
        memcpy(&value, bytes, sizeof value);
    return value;
}

/* ULEB128 of at most 64 bits. */
static inline uint64_t mer_byte_reader_varint(struct mer_byte_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = mer_byte_reader_u8(reader);
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return reader->failed ? 0 : value;
    }
    reader->failed = true;
    return 0;
}

/* The same with the sign in the lowest bit. */
static inline int64_t mer_byte_reader_zigzag(struct mer_byte_reader *reader)
{
    const uint64_t value = mer_byte_reader_varint(reader);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
