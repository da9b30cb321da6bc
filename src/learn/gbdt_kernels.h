/* The inner loops of gradient boosting, once per instruction set, all giving the same bits: sums
 * are sums of integers, whose order does not matter, and everything in floating point is element by
 * element.
 *
 * A row's gradient g and Hessian h are small integers: g above the lower 16 bits of a 32-bit code,
 * h in them. They travel through the histograms as one 64-bit word:
 *
 *   bits 37 .. 63  g, a signed integer of at most 13 bits and a sign
 *   bits 14 .. 36  h, an unsigned integer of at most 10 bits
 *   bits  0 .. 13  1: the row itself
 *
 * so that one addition adds all three; MER_WORD_ROWS rows cannot overflow a field. After so many
 * the packed histogram is unpacked into the wide one, in which a bin has g (int64) and "hc", h
 * above MER_COUNT_BITS bits of the number of rows. (Small integers with stochastic rounding lose
 * nothing: Shi, Ke, Soukhavong, Chen, Liu, Wang, Liu: "Quantized training of gradient boosting
 * decision trees", NeurIPS 2022.)
 */
#ifndef MER_LEARN_GBDT_KERNELS_H
#define MER_LEARN_GBDT_KERNELS_H

#include "core/cpu.h"
#include "core/status.h"

enum {
    MER_WORD_ROWS = 8192,
    MER_WORD_G_MAX = 8191,
    MER_WORD_H_MAX = 1023,
    MER_WORD_G_SHIFT = 37,
    MER_WORD_H_SHIFT = 14,
    MER_COUNT_BITS = 26,
    MER_GROUP_COLUMNS = 16, /* columns that one packed histogram holds, of 256 bins each */
    MER_PACKED_BINS = 256,
    MER_DIFFER_COLUMNS = 8,  /* of a group of columns that `differ` looks at, */
    MER_DIFFER_ROWS = 64,    /* and rows at most */
    MER_HISTOGRAM_LANES = 8, /* a column's bins are padded to whole ones with zeros */
};

#define MER_COUNT_MASK ((UINT64_C(1) << MER_COUNT_BITS) - 1)

/* What a split has to keep to, and what the integers stand for. */
struct mer_gbdt_rule {
    double g_unit;
    double h_unit;
    double lambda; /* L2 on leaf values */
    double alpha;  /* L1 */
    double min_hessian;
    uint64_t min_rows;
};

struct mer_gbdt_sums {
    int64_t g;
    uint64_t hc;
};

/* A cut: bins 0 .. cut to the left, the missing ones where missing_left says. */
struct mer_gbdt_cut {
    double score; /* the two sides' G^2 / (H + lambda) */
    uint32_t cut;
    bool missing_left;
    bool found;
    struct mer_gbdt_sums left;
};

struct mer_gbdt_kernels {
    /* For the groups of MER_DIFFER_COLUMNS columns with the given numbers and n_rows rows of
     * cells[][stride]: bit c of masks[k][row] says whether column c of group k is not its
     * first[column], and bit c of strange[k], if it is set, that there was something in it that is
     * not second[column] either. The other bits of strange stay as they were. A row is read up to
     * the end of its last group. */
    void (*differ)(const double *cells, size_t stride, size_t n_rows, const uint32_t *groups,
                   size_t n_groups, const double *first, const double *second, uint8_t *masks,
                   uint8_t *strange);

    /* packed[k][bin of row r in column k] += the word of codes[r] for the rows rows[0 .. n), or
     * first .. first
     * + n - 1 where rows is NULL. cells[r][stride] are a group's bins; n <= MER_WORD_ROWS. */
    void (*accumulate)(const uint8_t *cells, size_t stride, size_t n_columns, const uint32_t *rows,
                       size_t first, size_t n, const uint32_t *codes, uint64_t *packed);

    /* Parts rows[0 .. n): those whose cell says `left` go to ret_left, the others to ret_right, in
     * their order. Both have room for n and may be written up to there; ret_left may be rows.
     * Returns how many went left. */
    size_t (*part)(const uint8_t *cells, const uint8_t left[256], const uint32_t *rows, size_t n,
                   uint32_t *ret_left, uint32_t *ret_right);

    /* Unpacks one column's n bins (n padded); adds to what is there, or replaces it. */
    void (*unpack)(const uint64_t *packed, size_t n, bool add, int64_t *g, uint64_t *hc);

    /* from -= what, n padded. */
    void (*subtract)(const int64_t *g, const uint64_t *hc, size_t n, int64_t *from_g,
                     uint64_t *from_hc);

    /* The best cut of a column whose n_values bins are followed by the missing one, if it has one;
     * a better score than `least`, the first of equals, missing to the right before missing to the
     * left. */
    void (*scan)(const int64_t *g, const uint64_t *hc, size_t n_values, bool has_missing,
                 const struct mer_gbdt_sums *total, const struct mer_gbdt_rule *rule, double least,
                 struct mer_gbdt_cut *ret_cut);

    /* Gradients and Hessians, gh[i] = {g, h}, for rows begin .. end - 1. weights may be NULL. */
    void (*logistic)(const double *scores, const int32_t *classes, const double *weights,
                     size_t begin, size_t end, float *gh);
    void (*squared)(const double *scores, const double *values, const double *weights, size_t begin,
                    size_t end, float *gh);
    /* One class of the softmax, from its scores and log(sum(exp(scores of all classes))). */
    void (*softmax)(const double *scores, const double *log_sums, const int32_t *classes,
                    int32_t klass, const double *weights, size_t begin, size_t end, float *gh);
    /* log_sums[i] from scores[k][stride]. */
    void (*log_sum)(const double *scores, size_t stride, size_t n_classes, size_t begin, size_t end,
                    double *log_sums);

    /* Codes from gradients with stochastic rounding; row i takes the same random bits wherever the
     * borders lie, which are multiples of 32. A Hessian unit of 0: every row has the Hessian 1. */
    void (*quantise)(const float *gh, const uint32_t key[2], uint32_t stream, double g_unit,
                     double h_unit, size_t begin, size_t end, uint32_t *codes);
};

extern const struct mer_gbdt_kernels MER_GBDT_KERNELS_PLAIN;
extern const struct mer_gbdt_kernels MER_GBDT_KERNELS_AVX2;
extern const struct mer_gbdt_kernels MER_GBDT_KERNELS_AVX512;

/* The table for that level; the processor must have it. */
const struct mer_gbdt_kernels *mer_gbdt_kernels(enum mer_cpu_level level);

#endif
