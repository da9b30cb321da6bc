/* XGBoost's models as JSON (its document "model.schema", from 1.3 on): its loader follows indices
 * of children, features and categories, most of them without looking.
 */
#include <string.h>

#include "audit/audit.h"
#include "audit/json_walk.h"

enum { COUNT_MAX = 1 << 24, BOOSTERS_DEEP = 3 };

/* Whole numbers of a list. */
struct numbers {
    struct mer_alloc *alloc;
    int64_t *items;
    size_t n;
    size_t capacity;
    unsigned n_seen; /* how often the list was there */
};

enum tree_list {
    LEFT,
    RIGHT,
    PARENTS,
    FEATURES,
    TYPES,
    CATEGORIES,
    CAT_NODES,
    CAT_SEGMENTS,
    CAT_SIZES,
    N_LISTS
};
static const char *const list_names[N_LISTS] = {
    "left_children",    "right_children",      "parents",
    "split_indices",    "split_type",          "categories",
    "categories_nodes", "categories_segments", "categories_sizes"};
/* Lists of numbers of which only their length matters, one a node. */
static const char *const count_names[] = {"base_weights", "default_left", "loss_changes",
                                          "split_conditions", "sum_hessian"};
enum { N_COUNTS = sizeof count_names / sizeof count_names[0] };

struct model {
    struct mer_audit *audit;
    struct mer_json_walk walk;
    struct numbers lists[N_LISTS]; /* of the tree at hand; used again */
    struct numbers callers;        /* how many parents a node has */
    uint64_t n_trees;
    uint64_t n_nodes;
    int64_t trees_stated; /* -1: not */
    int64_t n_features;   /* of the model; -1: not stated */
    int64_t highest_feature;
    bool has_booster;
    bool is_linear;
};

static void tell(struct model *model, enum mer_audit_kind kind, const char *what)
{
    mer_audit_add(model->audit, kind, model->walk.at, "tree %llu: %s",
                  (unsigned long long)model->n_trees, what);
}

static mer_status add_number(struct numbers *numbers, int64_t number, mer_err *err)
{
    if (numbers->n == numbers->capacity) {
        const size_t capacity = numbers->capacity ? 2 * numbers->capacity : 256;
        MER_GUARD(mer_alloc_resize(numbers->alloc, capacity * sizeof number, &numbers->items, err));
        numbers->capacity = capacity;
    }
    numbers->items[numbers->n++] = number;
    return mer_ok();
}

/* Whole numbers; of others, nothing but that they are there. */
static mer_status read_list(struct model *model, struct numbers *ret, bool whole, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    ret->n_seen++;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        tell(model, MER_AUDIT_BROKEN, "a list is none");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD && mer_audit_step(model->audit, 1)) {
        int64_t number = 0;
        const bool is_scalar = walk->token == MER_JSON_TOKEN_NUMBER ||
                               walk->token == MER_JSON_TOKEN_TRUE ||
                               walk->token == MER_JSON_TOKEN_FALSE;
        if (!is_scalar || (whole && !mer_json_walk_integer(walk, &number)))
            tell(model, MER_AUDIT_BROKEN, "a list holds something that is no number");
        MER_GUARD(add_number(ret, number, err));
        mer_json_walk_skip(walk);
    }
    return mer_ok();
}

/* A count out of an object of texts; told where it is none or absurd. */
static int64_t read_count(struct model *model, const char *what)
{
    struct mer_json_walk *const walk = &model->walk;
    int64_t count = -1;
    (void)mer_json_walk_next(walk);
    if (!mer_json_walk_integer(walk, &count) || count < 0) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at, "%s is no count", what);
        mer_json_walk_skip(walk);
        return -1;
    }
    if (count > COUNT_MAX)
        mer_audit_add(model->audit, MER_AUDIT_BOMB, walk->at, "%s is %lld", what, (long long)count);
    return count;
}

/* ---- A tree ---- */

/* Each node but the first has one parent at most, and the first has none: then whoever follows the
 * children from the first one comes to an end. */
