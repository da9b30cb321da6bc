/* Provenance records: refused with a reason, or statements about the one digest that was asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "guard/provenance.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char other[] = "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct mer_alloc alloc;
    mer_err err = {.code = MER_OK};
    mer_alloc_init(&alloc, SIZE_MAX);
    const mer_status status = mer_provenance_check(&alloc, bytes, n, digest, &err);
    if (mer_is_ok(status))
        require(mer_provenance_check(&alloc, bytes, n, other, NULL).code == MER_ERR_TRUST);
    else
        require(status.code == MER_ERR_TRUST && err.message[0] != '\0');
    require(alloc.used == 0);
    return 0;
}
