/* Files that are compressed as a whole with zlib or gzip, as joblib and R write them; others are
 * only recognised.
 */
#include "audit/inflate_audit.h"

static bool is_deflated(struct mer_audit_bytes file)
{
    return file.n >= 2 &&
           ((file.bytes[0] == 0x1f && file.bytes[1] == 0x8b) ||
            (file.bytes[0] == 0x78 && (file.bytes[0] << 8 | file.bytes[1]) % 31 == 0));
}

static mer_status look_into(struct mer_audit *audit, const struct mer_inflated *inflated,
                            struct mer_audit_bytes file, mer_err *err)
{
    static const char NAME[] = "decompressed";
    size_t before;
    if (inflated->is_bomb) {
        mer_audit_add(audit, MER_AUDIT_BOMB, 0, "it grows over 200 times when decompressed");
        return mer_ok();
    }
    if (!inflated->ended)
        mer_audit_add(audit, MER_AUDIT_BROKEN, inflated->n_consumed,
                      "the compressed data are damaged or cut");
    else if (inflated->n_consumed < file.n)
        mer_audit_add(audit, MER_AUDIT_TRAILING, inflated->n_consumed,
                      "%s behind the compressed data",
                      mer_audit_show_size(file.n - inflated->n_consumed).text);
    if (!mer_audit_enter(audit, NAME, sizeof NAME - 1, &before))
        return mer_ok();
    const mer_status status = mer_audit_content(
        audit, (struct mer_audit_bytes){inflated->bytes, inflated->n, inflated->n_total}, NULL,
        err);
    mer_audit_leave(audit, before);
    return status;
}

mer_status mer_audit_compressed(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct mer_inflated inflated;
    if (!is_deflated(file)) {
        mer_audit_add(audit, MER_AUDIT_NOT_READ, 0, "compressed by another method than deflate");
        return mer_ok();
    }
    mer_status status =
        mer_audit_inflate(audit, MER_INFLATE_ZLIB_OR_GZIP, file.bytes, file.n, &inflated, err);
    if (mer_is_ok(status))
        status = look_into(audit, &inflated, file, err);
    mer_inflated_release(&inflated);
    return status;
}
