#include "intake/flat_write.h"

#include <string.h>

enum { ALIGNMENT = 8 };

static void put(struct mer_flat_out *out, const void *bytes, size_t n)
{
    if (mer_is_ok(out->status))
        out->status = mer_buf_append(out->buf, bytes, n, out->err);
}

/* Pads so that what follows `ahead` bytes later is aligned. */
static void align(struct mer_flat_out *out, size_t ahead, size_t alignment)
{
    static const unsigned char zeros[ALIGNMENT];
    put(out, zeros, -(out->buf->n + ahead) % alignment);
}

void mer_flat_out_pad(struct mer_flat_out *out)
{
    align(out, 0, ALIGNMENT);
}

void mer_flat_out_begin(struct mer_flat_out *out)
{
    const uint32_t root = 0;
    mer_buf_clear(out->buf);
    put(out, &root, sizeof root);
}

size_t mer_flat_out_table(struct mer_flat_out *out, struct mer_flat_field *fields, size_t n)
{
    enum { FIELDS_MAX = 8, HEADER = 2 };
    uint16_t list[HEADER + FIELDS_MAX] = {0};
    unsigned char table[sizeof(int32_t) + ALIGNMENT * FIELDS_MAX] = {0};
    const size_t n_list = (HEADER + n) * sizeof list[0];
    size_t n_table = sizeof(int32_t);
    const int32_t distance = (int32_t)n_list;
    memcpy(table, &distance, sizeof distance);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].width == 0)
            continue;
        n_table = (n_table + fields[i].width - 1) / fields[i].width * fields[i].width;
        memcpy(table + n_table, &fields[i].value, fields[i].width);
        list[HEADER + i] = (uint16_t)n_table;
        n_table += fields[i].width;
    }
    list[0] = (uint16_t)n_list;
    list[1] = (uint16_t)n_table;
    align(out, n_list, ALIGNMENT);
    put(out, list, n_list);
    const size_t at = out->buf->n;
    put(out, table, n_table);
    for (size_t i = 0; i < n; i++)
        fields[i].at = at + list[HEADER + i];
    return at;
}

size_t mer_flat_out_text(struct mer_flat_out *out, const char *bytes, size_t n)
{
    const uint32_t length = (uint32_t)n;
    align(out, 0, sizeof length);
    const size_t at = out->buf->n;
    put(out, &length, sizeof length);
    put(out, bytes, n);
    put(out, "", 1);
    return at;
}

size_t mer_flat_out_vector(struct mer_flat_out *out, size_t n, size_t width, size_t *ret_first)
{
    const uint32_t count = (uint32_t)n;
    align(out, sizeof count, width < ALIGNMENT ? sizeof count : ALIGNMENT);
    const size_t at = out->buf->n;
    put(out, &count, sizeof count);
    *ret_first = out->buf->n;
    if (mer_is_ok(out->status))
        out->status = mer_buf_reserve(out->buf, n * width, out->err);
    if (mer_is_ok(out->status)) {
        memset(out->buf->bytes + out->buf->n, 0, n * width);
        out->buf->n += n * width;
    }
    return at;
}

void mer_flat_out_link(struct mer_flat_out *out, size_t at, size_t target)
{
    const uint32_t offset = (uint32_t)(target - at);
    if (mer_is_ok(out->status))
        memcpy(out->buf->bytes + at, &offset, sizeof offset);
}

void mer_flat_out_set(struct mer_flat_out *out, size_t at, int64_t value)
{
    if (mer_is_ok(out->status))
        memcpy(out->buf->bytes + at, &value, sizeof value);
}
