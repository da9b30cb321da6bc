#include "guard/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "guard/crypto.h"
#include "os/file.h"

enum { STRENGTH = 2 }; /* libcrypto's level for 112 bits: RSA of 2,048 bits, no SHA-1 */

/* ---- Reading ---- */

void mer_chain_release(struct mer_chain *chain)
{
    for (size_t i = 0; i < chain->n; i++)
        X509_free(chain->certificates[i]);
    *chain = (struct mer_chain){0};
}

/* An empty certificate that belongs to our library context, to be filled by one of libcrypto's
 * readers. */
static mer_status new_certificate(X509 **ret, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get(&crypto, err));
    *ret = X509_new_ex(crypto->library, NULL);
    return *ret ? mer_ok()
                : mer_crypto_fail(err, MER_ERR_MEMORY, "a certificate could not be read");
}

/* Whatever libcrypto did not like, but a lack of memory. */
static mer_status fail_reading(mer_err *err, const char *what)
{
    if (mer_crypto_lacks_memory())
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while %s was read", what);
    return mer_fail(err, MER_ERR_DATA, "%s holds something that is no X.509 certificate", what);
}

mer_status mer_chain_add(struct mer_chain *chain, const void *der, size_t n, mer_err *err)
{
    const unsigned char *at = der;
    X509 *certificate = NULL;
    if (chain->n == MER_CHAIN_MAX)
        return mer_fail(err, MER_ERR_DATA, "the chain has more than %d certificates",
                        MER_CHAIN_MAX);
    if (n > MER_CERTIFICATE_MAX)
        return mer_fail(err, MER_ERR_DATA, "a certificate has over %d bytes", MER_CERTIFICATE_MAX);
    MER_GUARD(new_certificate(&certificate, err));
    if (!d2i_X509(&certificate, &at, (long)n) || at != (const unsigned char *)der + n) {
        X509_free(certificate);
        return fail_reading(err, "the chain");
    }
    chain->certificates[chain->n++] = certificate;
    return mer_ok();
}

/* The next certificate of a PEM text; NULL behind the last. */
static mer_status read_next(BIO *bio, const char *what, X509 **ret, mer_err *err)
{
    X509 *certificate = NULL;
    MER_GUARD(new_certificate(&certificate, err));
    if (PEM_read_bio_X509(bio, &certificate, NULL, NULL)) {
        *ret = certificate;
        return mer_ok();
    }
    X509_free(certificate);
    *ret = NULL;
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return fail_reading(err, what);
    ERR_clear_error();
    return mer_ok();
}

/* Calls take, which takes each certificate over, in the order of the text. */
static mer_status each_in_pem(const void *pem, size_t n, const char *what,
                              mer_status (*take)(void *self, X509 *certificate, mer_err *err),
                              void *self, mer_err *err)
{
    mer_status status = mer_ok();
    size_t n_read = 0;
    if (n > MER_CERTIFICATE_FILE_MAX)
        return mer_fail(err, MER_ERR_DATA, "%s has over %d bytes", what, MER_CERTIFICATE_FILE_MAX);
    BIO *bio = BIO_new_mem_buf(pem, (int)n);
    if (!bio)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "certificates could not be read");
    for (; mer_is_ok(status); n_read++) {
        X509 *certificate = NULL;
        status = read_next(bio, what, &certificate, err);
        if (!certificate)
            break;
        status = take(self, certificate, err);
    }
    BIO_free(bio);
    if (mer_is_ok(status) && n_read == 0)
        return mer_fail(err, MER_ERR_DATA, "%s holds no certificate in PEM form", what);
    return status;
}

static mer_status take_into_chain(void *self, X509 *certificate, mer_err *err)
{
    struct mer_chain *chain = self;
    if (X509_check_issued(certificate, certificate) == X509_V_OK) {
        X509_free(certificate); /* a root */
        return mer_ok();
    }
    if (chain->n == MER_CHAIN_MAX ||
        (chain->n > 0 &&
         X509_check_issued(certificate, chain->certificates[chain->n - 1]) != X509_V_OK)) {
        X509_free(certificate);
        return mer_fail(err, MER_ERR_DATA,
                        chain->n == MER_CHAIN_MAX
                            ? "the chain has too many certificates"
                            : "certificate %zu of the chain did not issue the one before it",
                        chain->n + 1);
    }
    chain->certificates[chain->n++] = certificate;
    return mer_ok();
}

mer_status mer_chain_read(struct mer_chain *chain, const void *pem, size_t n, const char *what,
                          mer_err *err)
{
    mer_status status = each_in_pem(pem, n, what, take_into_chain, chain, err);
    if (mer_is_ok(status) && chain->n == 0)
        status = mer_fail(err, MER_ERR_DATA, "%s holds roots alone, and no certificate of a signer",
                          what);
    if (!mer_is_ok(status))
        mer_chain_release(chain);
    return status;
}

