#include "intake/flat_read.h"

#include <string.h>

int64_t mer_flat_at(struct mer_flat *flat, size_t at, unsigned width)
{
    uint64_t value = 0;
    const unsigned shift = 64 - 8 * width;
    if (flat->failed || at > flat->n || width > flat->n - at) {
        flat->failed = true;
        return 0;
    }
    memcpy(&value, flat->bytes + at, width);
    return (int64_t)(value << shift) >> shift;
}

/* Where the offset at a place leads: forward, and never to the root's own place. */
static size_t follow(struct mer_flat *flat, size_t at)
{
    const uint64_t offset = (uint32_t)mer_flat_at(flat, at, 4);
    if (flat->failed || offset == 0 || offset > flat->n - at) {
        flat->failed = true;
        return 0;
    }
    return at + (size_t)offset;
}

mer_flat_table mer_flat_root(struct mer_flat *flat)
{
    return follow(flat, 0);
}

/* The place of a field, 0 where it is absent. A table begins with the distance back to its list of
 * places: the list's size, the table's size, and a place for each field. */
static size_t place(struct mer_flat *flat, mer_flat_table table, unsigned field)
{
    enum { LIST_HEADER = 4, ENTRY = 2 };
    if (table == 0)
        return 0;
    const int64_t distance = mer_flat_at(flat, table, 4);
    const int64_t list = (int64_t)table - distance;
    if (flat->failed || list < 0 || (uint64_t)list >= flat->n) {
        flat->failed = true;
        return 0;
    }
    const size_t n_list = (uint16_t)mer_flat_at(flat, (size_t)list, ENTRY);
    if (flat->failed || LIST_HEADER + (size_t)field * ENTRY + ENTRY > n_list)
        return 0;
    const size_t offset =
        (uint16_t)mer_flat_at(flat, (size_t)list + LIST_HEADER + (size_t)field * ENTRY, ENTRY);
    return offset == 0 || flat->failed ? 0 : table + offset;
}

int64_t mer_flat_integer(struct mer_flat *flat, mer_flat_table table, unsigned field,
                         unsigned width, int64_t absent)
{
    const size_t at = place(flat, table, field);
    return at ? mer_flat_at(flat, at, width) : absent;
}

mer_flat_table mer_flat_child(struct mer_flat *flat, mer_flat_table table, unsigned field)
{
    const size_t at = place(flat, table, field);
    return at ? follow(flat, at) : 0;
}

struct mer_flat_vector mer_flat_vector(struct mer_flat *flat, mer_flat_table table, unsigned field,
                                       size_t width)
{
    enum { COUNT = 4 };
    const struct mer_flat_vector nothing = {0};
    const size_t at = mer_flat_child(flat, table, field);
    if (at == 0)
        return nothing;
    const size_t n = (uint32_t)mer_flat_at(flat, at, COUNT);
    if (flat->failed || n > (flat->n - at - COUNT) / width) {
        flat->failed = true;
        return nothing;
    }
    return (struct mer_flat_vector){at + COUNT, n};
}

mer_flat_table mer_flat_element(struct mer_flat *flat, struct mer_flat_vector vector, size_t i)
{
    return i < vector.n ? follow(flat, vector.at + i * 4) : 0;
}
