#include "learn/gbdt_store.h"

#include <string.h>

#include "core/team.h"
#include "learn/gbdt_kernels.h"

/* A feature may be bundled when at most this share of the rows is outside its usual bin. */
#define SPARSE_SHARE 0.3
enum { TRIES = 64, ROW_STEP = 32, PADDING = 64, COPY_ROWS = 4096 };

/* What bundling knows of a feature. */
struct sparse {
    uint32_t feature;
    uint32_t usual;
    size_t n_other; /* rows outside the usual bin */
};

struct bundle {
    uint64_t *taken; /* bitmap of the rows where one of its features is not in its usual bin */
    uint32_t n_bins;
    uint32_t n_features;
    bool open;
};

struct bundling {
    const struct mer_ctx *ctx;
    const struct mer_bins *bins;
    struct mer_store *store;
    struct sparse *sparse; /* [n_features] those that may be bundled, sparsest last */
    size_t n_sparse;
    struct bundle *bundles; /* [n_sparse] */
    size_t n_bundles;
    uint32_t *bundle_of; /* [n_features of the bins]; UINT32_MAX: none */
    size_t n_words;      /* of a bitmap */
    uint64_t *own;       /* the bitmap of the feature at hand */
};

/* ---- bundles ---- */

static void look_at_feature(struct bundling *bundling, size_t f, struct sparse *ret)
{
    const struct mer_bin_feature *feature = &bundling->bins->features[f];
    uint32_t counts[MER_BINS_MAX] = {0};
    if (feature->bits) {
        for (size_t w = 0; w < bundling->n_words; w++)
            counts[1] += (uint32_t)__builtin_popcountll(feature->bits[w]);
        counts[0] = (uint32_t)bundling->bins->n_rows - counts[1];
    } else {
        for (size_t row = 0; row < bundling->bins->n_rows; row++)
            counts[feature->column[row]]++;
    }
    *ret = (struct sparse){.feature = (uint32_t)f};
    for (uint32_t b = 1; b < MER_BINS_MAX; b++)
        if (counts[b] > counts[ret->usual])
            ret->usual = b;
    ret->n_other = bundling->bins->n_rows - counts[ret->usual];
}

struct looking {
    struct bundling *bundling;
    struct sparse *all; /* [n_features] */
};

/* Task: one feature. */
static void look_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct looking *looking = argument;
    if (looking->bundling->bins->features[task].n_bins > 1)
        look_at_feature(looking->bundling, task, &looking->all[task]);
}

/* The rows outside the usual bin among 64. */
static uint64_t other_rows(const struct bundling *bundling, const struct sparse *sparse,
                           size_t word)
{
    const struct mer_bin_feature *feature = &bundling->bins->features[sparse->feature];
    const size_t n_left = bundling->bins->n_rows - word * 64;
    const size_t n = n_left < 64 ? n_left : 64;
    if (feature->bits) {
        const uint64_t all = UINT64_MAX >> (64 - n);
        return sparse->usual == 0 ? feature->bits[word] : ~feature->bits[word] & all;
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)(feature->column[word * 64 + i] != sparse->usual) << i;
    return bits;
}

static void mark_rows(struct bundling *bundling, const struct sparse *sparse)
{
    for (size_t w = 0; w < bundling->n_words; w++)
        bundling->own[w] = other_rows(bundling, sparse, w);
}

static bool excludes(const uint64_t *a, const uint64_t *b, size_t n)
{
    for (size_t w = 0; w < n; w++)
        if (a[w] & b[w])
            return false;
    return true;
}

