/* Parameters: set from text, written to JSON and read back, refused when they are not what their
 * declaration says. */
#include "learn/param.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "every_failure.h"
#include "learn/family.h"

enum { DEPTH, RATE, FAST, KIND, N_SPECS };

static const char *const KINDS[] = {"none", "balanced", NULL};

static const struct mer_param_spec SPECS[N_SPECS] = {
    [DEPTH] = {.name = "max_depth", .minimum = 1, .maximum = 40, .preset = 6},
    [RATE] = {.name = "learning_rate",
              .type = MER_PARAM_NUMBER,
              .minimum = 0.001,
              .maximum = 1,
              .preset = 0.1},
    [FAST] = {.name = "fast", .type = MER_PARAM_BOOLEAN, .maximum = 1, .preset = 1},
    [KIND] = {.name = "kind", .type = MER_PARAM_CHOICE, .maximum = 1, .choices = KINDS},
};

static enum mer_code set(const char *name, const char *text, struct mer_params *params,
                         mer_err *err)
{
    return mer_params_set(SPECS, N_SPECS, name, text, params, err).code;
}

static void defaults_are_the_declared_ones(void **state)
{
    struct mer_params params;
    (void)state;
    mer_params_default(SPECS, N_SPECS, &params);
    assert_true(mer_params_get(SPECS, N_SPECS, &params, "max_depth") == 6);
    assert_true(mer_params_get(SPECS, N_SPECS, &params, "learning_rate") == 0.1);
    assert_true(mer_params_get(SPECS, N_SPECS, &params, "fast") == 1);
    assert_true(mer_params_get(SPECS, N_SPECS, &params, "kind") == 0);
    assert_true(isnan(mer_params_get(SPECS, N_SPECS, &params, "absent")));
}

static void values_are_set_from_text(void **state)
{
    struct mer_params params;
    (void)state;
    mer_params_default(SPECS, N_SPECS, &params);
    assert_int_equal(set("max_depth", "40", &params, NULL), MER_OK);
    assert_int_equal(set("learning_rate", "1e-3", &params, NULL), MER_OK);
    assert_int_equal(set("fast", "false", &params, NULL), MER_OK);
    assert_int_equal(set("kind", "balanced", &params, NULL), MER_OK);
    assert_true(params.values[DEPTH] == 40);
    assert_true(params.values[RATE] == 0.001);
    assert_true(params.values[FAST] == 0);
    assert_true(params.values[KIND] == 1);
}

static void what_is_no_value_is_refused_and_changes_nothing(void **state)
{
    static const char *const bad[][2] = {
        {"max_depth", "0"},
        {"max_depth", "41"},
        {"max_depth", "6.0"},
        {"max_depth", ""},
        {"max_depth", "six"},
        {"max_depth", "99999999999999999999"},
        {"learning_rate", "0"},
        {"learning_rate", "1.1"},
        {"learning_rate", "nan"},
        {"learning_rate", "inf"},
        {"learning_rate", "0x1"},
        {"learning_rate", " 0.5"},
        {"fast", "1"},
        {"fast", "True"},
        {"kind", "Balanced"},
        {"kind", ""},
        {"kind", "1"},
    };
    struct mer_params params, before;
    (void)state;
    mer_params_default(SPECS, N_SPECS, &params);
    before = params;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mer_err err = {0};
        assert_int_equal(set(bad[i][0], bad[i][1], &params, &err), MER_ERR_USAGE);
        assert_non_null(strstr(err.message, bad[i][0]));
        assert_memory_equal(&params, &before, sizeof params);
    }
}

static void a_refusal_says_what_is_possible(void **state)
{
    struct mer_params params;
    mer_err err = {0};
    (void)state;
    mer_params_default(SPECS, N_SPECS, &params);
    assert_int_equal(set("max_depth", "100", &params, &err), MER_ERR_USAGE);
    assert_string_equal(err.message, "parameter max_depth must be an integer from 1 to 40");
    assert_int_equal(set("learning_rate", "2", &params, &err), MER_ERR_USAGE);
    assert_string_equal(err.message, "parameter learning_rate must be a number from 0.001 to 1");
    assert_int_equal(set("fast", "yes", &params, &err), MER_ERR_USAGE);
    assert_string_equal(err.message, "parameter fast must be true or false");
    assert_int_equal(set("kind", "odd", &params, &err), MER_ERR_USAGE);
    assert_string_equal(err.message, "parameter kind must be one of: none, balanced");
    assert_int_equal(set("max_dept", "3", &params, &err), MER_ERR_USAGE);
    assert_string_equal(err.message, "there is no parameter 'max_dept'");
    assert_string_equal(err.hint, "did you mean max_depth?");
    assert_int_equal(set("\x1b[2J", "3", &params, &err), MER_ERR_USAGE);
    assert_null(strchr(err.message, '\x1b'));
}