static mer_status check_children(struct model *model, mer_err *err)
{
    const struct numbers *const left = &model->lists[LEFT], *const right = &model->lists[RIGHT];
    struct numbers *const callers = &model->callers;
    const int64_t n = (int64_t)left->n;
    callers->n = 0;
    for (int64_t i = 0; i < n; i++)
        MER_GUARD(add_number(callers, 0, err));
    for (int64_t i = 0; i < n; i++) {
        const int64_t children[] = {left->items[i], right->items[i]};
        if ((children[0] == -1) != (children[1] == -1)) {
            tell(model, MER_AUDIT_RANGE, "a node with one child");
            return mer_ok();
        }
        for (size_t k = 0; k < 2 && children[k] != -1; k++) {
            if (children[k] < 0 || children[k] >= n) {
                tell(model, MER_AUDIT_RANGE, "a child that does not exist");
                return mer_ok();
            }
            if (children[k] == 0 || callers->items[children[k]]++ > 0) {
                tell(model, MER_AUDIT_RECURSION, "a node that is reached twice, or the first one");
                return mer_ok();
            }
        }
    }
    return mer_ok();
}

static void check_features(struct model *model)
{
    const struct numbers *const features = &model->lists[FEATURES];
    for (size_t i = 0; i < features->n && i < model->lists[LEFT].n; i++) {
        if (model->lists[LEFT].items[i] == -1)
            continue;
        if (features->items[i] < 0)
            tell(model, MER_AUDIT_RANGE, "a feature that does not exist");
        if (features->items[i] > model->highest_feature)
            model->highest_feature = features->items[i];
    }
}

static void check_categories(struct model *model)
{
    const struct numbers *const lists = model->lists;
    if (lists[CAT_NODES].n != lists[CAT_SEGMENTS].n || lists[CAT_NODES].n != lists[CAT_SIZES].n) {
        tell(model, MER_AUDIT_RANGE, "categories whose lists contradict each other");
        return;
    }
    for (size_t i = 0; i < lists[CAT_NODES].n; i++) {
        const int64_t at = lists[CAT_SEGMENTS].items[i], n = lists[CAT_SIZES].items[i];
        if (at < 0 || n < 0 || at > (int64_t)lists[CATEGORIES].n ||
            n > (int64_t)lists[CATEGORIES].n - at || lists[CAT_NODES].items[i] < 0 ||
            lists[CAT_NODES].items[i] >= (int64_t)lists[LEFT].n) {
            tell(model, MER_AUDIT_RANGE, "categories that lead outside");
            return;
        }
    }
    for (size_t i = 0; i < lists[CATEGORIES].n; i++)
        if (lists[CATEGORIES].items[i] < 0 || lists[CATEGORIES].items[i] > COUNT_MAX) {
            tell(model, MER_AUDIT_BOMB, "a category so large that its set is huge");
            return;
        }
}

static mer_status check_tree(struct model *model, int64_t n_nodes, const size_t *counts,
                             mer_err *err)
{
    const struct numbers *const lists = model->lists;
    for (size_t i = 0; i < N_LISTS; i++)
        if (lists[i].n_seen > 1)
            tell(model, MER_AUDIT_BROKEN, "a list is there twice");
    if (lists[LEFT].n == 0 || lists[LEFT].n != lists[RIGHT].n ||
        lists[LEFT].n != lists[FEATURES].n || (n_nodes >= 0 && (size_t)n_nodes != lists[LEFT].n)) {
        tell(model, MER_AUDIT_RANGE, "lists of nodes that contradict each other, or their count");
        return mer_ok();
    }
    for (size_t i = 0; i < N_COUNTS; i++)
        if (counts[i] != SIZE_MAX && counts[i] != lists[LEFT].n)
            tell(model, MER_AUDIT_RANGE, "lists of nodes that contradict each other");
    if ((lists[PARENTS].n_seen && lists[PARENTS].n != lists[LEFT].n) ||
        (lists[TYPES].n_seen && lists[TYPES].n != lists[LEFT].n))
        tell(model, MER_AUDIT_RANGE, "lists of nodes that contradict each other");
    check_features(model);
    check_categories(model);
    return check_children(model, err);
}

