/* Growing trees depth first, with the rows of a node side by side.
 *
 * Most nodes of a fully grown tree are small, so nothing here costs more than the node's rows: the
 * sums of bins are cleared by the scan that reads them, a set of bits says which bins there are to
 * read, and the smallest nodes sort their rows instead. Features that turn out constant in a node
 * are not tried again below it.
 */
#include <float.h>
#include <string.h>

#include "learn/forest_growth.h"

enum {
    SORT_ROWS = MER_FOREST_SORT_MAX, /* nodes with at most so many sort their rows */
    SPARSE_ROWS = 384,               /* with at most so many look for the bins that are not empty */
    BY_ROW_ROWS = 512,               /* with at most so many read their bins by row */
    CANCEL_NODES = 256               /* between two questions whether to go on */
};

/* ---- the rows of a node ---- */

/* Whether the borders of the node are scanned row by row, in whole numbers. */
static bool is_counted(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    return mer_forest_can_count(g->data) && !g->options->is_random &&
           p->end - p->begin <= MER_FOREST_SCAN_ROWS;
}

/* The node's rows as packed numbers, and their sum. */
static void load_packed(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    struct mer_forest_worker *w = g->w;
    uint64_t total = 0;
    for (size_t i = p->begin; i < p->end; i++) {
        const struct mer_forest_entry *entry = &w->entries[i];
        const uint64_t packed = (uint64_t)entry->count << (entry->class * MER_FOREST_FIELD_BITS) |
                                UINT64_C(1) << (2 * MER_FOREST_FIELD_BITS);
        w->packed[i - p->begin] = packed;
        total += packed;
    }
    w->packed_total = total;
    w->total[0] = (double)(total & MER_FOREST_FIELD_MASK);
    w->total[1] = (double)(total >> MER_FOREST_FIELD_BITS & MER_FOREST_FIELD_MASK);
}

/* The node's rows as planes of bits, and how many of each class there are. */
static void load_planes(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    struct mer_forest_worker *w = g->w;
    struct mer_forest_counts *counted = &w->counted;
    mer_forest_counts_load(counted, w->entries + p->begin, p->end - p->begin);
    memset(w->total, 0, g->data->n_stats * sizeof *w->total);
    for (size_t k = 0; k < counted->n_planes; k++)
        w->total[counted->plane_class[k]] = counted->plane_rows[k];
}

/* How often rows of each class were drawn. */
static void load_counts(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    struct mer_forest_worker *w = g->w;
    int64_t *const total = w->counted.total;
    memset(total, 0, g->data->n_stats * sizeof *total);
    for (size_t i = p->begin; i < p->end; i++)
        total[w->entries[i].class] += w->entries[i].count;
    for (size_t k = 0; k < g->data->n_stats; k++)
        w->total[k] = (double)total[k];
}

/* Weights of the node's rows, and their sums. */
static void load_rows(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    const struct mer_forest_data *data = g->data;
    struct mer_forest_worker *w = g->w;
    if (w->has_planes) {
        load_planes(g, p);
        return;
    }
    if (mer_forest_can_pack(data)) {
        load_packed(g, p);
        return;
    }
    if (is_counted(g, p)) {
        load_counts(g, p);
        return;
    }
    memset(w->total, 0, data->n_stats * sizeof *w->total);
    for (size_t i = p->begin; i < p->end; i++) {
        const struct mer_forest_entry *entry = &w->entries[i];
        const double weight = mer_forest_weight(data, entry->row) * entry->count;
        if (data->classes) {
            w->weights[i - p->begin] = weight;
            w->total[entry->class] += weight;
        } else {
            const double sum = weight * data->values[entry->row];
            w->weights[2 * (i - p->begin)] = weight;
            w->weights[2 * (i - p->begin) + 1] = sum;
            w->total[0] += weight;
            w->total[1] += sum;
        }
    }
}