/* The first bundle that has room and no row in common, or a new one. */
static mer_status place_feature(struct bundling *bundling, const struct sparse *sparse,
                                mer_err *err)
{
    const uint32_t n_other_bins = bundling->bins->features[sparse->feature].n_bins - 1;
    size_t n_tries = 0;
    size_t chosen = SIZE_MAX;
    mark_rows(bundling, sparse);
    for (size_t i = 0; i < bundling->n_bundles && n_tries < TRIES; i++) {
        struct bundle *bundle = &bundling->bundles[i];
        if (!bundle->open || bundle->n_bins + n_other_bins > MER_BINS_MAX)
            continue;
        n_tries++;
        if (excludes(bundle->taken, bundling->own, bundling->n_words)) {
            chosen = i;
            break;
        }
    }
    if (chosen == SIZE_MAX) {
        struct bundle *bundle = &bundling->bundles[bundling->n_bundles];
        MER_GUARD(mer_alloc_zero(bundling->ctx->alloc, bundling->n_words, sizeof(uint64_t),
                                 &bundle->taken, err));
        bundle->n_bins = 1;
        bundle->open = true;
        chosen = bundling->n_bundles++;
    }
    struct bundle *bundle = &bundling->bundles[chosen];
    for (size_t w = 0; w < bundling->n_words; w++)
        bundle->taken[w] |= bundling->own[w];
    bundle->n_bins += n_other_bins;
    bundle->n_features++;
    bundling->bundle_of[sparse->feature] = (uint32_t)chosen;
    return mer_ok();
}

/* Features with the most rows of their own first: the small ones fill the gaps. Shell sort: nothing
 * in it is random, and there are few. */
static void sort_sparse(struct sparse *sparse, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < n; i++) {
            const struct sparse item = sparse[i];
            size_t at = i;
            for (; at >= gap && (sparse[at - gap].n_other < item.n_other ||
                                 (sparse[at - gap].n_other == item.n_other &&
                                  sparse[at - gap].feature > item.feature));
                 at -= gap)
                sparse[at] = sparse[at - gap];
            sparse[at] = item;
        }
    }
}

static mer_status bundle_features(struct bundling *bundling, mer_err *err)
{
    const struct mer_ctx *ctx = bundling->ctx;
    const struct mer_bins *bins = bundling->bins;
    bundling->n_words = (bins->n_rows + 63) / 64;
    MER_GUARD(mer_alloc_zero(ctx->alloc, bins->n_features, sizeof *bundling->sparse,
                             &bundling->sparse, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, bins->n_features, sizeof *bundling->bundle_of,
                              &bundling->bundle_of, err));
    MER_GUARD(
        mer_alloc_array(ctx->alloc, bundling->n_words, sizeof(uint64_t), &bundling->own, err));
    for (size_t f = 0; f < bins->n_features; f++)
        bundling->bundle_of[f] = UINT32_MAX;
    struct looking looking = {bundling, bundling->sparse};
    mer_team_run(ctx->team, look_task, &looking, bins->n_features);
    for (size_t f = 0; f < bins->n_features; f++) {
        const struct sparse sparse = bundling->sparse[f];
        /* Groups' levels are split in sets, over a column of their own. */
        if (bins->features[f].n_bins > 1 && !bins->features[f].is_group &&
            (double)sparse.n_other <= SPARSE_SHARE * (double)bins->n_rows)
            bundling->sparse[bundling->n_sparse++] = sparse;
    }
    sort_sparse(bundling->sparse, bundling->n_sparse);
    MER_GUARD(mer_alloc_zero(ctx->alloc, bundling->n_sparse, sizeof *bundling->bundles,
                             &bundling->bundles, err));
    for (size_t i = 0; i < bundling->n_sparse; i++) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        MER_GUARD(place_feature(bundling, &bundling->sparse[i], err));
    }
    /* One feature alone is better off with its bins in their order. */
    for (size_t i = 0; i < bundling->n_sparse; i++) {
        uint32_t *bundle = &bundling->bundle_of[bundling->sparse[i].feature];
        if (bundling->bundles[*bundle].n_features == 1)
            *bundle = UINT32_MAX;
    }
    return mer_ok();
}

/* ---- columns ---- */

static void add_feature(struct mer_store *store, const struct mer_bins *bins, size_t f)
{
    const struct mer_bin_feature *feature = &bins->features[f];
    store->features[store->n_features++] =
        (struct mer_store_feature){.feature = (uint32_t)f,
                                   .column = (uint32_t)store->n_columns,
                                   .n_bins = feature->n_bins,
                                   .is_group = feature->is_group,
                                   .has_missing = feature->has_missing};
}

