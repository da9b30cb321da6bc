/* Completes an image whose data the pieces have written: codes of levels that only one piece knew,
 * texts, missing values, truth values and levels. Every byte has its place by now, so nothing can
 * fail. */
#include "frame/csv_fast.h"

static const struct mer_image_column *stored_of(const struct mer_csv_fast *fast, size_t c)
{
    return &fast->stored[fast->table->columns[c].place];
}

static void rename_codes(const struct mer_csv_fast *fast, const struct mer_csv_piece *piece,
                         const struct mer_csv_part *part, size_t c)
{
    const struct mer_csv_target *target = &fast->targets[c];
    int32_t *codes = (int32_t *)(void *)(fast->region->base + target->data) + piece->first_row;
    const int32_t n_guessed = (int32_t)target->n_guessed;
    for (size_t row = 0; row < piece->n_rows; row++)
        if (codes[row] >= n_guessed)
            codes[row] = part->codes[codes[row] - n_guessed];
}

/* Writes the texts of a piece, and where each ends in place of its token. */
static void write_texts(const struct mer_csv_fast *fast, const struct mer_csv_piece *piece,
                        const struct mer_csv_part *part, size_t c)
{
    const struct mer_image_column *stored = stored_of(fast, c);
    unsigned char *place = fast->region->base + stored->data + 8 * (piece->first_row + 1);
    char *bytes = (char *)fast->region->base + stored->bytes;
    const char *text = fast->text + piece->begin;
    uint64_t end = part->first_byte;
    for (size_t row = 0; row < piece->n_rows; row++, place += 8) {
        struct mer_csv_token token;
        memcpy(&token, place, sizeof token);
        const size_t n = token.n & ~MER_CSV_ESCAPED;
        if (token.n & MER_CSV_ESCAPED) {
            end += mer_csv_unescape(text + token.at, n, bytes + end);
        } else {
            memcpy(bytes + end, text + token.at, n);
            end += n;
        }
        memcpy(place, &end, sizeof end);
    }
}

static void finish_piece(void *argument, size_t i, size_t worker)
{
    const struct mer_csv_fast *fast = argument;
    const struct mer_csv_piece *piece = &fast->pieces[i];
    (void)worker;
    for (size_t c = 0; c < fast->table->source.n_columns; c++) {
        const struct mer_csv_part *part = mer_csv_part(fast, i, c);
        if (fast->targets[c].kind == MER_CSV_CODES && part->codes)
            rename_codes(fast, piece, part, c);
        else if (fast->targets[c].kind == MER_CSV_TEXTS)
            write_texts(fast, piece, part, c);
    }
}

/* The bits of a piece at their place among all rows. */
static void or_bits(uint8_t *to, const struct mer_csv_piece *piece, const uint64_t *bits)
{
    for (size_t i = 0; i < piece->n_rows / 64 + 1; i++) {
        for (uint64_t word = bits[i]; word != 0; word &= word - 1) {
            const size_t row = piece->first_row + i * 64 + (size_t)__builtin_ctzll(word);
            to[row / 8] = (uint8_t)(to[row / 8] | 1U << (row % 8));
        }
    }
}

static void write_validity(const struct mer_csv_fast *fast, size_t c, uint8_t *validity)
{
    const size_t n_rows = fast->table->n_rows;
    for (size_t i = 0; i < fast->n_pieces; i++)
        if (mer_csv_part(fast, i, c)->missing)
            or_bits(validity, &fast->pieces[i], mer_csv_part(fast, i, c)->missing);
    for (size_t i = 0; i < mer_bitmap_bytes(n_rows); i++)
        validity[i] = (uint8_t)~validity[i];
    if (n_rows % 8 != 0)
        validity[n_rows / 8] &= (uint8_t)((1U << (n_rows % 8)) - 1);
}

static void finish_column(void *argument, size_t c, size_t worker)
{
    const struct mer_csv_fast *fast = argument;
    const struct mer_csv_target *target = &fast->targets[c];
    (void)worker;
    if (target->kind == MER_CSV_SKIPPED)
        return;
    const struct mer_image_column *stored = stored_of(fast, c);
    unsigned char *image = fast->region->base;
    if (stored->n_missing)
        write_validity(fast, c, image + stored->validity);
    if (target->type == MER_TYPE_BOOLEAN)
        for (size_t i = 0; i < fast->n_pieces; i++)
            if (mer_csv_part(fast, i, c)->truths)
                or_bits(image + stored->data, &fast->pieces[i], mer_csv_part(fast, i, c)->truths);
    mer_csv_write_levels(&fast->table->columns[c], image, stored);
}

void mer_csv_finish(struct mer_csv_fast *fast)
{
    struct mer_team *team = fast->table->ctx->team;
    mer_team_run(team, finish_piece, fast, fast->n_pieces);
    mer_team_run(team, finish_column, fast, fast->table->source.n_columns);
}