/* The parameters as JSON text, zero-terminated, in `buf`. */
static mer_status write_params(const struct mer_params *params, struct mer_buf *buf,
                               const char **ret_text, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 0, err);
    mer_params_write(SPECS, N_SPECS, params, &writer);
    MER_GUARD(mer_json_writer_end(&writer));
    return mer_buf_cstr(buf, ret_text, err);
}

static mer_status read_params(struct mer_alloc *alloc, const char *text, struct mer_params *ret,
                              mer_err *err)
{
    struct mer_json_document *document = NULL;
    MER_GUARD(mer_json_parse(alloc, text, strlen(text), &MER_JSON_DEFAULT_LIMITS, "parameters",
                             &document, err));
    const mer_status status = mer_params_read(SPECS, N_SPECS, mer_json_root(document), ret, err);
    mer_json_free(document);
    return status;
}

static mer_status round_trip(struct mer_alloc *alloc, mer_err *err)
{
    struct mer_params params, read = {{0}};
    struct mer_buf buf;
    const char *text = NULL;
    mer_status status;
    mer_params_default(SPECS, N_SPECS, &params);
    params.values[DEPTH] = 13;
    params.values[RATE] = 0.1 + 0.2;
    params.values[FAST] = 0;
    params.values[KIND] = 1;
    mer_buf_init(&buf, alloc, 10000);
    MER_GUARD_GOTO(write_params(&params, &buf, &text, err), done);
    MER_GUARD_GOTO(read_params(alloc, text, &read, err), done);
    assert_memory_equal(&params, &read, sizeof params);
    assert_string_equal(text, "{\"max_depth\":13,\"learning_rate\":0.30000000000000004,"
                              "\"fast\":false,\"kind\":\"balanced\"}");
done:
    mer_buf_release(&buf);
    return status;
}

static void json_gives_back_the_same_values(void **state)
{
    (void)state;
    mer_test_every_failure(round_trip);
}

static void absent_members_have_their_defaults(void **state)
{
    struct mer_alloc alloc;
    struct mer_params params, expected;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    mer_params_default(SPECS, N_SPECS, &expected);
    expected.values[DEPTH] = 2;
    assert_int_equal(read_params(&alloc, "{\"max_depth\": 2}", &params, NULL).code, MER_OK);
    assert_memory_equal(&params, &expected, sizeof params);
}

static void json_that_is_not_as_declared_is_refused(void **state)
{
    static const char *const bad[] = {
        "[]",
        "3",
        "{\"depth\": 3}",
        "{\"max_depth\": \"3\"}",
        "{\"max_depth\": 3.5}",
        "{\"max_depth\": 0}",
        "{\"max_depth\": null}",
        "{\"learning_rate\": 1e300}",
        "{\"learning_rate\": \"0.1\"}",
        "{\"fast\": 1}",
        "{\"kind\": 0}",
        "{\"kind\": \"other\"}",
        "{\"max_depth\": 3, \"kind\": true}",
    };
    struct mer_alloc alloc;
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mer_params params = {{-7}};
        mer_err err = {0};
        assert_int_equal(read_params(&alloc, bad[i], &params, &err).code, MER_ERR_DATA);
        assert_true(err.message[0] != '\0');
        assert_true(params.values[0] == -7);
        assert_int_equal(alloc.used, 0);
    }
}

/* What help, the search space and the portfolio rely on. */
static void every_family_declares_its_parameters_consistently(void **state)
{
    (void)state;
    for (size_t f = 0; f < MER_N_FAMILIES; f++) {
        const struct mer_family *family = MER_FAMILIES[f];
        assert_true(family->n_params <= MER_PARAMS_MAX);
        assert_ptr_equal(mer_family_find(family->name), family);
        for (size_t i = 0; i < family->n_params; i++) {
            const struct mer_param_spec *spec = &family->params[i];
            assert_true(spec->name && spec->help);
            assert_true(spec->minimum <= spec->preset && spec->preset <= spec->maximum);
            assert_true(!spec->log_scale || spec->minimum > 0);
            assert_true((spec->type == MER_PARAM_CHOICE) == (spec->choices != NULL));
            for (size_t k = 0; spec->choices && k <= (size_t)spec->maximum; k++)
                assert_non_null(spec->choices[k]);
        }
    }
    assert_null(mer_family_find("absent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_declared_ones),
        cmocka_unit_test(values_are_set_from_text),
        cmocka_unit_test(what_is_no_value_is_refused_and_changes_nothing),
        cmocka_unit_test(a_refusal_says_what_is_possible),
        cmocka_unit_test(json_gives_back_the_same_values),
        cmocka_unit_test(absent_members_have_their_defaults),
        cmocka_unit_test(json_that_is_not_as_declared_is_refused),
        cmocka_unit_test(every_family_declares_its_parameters_consistently),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
