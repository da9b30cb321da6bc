/* Saved ensembles that were changed: each fault is refused with its own words. */
#include "ensemble_random.h"
#include "learn/saved.h"

/* One tree over two dense columns and a group of ten levels, with all kinds of nodes:
 * 0 splits dense column 0, 1 splits the group, 2 is a leaf, 3 and 4 are leaves. */
static const uint8_t SET[] = {4, 0};
static const struct mer_ensemble_node NODES[] = {
    {.feature = 0, .left = 1, .threshold = 1, .missing_left = true, .gain = 8, .cover = 10},
    {.feature = 2, .left = 3, .set = 0, .gain = 2, .cover = 6},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 4},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 1},
    {.feature = MER_ENSEMBLE_LEAF, .cover = 5},
};
/* Of one number for each node, and of two. */
static const double VALUES[] = {0, 0, 1, 2, 3};
static const double PAIRS[] = {0, 0, 0, 0, 1, 2, 3, 4, 1, 3};
static const uint32_t GROUP_START[] = {0, 10};
static const struct mer_design SHAPE = {.n_dense = 2, .n_groups = 1, .group_start = GROUP_START};

enum { N_TREES = 2, N_OUTPUTS = 2 };

static struct mer_alloc alloc;

static void make_example(size_t n_values, struct mer_ensemble *ret)
{
    const struct mer_ensemble_tree tree = {.n_nodes = 5,
                                           .nodes = NODES,
                                           .values = n_values == 1 ? VALUES : PAIRS,
                                           .sets = SET,
                                           .output = n_values == 1};
    struct mer_ensemble_builder builder;
    if (atomic_load(&alloc.used) == 0)
        mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(
        mer_ensemble_builder_init(&alloc, &SHAPE, N_OUTPUTS, n_values, &builder, NULL).code,
        MER_OK);
    for (size_t t = 0; t < N_TREES; t++)
        assert_int_equal(mer_ensemble_builder_add(&builder, &tree, NULL).code, MER_OK);
    assert_int_equal(mer_ensemble_builder_finish(&builder, ret, NULL).code, MER_OK);
}

/* The ensemble, saved; its arrays may be written to. */
static void save_example(struct saved_model *saved)
{
    struct mer_ensemble ensemble;
    make_example(1, &ensemble);
    save_ensemble(&alloc, &ensemble, saved);
    mer_ensemble_release(&alloc, &ensemble);
}

static void save_pairs(struct saved_model *saved)
{
    struct mer_ensemble ensemble;
    make_example(N_OUTPUTS, &ensemble);
    save_ensemble(&alloc, &ensemble, saved);
    mer_ensemble_release(&alloc, &ensemble);
}

/* As it was saved before layouts had a number: an element of every array for each node. */
static void save_first_layout(struct saved_model *saved)
{
    static const char object[] = "{\"n_trees\":2,\"n_leaves\":6,\"depth\":2,\"averaged\":false}";
    struct mer_ensemble e;
    make_example(1, &e);
    const struct {
        const char *name;
        enum mer_dtype dtype;
        size_t n;
        const void *data;
    } vectors[] = {
        {"base", MER_DTYPE_F64, e.n_outputs, e.base},
        {"tree_starts", MER_DTYPE_I64, e.n_trees + 1, e.tree_starts},
        {"tree_output", MER_DTYPE_I32, e.n_trees, e.tree_output},
        {"features", MER_DTYPE_I32, e.n_nodes, e.features},
        {"thresholds", MER_DTYPE_F64, e.n_nodes, e.thresholds},
        {"missing_left", MER_DTYPE_U8, e.n_nodes, e.missing_left},
        {"left", MER_DTYPE_I32, e.n_nodes, e.left},
        {"gains", MER_DTYPE_F32, e.n_nodes, e.gains},
        {"covers", MER_DTYPE_F32, e.n_nodes, e.covers},
        {"set_starts", MER_DTYPE_I64, e.n_nodes + 1, e.set_starts},
        {"sets", MER_DTYPE_U8, e.n_set_bytes, e.sets},
    };
    const size_t shape[] = {e.n_nodes, 1};
    mer_bundle_init(&saved->bundle, &alloc);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_int_equal(
            mer_bundle_add_vector(&saved->bundle, mer_array_name(PREFIX, vectors[i].name).text,
                                  vectors[i].dtype, vectors[i].n, vectors[i].data, NULL)
                .code,
            MER_OK);
    assert_int_equal(mer_bundle_add(&saved->bundle, mer_array_name(PREFIX, "values").text,
                                    MER_DTYPE_F64, 2, shape, e.values, true, NULL)
                         .code,
                     MER_OK);
    assert_int_equal(mer_json_parse(&alloc, object, strlen(object), &MER_JSON_DEFAULT_LIMITS,
                                    "model", &saved->document, NULL)
                         .code,
                     MER_OK);
    mer_ensemble_release(&alloc, &e);
}

