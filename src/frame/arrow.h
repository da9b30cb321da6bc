/* Columns as Arrow arrays, through the Arrow C data interface
 * (https://arrow.apache.org/docs/format/CDataInterface.html): bitmaps, numbers, codes, levels and
 * texts are handed over where they lie in the image, without a copy. Only dates are converted.
 *
 *   boolean      "b"        integer   "l"      number    "g"      text  "U" (large_utf8)
 *   categorical  "i" with a dictionary of "U"
 *   date         "tdD" (int32 days, a copy)    time  "ttu"        datetime  "tsu:UTC"
 */
#ifndef MER_FRAME_ARROW_H
#define MER_FRAME_ARROW_H

#include "frame/frame.h"

/* The interface's own definitions, word by word, with the guard that lets several libraries carry
 * them. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    // Array type description
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;

    // Release callback
    void (*release)(struct ArrowSchema *);
    // Opaque producer-specific data
    void *private_data;
};

struct ArrowArray {
    // Array data description
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;

    // Release callback
    void (*release)(struct ArrowArray *);
    // Opaque producer-specific data
    void *private_data;
};

#endif

/* Fills both structs for column c; the receiver releases each through its callback, and the frame
 * (with its alloc) must outlive them. */
MER_MUST_CHECK mer_status mer_arrow_export(const struct mer_frame *frame, size_t c,
                                           struct ArrowSchema *ret_schema,
                                           struct ArrowArray *ret_array, mer_err *err);

#endif
