/* LightGBM's models as text (src/io/gbdt_model_text.cpp and tree.cpp of LightGBM 3 and 4): its
 * loader jumps to where the file says that trees begin, and follows indices of children, leaves,
 * features and categories.
 */
#include <string.h>

#include "audit/audit.h"

enum { COUNT_MAX = 1 << 24 };

struct text {
    const char *at;
    size_t n;
};

enum list {
    SPLIT_FEATURE,
    THRESHOLD,
    DECISION_TYPE,
    LEFT_CHILD,
    RIGHT_CHILD,
    LEAF_VALUE,
    CAT_BOUNDARIES,
    CAT_THRESHOLD,
    N_LISTS
};
static const char *const list_names[N_LISTS] = {"split_feature",  "threshold",    "decision_type",
                                                "left_child",     "right_child",  "leaf_value",
                                                "cat_boundaries", "cat_threshold"};

struct model {
    struct mer_audit *audit;
    const char *base;
    const char *at;
    const char *end;
    struct text tree_sizes;
    const char *first_tree; /* NULL: none was seen */
    int64_t highest_feature;
    uint64_t n_trees;
    uint64_t n_leaves;
    bool has_end;
    bool has_version;
    unsigned char *seen; /* of the tree at hand: nodes, then leaves, that were reached */
    size_t seen_capacity;
};

static void tell(struct model *model, enum mer_audit_kind kind, const char *what)
{
    mer_audit_add(model->audit, kind, (uint64_t)(model->at - model->base), "tree %llu: %s",
                  (unsigned long long)model->n_trees, what);
}

/* The next line without its end; false at the file's end. */
static bool next_line(struct model *model, struct text *ret)
{
    if (model->at == model->end || !mer_audit_step(model->audit, 5))
        return false;
    const char *const from = model->at;
    const char *const end = memchr(from, '\n', (size_t)(model->end - from));
    ret->at = from;
    ret->n = (size_t)((end ? end : model->end) - from);
    model->at = end ? end + 1 : model->end;
    if (ret->n > 0 && ret->at[ret->n - 1] == '\r')
        ret->n--;
    (void)mer_audit_step(model->audit, ret->n / 64);
    return true;
}

static bool begins(struct text line, const char *with)
{
    return line.n >= strlen(with) && memcmp(line.at, with, strlen(with)) == 0;
}

/* "key=value": the value, where the key is that. */
static bool value_of(struct text line, const char *key, struct text *ret)
{
    const size_t n = strlen(key);
    if (!begins(line, key) || line.n <= n || line.at[n] != '=')
        return false;
    *ret = (struct text){line.at + n + 1, line.n - n - 1};
    return true;
}

/* The next word of a list; numbers are read as far as they are whole. */
static bool next_word(struct text *list, struct text *ret)
{
    while (list->n > 0 && (*list->at == ' ' || *list->at == '\t')) {
        list->at++;
        list->n--;
    }
    size_t n = 0;
    if (list->n == 0)
        return false;
    while (n < list->n && list->at[n] != ' ' && list->at[n] != '\t')
        n++;
    *ret = (struct text){list->at, n};
    list->at += n;
    list->n -= n;
    return n > 0;
}

static bool whole_number(struct text word, int64_t *ret)
{
    int64_t number = 0;
    const bool negative = word.n > 0 && word.at[0] == '-';
    size_t i = negative;
    if (i == word.n)
        return false;
    for (; i < word.n; i++)
        if (word.at[i] < '0' || word.at[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, word.at[i] - '0', &number))
            return false;
    *ret = negative ? -number : number;
    return true;
}

/* A decimal number, whole or not, or one of the words for what is none. */
static bool is_number(struct text word)
{
    size_t n_digits = 0;
    for (size_t i = 0; i < word.n; i++) {
        const char c = word.at[i];
        n_digits += c >= '0' && c <= '9';
        if (!(c >= '0' && c <= '9') && !strchr("+-.eEinfaN", c))
            return false;
    }
    return word.n > 0 && (n_digits > 0 || begins(word, "nan") || begins(word, "inf") ||
                          begins(word, "-inf") || begins(word, "-nan"));
}

static size_t count_numbers(struct model *model, struct text list)
{
    struct text word;
    size_t n = 0;
    for (; next_word(&list, &word); n++)
        if (!is_number(word)) {
            tell(model, MER_AUDIT_BROKEN, "a list holds something that is no number");
            break;
        }
    (void)mer_audit_step(model->audit, n);
    return n;
}

