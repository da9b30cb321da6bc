#include "intake/zip.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "core/sort.h"
#include "core/utf8.h"

enum {
    END_BYTES = 22,
    CENTRAL_BYTES = 46,
    LOCAL_BYTES = 30,
    COMMENT_MAX = 0xffff,
    PIECE_BYTES = 64 << 10,
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    /* General purpose flags: encrypted, sizes behind the data, strong encryption, masked headers.
     */
    FLAG_ENCRYPTED = 1 << 0,
    FLAG_SIZES_BEHIND = 1 << 3,
    FLAG_STRONG = 1 << 6,
    FLAG_MASKED = 1 << 13
};

static const char END_MAGIC[4] = "PK\5\6";
static const char END64_LOCATOR_MAGIC[4] = "PK\6\7";
static const char CENTRAL_MAGIC[4] = "PK\1\2";
static const char LOCAL_MAGIC[4] = "PK\3\4";

enum { END64_LOCATOR_BYTES = 20 };

static uint16_t word(const unsigned char *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t wide(const unsigned char *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static mer_status damaged(mer_err *err, const char *what)
{
    return mer_hint(err, mer_fail(err, MER_ERR_DATA, "the ZIP archive is damaged: %s", what),
                    "save the file again with the program that made it");
}

bool mer_zip_applies(const void *bytes, size_t n)
{
    return n >= sizeof LOCAL_MAGIC && memcmp(bytes, LOCAL_MAGIC, sizeof LOCAL_MAGIC) == 0;
}

/* The directory as the end record tells it. */
struct directory {
    const unsigned char *bytes;
    size_t n;
    size_t at; /* its offset, which is also where the last entry ends at the latest */
    size_t n_entries;
};

/* The end record is the last thing in the file but for its comment, whose length it tells. */
static const unsigned char *find_end(const unsigned char *bytes, size_t n)
{
    for (size_t n_comment = 0; n_comment <= COMMENT_MAX && n_comment + END_BYTES <= n;
         n_comment++) {
        const unsigned char *end = bytes + n - END_BYTES - n_comment;
        if (memcmp(end, END_MAGIC, sizeof END_MAGIC) == 0 && word(end + 20) == n_comment)
            return end;
    }
    return NULL;
}

static mer_status find_directory(const unsigned char *bytes, size_t n,
                                 struct directory *ret_directory, mer_err *err)
{
    const unsigned char *end = find_end(bytes, n);
    if (!end)
        return damaged(err, "its end is missing");
    const size_t at_end = (size_t)(end - bytes);
    const size_t n_directory = wide(end + 12);
    const size_t at = wide(end + 16);
    if (at == UINT32_MAX || n_directory == UINT32_MAX || word(end + 8) == UINT16_MAX ||
        (at_end >= END64_LOCATOR_BYTES &&
         memcmp(end - END64_LOCATOR_BYTES, END64_LOCATOR_MAGIC, sizeof END64_LOCATOR_MAGIC) == 0))
        return mer_fail(err, MER_ERR_DATA, "the ZIP archive is a ZIP64 one, which is not read");
    if (word(end + 4) != 0 || word(end + 6) != 0 || word(end + 8) != word(end + 10))
        return mer_fail(err, MER_ERR_DATA, "the ZIP archive is one of several disks");
    if (at > at_end || n_directory != at_end - at)
        return damaged(err, "its directory is not where its end says");
    if (word(end + 8) > MER_ZIP_ENTRIES_MAX)
        return mer_fail(err, MER_ERR_DATA, "the ZIP archive has %u entries; at most %d are read",
                        word(end + 8), MER_ZIP_ENTRIES_MAX);
    *ret_directory = (struct directory){bytes + at, n_directory, at, word(end + 8)};
    return mer_ok();
}

/* A name that means one file below one folder, whoever reads it. */
static bool is_plain_name(const char *name, size_t n)
{
    if (n == 0 || n > MER_ZIP_NAME_MAX || name[0] == '/' || memchr(name, '\\', n) ||
        memchr(name, '\0', n) || !mer_utf8_valid(name, n))
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        if (name[i] == '.' && name[i + 1] == '.' && (i == 0 || name[i - 1] == '/') &&
            (i + 2 == n || name[i + 2] == '/'))
            return false;
    return true;
}

/* The entry's own header must say what the directory says; then follow the data. */
static mer_status check_local(const unsigned char *bytes, const struct directory *directory,
                              const unsigned char *central, struct mer_zip_entry *entry,
                              mer_err *err)
{
    const size_t at = wide(central + 42);
    if (at > directory->at || directory->at - at < LOCAL_BYTES)
        return damaged(err, "an entry lies outside");
    const unsigned char *local = bytes + at;
    if (memcmp(local, LOCAL_MAGIC, sizeof LOCAL_MAGIC) != 0)
        return damaged(err, "an entry has no header of its own");
    const size_t n_before = (size_t)LOCAL_BYTES + word(local + 26) + word(local + 28);
    if (n_before > directory->at - at || entry->n_data > directory->at - at - n_before)
        return damaged(err, "an entry reaches into the directory");
    if (word(local + 26) != entry->n_name ||
        memcmp(local + LOCAL_BYTES, entry->name, entry->n_name) != 0 ||
        word(local + 6) != word(central + 8) || word(local + 8) != word(central + 10))
        return damaged(err, "an entry's header contradicts the directory");
    /* With sizes behind the data, the header's own are zero or the same. */
    const bool behind = word(local + 6) & FLAG_SIZES_BEHIND;
    const uint32_t told[3] = {wide(local + 14), wide(local + 18), wide(local + 22)};
    const bool same = told[0] == entry->crc && told[1] == entry->n_data && told[2] == entry->n;
    const bool none = told[0] == 0 && told[1] == 0 && told[2] == 0;
    if (!same && !(behind && none))
        return damaged(err, "an entry's header contradicts the directory");
    entry->header = local;
    entry->data = local + n_before;
    return mer_ok();
}

static mer_status check_kind(const unsigned char *central, const struct mer_zip_entry *entry,
                             mer_err *err)
{
    if (word(central + 8) & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
        return mer_fail(err, MER_ERR_DATA, "the ZIP archive is encrypted");
    if (word(central + 10) != METHOD_STORED && word(central + 10) != METHOD_DEFLATED)
        return mer_fail(err, MER_ERR_DATA,
                        "the ZIP archive is compressed by method %u, which is not read",
                        word(central + 10));
    if (word(central + 34) != 0)
        return mer_fail(err, MER_ERR_DATA, "the ZIP archive is one of several disks");
    if (entry->n_data == UINT32_MAX || entry->n == UINT32_MAX || wide(central + 42) == UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "the ZIP archive is a ZIP64 one, which is not read");
    if (!is_plain_name(entry->name, entry->n_name))
        return damaged(err, "an entry has a name that is none");
    if (!entry->deflated && entry->n != entry->n_data)
        return damaged(err, "a stored entry has two sizes");
    if (entry->n > MER_ZIP_FREE_BYTES &&
        (entry->n - MER_ZIP_FREE_BYTES) / MER_ZIP_RATIO_MAX > entry->n_data)
        return mer_fail(err, MER_ERR_DATA,
                        "an entry of the ZIP archive would grow by more than %d times",
                        MER_ZIP_RATIO_MAX);
    return mer_ok();
}

/* Reads the directory's record at *at and moves behind it. */
static mer_status read_entry(const unsigned char *bytes, const struct directory *directory,
                             size_t *at, struct mer_zip_entry *ret_entry, mer_err *err)
{
    const unsigned char *central = directory->bytes + *at;
    const size_t left = directory->n - *at;
    if (left < CENTRAL_BYTES || memcmp(central, CENTRAL_MAGIC, sizeof CENTRAL_MAGIC) != 0)
        return damaged(err, "its directory is cut off");
    const size_t n_record =
        (size_t)CENTRAL_BYTES + word(central + 28) + word(central + 30) + word(central + 32);
    if (n_record > left)
        return damaged(err, "its directory is cut off");
    struct mer_zip_entry entry = {.name = (const char *)central + CENTRAL_BYTES,
                                  .n_name = word(central + 28),
                                  .deflated = word(central + 10) == METHOD_DEFLATED,
                                  .crc = wide(central + 16),
                                  .n_data = wide(central + 20),
                                  .n = wide(central + 24)};
    MER_GUARD(check_kind(central, &entry, err));
    MER_GUARD(check_local(bytes, directory, central, &entry, err));
    *at += n_record;
    *ret_entry = entry;
    return mer_ok();
}

static int by_place(const void *a, const void *b)
{
    const struct mer_zip_entry *x = a, *y = b;
    return x->header < y->header ? -1 : x->header > y->header;
}

static int by_name(const void *a, const void *b)
{
    const struct mer_zip_entry *x = a, *y = b;
    const size_t n = x->n_name < y->n_name ? x->n_name : y->n_name;
    const int order = memcmp(x->name, y->name, n);
    return order ? order : x->n_name < y->n_name ? -1 : x->n_name > y->n_name;
}

/* Leaves the entries in the order of their names. */
static mer_status check_entries(struct mer_zip *zip, mer_err *err)
{
    struct mer_zip_entry *entries = zip->entries;
    mer_sort(entries, zip->n_entries, sizeof *entries, by_place);
    for (size_t i = 1; i < zip->n_entries; i++)
        if (entries[i - 1].data + entries[i - 1].n_data > entries[i].header)
            return damaged(err, "entries overlap");
    mer_sort(entries, zip->n_entries, sizeof *entries, by_name);
    for (size_t i = 1; i < zip->n_entries; i++)
        if (by_name(&entries[i - 1], &entries[i]) == 0)
            return damaged(err, "two entries have one name");
    return mer_ok();
}

static mer_status read_directory(struct mer_zip *zip, const unsigned char *bytes,
                                 const struct directory *directory, mer_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < directory->n_entries; i++)
        MER_GUARD(read_entry(bytes, directory, &at, &zip->entries[zip->n_entries++], err));
    if (at != directory->n)
        return damaged(err, "its directory holds more than its end says");
    return check_entries(zip, err);
}

mer_status mer_zip_open(const struct mer_ctx *ctx, const void *bytes, size_t n,
                        struct mer_zip *ret_zip, mer_err *err)
{
    struct mer_zip zip = {.ctx = ctx};
    struct directory directory = {.n = 0};
    MER_GUARD(find_directory(bytes, n, &directory, err));
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, directory.n_entries, sizeof *zip.entries, &zip.entries, err));
    const mer_status status = read_directory(&zip, bytes, &directory, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, zip.entries);
        return status;
    }
    *ret_zip = zip;
    return mer_ok();
}