static void read_tree_param(struct model *model, int64_t *ret_n_nodes)
{
    struct mer_json_walk *const walk = &model->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        tell(model, MER_AUDIT_BROKEN, "its parameters are none");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY) {
        if (mer_json_walk_is(walk, "num_nodes"))
            *ret_n_nodes = read_count(model, "the number of nodes");
        else if (mer_json_walk_is(walk, "size_leaf_vector"))
            (void)read_count(model, "the size of a leaf");
        else
            mer_json_walk_skip(walk);
    }
}

static mer_status read_tree_member(struct model *model, int64_t *n_nodes, size_t *counts,
                                   mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    struct numbers *const unused = &model->callers;
    for (size_t i = 0; i < N_LISTS; i++)
        if (mer_json_walk_is(walk, list_names[i]))
            return read_list(model, &model->lists[i], true, err);
    for (size_t i = 0; i < N_COUNTS; i++)
        if (mer_json_walk_is(walk, count_names[i])) {
            unused->n = 0;
            MER_GUARD(read_list(model, unused, false, err));
            counts[i] = unused->n;
            return mer_ok();
        }
    if (mer_json_walk_is(walk, "tree_param"))
        read_tree_param(model, n_nodes);
    else
        mer_json_walk_skip(walk);
    return mer_ok();
}

static mer_status read_tree(struct model *model, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    int64_t n_nodes = -1;
    size_t counts[N_COUNTS];
    for (size_t i = 0; i < N_COUNTS; i++)
        counts[i] = SIZE_MAX;
    for (size_t i = 0; i < N_LISTS; i++)
        model->lists[i].n = model->lists[i].n_seen = 0;
    if (walk->token != MER_JSON_TOKEN_BEGIN_OBJECT) {
        tell(model, MER_AUDIT_BROKEN, "it is no object");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(model->audit, 20))
        MER_GUARD(read_tree_member(model, &n_nodes, counts, err));
    if (!walk->problem && !model->audit->out_of_steps)
        MER_GUARD(check_tree(model, n_nodes, counts, err));
    model->n_nodes += model->lists[LEFT].n;
    model->n_trees++;
    return mer_ok();
}

/* ---- The booster and what it stands in ---- */

static mer_status read_trees(struct model *model, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at, "the trees are no list");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD && mer_audit_step(model->audit, 20))
        MER_GUARD(read_tree(model, err));
    return mer_ok();
}

static void read_model_param(struct model *model)
{
    struct mer_json_walk *const walk = &model->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY) {
        if (mer_json_walk_is(walk, "num_trees"))
            model->trees_stated = read_count(model, "the number of trees");
        else if (mer_json_walk_is(walk, "num_parallel_tree") ||
                 mer_json_walk_is(walk, "size_leaf_vector"))
            (void)read_count(model, "a size of the booster");
        else if (mer_json_walk_is(walk, "num_feature"))
            model->n_features = read_count(model, "the number of features");
        else if (mer_json_walk_is(walk, "num_class") || mer_json_walk_is(walk, "num_target"))
            (void)read_count(model, "the number of outputs");
        else
            mer_json_walk_skip(walk);
    }
}

static mer_status read_model(struct model *model, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    struct numbers *const list = &model->callers;
    bool has_info = false;
    size_t n_info = 0;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at, "the booster's model is none");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(model->audit, 10)) {
        if (mer_json_walk_is(walk, "trees")) {
            MER_GUARD(read_trees(model, err));
        } else if (mer_json_walk_is(walk, "gbtree_model_param")) {
            read_model_param(model);
        } else if (mer_json_walk_is(walk, "tree_info")) {
            list->n = 0;
            MER_GUARD(read_list(model, list, true, err));
            has_info = true;
            n_info = list->n;
        } else {
            model->is_linear |= mer_json_walk_is(walk, "weights");
            mer_json_walk_skip(walk);
        }
    }
    if (has_info && n_info != model->n_trees && !walk->problem)
        mer_audit_add(model->audit, MER_AUDIT_RANGE, walk->at,
                      "what is told of the trees is not one for each");
    return mer_ok();
}

