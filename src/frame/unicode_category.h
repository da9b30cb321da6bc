/* The general category of every code point (Unicode Character Database), for the character classes
 * of patterns. The table is made by tools/make-unicode.
 */
#ifndef MER_FRAME_UNICODE_CATEGORY_H
#define MER_FRAME_UNICODE_CATEGORY_H

#include <stdint.h>

enum mer_category_code {
    MER_LU,
    MER_LL,
    MER_LT,
    MER_LM,
    MER_LO,
    MER_MN,
    MER_MC,
    MER_ME,
    MER_ND,
    MER_NL,
    MER_NO,
    MER_PC,
    MER_PD,
    MER_PS,
    MER_PE,
    MER_PI,
    MER_PF,
    MER_PO,
    MER_ZS,
    MER_ZL,
    MER_ZP,
    MER_SM,
    MER_SC,
    MER_SK,
    MER_SO,
    MER_CC,
    MER_CF,
    MER_CO,
    MER_CN,
    MER_CS,
    MER_CATEGORY_CODES
};

/* Runs of code points of one category, in order: first code point << 5 | category. */
enum { MER_UNICODE_N_RUNS = 3968 };
extern const uint32_t MER_UNICODE_RUNS[MER_UNICODE_N_RUNS];

#define MER_UNICODE_END UINT32_C(0x110000)

#endif
