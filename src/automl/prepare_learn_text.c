/* What is learned of a text column beside its terms: whether it is text at all, and how its cells
 * look. And which columns say the same as another one.
 */
#include <stdlib.h>
#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "core/sort.h"

/* Words that the cells of text have, on average, and the share of letters in what is no space. */
static const double WORDS_MIN = 2, LETTERS_MIN = 0.5;

static size_t row_at(const uint32_t *rows, size_t i)
{
    return rows ? rows[i] : i;
}

void mer_text_parts(struct mer_cell cell, double parts[MER_PART_COUNT])
{
    const struct mer_text_looks looks = mer_text_look(cell.bytes, cell.n);
    const double n = (double)looks.n_characters, letters = (double)looks.n_letters;
    const size_t n_known = looks.n_letters + looks.n_digits + looks.n_spaces;

    parts[MER_PART_TEXT_LENGTH] = mer_ln(1 + n);
    parts[MER_PART_TEXT_WORDS] = mer_ln(1 + (double)looks.n_chunks);
    parts[MER_PART_TEXT_UPPER] = letters > 0 ? (double)looks.n_upper / letters : 0;
    parts[MER_PART_TEXT_DIGITS] = n > 0 ? (double)looks.n_digits / n : 0;
    parts[MER_PART_TEXT_SIGNS] = n > 0 ? (n - (double)n_known) / n : 0;
}

/* What all cells together are. */
struct survey {
    size_t n_present;
    size_t n_distinct; /* 1: all alike; else more than one */
    double words, letters, others;
    double sums[MER_PART_COUNT], squares[MER_PART_COUNT];
};

static void survey_cells(const struct mer_column *column, const uint32_t *rows, size_t n_rows,
                         struct survey *survey)
{
    double parts[MER_PART_COUNT];
    struct mer_cell first = {NULL, 0};

    for (size_t i = 0; i < n_rows; i++) {
        const size_t row = row_at(rows, i);
        const struct mer_cell cell = mer_text_cell(column, row);
        mer_text_parts(cell, parts);
        for (size_t p = MER_PART_TEXT_LENGTH; p <= MER_PART_TEXT_SIGNS; p++) {
            survey->sums[p] += parts[p];
            survey->squares[p] += parts[p] * parts[p];
        }
        if (!mer_column_has(column, row))
            continue;
        const struct mer_text_looks looks = mer_text_look(cell.bytes, cell.n);
        survey->words += (double)looks.n_chunks;
        survey->letters += (double)looks.n_letters;
        survey->others += (double)(looks.n_characters - looks.n_letters - looks.n_spaces);
        if (survey->n_present++ == 0) {
            first = cell;
            survey->n_distinct = 1;
        } else if (cell.n != first.n || memcmp(cell.bytes, first.bytes, cell.n) != 0) {
            survey->n_distinct = 2;
        }
    }
}

static bool reads_as_words(const struct survey *survey)
{
    return survey->words >= WORDS_MIN * (double)survey->n_present &&
           survey->letters >= LETTERS_MIN * (survey->letters + survey->others);
}

static void add_text_part(struct mer_learning *ret, enum mer_part part, double mean, double scale)
{
    ret->parts[ret->n_parts++] = (struct mer_part_scale){part, mean, scale};
}