static void end_column(struct mer_store *store, const uint8_t *cells, uint32_t n_bins,
                       size_t first_feature)
{
    const uint32_t n_padded =
        (n_bins + MER_HISTOGRAM_LANES - 1) / MER_HISTOGRAM_LANES * MER_HISTOGRAM_LANES;
    store->columns[store->n_columns++] =
        (struct mer_store_column){.cells = cells,
                                  .n_bins = n_bins,
                                  .n_padded = n_padded,
                                  .offset = store->n_bins,
                                  .first_feature = (uint32_t)first_feature,
                                  .n_features = (uint32_t)(store->n_features - first_feature)};
    store->n_bins += n_padded;
}

/* The features of a bundle, and their cells. */
static void add_bundle(struct bundling *bundling, size_t b, uint8_t *cells)
{
    struct mer_store *store = bundling->store;
    const size_t first_feature = store->n_features;
    uint32_t first = 1;
    memset(cells, 0, bundling->bins->n_rows + PADDING);
    for (size_t i = 0; i < bundling->n_sparse; i++) {
        const struct sparse *sparse = &bundling->sparse[i];
        if (bundling->bundle_of[sparse->feature] != b)
            continue;
        add_feature(store, bundling->bins, sparse->feature);
        struct mer_store_feature *feature = &store->features[store->n_features - 1];
        feature->bundled = true;
        feature->usual = sparse->usual;
        feature->first = first;
        const uint8_t *column = bundling->bins->features[sparse->feature].column;
        for (size_t row = 0; column && row < bundling->bins->n_rows; row++)
            if (column[row] != sparse->usual)
                cells[row] = (uint8_t)(first + column[row] - (column[row] > sparse->usual));
        for (size_t w = 0; !column && w < bundling->n_words; w++)
            for (uint64_t bits = other_rows(bundling, sparse, w); bits; bits &= bits - 1)
                cells[w * 64 + (size_t)__builtin_ctzll(bits)] = (uint8_t)first;
        first += feature->n_bins - 1;
    }
    end_column(store, cells, first, first_feature);
}

/* The rows of each bin but 0, column by column. */
static mer_status list_rows(const struct mer_ctx *ctx, struct mer_store *store, size_t n_shared,
                            mer_err *err)
{
    enum { STARTS = MER_BINS_MAX + 1 };
    const size_t first = store->n_columns - n_shared;
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, n_shared, STARTS * sizeof(uint32_t), &store->bin_starts, err));
    size_t n_listed = 0;
    for (size_t k = 0; k < n_shared; k++) {
        const uint8_t *cells = store->columns[first + k].cells;
        uint32_t counts[MER_BINS_MAX] = {0};
        for (size_t row = 0; row < store->n_rows; row++)
            counts[cells[row]]++;
        uint32_t *starts = store->bin_starts + k * STARTS;
        for (size_t b = 1; b < MER_BINS_MAX; b++)
            starts[b + 1] = starts[b] + counts[b];
        n_listed += starts[MER_BINS_MAX];
    }
    MER_GUARD(mer_alloc_array(ctx->alloc, n_listed, sizeof(uint32_t), &store->bin_rows, err));
    uint32_t *rows = store->bin_rows;
    for (size_t k = 0; k < n_shared; k++) {
        struct mer_store_column *column = &store->columns[first + k];
        uint32_t next[STARTS];
        column->bin_starts = store->bin_starts + k * STARTS;
        column->bin_rows = rows;
        memcpy(next, column->bin_starts, sizeof next);
        for (size_t row = 0; row < store->n_rows; row++)
            if (column->cells[row] > 0)
                rows[next[column->cells[row]]++] = (uint32_t)row;
        rows += column->bin_starts[MER_BINS_MAX];
    }
    return mer_ok();
}

