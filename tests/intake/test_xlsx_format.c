/* Number formats and the dates behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "intake/xlsx_format.h"

static void formats_of_dates_and_times_are_told_from_others(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum mer_xlsx_format format;
    } cases[] = {
        {"General", MER_XLSX_NUMBER},
        {"0.00", MER_XLSX_NUMBER},
        {"#,##0 \"days\"", MER_XLSX_NUMBER},
        {"0.0E+00", MER_XLSX_NUMBER},
        {"\\d0", MER_XLSX_NUMBER},
        {"_d0*m", MER_XLSX_NUMBER},
        {"[Red]0", MER_XLSX_NUMBER},
        {"[$USD-409]0", MER_XLSX_NUMBER},
        {"0;yyyy", MER_XLSX_NUMBER},
        {"", MER_XLSX_NUMBER},
        {"\"d", MER_XLSX_NUMBER},
        {"[d", MER_XLSX_NUMBER},
        {"@", MER_XLSX_NUMBER},
        {"[h]:mm:ss", MER_XLSX_NUMBER},
        {"[mm]:ss", MER_XLSX_NUMBER},
        {"yyyy-mm-dd", MER_XLSX_DATE},
        {"[$-409]d\\ mmm;@", MER_XLSX_DATE},
        {"MMMM", MER_XLSX_DATE},
        {"m", MER_XLSX_DATE},
        {"DD.MM.YY", MER_XLSX_DATE},
        {"h:mm", MER_XLSX_TIME},
        {"mm:ss.0", MER_XLSX_TIME},
        {"h AM/PM", MER_XLSX_TIME},
        {"h:mm A/P", MER_XLSX_TIME},
        {"ss", MER_XLSX_TIME},
        {"yyyy-mm-dd hh:mm:ss", MER_XLSX_DATETIME},
        {"d/m/yy h:mm AM/PM", MER_XLSX_DATETIME},
        {"hh:mm dd", MER_XLSX_DATETIME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (mer_xlsx_format_of_code(cases[i].code) != cases[i].format)
            print_error("%s\n", cases[i].code);
        assert_int_equal(mer_xlsx_format_of_code(cases[i].code), cases[i].format);
    }
}

static void builtin_formats_have_no_code(void **state)
{
    (void)state;
    assert_int_equal(mer_xlsx_format_builtin(0), MER_XLSX_NUMBER);
    assert_int_equal(mer_xlsx_format_builtin(10), MER_XLSX_NUMBER);
    assert_int_equal(mer_xlsx_format_builtin(14), MER_XLSX_DATE);
    assert_int_equal(mer_xlsx_format_builtin(20), MER_XLSX_TIME);
    assert_int_equal(mer_xlsx_format_builtin(22), MER_XLSX_DATETIME);
    assert_int_equal(mer_xlsx_format_builtin(46), MER_XLSX_NUMBER);
    assert_int_equal(mer_xlsx_format_builtin(47), MER_XLSX_TIME);
    assert_int_equal(mer_xlsx_format_builtin(49), MER_XLSX_NUMBER);
    assert_int_equal(mer_xlsx_format_builtin(57), MER_XLSX_DATE);
}

static void days_are_counted_as_spreadsheets_count_them(void **state)
{
    (void)state;
    int64_t days = 0, ms = 0;
    assert_true(mer_xlsx_serial_to_date(1, false, &days, &ms)); /* 1900-01-01 */
    assert_int_equal(days, -25567);
    assert_true(mer_xlsx_serial_to_date(59, false, &days, &ms)); /* 1900-02-28 */
    assert_int_equal(days, -25509);
    assert_false(mer_xlsx_serial_to_date(60, false, &days, &ms));
    assert_false(mer_xlsx_serial_to_date(60.5, false, &days, &ms));
    assert_true(mer_xlsx_serial_to_date(61, false, &days, &ms)); /* 1900-03-01 */
    assert_int_equal(days, -25508);
    assert_true(mer_xlsx_serial_to_date(60, true, &days, &ms)); /* 1904-03-01 */
    assert_int_equal(days, -24047);
    assert_true(mer_xlsx_serial_to_date(2958465, false, &days, &ms)); /* 9999-12-31 */
    assert_int_equal(days, 2932896);
    assert_false(mer_xlsx_serial_to_date(2958466, false, &days, &ms));
    assert_false(mer_xlsx_serial_to_date(0.9, false, &days, &ms));
    assert_false(mer_xlsx_serial_to_date(-1, true, &days, &ms));
    assert_false(mer_xlsx_serial_to_date(1e300, true, &days, &ms));
    assert_false(mer_xlsx_serial_to_date(__builtin_nan(""), true, &days, &ms));
}

static void times_are_rounded_to_the_millisecond(void **state)
{
    (void)state;
    int64_t days = 0, ms = 0;
    assert_true(mer_xlsx_serial_to_date(44197.0 + 3661.0 / 86400, false, &days, &ms));
    assert_int_equal(days, 18628);
    assert_int_equal(ms, 3661000);
    assert_true(mer_xlsx_serial_to_date(44196.9999999999, false, &days, &ms));
    assert_int_equal(days, 18628);
    assert_int_equal(ms, 0);
    assert_true(mer_xlsx_serial_to_time(0.75, &ms));
    assert_int_equal(ms, 64800000);
    assert_false(mer_xlsx_serial_to_time(1, &ms));
    assert_false(mer_xlsx_serial_to_time(0.99999999999, &ms));
    assert_false(mer_xlsx_serial_to_time(-0.1, &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_of_dates_and_times_are_told_from_others),
        cmocka_unit_test(builtin_formats_have_no_code),
        cmocka_unit_test(days_are_counted_as_spreadsheets_count_them),
        cmocka_unit_test(times_are_rounded_to_the_millisecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