/* The bins of the node's rows in a feature, and the least and largest. */
static void load_bins(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                      uint32_t feature, uint32_t *ret_least, uint32_t *ret_largest)
{
    const struct mer_forest_entry *entries = g->w->entries + p->begin;
    const size_t n = p->end - p->begin;
    const bool is_small = n <= BY_ROW_ROWS;
    const uint8_t *cells = is_small ? g->data->by_row + feature : g->data->columns[feature];
    const size_t stride = is_small ? g->data->n_features : 1;
    uint8_t *bins = g->w->bins;
    for (size_t i = 0; i < n; i++)
        bins[i] = cells[entries[i].row * stride];
    if (g->w->missing_first[feature]) {
        const uint32_t missing = g->data->bins->features[feature].n_bins - 1;
        for (size_t i = 0; i < n; i++)
            bins[i] = (uint8_t)(bins[i] == missing ? 0 : bins[i] + 1);
    }
    g->w->kernels->range(bins, n, ret_least, ret_largest);
}

/* ---- looking for a split ---- */

/* Sums of a side while a feature is scanned. Gini's impurity and the squared error both come down
 * to a sum of squares over weight, to be as large as possible. */
struct scan {
    double *left;
    double *right;
    double left_squares; /* classes */
    double right_squares;
    double left_weight;
    double right_weight;
    size_t left_rows;
    size_t n_rows;
};

static void start_scan(const struct mer_forest_growth *g, size_t n_rows, struct scan *scan)
{
    const struct mer_forest_data *data = g->data;
    const struct mer_forest_worker *w = g->w;
    *scan = (struct scan){.left = w->left, .right = w->right, .n_rows = n_rows};
    for (size_t k = 0; k < data->n_stats; k++) {
        scan->left[k] = 0;
        scan->right[k] = w->total[k];
        if (data->classes) {
            scan->right_weight += w->total[k];
            scan->right_squares += w->total[k] * w->total[k];
        }
    }
    if (!data->classes)
        scan->right_weight = w->total[0];
}

/* Moves a class's weight from right to left. */
static inline void move_class(struct scan *scan, size_t k, double weight)
{
    scan->left_squares += weight * (2 * scan->left[k] + weight);
    scan->right_squares -= weight * (2 * scan->right[k] - weight);
    scan->left[k] += weight;
    scan->right[k] -= weight;
    scan->left_weight += weight;
    scan->right_weight -= weight;
}

static inline void move_value(struct scan *scan, double weight, double sum)
{
    scan->left[1] += sum;
    scan->right[1] -= sum;
    scan->left_weight += weight;
    scan->right_weight -= weight;
}

static inline double score_of(const struct mer_forest_growth *g, const struct scan *scan)
{
    if (g->data->classes)
        return scan->left_squares / scan->left_weight + scan->right_squares / scan->right_weight;
    return scan->left[1] * scan->left[1] / scan->left_weight +
           scan->right[1] * scan->right[1] / scan->right_weight;
}

/* Takes the border between two bins that follow one another in the node, if it is the best so far
 * and leaves both sides rows enough. */
static inline void take_border(const struct mer_forest_growth *g, size_t left_rows, size_t n_rows,
                               double score, uint32_t feature, uint32_t bin, uint32_t next_bin,
                               struct mer_forest_split *best)
{
    const size_t min_rows = g->options->min_leaf_rows;
    if (left_rows < min_rows || n_rows - left_rows < min_rows ||
        (best->found && !(score > best->score)))
        return;
    *best = (struct mer_forest_split){
        .found = true, .feature = feature, .border = (bin + next_bin - 1) / 2, .score = score};
}

static inline void try_border(const struct mer_forest_growth *g, const struct scan *scan,
                              uint32_t feature, uint32_t bin, uint32_t next_bin,
                              struct mer_forest_split *best)
{
    take_border(g, scan->left_rows, scan->n_rows, score_of(g, scan), feature, bin, next_bin, best);
}