static mer_status make_columns(struct bundling *bundling, mer_err *err)
{
    struct mer_store *store = bundling->store;
    const struct mer_bins *bins = bundling->bins;
    struct mer_alloc *alloc = bundling->ctx->alloc;
    size_t stride;
    size_t n_bytes;
    size_t n_shared = 0;
    size_t n_unpacked = 0;
    for (size_t b = 0; b < bundling->n_bundles; b++)
        n_shared += bundling->bundles[b].n_features > 1;
    for (size_t f = 0; f < bins->n_features; f++)
        n_unpacked += bins->features[f].bits && bundling->bundle_of[f] == UINT32_MAX;
    if (!mer_size_align(bins->n_rows + PADDING, &stride) ||
        !mer_size_mul(stride, n_shared + n_unpacked, &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "%zu columns are too many", n_shared + n_unpacked);
    MER_GUARD(
        mer_alloc_array(alloc, bins->n_features, sizeof *store->features, &store->features, err));
    MER_GUARD(
        mer_alloc_array(alloc, bins->n_features, sizeof *store->columns, &store->columns, err));
    MER_GUARD(mer_alloc_bytes(alloc, n_bytes, &store->own_cells, err));
    uint8_t *cells = store->own_cells;
    for (size_t f = 0; f < bins->n_features; f++) {
        const struct mer_bin_feature *feature = &bins->features[f];
        if (feature->n_bins <= 1 || bundling->bundle_of[f] != UINT32_MAX)
            continue;
        add_feature(store, bins, f);
        end_column(store, feature->bits ? cells : feature->column, feature->n_bins,
                   store->n_features - 1);
        if (!feature->bits)
            continue;
        mer_pair_cells(feature->bits, bins->n_rows, cells);
        memset(cells + bins->n_rows, 0, PADDING);
        cells += stride;
    }
    for (size_t b = 0; b < bundling->n_bundles; b++) {
        if (bundling->bundles[b].n_features <= 1)
            continue;
        MER_GUARD(mer_ctx_check_cancel(bundling->ctx, err));
        add_bundle(bundling, b, cells);
        cells += stride;
    }
    return n_shared > 0 ? list_rows(bundling->ctx, store, n_shared, err) : mer_ok();
}

/* ---- groups of columns ---- */

struct copying {
    const struct mer_store *store;
};

/* Task: COPY_ROWS rows of all groups. */
static void copy_task(void *argument, size_t task, size_t worker)
{
    (void)worker;
    const struct mer_store *store = ((const struct copying *)argument)->store;
    const size_t begin = task * COPY_ROWS;
    const size_t end = begin + COPY_ROWS < store->n_rows ? begin + COPY_ROWS : store->n_rows;
    for (size_t g = 0; g < store->n_groups; g++) {
        const struct mer_store_group *group = &store->groups[g];
        uint8_t *cells = store->group_cells + (group->cells - store->group_cells);
        for (size_t k = 0; k < group->n_columns; k++) {
            const uint8_t *column = store->columns[group->first_column + k].cells;
            for (size_t row = begin; row < end; row++)
                cells[row * group->stride + k] = column[row];
        }
    }
}

/* So many bytes has a record of n cells that as few records as possible lie across two lines of the
 * cache. */
static size_t record_bytes(size_t n)
{
    size_t bytes = 1;
    while (bytes < n && bytes < MER_GROUP_COLUMNS)
        bytes *= 2;
    return n <= bytes ? bytes : (n + MER_GROUP_COLUMNS - 1) / MER_GROUP_COLUMNS * MER_GROUP_COLUMNS;
}

/* The strips' groups of about equally many columns, and where their cells lie behind each other. */
static mer_status lay_out(struct mer_store *store, size_t *ret_n_bytes, mer_err *err)
{
    size_t n_bytes = 0;
    size_t column = 0;
    for (size_t g = 0; g < store->n_groups; g++) {
        struct mer_store_group *group = &store->groups[g];
        group->first_column = column;
        group->n_columns = (store->n_columns - column) / (store->n_groups - g);
        column += group->n_columns;
    }
    for (size_t s = 0; s < store->n_strips; s++) {
        struct mer_store_strip *strip = &store->strips[s];
        size_t n_columns = 0;
        size_t bytes;
        strip->first_group = s * MER_STRIP_GROUPS;
        strip->n_groups = store->n_groups - strip->first_group < MER_STRIP_GROUPS
                              ? store->n_groups - strip->first_group
                              : MER_STRIP_GROUPS;
        strip->offset = n_bytes;
        for (size_t g = 0; g < strip->n_groups; g++)
            n_columns += store->groups[strip->first_group + g].n_columns;
        strip->stride = record_bytes(n_columns);
        if (!mer_size_mul(store->n_rows, strip->stride, &bytes) ||
            !mer_size_align(bytes + PADDING, &bytes) || !mer_size_add(n_bytes, bytes, &n_bytes))
            return mer_fail(err, MER_ERR_MEMORY, "%zu rows are too many", store->n_rows);
    }
    *ret_n_bytes = n_bytes;
    return mer_ok();
}

static mer_status make_groups(const struct mer_ctx *ctx, struct mer_store *store, mer_err *err)
{
    size_t n_bytes = 0;
    store->n_groups = (store->n_columns + MER_GROUP_COLUMNS - 1) / MER_GROUP_COLUMNS;
    store->n_strips = (store->n_groups + MER_STRIP_GROUPS - 1) / MER_STRIP_GROUPS;
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, store->n_groups, sizeof *store->groups, &store->groups, err));
    MER_GUARD(
        mer_alloc_zero(ctx->alloc, store->n_strips, sizeof *store->strips, &store->strips, err));
    MER_GUARD(lay_out(store, &n_bytes, err));
    MER_GUARD(mer_alloc_scattered(ctx->alloc, n_bytes, 1, &store->group_cells, err));
    for (size_t s = 0; s < store->n_strips; s++) {
        const struct mer_store_strip *strip = &store->strips[s];
        const uint8_t *cells = store->group_cells + strip->offset;
        for (size_t g = strip->first_group; g < strip->first_group + strip->n_groups; g++) {
            store->groups[g].cells = cells;
            store->groups[g].stride = strip->stride;
            cells += store->groups[g].n_columns;
        }
    }
    struct copying copying = {store};
    mer_team_run(ctx->team, copy_task, &copying, (store->n_rows + COPY_ROWS - 1) / COPY_ROWS);
    return mer_ok();
}

