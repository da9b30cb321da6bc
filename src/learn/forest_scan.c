#include "learn/forest_scan.h"

#include <string.h>

#include "learn/bins.h"

mer_status mer_forest_counts_init(const struct mer_ctx *ctx, size_t n_rows, size_t n_classes,
                                  bool with_planes, struct mer_forest_counts *ret_counts,
                                  mer_err *err)
{
    struct mer_forest_counts counts = {.kernels = mer_forest_kernels(ctx->cpu),
                                       .n_classes = n_classes};
    const size_t n_words = n_rows / 64 + 1;
    mer_status status =
        mer_alloc_zero(ctx->alloc, n_classes, sizeof *counts.total, &counts.total, err);
    if (mer_is_ok(status))
        status = mer_alloc_zero(ctx->alloc, n_classes, sizeof *counts.left, &counts.left, err);
    if (mer_is_ok(status) && with_planes)
        status = mer_alloc_array(ctx->alloc, n_words, n_classes * sizeof *counts.planes,
                                 &counts.planes, err);
    if (!mer_is_ok(status)) {
        mer_forest_counts_release(ctx, &counts);
        return status;
    }
    *ret_counts = counts;
    return mer_ok();
}

void mer_forest_counts_release(const struct mer_ctx *ctx, struct mer_forest_counts *counts)
{
    mer_free(ctx->alloc, counts->total);
    mer_free(ctx->alloc, counts->left);
    mer_free(ctx->alloc, counts->planes);
}

/* ---- one border, by planes ---- */

/* Two classes need no look at which of them there are. */
static void load_two(struct mer_forest_counts *counts, const struct mer_forest_entry *rows,
                     size_t n)
{
    uint64_t *planes = counts->planes;
    uint32_t n_second = 0;
    for (size_t begin = 0; begin < n; begin += 64, planes += 2) {
        const size_t n_here = n - begin < 64 ? n - begin : 64;
        uint64_t second = 0;
        for (size_t i = 0; i < n_here; i++)
            second |= (uint64_t)rows[begin + i].class << i;
        planes[0] = ~second & (~UINT64_C(0) >> (64 - n_here));
        planes[1] = second;
        n_second += (uint32_t)__builtin_popcountll(second);
    }
    counts->n_planes = 2;
    counts->plane_class[0] = 0;
    counts->plane_class[1] = 1;
    counts->plane_rows[0] = (uint32_t)n - n_second;
    counts->plane_rows[1] = n_second;
}

void mer_forest_counts_load(struct mer_forest_counts *counts, const struct mer_forest_entry *rows,
                            size_t n)
{
    if (counts->n_classes == 2) {
        load_two(counts, rows, n);
        return;
    }
    uint8_t plane_of[MER_FOREST_PLANE_CLASSES];
    size_t n_planes = 0;
    memset(plane_of, MER_FOREST_PLANE_CLASSES, counts->n_classes);
    for (size_t i = 0; i < n; i++) {
        const uint16_t class = rows[i].class;
        if (plane_of[class] == MER_FOREST_PLANE_CLASSES) {
            plane_of[class] = (uint8_t)n_planes;
            counts->plane_class[n_planes] = class;
            counts->plane_rows[n_planes++] = 0;
        }
        counts->plane_rows[plane_of[class]]++;
    }
    counts->n_planes = n_planes;
    memset(counts->planes, 0, (n + 63) / 64 * n_planes * sizeof *counts->planes);
    for (size_t i = 0; i < n; i++)
        counts->planes[i / 64 * n_planes + plane_of[rows[i].class]] |= UINT64_C(1) << (i % 64);
}

