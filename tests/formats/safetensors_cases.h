/* Headers that break a rule of safetensors, each with the words that name it. */
#ifndef MER_TESTS_FORMATS_SAFETENSORS_CASES_H
#define MER_TESTS_FORMATS_SAFETENSORS_CASES_H

#include <stddef.h>

/* A member of the header, all parts as text. */
#define TENSOR(name, dtype, shape, begin, end)                                                     \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end   \
    "]}"

struct case_bad {
    const char *header;
    size_t n_data;
    const char *rule; /* must be in the message */
};

static const struct case_bad BAD[] = {
    /* The header as a text. */
    {"", 0, "does not start with {"},
    {" {}", 0, "does not start with {"},
    {"[]", 0, "does not start with {"},
    {"\xef\xbb\xbf{}", 0, "does not start with {"},
    {"{", 0, "does not end with }"},
    {"{}\n", 0, "does not end with }"},
    {"{}\t ", 0, "does not end with }"},
    {"{} x", 0, "does not end with }"},
    {"{}{}", 0, "safetensors header"},
    {"{}}", 0, "safetensors header"},
    {"{\"a\"}", 0, "safetensors header"},
    {"{'a':1}", 0, "safetensors header"},
    {"{\"a\":1,}", 0, "safetensors header"},
    {"{/**/}", 0, "safetensors header"},
    {"{\"\xff\":1}", 0, "not UTF-8"},
    {"{\"\xc0\xaf\":1}", 0, "not UTF-8"},
    {"{\"\xed\xa0\x80\":1}", 0, "not UTF-8"},
    {"{\"a\\u0000\":1}", 0, "safetensors header"},
    {"{\"a\\ud800\":1}", 0, "safetensors header"},
    /* Duplicate keys, spelled alike or not. */
    {"{" TENSOR("a", "U8", "[1]", "0", "1") "," TENSOR("a", "U8", "[1]", "0", "1") "}", 1,
     "a key is repeated"},
    {"{" TENSOR("a", "U8", "[1]", "0", "1") "," TENSOR("\\u0061", "U8", "[1]", "0", "1") "}", 1,
     "a key is repeated"},
    {"{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "a key is repeated"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "a key is repeated"},
    {"{\"__metadata__\":{\"k\":\"v\",\"k\":\"v\"}}", 0, "a key is repeated"},
    /* Metadata. */
    {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":null}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "'k', which is not a string"},
    {"{\"__metadata__\":{\"merlon\":{}}}", 0, "'merlon', which is not a string"},
    {"{\"__metadata__\":{\"k\":null}}", 0, "'k', which is not a string"},
    /* A tensor's members. */
    {"{\"a\":[]}", 0, "tensor 'a': not an object of exactly"},
    {"{\"a\":null}", 0, "tensor 'a': not an object of exactly"},
    {"{\"a\":{}}", 0, "tensor 'a': not an object of exactly"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "not an object of exactly"},
    {"{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "not an object of exactly"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "not an object of exactly"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":0}}", 1,
     "not an object of exactly"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[[1]],\"data_offsets\":[0,1]}}", 1, "safetensors header"},
    /* Names. */
    {"{" TENSOR("", "U8", "[1]", "0", "1") "}", 1, "a name has 1 to 200 bytes"},
    {"{" TENSOR("a\\nb", "U8", "[1]", "0", "1") "}", 1, "'a\\x0ab': a name has"},
    {"{" TENSOR("a\x7f", "U8", "[1]", "0", "1") "}", 1, "no control characters"},
    /* Element types. */
    {"{\"a\":{\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype is not a string"},
    {"{" TENSOR("a", "F16", "[1]", "0", "2") "}", 2, "tensor 'a': element type 'F16'"},
    {"{" TENSOR("a", "BF16", "[1]", "0", "2") "}", 2, "element type 'BF16'"},
    {"{" TENSOR("a", "BOOL", "[1]", "0", "1") "}", 1, "element type 'BOOL'"},
    {"{" TENSOR("a", "F8_E4M3", "[1]", "0", "1") "}", 1, "element type 'F8_E4M3'"},
    {"{" TENSOR("a", "u8", "[1]", "0", "1") "}", 1, "element type 'u8'"},
    {"{" TENSOR("a", "", "[1]", "0", "1") "}", 1, "element type ''"},
    {"{" TENSOR("a", "object", "[1]", "0", "1") "}", 1, "element type 'object'"},
    /* Shapes. */
    {"{" TENSOR("a", "U8", "1", "0", "1") "}", 1, "shape is not an array"},
    {"{" TENSOR("a", "U8", "[-1]", "0", "1") "}", 1, "shape holds something"},
    {"{" TENSOR("a", "U8", "[1.0]", "0", "1") "}", 1, "shape holds something"},
    {"{" TENSOR("a", "U8", "[1e0]", "0", "1") "}", 1, "shape holds something"},
    {"{" TENSOR("a", "U8", "[\"1\"]", "0", "1") "}", 1, "shape holds something"},
    {"{" TENSOR("a", "U8", "[true]", "0", "1") "}", 1, "shape holds something"},
    {"{" TENSOR("a", "U8", "[1,1,1,1,1]", "0", "1") "}", 1, "5 dimensions"},
    {"{" TENSOR("a", "U8", "[4294967296,4294967296]", "0", "1") "}", 1, "product overflows"},
    {"{" TENSOR("a", "F64", "[4611686018427387904]", "0", "0") "}", 0, "product overflows"},
    {"{" TENSOR("a", "U8", "[4294967296,4294967296,0]", "0", "0") "}", 0, "product overflows"},
    {"{" TENSOR("a", "U8", "[18446744073709551616]", "0", "1") "}", 1, "shape holds something"},
    /* Offsets. */
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "not two whole numbers"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", 1,
     "not two whole numbers"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{}}}", 1, "not two whole numbers"},
    {"{" TENSOR("a", "U8", "[1]", "-1", "0") "}", 1, "not two whole numbers"},
    {"{" TENSOR("a", "U8", "[1]", "0.0", "1") "}", 1, "not two whole numbers"},
    {"{" TENSOR("a", "U8", "[1]", "1", "0") "}", 1, "end before they begin"},
    {"{" TENSOR("a", "U8", "[2]", "0", "1") "}", 1, "hold 1 bytes, the shape needs 2"},
    {"{" TENSOR("a", "F32", "[1]", "0", "8") "}", 8, "hold 8 bytes, the shape needs 4"},
    {"{" TENSOR("a", "U8", "[]", "0", "0") "}", 0, "hold 0 bytes, the shape needs 1"},
    {"{" TENSOR("a", "U8", "[1]", "1", "2") "}", 2, "tensor 'a': data_offsets begin at 1, a hole"},
    {"{" TENSOR("a", "U8", "[1]", "0", "1") "," TENSOR("b", "U8", "[1]", "2", "3") "}", 3,
     "tensor 'b': data_offsets begin at 2, a hole"},
    {"{" TENSOR("a", "U8", "[2]", "0", "2") "," TENSOR("b", "U8", "[2]", "1", "3") "}", 3,
     "tensor 'b': data_offsets begin at 1, overlapping"},
    {"{" TENSOR("a", "U8", "[1]", "0", "1") "," TENSOR("b", "U8", "[1]", "0", "1") "}", 1,
     "overlapping"},
    {"{" TENSOR("a", "U8", "[1]", "0", "1") "," TENSOR("e", "U8", "[0]", "5", "5") "}", 1,
     "a hole"},
    {"{" TENSOR("a", "U8", "[1]", "0", "1") "}", 2, "cover 1 bytes, the file has 2"},
    {"{" TENSOR("a", "U8", "[2]", "0", "2") "}", 1, "cover 2 bytes, the file has 1"},
    {"{" TENSOR("a", "U8", "[9223372036854775807]", "0", "9223372036854775807") "}", 1,
     "cover 9223372036854775807 bytes"},
    {"{}", 1, "cover 0 bytes, the file has 1"},
};

#endif