static void check_booster_name(struct model *model)
{
    struct mer_json_walk *const walk = &model->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_STRING ||
        !(mer_json_walk_is(walk, "gbtree") || mer_json_walk_is(walk, "dart") ||
          mer_json_walk_is(walk, "gblinear"))) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at, "a booster that does not exist");
        mer_json_walk_skip(walk);
    }
}

static mer_status read_booster(struct model *model, unsigned depth, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    if (depth > BOOSTERS_DEEP || mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at, "the booster is none");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(model->audit, 10)) {
        if (mer_json_walk_is(walk, "model"))
            MER_GUARD(read_model(model, err));
        else if (mer_json_walk_is(walk, "gbtree"))
            MER_GUARD(read_booster(model, depth + 1, err));
        else if (mer_json_walk_is(walk, "name"))
            check_booster_name(model);
        else
            mer_json_walk_skip(walk);
    }
    return mer_ok();
}

static mer_status read_learner(struct model *model, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at, "the learner is none");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(model->audit, 10)) {
        if (mer_json_walk_is(walk, "gradient_booster")) {
            if (model->has_booster)
                mer_audit_add(model->audit, MER_AUDIT_BROKEN, walk->at,
                              "the booster is there twice");
            model->has_booster = true;
            MER_GUARD(read_booster(model, 0, err));
        } else if (mer_json_walk_is(walk, "learner_model_param")) {
            read_model_param(model);
        } else {
            mer_json_walk_skip(walk);
        }
    }
    return mer_ok();
}

static void check_model(struct model *model)
{
    struct mer_audit *const audit = model->audit;
    if (!model->has_booster)
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0, "there is no booster");
    if (model->trees_stated >= 0 && (uint64_t)model->trees_stated != model->n_trees)
        mer_audit_add(audit, MER_AUDIT_RANGE, 0, "%lld trees are stated, %llu are there",
                      (long long)model->trees_stated, (unsigned long long)model->n_trees);
    if (model->n_features < 0)
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0, "the number of features is not stated");
    else if (model->highest_feature >= model->n_features)
        mer_audit_add(audit, MER_AUDIT_RANGE, 0, "feature %lld is used, there are %lld",
                      (long long)model->highest_feature, (long long)model->n_features);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu trees, %llu nodes%s",
                  (unsigned long long)model->n_trees, (unsigned long long)model->n_nodes,
                  model->is_linear ? ", linear weights" : "");
}

static mer_status read_document(struct model *model, mer_err *err)
{
    struct mer_json_walk *const walk = &model->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT)
        return mer_ok();
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(model->audit, 10)) {
        if (mer_json_walk_is(walk, "learner"))
            MER_GUARD(read_learner(model, err));
        else
            mer_json_walk_skip(walk);
    }
    if (!walk->problem && !model->audit->out_of_steps) {
        (void)mer_json_walk_next(walk);
        check_model(model);
    }
    return mer_ok();
}

mer_status mer_audit_xgboost(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct model model = {
        .audit = audit, .trees_stated = -1, .n_features = -1, .highest_feature = -1};
    struct mer_alloc *const alloc = audit->ctx->alloc;
    for (size_t i = 0; i < N_LISTS; i++)
        model.lists[i].alloc = alloc;
    model.callers.alloc = alloc;
    mer_json_walk_init(&model.walk, file.bytes, file.n);
    const mer_status status = read_document(&model, err);
    if (mer_is_ok(status) && model.walk.problem)
        mer_audit_add(audit, MER_AUDIT_BROKEN, model.walk.at, "%s", model.walk.problem);
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, file.n, "too large to be decompressed");
    for (size_t i = 0; i < N_LISTS; i++)
        mer_free(alloc, model.lists[i].items);
    mer_free(alloc, model.callers.items);
    return status;
}