static int64_t count_of(struct model *model, struct text value, const char *what)
{
    int64_t count = -1;
    if (!whole_number(value, &count) || count < 0) {
        mer_audit_add(model->audit, MER_AUDIT_BROKEN, (uint64_t)(value.at - model->base),
                      "%s is no count", what);
        return -1;
    }
    if (count > COUNT_MAX)
        mer_audit_add(model->audit, MER_AUDIT_BOMB, (uint64_t)(value.at - model->base),
                      "%s is %lld", what, (long long)count);
    return count;
}

/* ---- A tree ---- */

struct tree {
    int64_t n_leaves; /* -1: not stated */
    int64_t n_categorical;
    struct text lists[N_LISTS];
    bool has[N_LISTS];
    unsigned n_stated; /* how often the number of leaves was */
};

static mer_status clear_seen(struct model *model, size_t n, mer_err *err)
{
    if (n > model->seen_capacity) {
        MER_GUARD(mer_alloc_resize(model->audit->ctx->alloc, n, &model->seen, err));
        model->seen_capacity = n;
    }
    memset(model->seen, 0, n);
    return mer_ok();
}

/* Inner nodes 1 to n - 1 and leaves 0 to n are each reached once at most, so that who follows the
 * children from node 0 comes to an end. */
static void check_children(struct model *model, const struct tree *tree)
{
    const int64_t n_inner = tree->n_leaves - 1;
    for (size_t side = LEFT_CHILD; side <= RIGHT_CHILD; side++) {
        struct text list = tree->lists[side], word;
        while (next_word(&list, &word)) {
            int64_t child;
            if (!whole_number(word, &child) || child >= n_inner || child < -tree->n_leaves) {
                tell(model, MER_AUDIT_RANGE, "a child that does not exist");
                return;
            }
            unsigned char *const seen = &model->seen[child >= 0 ? child : n_inner + ~child];
            if (child == 0 || *seen) {
                tell(model, MER_AUDIT_RECURSION, "a node that is reached twice, or the first one");
                return;
            }
            *seen = 1;
        }
    }
}

static void check_features(struct model *model, const struct tree *tree)
{
    struct text list = tree->lists[SPLIT_FEATURE], word;
    while (next_word(&list, &word)) {
        int64_t feature;
        if (!whole_number(word, &feature) || feature < 0 || feature > model->highest_feature) {
            tell(model, MER_AUDIT_RANGE, "a feature that does not exist");
            return;
        }
    }
}

/* Splits by categories: their threshold is an index of boundaries, which rise inside the list of
 * sets. */
static void check_categories(struct model *model, const struct tree *tree)
{
    struct text types = tree->lists[DECISION_TYPE], thresholds = tree->lists[THRESHOLD], type, word;
    struct text boundaries = tree->lists[CAT_BOUNDARIES];
    const size_t n_sets = count_numbers(model, tree->lists[CAT_THRESHOLD]);
    int64_t before = 0, number;
    size_t n = 0;
    for (; next_word(&boundaries, &word); n++) {
        if (!whole_number(word, &number) || number < before || (size_t)number > n_sets) {
            tell(model, MER_AUDIT_RANGE, "categories that lead outside");
            return;
        }
        before = number;
    }
    if (tree->n_categorical > 0 && n != (size_t)tree->n_categorical + 1) {
        tell(model, MER_AUDIT_RANGE, "categories that lead outside");
        return;
    }
    while (next_word(&types, &type) && next_word(&thresholds, &word)) {
        int64_t flags;
        if (!whole_number(type, &flags) || flags < 0 || flags > 15) {
            tell(model, MER_AUDIT_BROKEN, "a kind of decision that does not exist");
            return;
        }
        if (flags & 1 &&
            (!whole_number(word, &number) || number < 0 || number >= tree->n_categorical)) {
            tell(model, MER_AUDIT_RANGE, "categories that lead outside");
            return;
        }
    }
}

static mer_status check_tree(struct model *model, const struct tree *tree, mer_err *err)
{
    if (tree->n_stated != 1 || tree->n_leaves < 1) {
        tell(model, MER_AUDIT_BROKEN, "not one number of leaves");
        return mer_ok();
    }
    if (tree->n_leaves > COUNT_MAX)
        return mer_ok();
    model->n_leaves += (uint64_t)tree->n_leaves;
    const size_t n_inner = (size_t)tree->n_leaves - 1;
    for (size_t i = SPLIT_FEATURE; i <= LEAF_VALUE; i++) {
        const size_t wanted = i == LEAF_VALUE ? n_inner + 1 : n_inner;
        if (count_numbers(model, tree->lists[i]) != wanted) {
            tell(model, MER_AUDIT_RANGE, "a list that has not one number for each node or leaf");
            return mer_ok();
        }
    }
    MER_GUARD(clear_seen(model, 2 * n_inner + 1, err));
    check_children(model, tree);
    check_features(model, tree);
    check_categories(model, tree);
    return mer_ok();
}