/* The same for packed sums of the left side. */
static inline void try_packed(const struct mer_forest_growth *g, uint64_t left, uint32_t feature,
                              uint32_t bin, uint32_t next_bin, struct mer_forest_split *best)
{
    const uint64_t right = g->w->packed_total - left;
    const double l0 = (double)(int64_t)(left & MER_FOREST_FIELD_MASK);
    const double l1 = (double)(int64_t)(left >> MER_FOREST_FIELD_BITS & MER_FOREST_FIELD_MASK);
    const double r0 = (double)(int64_t)(right & MER_FOREST_FIELD_MASK);
    const double r1 = (double)(int64_t)(right >> MER_FOREST_FIELD_BITS & MER_FOREST_FIELD_MASK);
    const double score = (l0 * l0 + l1 * l1) / (l0 + l1) + (r0 * r0 + r1 * r1) / (r0 + r1);
    take_border(g, left >> (2 * MER_FOREST_FIELD_BITS),
                g->w->packed_total >> (2 * MER_FOREST_FIELD_BITS), score, feature, bin, next_bin,
                best);
}

/* Few rows in the order of their bins. */
static void scan_sorted(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                        uint32_t feature, struct mer_forest_split *best)
{
    const struct mer_forest_worker *w = g->w;
    const size_t n = p->end - p->begin;
    uint32_t keys[SORT_ROWS];
    struct scan scan;
    w->kernels->sort(w->bins, n, keys);
    if (mer_forest_can_pack(g->data)) {
        uint64_t left = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            left += w->packed[keys[i] & 0xffff];
            if (keys[i] >> 16 != keys[i + 1] >> 16)
                try_packed(g, left, feature, keys[i] >> 16, keys[i + 1] >> 16, best);
        }
        return;
    }
    start_scan(g, n, &scan);
    for (size_t i = 0; i + 1 < n; i++) {
        const size_t row = keys[i] & 0xffff;
        if (g->data->classes)
            move_class(&scan, w->entries[p->begin + row].class, w->weights[row]);
        else
            move_value(&scan, w->weights[2 * row], w->weights[2 * row + 1]);
        scan.left_rows++;
        if (keys[i] >> 16 != keys[i + 1] >> 16)
            try_border(g, &scan, feature, keys[i] >> 16, keys[i + 1] >> 16, best);
    }
}

/* Classes in whole numbers. */
static void scan_counted(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                         uint32_t feature, uint32_t least, uint32_t largest,
                         struct mer_forest_split *best)
{
    const struct mer_forest_worker *w = g->w;
    const struct mer_forest_border border =
        mer_forest_scan(&w->counted, w->entries + p->begin, w->bins, p->end - p->begin, least,
                        largest, g->options->min_leaf_rows);
    if (border.found && (!best->found || border.score > best->score))
        *best = (struct mer_forest_split){.found = true,
                                          .feature = feature,
                                          .border = (border.bin + border.next_bin - 1) / 2,
                                          .score = border.score};
}

/* Bins of packed rows. Where many rows share a bin, each addition to it waits for the one before:
 * then they go to MER_FOREST_PACKED_PARTS sums in turn. */
static void sum_packed(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                       uint32_t least, uint32_t largest)
{
    const struct mer_forest_worker *w = g->w;
    const size_t n = p->end - p->begin;
    uint64_t *sums = w->packed_in_bin;
    uint64_t *parts = sums + MER_BINS_MAX;
    if (n < MER_FOREST_PACKED_PARTS * (largest - least + 1)) {
        for (size_t i = 0; i < n; i++)
            sums[w->bins[i]] += w->packed[i];
        return;
    }
    for (size_t i = 0; i < n; i++)
        parts[MER_FOREST_PACKED_PARTS * w->bins[i] + i % MER_FOREST_PACKED_PARTS] += w->packed[i];
    for (uint32_t bin = least; bin <= largest; bin++)
        for (size_t k = 0; k < MER_FOREST_PACKED_PARTS; k++) {
            sums[bin] += parts[MER_FOREST_PACKED_PARTS * bin + k];
            parts[MER_FOREST_PACKED_PARTS * bin + k] = 0;
        }
}

static void scan_packed(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                        uint32_t feature, uint32_t least, uint32_t largest,
                        struct mer_forest_split *best)
{
    uint64_t *sums = g->w->packed_in_bin;
    uint64_t left = 0;
    sum_packed(g, p, least, largest);
    for (uint32_t bin = least; bin < largest;) {
        uint32_t next = bin + 1;
        while (sums[next] == 0)
            next++;
        left += sums[bin];
        sums[bin] = 0;
        try_packed(g, left, feature, bin, next, best);
        bin = next;
    }
    sums[largest] = 0;
}

