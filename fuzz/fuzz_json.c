/* JSON: whatever is accepted can be written in canonical form, which reads back to the same form.
 */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void write_value(struct mer_json_writer *writer, const struct mer_json *value)
{
    int64_t integer = 0;
    double number = 0.0;
    bool boolean = false;
    size_t n = 0;
    const char *text;
    switch (mer_json_type(value)) {
    case MER_JSON_NULL:
        mer_json_put_null(writer);
        break;
    case MER_JSON_BOOLEAN:
        require(mer_json_boolean(value, &boolean));
        mer_json_put_boolean(writer, boolean);
        break;
    case MER_JSON_INTEGER:
        require(mer_json_integer(value, &integer));
        mer_json_put_integer(writer, integer);
        break;
    case MER_JSON_NUMBER:
        require(mer_json_number(value, &number));
        mer_json_put_number(writer, number);
        break;
    case MER_JSON_STRING:
        text = mer_json_string(value, &n);
        require(text && strlen(text) == n);
        mer_json_put_string_n(writer, text, n);
        break;
    case MER_JSON_ARRAY:
        mer_json_begin_array(writer);
        for (size_t i = 0; i < mer_json_size(value); i++)
            write_value(writer, mer_json_at(value, i));
        mer_json_end_array(writer);
        break;
    case MER_JSON_OBJECT:
        mer_json_begin_object(writer);
        for (size_t i = 0; i < mer_json_size(value); i++) {
            const struct mer_json *member = NULL;
            require(mer_json_member(value, i, &text, &member));
            require(mer_json_get(value, text) == member);
            mer_json_key(writer, text);
            write_value(writer, member);
        }
        mer_json_end_object(writer);
        break;
    }
}

/* False when the text is refused; otherwise its canonical form is in `canonical`. */
static bool normalise(struct mer_alloc *alloc, const char *text, size_t n,
                      struct mer_buf *canonical)
{
    struct mer_json_document *document = NULL;
    struct mer_json_writer writer;
    mer_err err = {.code = MER_OK};
    const mer_status status =
        mer_json_parse(alloc, text, n, &MER_JSON_DEFAULT_LIMITS, "input", &document, &err);
    if (!mer_is_ok(status)) {
        require(document == NULL && err.code == status.code && err.message[0] != '\0');
        return false;
    }
    mer_json_writer_init(&writer, canonical, 0, NULL);
    write_value(&writer, mer_json_root(document));
    require(mer_is_ok(mer_json_writer_end(&writer)));
    mer_json_free(document);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct mer_alloc alloc;
    struct mer_buf first;
    struct mer_buf second;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_buf_init(&first, &alloc, SIZE_MAX);
    mer_buf_init(&second, &alloc, SIZE_MAX);
    if (normalise(&alloc, (const char *)bytes, n, &first)) {
        require(normalise(&alloc, (const char *)first.bytes, first.n, &second));
        require(first.n == second.n && memcmp(first.bytes, second.bytes, first.n) == 0);
    }
    mer_buf_release(&first);
    mer_buf_release(&second);
    require(alloc.used == 0);
    return 0;
}