double mer_forest_counts_score(const struct mer_forest_counts *counts, const uint8_t *bins,
                               size_t n, uint32_t border, size_t *ret_left_rows)
{
    uint32_t left_of[MER_FOREST_PLANE_CLASSES];
    uint64_t left_squares = 0;
    uint64_t right_squares = 0;
    uint64_t n_left = 0;
    counts->kernels->count_left(bins, n, (uint8_t)border, counts->planes, counts->n_planes,
                                left_of);
    for (size_t k = 0; k < counts->n_planes; k++) {
        const uint64_t left = left_of[k];
        const uint64_t right = counts->plane_rows[k] - left;
        n_left += left;
        left_squares += left * left;
        right_squares += right * right;
    }
    *ret_left_rows = n_left;
    return (double)(int64_t)left_squares / (double)(int64_t)n_left +
           (double)(int64_t)right_squares / (double)(int64_t)(n - n_left);
}

/* ---- all borders, row by row ---- */

/* As the kernel for few rows, by counting the rows of each bin. Two halves of the rows at once:
 * where many rows have the same bin, each addition waits for the one before in its half alone. */
static void sort_by_counting(const uint8_t *bins, size_t n, uint32_t least, uint32_t largest,
                             uint32_t *ret_keys)
{
    uint16_t first[MER_BINS_MAX] = {0};
    uint16_t second[MER_BINS_MAX] = {0};
    const size_t half = n / 2;
    uint16_t at = 0;
    for (size_t i = 0; i < half; i++) {
        first[bins[i]]++;
        second[bins[half + i]]++;
    }
    if (n % 2 != 0)
        second[bins[n - 1]]++;
    for (uint32_t bin = least; bin <= largest; bin++) {
        const uint16_t n_first = first[bin];
        const uint16_t n_second = second[bin];
        first[bin] = at;
        second[bin] = (uint16_t)(at + n_first);
        at = (uint16_t)(at + n_first + n_second);
    }
    for (size_t i = 0; i < half; i++) {
        ret_keys[first[bins[i]]++] = (uint32_t)bins[i] << 16 | (uint32_t)i;
        ret_keys[second[bins[half + i]]++] = (uint32_t)bins[half + i] << 16 | (uint32_t)(half + i);
    }
    if (n % 2 != 0)
        ret_keys[second[bins[n - 1]]] = (uint32_t)bins[n - 1] << 16 | (uint32_t)(n - 1);
}

/* With l and t the draws of a class on the left and in all, the squares of the left side's sum up
 * to sum l^2, those of the right side's to sum t^2 - 2 sum t l + sum l^2. */
struct mer_forest_border mer_forest_scan(const struct mer_forest_counts *counts,
                                         const struct mer_forest_entry *rows, const uint8_t *bins,
                                         size_t n, uint32_t least, uint32_t largest,
                                         size_t min_rows)
{
    uint32_t keys[MER_FOREST_SCAN_ROWS];
    struct mer_forest_border best = {.found = false};
    int64_t *const left = counts->left;
    int64_t all = 0;
    int64_t all_squares = 0;
    int64_t n_left = 0;
    int64_t left_squares = 0;
    int64_t products = 0;
    if (n <= MER_FOREST_SORT_MAX)
        counts->kernels->sort(bins, n, keys);
    else
        sort_by_counting(bins, n, least, largest, keys);
    for (size_t k = 0; k < counts->n_classes; k++) {
        left[k] = 0;
        all += counts->total[k];
        all_squares += counts->total[k] * counts->total[k];
    }
    for (size_t i = 0; i + 1 < n; i++) {
        const struct mer_forest_entry *const row = &rows[keys[i] & 0xffff];
        const int64_t draws = row->count;
        left_squares += draws * (2 * left[row->class] + draws);
        products += draws * counts->total[row->class];
        left[row->class] += draws;
        n_left += draws;
        const uint32_t bin = keys[i] >> 16;
        const uint32_t next_bin = keys[i + 1] >> 16;
        if (bin == next_bin || i + 1 < min_rows || n - i - 1 < min_rows)
            continue;
        const double score =
            (double)left_squares / (double)n_left +
            (double)(all_squares - 2 * products + left_squares) / (double)(all - n_left);
        if (!best.found || score > best.score)
            best = (struct mer_forest_border){true, bin, next_bin, score};
    }
    return best;
}
