/* What a lying cell is told to do, in place of a table. */
#ifndef TESTS_CELL_LIES_H
#define TESTS_CELL_LIES_H

#include <stdint.h>

struct lie {
    char name[32];
    uint64_t number;
};

/* Where the model's file begins in what a lying holder of a model is given: behind the lie, and
 * aligned.
 */
enum { LIES_MODEL_AT = 64 };

/* The table that a lying cell claims to have read: a column of each kind of section. */
#define LIES_TABLE                                                                                 \
    "flag,whole,number,level,day,text\n"                                                           \
    "true,1,0.5,red,2024-01-31,alpha one\n"                                                        \
    "false,,2.5,blue,2024-02-01,\xc3\xa4\n"                                                        \
    ",3,,red,,gamma\n"                                                                             \
    "true,-4,1e300,,2024-02-03,delta\n"
enum { LIES_COLUMNS = 6, LIES_ROWS = 4 };

#endif
