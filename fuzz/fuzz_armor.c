/* Armor: what is accepted is written again in its one spelling, whatever pieces it comes in. */
#include <stdlib.h>
#include <string.h>

#include "guard/armor.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void write_pieces(struct mer_buf *text, const uint8_t *bytes, size_t n, size_t piece)
{
    struct mer_armor armor;
    require(mer_is_ok(mer_armor_begin(&armor, text, NULL)));
    for (size_t i = 0; i < n; i += piece)
        require(
            mer_is_ok(mer_armor_put(&armor, bytes + i, n - i < piece ? n - i : piece, text, NULL)));
    require(mer_is_ok(mer_armor_end(&armor, text, NULL)));
}

static void round_trip(struct mer_alloc *alloc, const uint8_t *bytes, size_t n)
{
    struct mer_buf text, other, again;
    mer_buf_init(&text, alloc, SIZE_MAX);
    mer_buf_init(&other, alloc, SIZE_MAX);
    mer_buf_init(&again, alloc, SIZE_MAX);
    write_pieces(&text, bytes, n, SIZE_MAX);
    write_pieces(&other, bytes, n, 7);
    require(text.n == other.n && memcmp(text.bytes, other.bytes, text.n) == 0);
    require(mer_armor_is(text.bytes, text.n));
    require(mer_is_ok(mer_armor_decode(&again, text.bytes, text.n, NULL)));
    require(again.n == n && (n == 0 || memcmp(again.bytes, bytes, n) == 0));
    mer_buf_release(&again);
    mer_buf_release(&other);
    mer_buf_release(&text);
}

/* Read in small pieces it is the same. */
static void read_in_pieces(struct mer_alloc *alloc, const uint8_t *bytes, size_t n,
                           mer_status at_once, const struct mer_buf *plain)
{
    enum { PIECE = 5 };
    struct mer_armor_reader reader;
    struct mer_buf buf;
    mer_status status = mer_ok();
    mer_buf_init(&buf, alloc, SIZE_MAX);
    mer_armor_reader_init(&reader);
    for (size_t i = 0; i < n && mer_is_ok(status); i += PIECE)
        status = mer_armor_read(&reader, bytes + i, n - i < PIECE ? n - i : PIECE, &buf, NULL);
    if (mer_is_ok(status))
        status = mer_armor_read_end(&reader, &buf, NULL);
    require(status.code == at_once.code);
    require(buf.n == plain->n && (buf.n == 0 || memcmp(buf.bytes, plain->bytes, buf.n) == 0));
    mer_buf_release(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_buf plain;
    mer_err err = {.code = MER_OK};
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&plain, &alloc, SIZE_MAX);
    const mer_status status = mer_armor_decode(&plain, bytes, n, &err);
    require(mer_is_ok(status) || (status.code == MER_ERR_DATA && err.message[0] != '\0'));
    require(plain.n <= n);
    read_in_pieces(&alloc, bytes, n, status, &plain);
    if (mer_is_ok(status))
        round_trip(&alloc, plain.bytes, plain.n);
    mer_buf_release(&plain);
    round_trip(&alloc, bytes, n);
    require(alloc.used == 0);
    return 0;
}