static void sum_bins(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    const struct mer_forest_worker *w = g->w;
    const size_t n = p->end - p->begin;
    const size_t n_stats = g->data->n_stats;
    if (g->data->classes) {
        for (size_t i = 0; i < n; i++) {
            w->sums[w->bins[i] * n_stats + w->entries[p->begin + i].class] += w->weights[i];
            w->rows_in_bin[w->bins[i]]++;
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        w->sums[2 * w->bins[i]] += w->weights[2 * i];
        w->sums[2 * w->bins[i] + 1] += w->weights[2 * i + 1];
        w->rows_in_bin[w->bins[i]]++;
    }
}

/* Moves a bin from right to left, and leaves its sums zero. */
static inline void move_bin(const struct mer_forest_growth *g, struct scan *scan, uint32_t bin)
{
    const size_t n_stats = g->data->n_stats;
    double *sums = g->w->sums + bin * n_stats;
    if (g->data->classes) {
        for (size_t k = 0; k < n_stats; k++)
            if (sums[k] != 0) {
                move_class(scan, k, sums[k]);
                sums[k] = 0;
            }
    } else {
        move_value(scan, sums[0], sums[1]);
        sums[0] = sums[1] = 0;
    }
    scan->left_rows += g->w->rows_in_bin[bin];
    g->w->rows_in_bin[bin] = 0;
}

static void clear_bin(const struct mer_forest_growth *g, uint32_t bin)
{
    memset(g->w->sums + bin * g->data->n_stats, 0, g->data->n_stats * sizeof *g->w->sums);
    g->w->rows_in_bin[bin] = 0;
}

/* The bins that hold rows, in order; the last one only has to be cleared. */
static void scan_bins(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                      uint32_t feature, uint32_t least, uint32_t largest,
                      struct mer_forest_split *best)
{
    const struct mer_forest_worker *w = g->w;
    const size_t n = p->end - p->begin;
    struct scan scan;
    sum_bins(g, p);
    start_scan(g, n, &scan);
    uint32_t bin = least;
    if (n > SPARSE_ROWS) {
        while (bin < largest) {
            uint32_t next = bin + 1;
            while (w->rows_in_bin[next] == 0)
                next++;
            move_bin(g, &scan, bin);
            try_border(g, &scan, feature, bin, next, best);
            bin = next;
        }
        clear_bin(g, largest);
        return;
    }
    uint64_t present[MER_BINS_MAX / 64] = {0};
    for (size_t i = 0; i < n; i++)
        present[w->bins[i] / 64] |= UINT64_C(1) << (w->bins[i] % 64);
    present[least / 64] &= ~(UINT64_C(1) << (least % 64));
    for (size_t word = 0; word < MER_BINS_MAX / 64; word++)
        for (uint64_t bits = present[word]; bits; bits &= bits - 1) {
            const uint32_t next = (uint32_t)(64 * word) + (uint32_t)__builtin_ctzll(bits);
            move_bin(g, &scan, bin);
            try_border(g, &scan, feature, bin, next, best);
            bin = next;
        }
    clear_bin(g, largest);
}

/* The left sums for one border, without a branch that nobody could predict, and in four parts so
 * that no addition waits for the one before. */
static void sum_left(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                     uint32_t border, struct scan *scan)
{
    const struct mer_forest_worker *w = g->w;
    const struct mer_forest_entry *entries = w->entries + p->begin;
    const size_t n = p->end - p->begin;
    const size_t n_stats = g->data->n_stats;
    memset(w->parts, 0, MER_FOREST_PARTS * n_stats * sizeof *w->parts);
    for (size_t i = 0; i < n; i++) {
        double *part = w->parts + i % MER_FOREST_PARTS * n_stats;
        const double is_left = w->bins[i] <= border;
        scan->left_rows += w->bins[i] <= border;
        if (g->data->classes) {
            part[entries[i].class] += is_left * w->weights[i];
        } else {
            part[0] += is_left * w->weights[2 * i];
            part[1] += is_left * w->weights[2 * i + 1];
        }
    }
    for (size_t k = 0; k < n_stats; k++) {
        double sum = 0;
        for (size_t i = 0; i < MER_FOREST_PARTS; i++)
            sum += w->parts[i * n_stats + k];
        if (g->data->classes)
            move_class(scan, k, sum);
        else
            w->parts[k] = sum;
    }
    if (!g->data->classes)
        move_value(scan, w->parts[0], w->parts[1]);
}

/* One border at random. */
static void scan_random(struct mer_forest_growth *g, const struct mer_forest_pending *p,
                        uint32_t feature, uint32_t least, uint32_t largest,
                        struct mer_forest_split *best)
{
    const struct mer_forest_worker *w = g->w;
    const size_t n = p->end - p->begin;
    const uint32_t border = least + (uint32_t)mer_rng_below(&g->rng, largest - least);
    struct scan scan;
    if (w->has_planes) {
        size_t n_left;
        const double score = mer_forest_counts_score(&w->counted, w->bins, n, border, &n_left);
        take_border(g, n_left, n, score, feature, border, border + 1, best);
        return;
    }
    if (mer_forest_can_pack(g->data)) {
        uint64_t left = 0;
        for (size_t i = 0; i < n; i++)
            left += w->packed[i] & (UINT64_C(0) - (uint64_t)(w->bins[i] <= border));
        try_packed(g, left, feature, border, border + 1, best);
        return;
    }
    start_scan(g, n, &scan);
    sum_left(g, p, border, &scan);
    try_border(g, &scan, feature, border, border + 1, best);
}

static void try_feature(struct mer_forest_growth *g, const struct mer_forest_pending *p,
                        uint32_t feature, uint32_t least, uint32_t largest,
                        struct mer_forest_split *best)
{
    if (g->options->is_random)
        scan_random(g, p, feature, least, largest, best);
    else if (is_counted(g, p) && !mer_forest_can_pack(g->data))
        scan_counted(g, p, feature, least, largest, best);
    else if (p->end - p->begin <= SORT_ROWS)
        scan_sorted(g, p, feature, best);
    else if (mer_forest_can_pack(g->data))
        scan_packed(g, p, feature, least, largest, best);
    else
        scan_bins(g, p, feature, least, largest, best);
}

static void swap(uint32_t *a, uint32_t *b)
{
    const uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Draws features without putting back, until enough have been tried. The permutation has the
 * features that are constant in the node at its front: those that the parent knew of, then those
 * that are found now. Nodes below only change what is behind, so that the front is still there when
 * the sibling's turn comes. Returns how many constant ones there are. */
static size_t find_split(struct mer_forest_growth *g, const struct mer_forest_pending *p,
                         struct mer_forest_split *ret_best)
{
    struct mer_forest_worker *w = g->w;
    const size_t n_used = g->data->n_used;
    size_t n_constant = p->n_constant;
    size_t n_tried = 0;
    *ret_best = (struct mer_forest_split){.found = false};
    for (size_t end = n_used; end > n_constant && n_tried < g->options->max_features;) {
        const size_t at = n_constant + mer_rng_below(&g->rng, end - n_constant);
        const uint32_t feature = w->features[at];
        uint32_t least, largest;
        load_bins(g, p, feature, &least, &largest);
        if (least == largest) {
            swap(&w->features[at], &w->features[n_constant++]);
            continue;
        }
        try_feature(g, p, feature, least, largest, ret_best);
        n_tried++;
        swap(&w->features[at], &w->features[--end]);
    }
    return n_constant;
}

/* ---- parting a node ---- */

/* Reorders the entries, each side in its order; returns where the right one begins. */
static size_t part_rows(const struct mer_forest_growth *g, const struct mer_forest_pending *p,
                        const struct mer_forest_split *split)
{
    struct mer_forest_worker *w = g->w;
    uint32_t least, largest;
    size_t n_left = p->begin;
    size_t n_right = 0;
    load_bins(g, p, split->feature, &least, &largest);
    for (size_t i = p->begin; i < p->end; i++) {
        const struct mer_forest_entry entry = w->entries[i];
        const bool left = w->bins[i - p->begin] <= split->border;
        w->entries[n_left] = entry;
        w->spare[n_right] = entry;
        n_left += left;
        n_right += !left;
    }
    memcpy(w->entries + n_left, w->spare, n_right * sizeof *w->entries);
    return n_left;
}

static mer_status put_set(struct mer_forest_growth *g, const struct mer_forest_split *split,
                          struct mer_ensemble_node *node, mer_err *err)
{
    const struct mer_bin_feature *feature = &g->data->bins->features[split->feature];
    const uint8_t *ranks =
        g->data->rank_of_bin + (split->feature - g->data->n_dense) * MER_BINS_MAX;
    const size_t n_bytes = (feature->n_codes + 7) / 8;
    MER_GUARD(mer_forest_reserve_set(g, n_bytes, err));
    uint8_t *set = g->tree->sets + g->tree->n_set_bytes;
    memset(set, 0, n_bytes);
    for (size_t code = 0; code < feature->n_codes; code++)
        if (ranks[feature->bin_of_code[code]] <= split->border)
            set[code / 8] |= (uint8_t)(1 << (code % 8));
    node->set = g->tree->n_set_bytes;
    g->tree->n_set_bytes += n_bytes;
    return mer_ok();
}

/* A border between bins as a threshold. A border between missing values and all others is a
 * threshold that no number is beyond. Where the fit saw no missing values they follow most rows. */
static void put_threshold(const struct mer_forest_growth *g, const struct mer_forest_split *split,
                          bool most_left, struct mer_ensemble_node *node)
{
    const struct mer_bin_feature *feature = &g->data->bins->features[split->feature];
    const bool missing_first = g->w->missing_first[split->feature];
    const uint32_t n_borders = mer_bin_feature_values(feature) - 1;
    node->missing_left = feature->has_missing ? missing_first : most_left;
    if (missing_first && split->border == 0)
        node->threshold = -DBL_MAX;
    else if (split->border - missing_first >= n_borders)
        node->threshold = DBL_MAX;
    else
        node->threshold = feature->upper[split->border - missing_first];
}

/* What a leaf with the node's rows predicts; what a split passes on to nobody. */
static void put_values(const struct mer_forest_growth *g, size_t node)
{
    const struct mer_forest_data *data = g->data;
    const double *total = g->w->total;
    double *values = g->tree->values + node * mer_forest_values(data);
    double weight = 0;
    if (!data->classes) {
        values[0] = data->mean + total[1] / total[0];
        return;
    }
    for (size_t k = 0; k < data->n_stats; k++)
        weight += total[k];
    for (size_t k = 0; k < mer_forest_values(data); k++)
        values[k] = total[data->n_stats > 2 ? k : 1] / weight;
}

static double total_weight(const struct mer_forest_growth *g)
{
    double weight = 0;
    if (!g->data->classes)
        return g->w->total[0];
    for (size_t k = 0; k < g->data->n_stats; k++)
        weight += g->w->total[k];
    return weight;
}

/* What is saved as a float stays finite. */
static float to_float(double x)
{
    return x > 0 ? (float)(x < (double)FLT_MAX ? x : (double)FLT_MAX) : 0;
}

/* The node's part of the score: what a split has to be better than. */
static double own_score(const struct mer_forest_growth *g)
{
    double squares = 0;
    if (!g->data->classes)
        return g->w->total[1] * g->w->total[1] / g->w->total[0];
    for (size_t k = 0; k < g->data->n_stats; k++)
        squares += g->w->total[k] * g->w->total[k];
    return squares / total_weight(g);
}

/* One class, or one value, among the node's rows. */
static bool is_pure(const struct mer_forest_growth *g, const struct mer_forest_pending *p)
{
    const struct mer_forest_entry *entries = g->w->entries;
    size_t n_present = 0;
    for (size_t k = 0; g->data->classes && k < g->data->n_stats; k++)
        n_present += g->w->total[k] > 0;
    if (g->data->classes)
        return n_present == 1;
    for (size_t i = p->begin + 1; i < p->end; i++)
        if (g->data->values[entries[i].row] != g->data->values[entries[p->begin].row])
            return false;
    return true;
}

static mer_status split_node(struct mer_forest_growth *g, const struct mer_forest_pending *p,
                             const struct mer_forest_split *split, size_t n_constant, mer_err *err)
{
    struct mer_forest_tree *tree = g->tree;
    const double gain = split->score - own_score(g);
    MER_GUARD(mer_forest_reserve_nodes(g, err));
    const size_t middle = part_rows(g, p, split);
    struct mer_ensemble_node *node = &tree->nodes[p->node];
    node->feature = (int32_t)split->feature;
    node->left = (uint32_t)tree->n_nodes;
    node->gain = to_float(gain);
    if (split->feature >= g->data->n_dense)
        MER_GUARD(put_set(g, split, node, err));
    else
        put_threshold(g, split, middle - p->begin >= p->end - middle, node);
    tree->nodes[tree->n_nodes] = tree->nodes[tree->n_nodes + 1] =
        (struct mer_ensemble_node){.feature = MER_ENSEMBLE_LEAF};
    const struct mer_forest_pending right = {.node = (uint32_t)tree->n_nodes + 1,
                                             .depth = p->depth + 1,
                                             .begin = middle,
                                             .end = p->end,
                                             .n_constant = n_constant};
    const struct mer_forest_pending left = {.node = (uint32_t)tree->n_nodes,
                                            .depth = p->depth + 1,
                                            .begin = p->begin,
                                            .end = middle,
                                            .n_constant = n_constant};
    tree->n_nodes += 2;
    MER_GUARD(mer_forest_push(g, &right, err));
    return mer_forest_push(g, &left, err);
}

/* ---- a tree ---- */

static mer_status grow_node(struct mer_forest_growth *g, const struct mer_forest_pending *p,
                            mer_err *err)
{
    struct mer_forest_split split = {.found = false};
    size_t n_constant = p->n_constant;
    load_rows(g, p);
    g->tree->nodes[p->node].cover = to_float(total_weight(g));
    put_values(g, p->node);
    if (p->depth < g->options->max_depth && p->end - p->begin >= g->options->min_split_rows &&
        !is_pure(g, p))
        n_constant = find_split(g, p, &split);
    return split.found ? split_node(g, p, &split, n_constant, err) : mer_ok();
}

static void start_tree(struct mer_forest_growth *g, uint64_t seed, size_t number)
{
    const struct mer_forest_data *data = g->data;
    struct mer_forest_worker *w = g->w;
    mer_forest_rng(seed, number, &g->rng);
    mer_forest_draw(data, g->options, &g->rng, w->counts);
    memcpy(w->features, data->used, data->n_used * sizeof *w->features);
    /* Which end missing values stand at is the tree's choice; the forest sees both. */
    for (size_t f = 0; f < data->n_dense; f++)
        w->missing_first[f] = data->bins->features[f].has_missing && mer_rng_below(&g->rng, 2) == 1;
    g->tree->n_nodes = 0;
    g->tree->n_set_bytes = 0;
}

mer_status mer_forest_grow(const struct mer_ctx *ctx, const struct mer_forest_data *data,
                           const struct mer_forest_options *options, uint64_t seed, size_t number,
                           struct mer_forest_worker *worker, struct mer_forest_tree *tree,
                           mer_err *err)
{
    struct mer_forest_growth g = {
        .ctx = ctx, .data = data, .options = options, .w = worker, .tree = tree};
    start_tree(&g, seed, number);
    MER_GUARD(mer_forest_reserve_nodes(&g, err));
    tree->nodes[0] = (struct mer_ensemble_node){.feature = MER_ENSEMBLE_LEAF};
    tree->n_nodes = 1;
    struct mer_forest_pending root = {.end = mer_forest_list_entries(&g)};
    if (root.end == 0) { /* only rows without weight were drawn: then all rows take part */
        for (size_t row = 0; row < data->n_rows; row++)
            worker->counts[row] = 1;
        root.end = mer_forest_list_entries(&g);
    }
    if (root.end == 0)
        return mer_fail(err, MER_ERR_DATA, "all rows have weight 0");
    MER_GUARD(mer_forest_push(&g, &root, err));
    for (size_t n = 0; g.depth > 0; n++) {
        const struct mer_forest_pending pending = worker->stack[--g.depth];
        if (n % CANCEL_NODES == 0)
            MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(grow_node(&g, &pending, err));
    }
    return mer_ok();
}