mer_status mer_chain_write(const struct mer_chain *chain, size_t i, struct mer_buf *buf,
                           mer_err *err)
{
    unsigned char *der = NULL;
    const int n = i2d_X509(chain->certificates[i], &der);
    if (n < 0)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a certificate could not be written");
    const mer_status status = mer_buf_append(buf, der, (size_t)n, err);
    OPENSSL_free(der);
    return status;
}

/* ---- Authorities ---- */

void mer_authorities_release(struct mer_authorities *authorities)
{
    X509_STORE_free(authorities->store);
    *authorities = (struct mer_authorities){0};
}

static mer_status take_authority(void *self, X509 *certificate, mer_err *err)
{
    struct mer_authorities *authorities = self;
    const bool fits = authorities->n < MER_AUTHORITIES_MAX;
    const bool added = fits && X509_STORE_add_cert(authorities->store, certificate) == 1;
    X509_free(certificate); /* the store has its own reference */
    if (!fits)
        return mer_fail(err, MER_ERR_DATA, "there are more than %d authorities",
                        MER_AUTHORITIES_MAX);
    if (!added)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "an authority could not be taken in");
    authorities->n++;
    return mer_ok();
}

mer_status mer_authorities_read(struct mer_authorities *authorities, const void *pem, size_t n,
                                const char *what, mer_err *err)
{
    if (!authorities->store)
        authorities->store = X509_STORE_new();
    if (!authorities->store)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "no memory for authorities");
    return each_in_pem(pem, n, what, take_authority, authorities, err);
}

mer_status mer_authorities_read_file(struct mer_authorities *authorities, struct mer_alloc *alloc,
                                     const char *file, mer_err *err)
{
    struct mer_file_bytes bytes;
    MER_GUARD(mer_file_read(alloc, file, MER_CERTIFICATE_FILE_MAX, &bytes, err));
    const mer_status status =
        mer_authorities_read(authorities, bytes.bytes, bytes.n, mer_quote(file).text, err);
    mer_file_release(&bytes);
    return status;
}

/* ---- What may sign ---- */

mer_status mer_chain_key(const struct mer_chain *chain, struct mer_public_key *ret_key,
                         mer_err *err)
{
    EVP_PKEY *pkey = X509_get_pubkey(chain->certificates[0]);
    if (!pkey && mer_crypto_lacks_memory())
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while a certificate was read");
    ERR_clear_error();
    if (!pkey)
        return mer_fail(err, MER_ERR_TRUST, "the certificate's key cannot be read");
    const mer_status status = mer_public_key_adopt(pkey, "the certificate's key", ret_key, err);
    if (!mer_is_ok(status))
        EVP_PKEY_free(pkey);
    if (status.code != MER_ERR_DATA)
        return status;
    if (err)
        err->code = MER_ERR_TRUST;
    return (mer_status){MER_ERR_TRUST};
}

/* RFC 5280, 4.2.1.12: where purposes are listed, others are excluded. */
static bool allows_code_signing(X509 *certificate)
{
    const uint32_t purposes = X509_get_extended_key_usage(certificate);
    return purposes == UINT32_MAX || (purposes & XKU_CODE_SIGN) != 0;
}

static mer_status check_usage(X509 *signer, mer_err *err)
{
    const uint32_t usage = X509_get_key_usage(signer);
    if (usage == UINT32_MAX || !(usage & KU_DIGITAL_SIGNATURE))
        return mer_fail(err, MER_ERR_TRUST,
                        "the signer's certificate is not one for signatures (keyUsage without "
                        "digitalSignature)");
    if (!allows_code_signing(signer))
        return mer_fail(err, MER_ERR_TRUST,
                        "the signer's certificate is for other purposes than signing code "
                        "(extendedKeyUsage without codeSigning)");
    return mer_ok();
}

mer_status mer_chain_check_signer(const struct mer_chain *chain, int64_t now, mer_err *err)
{
    X509 *const signer = chain->certificates[0];
    time_t moment = (time_t)now;
    if (X509_cmp_time(X509_get0_notBefore(signer), &moment) >= 0)
        return mer_fail(err, MER_ERR_TRUST, "the signer's certificate is not valid yet");
    if (X509_cmp_time(X509_get0_notAfter(signer), &moment) <= 0)
        return mer_fail(err, MER_ERR_TRUST, "the signer's certificate has expired");
    return check_usage(signer, err);
}

/* ---- Who it is ---- */

static mer_status take_subject(X509 *signer, struct mer_certified *certified, mer_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    const int done =
        bio ? X509_NAME_print_ex(bio, X509_get_subject_name(signer), 0, XN_FLAG_RFC2253) : -1;
    const long n = done >= 0 ? BIO_get_mem_data(bio, &text) : -1;
    const bool fits = n >= 0 && n < (long)sizeof certified->subject;
    if (fits) {
        memcpy(certified->subject, text, (size_t)n);
        certified->subject[n] = '\0';
    }
    BIO_free(bio);
    if (n < 0)
        return mer_crypto_fail(err, MER_ERR_MEMORY, "a certificate's subject could not be read");
    return fits ? mer_ok()
                : mer_fail(err, MER_ERR_TRUST, "the subject of the certificate is too long");
}