static void take_tree_line(struct model *model, struct tree *tree, struct text line)
{
    struct text value;
    if (value_of(line, "num_leaves", &value)) {
        tree->n_leaves = count_of(model, value, "the number of leaves");
        tree->n_stated++;
    } else if (value_of(line, "num_cat", &value)) {
        tree->n_categorical = count_of(model, value, "the number of categorical splits");
    }
    for (size_t i = 0; i < N_LISTS; i++) {
        if (!value_of(line, list_names[i], &value))
            continue;
        if (tree->has[i])
            tell(model, MER_AUDIT_BROKEN, "a list is there twice");
        tree->lists[i] = value;
        tree->has[i] = true;
    }
}

/* From behind its first line to the next tree or the end of them. */
static mer_status read_tree(struct model *model, mer_err *err)
{
    struct tree tree = {.n_leaves = -1};
    struct text line;
    const char *before = model->at;
    while (next_line(model, &line)) {
        if (begins(line, "Tree=") || begins(line, "end of trees")) {
            model->at = before;
            break;
        }
        take_tree_line(model, &tree, line);
        before = model->at;
    }
    if (!model->audit->out_of_steps)
        MER_GUARD(check_tree(model, &tree, err));
    model->n_trees++;
    return mer_ok();
}

/* ---- The file ---- */

static void take_head_line(struct model *model, struct text line)
{
    struct text value;
    if (value_of(line, "version", &value))
        model->has_version = true;
    else if (value_of(line, "num_class", &value))
        (void)count_of(model, value, "the number of classes");
    else if (value_of(line, "num_tree_per_iteration", &value))
        (void)count_of(model, value, "the number of trees in a round");
    else if (value_of(line, "max_feature_idx", &value))
        model->highest_feature = count_of(model, value, "the highest feature");
    else if (value_of(line, "tree_sizes", &value))
        model->tree_sizes = value;
}

/* The loader begins to read where the sizes add up to. */
static void check_sizes(struct model *model)
{
    struct text list = model->tree_sizes, word;
    uint64_t n = 0, at = model->first_tree ? (uint64_t)(model->first_tree - model->base) : 0;
    const uint64_t n_file = (uint64_t)(model->end - model->base);
    while (next_word(&list, &word)) {
        int64_t size;
        if (!whole_number(word, &size) || size <= 0 || (uint64_t)size > n_file - at ||
            n_file - at < 5 || memcmp(model->base + at, "Tree=", 5) != 0) {
            mer_audit_add(model->audit, MER_AUDIT_RANGE, at,
                          "the sizes of the trees lead to where no tree begins");
            return;
        }
        at += (uint64_t)size;
        n++;
    }
    if (n > 0 && n != model->n_trees)
        mer_audit_add(model->audit, MER_AUDIT_RANGE, at, "%llu sizes of %llu trees",
                      (unsigned long long)n, (unsigned long long)model->n_trees);
}

static mer_status read_model(struct model *model, mer_err *err)
{
    struct text line;
    const char *before = model->at;
    while (next_line(model, &line)) {
        if (begins(line, "Tree=")) {
            if (!model->first_tree)
                model->first_tree = before;
            MER_GUARD(read_tree(model, err));
        } else if (begins(line, "end of trees")) {
            model->has_end = true;
            break;
        } else if (!model->first_tree) {
            take_head_line(model, line);
        }
        before = model->at;
    }
    return mer_ok();
}

static void check_model(struct model *model, struct mer_audit_bytes file)
{
    struct mer_audit *const audit = model->audit;
    if (!model->has_version || model->highest_feature < 0)
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0, "the head has no version or no features");
    if (!model->has_end)
        mer_audit_add(audit, MER_AUDIT_BROKEN, file.n, "the end of the trees is missing");
    if (memchr(file.bytes, '\0', file.n))
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0,
                      "a zero byte, at which some readers end and others do not");
    check_sizes(model);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu trees, %llu leaves",
                  (unsigned long long)model->n_trees, (unsigned long long)model->n_leaves);
}

mer_status mer_audit_lightgbm(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct model model = {.audit = audit,
                          .base = (const char *)file.bytes,
                          .at = (const char *)file.bytes,
                          .highest_feature = -1};
    model.end = model.base + file.n;
    const mer_status status = read_model(&model, err);
    if (mer_is_ok(status) && !audit->out_of_steps)
        check_model(&model, file);
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, file.n, "too large to be decompressed");
    mer_free(audit->ctx->alloc, model.seen);
    return status;
}
