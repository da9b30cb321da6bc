#include "api/sealed_reading.h"

#include <string.h>

#include "guard/seal_header.h"
#include "os/secret_random.h"

enum {
    PIECE_BYTES = 64 << 10,
    HEAD_MAX = 3 << 19 /* a header of the largest size, armored */
};

void mer_sealed_reading_init(struct mer_sealed_reading *reading, const struct mer_ctx *ctx,
                             struct mer_alloc *alloc, const char *path)
{
    *reading = (struct mer_sealed_reading){
        .ctx = ctx, .path = path, .stream.fd = -1, .input.fd = -1, .mac = {NULL}};
    mer_buf_init(&reading->head, alloc, HEAD_MAX + PIECE_BYTES);
}

void mer_sealed_reading_release(struct mer_sealed_reading *reading)
{
    mer_file_stream_close(&reading->stream);
    mer_input_close(&reading->input);
    mer_buf_release(&reading->head);
    mer_poly1305_release(&reading->mac);
    explicit_bzero(reading->key, sizeof reading->key);
}

/* ---- The first reading ---- */

/* The head is whole when it holds the header, which only an armored file hides. */
static bool head_is_whole(const struct mer_buf *head, size_t *n_searched)
{
    return mer_armor_is(head->bytes, head->n)
               ? head->n >= HEAD_MAX
               : mer_seal_header_is_whole(head->bytes, head->n, n_searched);
}

static mer_status read_first(struct mer_sealed_reading *reading, struct mer_hash *hash,
                             unsigned char *piece, mer_err *err)
{
    struct mer_buf *const head = &reading->head;
    size_t n_searched = 0, n = 0;
    bool is_whole = false;
    for (;;) {
        MER_GUARD(mer_ctx_check_cancel(reading->ctx, err));
        MER_GUARD(mer_file_stream_read(&reading->stream, piece, PIECE_BYTES, &n, err));
        if (n == 0)
            return mer_ok();
        MER_GUARD(mer_hash_update(hash, piece, n, err));
        if (is_whole) {
            MER_GUARD(mer_poly1305_update(&reading->mac, piece, n, err));
            continue;
        }
        MER_GUARD(mer_buf_append(head, piece, n, err));
        is_whole = head_is_whole(head, &n_searched);
    }
}

/* For mer_digest_source. The key is new each time: what was read earlier does not count. */
static mer_status digest(void *self, enum mer_hash_kind kind, struct mer_digest *ret_digest,
                         mer_err *err)
{
    struct mer_sealed_reading *const reading = self;
    struct mer_alloc *const alloc = reading->head.alloc;
    struct mer_hash hash = {.context = NULL};
    unsigned char *piece = NULL;
    mer_status status;
    mer_buf_clear(&reading->head);
    mer_poly1305_release(&reading->mac);
    MER_GUARD_GOTO(mer_file_stream_seek(&reading->stream, 0, err), done);
    MER_GUARD_GOTO(mer_secret_random(reading->key, sizeof reading->key, err), done);
    MER_GUARD_GOTO(mer_poly1305_init(&reading->mac, reading->key, err), done);
    MER_GUARD_GOTO(mer_hash_init(&hash, kind, err), done);
    MER_GUARD_GOTO(mer_alloc_bytes(alloc, PIECE_BYTES, &piece, err), done);
    MER_GUARD_GOTO(read_first(reading, &hash, piece, err), done);
    MER_GUARD_GOTO(mer_poly1305_final(&reading->mac, reading->code, err), done);
    MER_GUARD_GOTO(mer_hash_final(&hash, ret_digest, err), done);
done:
    mer_hash_release(&hash);
    mer_free(alloc, piece);
    return status;
}

static mer_status check_is_sealed(const struct mer_sealed_reading *reading, mer_err *err)
{
    if (!mer_unseal_is_sealed(reading->head.bytes, reading->head.n))
        return mer_fail(err, MER_ERR_DATA, "%s is not a sealed file",
                        strcmp(reading->path, "-") == 0 ? "standard input"
                                                        : mer_quote(reading->path).text);
    return mer_ok();
}

mer_status mer_sealed_reading_verify(struct mer_sealed_reading *reading,
                                     const struct mer_trusted_keys *trusted,
                                     struct mer_verified *ret_verified, mer_err *err)
{
    const struct mer_digest_source source = {digest, reading};
    struct mer_looks looks;
    mer_status status;
    mer_looks_begin(&looks, reading->path, NULL);
    for (;;) {
        MER_GUARD(mer_file_stream_open(&reading->stream, reading->path, true, err));
        status = mer_guard_verify_source(reading->head.alloc, trusted, reading->path, NULL, &source,
                                         ret_verified, err);
        if (mer_is_ok(status))
            break;
        mer_file_stream_close(&reading->stream);
        if (!mer_looks_again(&looks, status))
            return status;
        mer_err_clear(err);
    }
    MER_GUARD(check_is_sealed(reading, err));
    MER_GUARD(mer_file_stream_seek(&reading->stream, reading->head.n, err));
    return mer_poly1305_init(&reading->mac, reading->key, err);
}

/* ---- The second, or the only one ---- */

mer_status mer_sealed_reading_open(struct mer_sealed_reading *reading, mer_err *err)
{
    struct mer_buf *const head = &reading->head;
    mer_buf_clear(head);
    MER_GUARD(mer_input_open(&reading->input, reading->path, SIZE_MAX - 1, err));
    MER_GUARD(mer_buf_reserve(head, PIECE_BYTES, err));
    for (size_t got = 1; got > 0 && head->n < PIECE_BYTES; head->n += got)
        MER_GUARD(mer_input_read(&reading->input, head->n, head->bytes + head->n,
                                 PIECE_BYTES - head->n, &got, err));
    reading->n_read = head->n;
    return check_is_sealed(reading, err);
}

static mer_status read_on(void *self, void *ret_bytes, size_t max, size_t *ret_n, mer_err *err)
{
    struct mer_sealed_reading *const reading = self;
    const struct mer_buf *const head = &reading->head;
    const size_t left = head->n - reading->n_given;
    MER_GUARD(mer_ctx_check_cancel(reading->ctx, err));
    if (left > 0) {
        *ret_n = left < max ? left : max;
        memcpy(ret_bytes, head->bytes + reading->n_given, *ret_n);
        reading->n_given += *ret_n;
        return mer_ok();
    }
    if (reading->stream.fd < 0) {
        MER_GUARD(mer_input_read(&reading->input, reading->n_read, ret_bytes, max, ret_n, err));
        reading->n_read += *ret_n;
        return mer_ok();
    }
    MER_GUARD(mer_file_stream_read(&reading->stream, ret_bytes, max, ret_n, err));
    return mer_poly1305_update(&reading->mac, ret_bytes, *ret_n, err);
}

struct mer_seal_source mer_sealed_reading_source(struct mer_sealed_reading *reading)
{
    return (struct mer_seal_source){read_on, reading};
}

mer_status mer_sealed_reading_check(struct mer_sealed_reading *reading, mer_err *err)
{
    unsigned char code[MER_POLY1305_BYTES];
    if (reading->stream.fd < 0)
        return mer_ok();
    MER_GUARD(mer_poly1305_final(&reading->mac, code, err));
    if (!mer_secret_equal(code, reading->code, sizeof code))
        return mer_fail(err, MER_ERR_TRUST, "%s was changed while it was opened",
                        mer_quote(reading->path).text);
    return mer_ok();
}
