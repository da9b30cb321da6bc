/* Workbooks: the first byte chooses options, the rest is the file. Besides as a ZIP archive, in
 * which a fuzzer finds little behind the checksums, the input is taken as the sheet, the shared
 * texts and the styles of a workbook that is sound otherwise: they are parts of it, cut at zero
 * bytes. */
#include <string.h>
#include <zlib.h>

#include "intake/zip.h"
#include "table_bytes.h"

enum { PARTS = 3, ENTRIES = 7, LOCAL = 30, CENTRAL = 46, END = 22 };

static void read_table(const uint8_t *bytes, size_t n, enum mer_csv_header header)
{
    const struct mer_table_reading reading = {.csv.header = header};
    (void)fuzz_table_with((struct mer_ctx){.alloc = NULL}, &reading, "xlsx", bytes, n);
}

struct archive {
    uint8_t *bytes;
    size_t n;
    uint8_t central[ENTRIES * (CENTRAL + 32)];
    size_t n_central;
    unsigned n_entries;
};

static void put(uint8_t *at, size_t n, unsigned long value)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void add(struct archive *archive, const char *name, const void *bytes, size_t n)
{
    uint8_t *local = archive->bytes + archive->n;
    const size_t n_name = strlen(name);
    memset(local, 0, LOCAL);
    memcpy(local, "PK\3\4", 4);
    put(local + 14, 4, crc32(0, bytes, (uInt)n));
    put(local + 18, 4, n);
    put(local + 22, 4, n);
    put(local + 26, 2, n_name);
    memcpy(local + LOCAL, name, n_name);
    if (n > 0)
        memcpy(local + LOCAL + n_name, bytes, n);
    uint8_t *central = archive->central + archive->n_central;
    memset(central, 0, CENTRAL);
    memcpy(central, "PK\1\2", 4);
    memcpy(central + 8, local + 6, 24);
    put(central + 42, 4, archive->n);
    memcpy(central + CENTRAL, name, n_name);
    archive->n += LOCAL + n_name + n;
    archive->n_central += CENTRAL + n_name;
    archive->n_entries++;
}

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define DOCUMENT "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define LINKS "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
#define LINK(id, type, target)                                                                     \
    "<Relationship Id='" id "' Type='" DOCUMENT "/" type "' Target='" target "'/>"

static void read_parts(const uint8_t *bytes, size_t n, enum mer_csv_header header)
{
    static const char root[] = LINKS LINK("a", "officeDocument", "b") "</Relationships>";
    static const char book[] = "<workbook xmlns='" MAIN "' xmlns:r='" DOCUMENT
                               "'><sheets><sheet name='s' r:id='1'/></sheets></workbook>";
    static const char links[] = LINKS LINK("1", "worksheet", "part0")
        LINK("2", "sharedStrings", "part1") LINK("3", "styles", "part2") "</Relationships>";
    static const char *const names[PARTS] = {"part0", "part1", "part2"};
    struct archive archive = {.bytes = malloc(n + 8192)};
    if (!archive.bytes)
        abort();
    add(&archive, "_rels/.rels", root, sizeof root - 1);
    add(&archive, "b", book, sizeof book - 1);
    add(&archive, "_rels/b.rels", links, sizeof links - 1);
    for (size_t i = 0; i < PARTS; i++) {
        const uint8_t *end = n > 0 ? memchr(bytes, 0, n) : NULL;
        const size_t n_part = end && i + 1 < PARTS ? (size_t)(end - bytes) : n;
        if (n_part > 0)
            add(&archive, names[i], bytes, n_part);
        bytes += n_part + (end && i + 1 < PARTS);
        n -= n_part + (end && i + 1 < PARTS);
    }
    const size_t at = archive.n;
    uint8_t end[END] = "PK\5\6";
    put(end + 8, 2, archive.n_entries);
    put(end + 10, 2, archive.n_entries);
    put(end + 12, 4, archive.n_central);
    put(end + 16, 4, at);
    memcpy(archive.bytes + at, archive.central, archive.n_central);
    memcpy(archive.bytes + at + archive.n_central, end, END);
    read_table(archive.bytes, at + archive.n_central + END, header);
    free(archive.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0 || n > 1 << 20)
        return 0;
    const enum mer_csv_header header = (enum mer_csv_header)(bytes[0] % 3);
    if (mer_zip_applies(bytes + 1, n - 1))
        read_table(bytes + 1, n - 1, header);
    else
        read_parts(bytes + 1, n - 1, header);
    return 0;
}
