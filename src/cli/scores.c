#include "cli/scores.h"

#include <string.h>

static mer_status add(struct mer_cli_scores *scores, const char *group, size_t n_rows,
                      const char *metric, double value)
{
    char *copy = NULL;
    if (scores->n == MER_CLI_SCORES_MAX)
        return mer_ok();
    if (scores->n == scores->capacity) {
        const size_t capacity = scores->capacity ? 2 * scores->capacity : 64;
        MER_GUARD(mer_alloc_resize(&scores->alloc, capacity * sizeof *scores->items, &scores->items,
                                   NULL));
        scores->capacity = capacity;
    }
    if (group) {
        MER_GUARD(mer_alloc_bytes(&scores->alloc, strlen(group) + 1, &copy, NULL));
        memcpy(copy, group, strlen(group) + 1);
    }
    scores->items[scores->n++] = (struct mer_card_score){metric, copy, n_rows, value};
    return mer_ok();
}

static void note_group(void *self, const char *group, size_t n_rows, const char *metric,
                       double value)
{
    struct mer_cli_scores *const scores = self;
    if (mer_is_ok(scores->status))
        scores->status = add(scores, group, n_rows, metric, value);
}

static void note_score(void *self, const char *metric, double value)
{
    struct mer_cli_scores *const scores = self;
    note_group(scores, NULL, scores->n_rows, metric, value);
}

mer_status mer_cli_scores_gather(struct mer_cli_scores *scores, const struct mer_cli_loaded *loaded,
                                 const char *by, mer_err *err)
{
    *scores = (struct mer_cli_scores){.n_rows = mer_table_rows(loaded->table), .status = mer_ok()};
    mer_alloc_init(&scores->alloc, SIZE_MAX);
    MER_GUARD(mer_score(loaded->model, loaded->table, note_score, scores, err));
    if (by)
        MER_GUARD(mer_score_by(loaded->model, loaded->table, by, note_group, scores, err));
    return mer_is_ok(scores->status) ? mer_ok()
                                     : mer_fail(err, scores->status.code, "no memory for scores");
}

void mer_cli_scores_release(struct mer_cli_scores *scores)
{
    for (size_t i = 0; i < scores->n; i++)
        mer_free(&scores->alloc, (void *)(uintptr_t)scores->items[i].group);
    mer_free(&scores->alloc, scores->items);
    *scores = (struct mer_cli_scores){.n = 0};
}