static enum mer_code load(const struct saved_model *saved, const struct mer_json *object,
                          mer_err *err)
{
    struct mer_ensemble loaded = {0};
    const mer_status status =
        mer_ensemble_load(&alloc, &saved->bundle, PREFIX, object, &SHAPE, N_OUTPUTS, &loaded, err);
    if (!mer_is_ok(status))
        assert_int_equal(loaded.n_nodes, 0);
    mer_ensemble_release(&alloc, &loaded);
    return status.code;
}

static struct mer_array *array_of(struct saved_model *saved, const char *name)
{
    for (size_t i = 0; i < saved->bundle.n_arrays; i++)
        if (strcmp(saved->bundle.arrays[i].name + strlen(PREFIX), name) == 0)
            return &saved->bundle.arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void write_element(struct saved_model *saved, const char *name, size_t at, double value)
{
    struct mer_array *array = array_of(saved, name);
    void *data;
    memcpy(&data, &array->data, sizeof data);
    switch (array->dtype) {
    case MER_DTYPE_U8:
        ((uint8_t *)data)[at] = (uint8_t)value;
        break;
    case MER_DTYPE_I32:
        ((int32_t *)data)[at] = (int32_t)value;
        break;
    case MER_DTYPE_I64:
        ((int64_t *)data)[at] = (int64_t)value;
        break;
    case MER_DTYPE_F32:
        ((float *)data)[at] = (float)value;
        break;
    default:
        ((double *)data)[at] = value;
    }
}

struct fault {
    const char *array;
    size_t at;
    double value;
    const char *words; /* of the message */
};

/* Of both layouts. */
static const struct fault COMMON_FAULTS[] = {
    {"features", 0, 3, "feature that does not exist"},
    {"features", 0, -2, "feature that does not exist"},
    {"features", 0, INT32_MIN, "feature that does not exist"},
    {"thresholds", 0, INFINITY, "threshold that is not finite"},
    {"thresholds", 0, NAN, "threshold that is not finite"},
    {"thresholds", 1, 1, "levels by a threshold"},
    {"missing_left", 0, 2, "missing values nowhere"},
    {"missing_left", 1, 1, "levels by a threshold"},
    {"gains", 0, INFINITY, "gain that is not finite"},
    {"covers", 0, NAN, "cover that is no weight"},
    {"covers", 4, -1, "cover that is no weight"},
    {"values", 2, NAN, "value that is not finite"},
    {"tree_starts", 0, 1, "do not fill the array of nodes"},
    {"tree_starts", 1, 0, "has no nodes"},
    {"tree_starts", 1, -1, "has no nodes"},
    {"tree_starts", 1, 11, "has no nodes"},
    {"tree_starts", 1, 10, "has no nodes"},
    {"tree_starts", 2, 5, "do not fill the array of nodes"},
    {"tree_starts", 1, 4, "children behind the last node"},
    {"tree_output", 0, -1, "output that does not exist"},
    {"tree_output", 1, N_OUTPUTS, "output that does not exist"},
    {"base", 1, INFINITY, "base score 1 is not finite"},
};

static const struct fault FIRST_FAULTS[] = {
    {"features", 0, 2, "set of levels of the wrong size"},
    {"features", 1, 1, "set of levels of the wrong size"},
    {"features", 1, -1, "set of levels of the wrong size"},
    {"features", 2, 0, "children out of order"},
    {"features", 0, -1, "leaf with children"},
    {"thresholds", 2, 1, "leaf with a condition"},
    {"missing_left", 2, 1, "leaf with a condition"},
    {"left", 0, 0, "children out of order"},
    {"left", 0, -1, "children out of order"},
    {"left", 0, 2, "children out of order"},
    {"left", 1, 1, "children out of order"},
    {"left", 1, 5, "children out of order"},
    {"left", 2, 1, "leaf with children"},
    {"gains", 3, 1, "leaf with a condition"},
    {"values", 0, 1, "split with a value"},
    {"set_starts", 0, 1, "do not fill their array"},
    {"set_starts", 2, 1, "set of levels of the wrong size"},
    {"set_starts", 2, -1, "set of levels of the wrong size"},
    {"set_starts", 10, 1e15, "set of levels of the wrong size"},
};

static const struct fault FAULTS[] = {
    {"features", 0, 2, "levels by a threshold"},
    {"features", 1, 1, "do not fill their array"},
    {"features", 1, -1, "thresholds"},
    {"features", 2, 0, "thresholds"},
    {"gains", 3, INFINITY, "gain that is not finite"},
    {"tree_starts", 1, 6, "one that nothing leads to"},
};

/* The rows are (1, 2), (3, 4) and (1, 3); the leaves of each tree hold them in turn. */
static const struct fault PAIR_FAULTS[] = {
    {"leaf_values", 0, 1, "out of order"},
    {"leaf_values", 0, -1, "out of order"},
    {"leaf_values", 5, 3, "out of order"},
    {"leaf_values", 1, 0, "out of order"},
    {"values", 5, 2, "there twice"},
    {"values", 0, NAN, "value that is not"},
    {"values", 0, 1.7e308, "could be infinite"},
    {"tree_output", 1, 1, "output that does not exist"},
};

static void assert_refused(void (*save)(struct saved_model *saved), const struct fault *fault,
                           size_t also)
{
    struct saved_model saved;
    mer_err err = {0};
    save(&saved);
    assert_int_equal(load(&saved, mer_json_root(saved.document), &err), MER_OK);
    write_element(&saved, fault->array, fault->at, fault->value);
    if (also != SIZE_MAX)
        write_element(&saved, fault->array, also, fault->value);
    assert_int_equal(load(&saved, mer_json_root(saved.document), &err), MER_ERR_DATA);
    if (!strstr(err.message, fault->words))
        fail_msg("%s[%zu] = %g: %s", fault->array, fault->at, fault->value, err.message);
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
}

static void assert_all_refused(void (*save)(struct saved_model *saved), const struct fault *faults,
                               size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_refused(save, &faults[i], SIZE_MAX);
}

static void every_fault_is_refused_with_its_own_words(void **state)
{
#define N_OF(faults) (sizeof(faults) / sizeof((faults)[0]))
    /* Where leaves are, of the first tree and of the second. */
    const struct fault at_node = {"values", 2, 1.7e308, "could be infinite"},
                       at_leaf = {"values", 0, 1.7e308, "could be infinite"};
    (void)state;
    assert_all_refused(save_first_layout, COMMON_FAULTS, N_OF(COMMON_FAULTS));
    assert_all_refused(save_first_layout, FIRST_FAULTS, N_OF(FIRST_FAULTS));
    assert_refused(save_first_layout, &at_node, 7);
    assert_all_refused(save_example, COMMON_FAULTS, N_OF(COMMON_FAULTS));
    assert_all_refused(save_example, FAULTS, N_OF(FAULTS));
    assert_refused(save_example, &at_leaf, 3);
    assert_all_refused(save_pairs, PAIR_FAULTS, N_OF(PAIR_FAULTS));
}

static void values_that_no_leaf_holds_are_refused(void **state)
{
    (void)state;
    struct saved_model saved;
    mer_err err = {0};
    save_pairs(&saved);
    assert_int_equal(array_of(&saved, "values")->shape[0], 3);
    write_element(&saved, "leaf_values", 2, 0);
    write_element(&saved, "leaf_values", 5, 0);
    assert_int_equal(load(&saved, mer_json_root(saved.document), &err), MER_ERR_DATA);
    assert_non_null(strstr(err.message, "no leaf holds"));
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
}

static void both_layouts_load_the_same_and_save_the_second(void **state)
{
    (void)state;
    struct saved_model saved[3];
    struct mer_ensemble loaded[2];
    save_first_layout(&saved[0]);
    save_example(&saved[1]);
    for (size_t i = 0; i < 2; i++) {
        loaded[i] = (struct mer_ensemble){0};
        assert_int_equal(mer_ensemble_load(&alloc, &saved[i].bundle, PREFIX,
                                           mer_json_root(saved[i].document), &SHAPE, N_OUTPUTS,
                                           &loaded[i], NULL)
                             .code,
                         MER_OK);
        save_ensemble(&alloc, &loaded[i], &saved[2]);
        assert_int_equal(saved[2].bundle.n_arrays, saved[1].bundle.n_arrays);
        for (size_t k = 0; k < saved[1].bundle.n_arrays; k++) {
            const struct mer_array *a = &saved[1].bundle.arrays[k], *b = &saved[2].bundle.arrays[k];
            assert_int_equal(a->n_bytes, b->n_bytes);
            assert_memory_equal(a->data, b->data, a->n_bytes);
        }
        saved_model_release(&saved[2]);
    }
    assert_memory_equal(loaded[0].left, loaded[1].left, 10 * sizeof *loaded[0].left);
    for (size_t i = 0; i < 2; i++) {
        mer_ensemble_release(&alloc, &loaded[i]);
        saved_model_release(&saved[i]);
    }
    assert_int_equal(alloc.used, 0);
}

/* A root that is a leaf, with as many splits behind it as there would be: both counts are right. */
static void assert_unreached_is_refused(void (*save)(struct saved_model *saved))
{
    struct saved_model saved;
    mer_err err = {0};
    save(&saved);
    write_element(&saved, "features", 0, MER_ENSEMBLE_LEAF);
    write_element(&saved, "features", 2, 0);
    if (save == save_first_layout) {
        write_element(&saved, "thresholds", 0, 0);
        write_element(&saved, "missing_left", 0, 0);
        write_element(&saved, "left", 0, 0);
        write_element(&saved, "gains", 0, 0);
        write_element(&saved, "left", 1, 1);
        write_element(&saved, "left", 2, 3);
        write_element(&saved, "values", 2, 0);
    }
    assert_int_equal(load(&saved, mer_json_root(saved.document), &err), MER_ERR_DATA);
    if (!strstr(err.message, "nothing leads to"))
        fail_msg("%s", err.message);
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
}

static void a_node_that_nothing_leads_to_is_refused(void **state)
{
    (void)state;
    struct saved_model saved;
    mer_err err = {0};
    assert_unreached_is_refused(save_first_layout);
    assert_unreached_is_refused(save_example);
    save_first_layout(&saved);
    /* The root of the second tree becomes a leaf at the end of the first. */
    write_element(&saved, "tree_starts", 1, 6);
    write_element(&saved, "features", 5, MER_ENSEMBLE_LEAF);
    write_element(&saved, "thresholds", 5, 0);
    write_element(&saved, "missing_left", 5, 0);
    write_element(&saved, "left", 5, 0);
    write_element(&saved, "gains", 5, 0);
    assert_int_equal(load(&saved, mer_json_root(saved.document), &err), MER_ERR_DATA);
    assert_non_null(strstr(err.message, "one that nothing leads to"));
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
}

static void assert_arrays_are_wanted(void (*save)(struct saved_model *saved))
{
    struct saved_model saved;
    save(&saved);
    for (size_t i = 0; i < saved.bundle.n_arrays; i++) {
        struct mer_array *array = &saved.bundle.arrays[i];
        const struct mer_array kept = *array;
        array->dtype = kept.dtype == MER_DTYPE_I8 ? MER_DTYPE_U8 : MER_DTYPE_I8;
        assert_int_equal(load(&saved, mer_json_root(saved.document), NULL), MER_ERR_DATA);
        *array = kept;
        for (size_t n = 0; n < kept.shape[0]; n++) {
            array->shape[0] = n;
            array->n_bytes = kept.n_bytes / kept.shape[0] * n;
            assert_int_equal(load(&saved, mer_json_root(saved.document), NULL), MER_ERR_DATA);
        }
        *array = kept;
        array->n_dims = 3;
        assert_int_equal(load(&saved, mer_json_root(saved.document), NULL), MER_ERR_DATA);
        *array = kept;
    }
    array_of(&saved, "values")->shape[0] = 5;
    array_of(&saved, "values")->shape[1] = 2;
    assert_int_equal(load(&saved, mer_json_root(saved.document), NULL), MER_ERR_DATA);
    saved_model_release(&saved);
    assert_int_equal(alloc.used, 0);
}

static void an_array_that_is_missing_mistyped_or_cut_is_refused(void **state)
{
    (void)state;
    assert_arrays_are_wanted(save_first_layout);
    assert_arrays_are_wanted(save_example);
    assert_arrays_are_wanted(save_pairs);
}

static void what_the_object_says_must_be_so(void **state)
{
    (void)state;
    static const char *const objects[] = {
        "{\"layout\":3,\"n_trees\":2,\"n_leaves\":6,\"depth\":2,\"averaged\":false}",
        "{\"layout\":1,\"n_trees\":2,\"n_leaves\":6,\"depth\":2,\"averaged\":false}",
        "{\"n_trees\":2,\"n_leaves\":6,\"depth\":2,\"averaged\":false}",
        "{\"layout\":2,\"n_trees\":3,\"n_leaves\":6,\"depth\":2,\"averaged\":false}",
        "{\"layout\":2,\"n_trees\":2,\"n_leaves\":5,\"depth\":2,\"averaged\":false}",
        "{\"layout\":2,\"n_trees\":2,\"n_leaves\":6,\"depth\":1,\"averaged\":false}",
        "{\"layout\":2,\"n_trees\":2,\"n_leaves\":6,\"depth\":2,\"averaged\":0}",
        "{\"layout\":2,\"n_trees\":2,\"n_leaves\":6,\"depth\":2}",
        "{\"layout\":2,\"n_trees\":2,\"n_leaves\":6,\"averaged\":false}",
        "{\"layout\":2,\"n_trees\":2,\"n_leaves\":6,\"depth\":2,\"averaged\":false}", /* this one is
                                                                                       */
    };
    const size_t n = sizeof objects / sizeof objects[0];
    for (size_t i = 0; i < n; i++) {
        struct saved_model saved;
        struct mer_json_document *document = NULL;
        save_example(&saved);
        assert_int_equal(mer_json_parse(&alloc, objects[i], strlen(objects[i]),
                                        &MER_JSON_DEFAULT_LIMITS, "model", &document, NULL)
                             .code,
                         MER_OK);
        assert_int_equal(load(&saved, mer_json_root(document), NULL),
                         i + 1 < n ? MER_ERR_DATA : MER_OK);
        mer_json_free(document);
        saved_model_release(&saved);
        assert_int_equal(alloc.used, 0);
    }
}

/* Random bytes written over any array: refused, or a model whose every row ends in a leaf. */
static void random_changes_are_refused_or_harmless(void **state)
{
    (void)state;
    static const double numbers[] = {0, 5, NAN, 1, INFINITY, -1e300};
    static const int32_t codes[] = {2, -1, 9};
    const struct mer_ensemble_rows rows = {.n_rows = 3,
                                           .dense = numbers,
                                           .row_stride = 2,
                                           .column_stride = 1,
                                           .codes = codes,
                                           .code_row_stride = 1};
    size_t n_loaded = 0;
    mer_rng rng;
    mer_rng_init(&rng, 11, 0);
    for (size_t i = 0; i < 20000; i++) {
        struct saved_model saved;
        struct mer_ensemble loaded = {0};
        (i % 2 ? save_pairs : save_example)(&saved);
        const struct mer_array *array =
            &saved.bundle.arrays[mer_rng_below(&rng, saved.bundle.n_arrays)];
        unsigned char *bytes;
        memcpy(&bytes, &array->data, sizeof bytes);
        for (size_t k = mer_rng_below(&rng, 3) + 1; k > 0; k--)
            bytes[mer_rng_below(&rng, array->n_bytes)] = (unsigned char)mer_rng_u32(&rng);
        if (mer_is_ok(mer_ensemble_load(&alloc, &saved.bundle, PREFIX,
                                        mer_json_root(saved.document), &SHAPE, N_OUTPUTS, &loaded,
                                        NULL))) {
            double scores[3 * N_OUTPUTS];
            mer_ensemble_predict_plain(&loaded, &rows, scores);
            for (size_t k = 0; k < 3 * N_OUTPUTS; k++)
                assert_true(isfinite(scores[k]));
            n_loaded++;
        }
        mer_ensemble_release(&alloc, &loaded);
        saved_model_release(&saved);
    }
    assert_true(n_loaded > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_refused_with_its_own_words),
        cmocka_unit_test(values_that_no_leaf_holds_are_refused),
        cmocka_unit_test(both_layouts_load_the_same_and_save_the_second),
        cmocka_unit_test(a_node_that_nothing_leads_to_is_refused),
        cmocka_unit_test(an_array_that_is_missing_mistyped_or_cut_is_refused),
        cmocka_unit_test(what_the_object_says_must_be_so),
        cmocka_unit_test(random_changes_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