/* The alternative names that are texts; others, and those that are too long or too many, cannot be
 * asked for and are passed over. */
static void take_alternatives(X509 *signer, struct mer_certified *certified)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(signer, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *text = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if ((type != GEN_EMAIL && type != GEN_DNS && type != GEN_URI) ||
            certified->n_alternatives == MER_ALTERNATIVES_MAX)
            continue;
        const int n = ASN1_STRING_length(text);
        const unsigned char *const bytes = ASN1_STRING_get0_data(text);
        if (n <= 0 || n >= MER_SUBJECT_MAX || memchr(bytes, 0, (size_t)n))
            continue;
        memcpy(certified->alternatives[certified->n_alternatives++], bytes, (size_t)n);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

/* ---- The chain ---- */

static mer_status refuse_chain(int problem, mer_err *err)
{
    switch (problem) {
    case X509_V_ERR_CERT_HAS_EXPIRED: {
        const mer_status status =
            mer_fail(err, MER_ERR_TRUST, "a certificate of the signer's chain has expired");
        return mer_hint(err, status,
                        "no trusted clock says when it was signed: have it signed again with a "
                        "certificate that is valid");
    }
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return mer_fail(err, MER_ERR_TRUST,
                        "the signer's certificates do not lead to the given authority");
    case X509_V_ERR_OUT_OF_MEM:
        return mer_fail(err, MER_ERR_MEMORY, "memory ran out while certificates were checked");
    default:
        return mer_fail(err, MER_ERR_TRUST, "the signer's certificates do not hold: %s",
                        X509_verify_cert_error_string(problem));
    }
}

/* Those between the signer and the authority, too, are for signing code. */
static mer_status check_purposes(X509_STORE_CTX *context, mer_err *err)
{
    STACK_OF(X509) *const built = X509_STORE_CTX_get0_chain(context);
    for (int i = 1; i + 1 < sk_X509_num(built); i++)
        if (!allows_code_signing(sk_X509_value(built, i)))
            return mer_fail(err, MER_ERR_TRUST,
                            "certificate %d of the signer's chain is for other purposes than "
                            "signing code",
                            i + 1);
    return mer_ok();
}

static mer_status verify_in(X509_STORE_CTX *context, const struct mer_chain *chain,
                            STACK_OF(X509) * between, const struct mer_authorities *authorities,
                            int64_t now, mer_err *err)
{
    if (!X509_STORE_CTX_init(context, authorities->store, chain->certificates[0], between))
        return mer_crypto_fail(err, MER_ERR_MEMORY, "certificates could not be checked");
    X509_VERIFY_PARAM *const param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_depth(param, MER_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, STRENGTH);
    if (!X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN))
        return mer_crypto_fail(err, MER_ERR_MEMORY, "certificates could not be checked");
    const bool holds = X509_verify_cert(context) == 1; /* the only yes */
    const bool lacks_memory = mer_crypto_lacks_memory();
    if (!holds && lacks_memory)
        return refuse_chain(X509_V_ERR_OUT_OF_MEM, err);
    if (!holds)
        return refuse_chain(X509_STORE_CTX_get_error(context), err);
    MER_GUARD(check_purposes(context, err));
    return check_usage(chain->certificates[0], err);
}

static mer_status verify_chain(const struct mer_chain *chain,
                               const struct mer_authorities *authorities, int64_t now, mer_err *err)
{
    const struct mer_crypto *crypto = NULL;
    MER_GUARD(mer_crypto_get(&crypto, err));
    X509_STORE_CTX *context = X509_STORE_CTX_new_ex(crypto->library, NULL);
    STACK_OF(X509) *between = sk_X509_new_null();
    bool ready = context && between;
    for (size_t i = 1; ready && i < chain->n; i++)
        ready = sk_X509_push(between, chain->certificates[i]) > 0;
    const mer_status status =
        ready ? verify_in(context, chain, between, authorities, now, err)
              : mer_crypto_fail(err, MER_ERR_MEMORY, "certificates could not be checked");
    sk_X509_free(between);
    X509_STORE_CTX_free(context);
    return status;
}

mer_status mer_chain_verify(const struct mer_chain *chain,
                            const struct mer_authorities *authorities, int64_t now,
                            struct mer_certified *ret, mer_err *err)
{
    struct mer_certified certified = {0};
    if (!authorities->store)
        return mer_fail(err, MER_ERR_TRUST, "no authority is trusted");
    MER_GUARD(verify_chain(chain, authorities, now, err));
    MER_GUARD(take_subject(chain->certificates[0], &certified, err));
    take_alternatives(chain->certificates[0], &certified);
    MER_GUARD(mer_chain_key(chain, &certified.key, err));
    *ret = certified;
    return mer_ok();
}