static int compare_hashes(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* How many different texts there are. */
static size_t count_distinct(const struct mer_column *column, const uint32_t *rows, size_t n_rows,
                             uint64_t *hashes)
{
    size_t n = 0, n_distinct = 0;
    for (size_t i = 0; i < n_rows; i++)
        if (mer_column_has(column, row_at(rows, i)))
            hashes[n++] = mer_level_hash(mer_text_cell(column, row_at(rows, i)));
    mer_sort(hashes, n, sizeof *hashes, compare_hashes);
    for (size_t i = 0; i < n; i++)
        n_distinct += i == 0 || hashes[i] != hashes[i - 1];
    return n_distinct;
}

static void add_missing_part(size_t n_missing, size_t n_rows, struct mer_learning *ret)
{
    if (n_missing == 0)
        return;
    const double share = (double)n_missing / (double)n_rows;
    add_text_part(ret, MER_PART_MISSING, share, sqrt(share * (1 - share)));
}

/* Texts that are no sentences: a category where they repeat, else an identifier. */
static void learn_names(const struct mer_column *column, const uint32_t *rows, size_t n_rows,
                        size_t n_present, double *scratch, struct mer_learning *ret)
{
    const size_t n_distinct = count_distinct(column, rows, n_rows, (uint64_t *)(void *)scratch);
    if ((double)n_distinct > MER_IDENTIFIER_SHARE * (double)n_present) {
        mer_learning_leave_out(ret, MER_LEFT_OUT_IDENTIFIER, MER_COLUMN_IDENTIFIER,
                               MER_BECAUSE_OWN_VALUE);
        return;
    }
    ret->column.role = MER_COLUMN_CATEGORY;
    ret->has_many_levels = true;
    add_missing_part(n_rows - n_present, n_rows, ret);
}

void mer_learn_text(const struct mer_column *column, bool is_said, const uint32_t *rows,
                    size_t n_rows, double *scratch, struct mer_learning *ret)
{
    struct survey survey = {.n_present = 0};

    survey_cells(column, rows, n_rows, &survey);
    if (survey.n_present == 0) {
        mer_learning_leave_out(ret, MER_LEFT_OUT_NO_VALUE, MER_COLUMN_CONSTANT,
                               MER_BECAUSE_NO_VALUE);
        return;
    }
    const size_t n_missing = n_rows - survey.n_present;
    if (survey.n_distinct == 1 && n_missing == 0) {
        mer_learning_leave_out(ret, MER_LEFT_OUT_CONSTANT, MER_COLUMN_CONSTANT,
                               MER_BECAUSE_ONE_VALUE);
        return;
    }
    if (!is_said && !ret->is_said_feature && !reads_as_words(&survey)) {
        learn_names(column, rows, n_rows, survey.n_present, scratch, ret);
        return;
    }
    ret->column.reason = is_said                ? MER_BECAUSE_SCHEMA_TEXT
                         : ret->is_said_feature ? MER_BECAUSE_SCHEMA_FEATURE
                                                : MER_BECAUSE_WORDS;
    add_missing_part(n_missing, n_rows, ret);
    for (enum mer_part p = MER_PART_TEXT_LENGTH; p <= MER_PART_TEXT_SIGNS; p++) {
        const double mean = survey.sums[p] / (double)n_rows;
        const double variance = survey.squares[p] / (double)n_rows - mean * mean;
        if (variance > 1e-9)
            add_text_part(ret, p, mean, sqrt(variance));
    }
}

static bool cells_equal(const struct mer_column *a, const struct mer_column *b, size_t row)
{
    if (mer_column_has(a, row) != mer_column_has(b, row))
        return false;
    if (!mer_column_has(a, row))
        return true;
    if (a->type == MER_TYPE_CATEGORICAL || a->type == MER_TYPE_TEXT) {
        const struct mer_cell x = mer_text_cell(a, row), y = mer_text_cell(b, row);
        return x.n == y.n && memcmp(x.bytes, y.bytes, x.n) == 0;
    }
    if (mer_type_is_number(a->type))
        return mer_cell_number(a, row) == mer_cell_number(b, row);
    return a->data.integers[row] == b->data.integers[row];
}

static uint64_t mix(uint64_t print, uint64_t value)
{
    print = (print ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return print ^ print >> 29;
}

static uint64_t cell_print(const struct mer_column *column, size_t row)
{
    if (!mer_column_has(column, row))
        return 1;
    if (column->type == MER_TYPE_CATEGORICAL || column->type == MER_TYPE_TEXT)
        return 2 + mer_text_cell(column, row).n;
    if (!mer_type_is_number(column->type))
        return (uint64_t)column->data.integers[row];
    const double value = mer_cell_number(column, row) + 0.0; /* no negative zero */
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint64_t mer_column_print(const struct mer_column *column, const uint32_t *rows, size_t n_rows)
{
    uint64_t print = 0;
    for (size_t i = 0; i < n_rows; i++)
        print = mix(print, cell_print(column, row_at(rows, i)));
    return print | 1;
}

bool mer_columns_equal(const struct mer_column *a, const struct mer_column *b, const uint32_t *rows,
                       size_t n_rows)
{
    if (a->type != b->type)
        return false;
    for (size_t i = 0; i < n_rows; i++)
        if (!cells_equal(a, b, row_at(rows, i)))
            return false;
    return true;
}