void mer_zip_release(struct mer_zip *zip)
{
    if (zip->ctx)
        mer_free(zip->ctx->alloc, zip->entries);
    *zip = (struct mer_zip){0};
}

const struct mer_zip_entry *mer_zip_find(const struct mer_zip *zip, const char *name)
{
    const struct mer_zip_entry wanted = {.name = name, .n_name = strlen(name)};
    return zip->n_entries
               ? bsearch(&wanted, zip->entries, zip->n_entries, sizeof *zip->entries, by_name)
               : NULL;
}

/* What is counted while an entry's bytes go by. */
struct passing {
    const struct mer_zip_entry *entry;
    mer_zip_sink sink;
    void *self;
    size_t n;
    uLong crc;
};

static mer_status pass(struct passing *passing, const unsigned char *bytes, size_t n, mer_err *err)
{
    if (n > passing->entry->n - passing->n)
        return damaged(err, "an entry is longer than stated");
    passing->n += n;
    passing->crc = crc32(passing->crc, bytes, (uInt)n);
    return passing->sink(passing->self, bytes, n, err);
}

static mer_status pass_stored(const struct mer_ctx *ctx, struct passing *passing, mer_err *err)
{
    const struct mer_zip_entry *entry = passing->entry;
    for (size_t at = 0; at < entry->n_data; at += PIECE_BYTES) {
        const size_t left = entry->n_data - at;
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(pass(passing, entry->data + at, left < PIECE_BYTES ? left : PIECE_BYTES, err));
    }
    return mer_ok();
}