static mer_status make(struct bundling *bundling, mer_err *err)
{
    MER_GUARD(bundle_features(bundling, err));
    MER_GUARD(make_columns(bundling, err));
    return make_groups(bundling->ctx, bundling->store, err);
}

mer_status mer_store_make(const struct mer_ctx *ctx, const struct mer_bins *bins,
                          struct mer_store *ret_store, mer_err *err)
{
    struct mer_store store = {.n_rows = bins->n_rows};
    struct bundling bundling = {.ctx = ctx, .bins = bins, .store = &store};
    store.n_padded_rows = (bins->n_rows + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
    const mer_status status = make(&bundling, err);
    for (size_t b = 0; b < bundling.n_bundles; b++)
        mer_free(ctx->alloc, bundling.bundles[b].taken);
    mer_free(ctx->alloc, bundling.bundles);
    mer_free(ctx->alloc, bundling.sparse);
    mer_free(ctx->alloc, bundling.bundle_of);
    mer_free(ctx->alloc, bundling.own);
    if (!mer_is_ok(status)) {
        mer_store_release(ctx, &store);
        return status;
    }
    *ret_store = store;
    return mer_ok();
}

void mer_store_release(const struct mer_ctx *ctx, struct mer_store *store)
{
    mer_free(ctx->alloc, store->features);
    mer_free(ctx->alloc, store->columns);
    mer_free(ctx->alloc, store->groups);
    mer_free(ctx->alloc, store->strips);
    mer_free(ctx->alloc, store->own_cells);
    mer_free(ctx->alloc, store->bin_starts);
    mer_free(ctx->alloc, store->bin_rows);
    mer_free(ctx->alloc, store->group_cells);
    *store = (struct mer_store){0};
}
