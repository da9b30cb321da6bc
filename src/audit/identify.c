#include "audit/identify.h"

#include <string.h>

#include "audit/pickle_file.h"
#include "audit/zip_audit.h"

/* Formats that a few bytes at a fixed place tell. */
static const struct {
    unsigned format;
    unsigned at;
    unsigned n;
    const char *bytes;
} magics[] = {
    {MER_AUDIT_FORMAT_TORCH_LEGACY, 0, 15,
     "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."},
    {MER_AUDIT_FORMAT_NUMPY, 0, 6, "\x93NUMPY"},
    {MER_AUDIT_FORMAT_HDF5, 0, 8, "\x89HDF\r\n\x1a\n"},
    {MER_AUDIT_FORMAT_HDF5, 512, 8, "\x89HDF\r\n\x1a\n"},
    {MER_AUDIT_FORMAT_HDF5, 1024, 8, "\x89HDF\r\n\x1a\n"},
    {MER_AUDIT_FORMAT_GGUF, 0, 4, "GGUF"},
    {MER_AUDIT_FORMAT_GGUF, 0, 4, "lmgg"},
    {MER_AUDIT_FORMAT_SEVEN_ZIP, 0, 6, "7z\xbc\xaf\x27\x1c"},
    {MER_AUDIT_FORMAT_RAR, 0, 6, "Rar!\x1a\x07"},
    {MER_AUDIT_FORMAT_TFLITE, 4, 4, "TFL3"},
    {MER_AUDIT_FORMAT_COMPRESSED, 0, 2, "\x1f\x8b"},
    {MER_AUDIT_FORMAT_COMPRESSED, 0, 4, "\x28\xb5\x2f\xfd"},
    {MER_AUDIT_FORMAT_COMPRESSED, 0, 4, "\x04\x22\x4d\x18"},
    {MER_AUDIT_FORMAT_COMPRESSED, 0, 6,
     "\xfd"
     "7zXZ"},
    {MER_AUDIT_FORMAT_COMPRESSED, 0, 3, "BZh"},
    {MER_AUDIT_FORMAT_SEALED, 0, 19, "age-encryption.org/"},
    {MER_AUDIT_FORMAT_SEALED, 0, 14, "-----BEGIN AGE"},
    {MER_AUDIT_FORMAT_R_DATA, 0, 5, "RDX3\n"},
    {MER_AUDIT_FORMAT_R_DATA, 0, 5, "RDX2\n"},
    {MER_AUDIT_FORMAT_XML, 0, 5, "<?xml"},
    {MER_AUDIT_FORMAT_EXECUTABLE, 0, 4,
     "\x7f"
     "ELF"},
    {MER_AUDIT_FORMAT_EXECUTABLE, 0, 2, "MZ"},
    {MER_AUDIT_FORMAT_EXECUTABLE, 0, 2, "#!"},
    {MER_AUDIT_FORMAT_EXECUTABLE, 0, 4, "\xcf\xfa\xed\xfe"},
    {MER_AUDIT_FORMAT_EXECUTABLE, 0, 4, "\xca\xfe\xba\xbe"},
    {MER_AUDIT_FORMAT_LIGHTGBM, 0, 5, "tree\n"},
    {MER_AUDIT_FORMAT_LIGHTGBM, 0, 6, "tree\r\n"},
    {MER_AUDIT_FORMAT_MXNET_PARAMS, 0, 16, "\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
};

static bool has(struct mer_audit_bytes file, size_t at, const char *bytes, size_t n)
{
    return file.n >= at + n && memcmp(file.bytes + at, bytes, n) == 0;
}

static bool contains(struct mer_audit_bytes file, size_t most, const char *text)
{
    return memmem(file.bytes, file.n < most ? file.n : most, text, strlen(text)) != NULL;
}

/* zlib's two bytes, as joblib writes them. */
static bool is_zlib(struct mer_audit_bytes file)
{
    return file.n >= 2 && file.bytes[0] == 0x78 && (file.bytes[0] << 8 | file.bytes[1]) % 31 == 0 &&
           !(file.bytes[1] & 0x20);
}

/* A document in braces: which one, its first part tells. */
static unsigned identify_json(struct mer_audit_bytes file)
{
    size_t i = 0;
    while (i < file.n && i < 64 && strchr(" \t\r\n", file.bytes[i]) && file.bytes[i])
        i++;
    if (i == file.n || file.bytes[i] != '{')
        return MER_AUDIT_N_FORMATS;
    /* After the brace, UBJSON has the type of a length. */
    if (i == 0 && file.n > 2 && strchr("ilLIUu", file.bytes[1]) && file.bytes[1])
        return MER_AUDIT_FORMAT_UBJSON;
    /* The names of members, which stand at any place. */
    if (contains(file, SIZE_MAX, "\"learner\"") && contains(file, SIZE_MAX, "\"gradient_booster\""))
        return MER_AUDIT_FORMAT_XGBOOST;
    if (contains(file, SIZE_MAX, "\"nodes\"") && contains(file, SIZE_MAX, "\"heads\""))
        return MER_AUDIT_FORMAT_MXNET_SYMBOL;
    return MER_AUDIT_FORMAT_JSON;
}

static unsigned identify_pickle(struct mer_audit_bytes file)
{
    return contains(file, SIZE_MAX, "joblib.numpy_pickle") ? MER_AUDIT_FORMAT_JOBLIB
                                                           : MER_AUDIT_FORMAT_PICKLE;
}

static unsigned identify_first(struct mer_audit *audit, struct mer_audit_bytes file)
{
    if (file.n == 0)
        return MER_AUDIT_FORMAT_EMPTY;
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (has(file, magics[i].at, magics[i].bytes, magics[i].n))
            return magics[i].format;
    if (has(file, 0, "PK\3\4", 4) || has(file, 0, "PK\5\6", 4))
        return mer_audit_zip_format(audit, file);
    /* A header's length may begin as a pickle does. */
    if (mer_audit_is_safetensors(file))
        return MER_AUDIT_FORMAT_SAFETENSORS;
    if (file.n >= 2 && file.bytes[0] == 0x80 && file.bytes[1] >= 1)
        return identify_pickle(file);
    const unsigned json = identify_json(file);
    if (json != MER_AUDIT_N_FORMATS)
        return json;
    if (mer_audit_is_onnx(file))
        return MER_AUDIT_FORMAT_ONNX;
    if (mer_audit_is_pickle(audit, file, NULL))
        return identify_pickle(file);
    if (mer_audit_names_tensors(file))
        return MER_AUDIT_FORMAT_SAFETENSORS;
    return is_zlib(file) ? MER_AUDIT_FORMAT_COMPRESSED : MER_AUDIT_N_FORMATS;
}

/* The members that PyTorch's have. */
static unsigned identify_tar(struct mer_audit_bytes file)
{
    return has(file, 0, "sys_info\0", 9) || has(file, 0, "storages\0", 9) ||
                   has(file, 0, "pickle\0", 7)
               ? MER_AUDIT_FORMAT_TORCH_TAR
               : MER_AUDIT_FORMAT_TAR;
}

unsigned mer_audit_identify(struct mer_audit *audit, struct mer_audit_bytes file)
{
    /* Before what its first member begins with. */
    if (has(file, 257, "ustar", 5))
        return identify_tar(file);
    return identify_first(audit, file);
}