static mer_status inflate_piece(z_stream *stream, unsigned char *piece, size_t *ret_n,
                                bool *ret_end, mer_err *err)
{
    stream->next_out = piece;
    stream->avail_out = PIECE_BYTES;
    const int result = inflate(stream, Z_NO_FLUSH);
    *ret_n = PIECE_BYTES - stream->avail_out;
    *ret_end = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the ZIP archive");
    if (result != Z_OK && result != Z_STREAM_END)
        return damaged(err, "an entry's data are not what deflate writes");
    return mer_ok();
}

static mer_status pass_deflated(const struct mer_ctx *ctx, z_stream *stream,
                                struct passing *passing, mer_err *err)
{
    unsigned char piece[PIECE_BYTES];
    size_t n;
    bool end;
    stream->next_in = passing->entry->data;
    stream->avail_in = (uInt)passing->entry->n_data;
    do {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(inflate_piece(stream, piece, &n, &end, err));
        MER_GUARD(pass(passing, piece, n, err));
    } while (!end);
    return stream->avail_in == 0 ? mer_ok() : damaged(err, "something follows an entry's data");
}

static void *take(void *alloc, unsigned n, unsigned size)
{
    void *pointer;
    return mer_is_ok(mer_alloc_zero(alloc, n, size, &pointer, NULL)) ? pointer : NULL;
}

static void give(void *alloc, void *pointer)
{
    mer_free(alloc, pointer);
}

mer_status mer_zip_read(const struct mer_zip *zip, const struct mer_zip_entry *entry,
                        mer_zip_sink sink, void *self, mer_err *err)
{
    struct passing passing = {.entry = entry, .sink = sink, .self = self, .crc = crc32(0, NULL, 0)};
    if (entry->deflated) {
        z_stream stream = {.zalloc = take, .zfree = give, .opaque = zip->ctx->alloc};
        if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
            return mer_fail(err, MER_ERR_MEMORY, "no memory to decompress the ZIP archive");
        const mer_status status = pass_deflated(zip->ctx, &stream, &passing, err);
        (void)inflateEnd(&stream);
        MER_GUARD(status);
    } else {
        MER_GUARD(pass_stored(zip->ctx, &passing, err));
    }
    if (passing.n != entry->n)
        return damaged(err, "an entry is shorter than stated");
    if (passing.crc != entry->crc)
        return damaged(err, "an entry's checksum is wrong");
    return mer_ok();
}
