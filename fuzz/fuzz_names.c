/* Texts whose pseudonyms are turned back: whatever the text, what is no token of the project stays
 * as it is, and nothing is left over. */
#include <stdlib.h>
#include <string.h>

#include "guard/pseudonyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char plain[] = "plain", odd[] = "o\"d,<d>&'\n\\";
    static struct mer_book_entry entries[] = {
        {.token = {"mer_aaaaaaaaaaaaaaaaaaaaaaaaaa"}, .n = sizeof plain - 1, .text = plain},
        {.token = {"mer_bbbbbbbbbbbbbbbbbbbbbbbbbb"}, .n = sizeof odd - 1, .text = odd}};
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_book book = {.alloc = &alloc, .entries = entries, .n = 2, .n_sorted = 2};
    for (int kind = MER_NAMES_PLAIN; kind <= MER_NAMES_HTML; kind++) {
        struct mer_buf buf;
        size_t n_known = 0, n_unknown = 0;
        mer_buf_init(&buf, &alloc, SIZE_MAX);
        require(mer_is_ok(mer_book_turn_back(&book, (enum mer_names_text)kind, (const char *)bytes,
                                             n, &buf, &n_known, &n_unknown, NULL)));
        require((n_known + n_unknown) * MER_TOKEN_CHARS <= n);
        require(n_known > 0 || (buf.n == n && (n == 0 || memcmp(buf.bytes, bytes, n) == 0)));
        mer_buf_release(&buf);
    }
    require(alloc.used == 0);
    return 0;
}
