#include "cell/pool.h"

#include <stdatomic.h>
#include <string.h>

#include "cell/cell_session.h"
#include "cell/facts_notes.h"
#include "cell/predictions.h"
#include "os/memory_file.h"
#include "os/places.h"
#include "os/starter.h"

/* Whoever has taken its place is alone with it. */
struct pooled {
    struct mer_cell_session session;
    bool running;
    uint64_t held; /* the table that it keeps, mer_memory_file_id; 0: none */
};

struct mer_cell_pool {
    const struct mer_ctx *ctx;
    struct mer_cell_settings settings;
    struct mer_cell_input model;
    struct mer_facts facts;
    char *notes; /* the first cell's, which the facts were read from */
    size_t n_notes;
    unsigned level;
    struct pooled *cells;
    size_t n_cells;
    struct mer_places *places;
    struct mer_starter *starter;
    _Atomic size_t n_started;
};

static mer_status refuse(mer_err *err, const char *what)
{
    return mer_fail(err, MER_ERR_DATA, "the cell that holds the model %s", what);
}

static mer_status take_notes(struct mer_cell_session *session, const struct mer_cell_answer *answer,
                             char **ret_notes, mer_err *err)
{
    char *notes = NULL;
    if (answer->n_inline > MER_CELL_FACTS_MAX)
        return refuse(err, "says too much");
    MER_GUARD(mer_alloc_bytes(session->ctx->alloc, answer->n_inline, &notes, err));
    const mer_status status = mer_cell_session_receive(session, notes, answer->n_inline, err);
    if (mer_is_ok(status))
        *ret_notes = notes;
    else
        mer_free(session->ctx->alloc, notes);
    return status;
}

/* The first cell's facts are the pool's, who keeps what they were read from; any other's have to be
 * the same. */
static mer_status compare_notes(struct mer_cell_pool *pool, char **notes, size_t n, mer_err *err)
{
    if (pool->notes)
        return n == pool->n_notes && memcmp(*notes, pool->notes, n) == 0
                   ? mer_ok()
                   : refuse(err, "tells of another model than the first one did");
    MER_GUARD(mer_facts_notes_read(pool->ctx, *notes, n, &pool->facts, err));
    pool->notes = *notes;
    pool->n_notes = n;
    *notes = NULL;
    return mer_ok();
}

/* In the pool's own thread, so that the cell does not end with a caller's. */
struct opening {
    struct mer_cell_pool *pool;
    struct pooled *cell;
};

static mer_status start_and_open(void *argument, mer_err *err)
{
    const struct opening *const opening = argument;
    struct mer_cell_pool *const pool = opening->pool;
    struct mer_cell_session *const session = &opening->cell->session;
    const struct mer_cell_request request = {
        .magic = MER_CELL_MAGIC,
        .n_input = pool->model.n,
        .max_memory_bytes = mer_cell_memory(pool->ctx->alloc),
        .job = MER_CELL_JOB_OPEN_MODEL,
        .cpu = pool->ctx->cpu,
    };
    const struct mer_cell_start_options start = {
        .settings = &pool->settings,
        .input = pool->model,
        .side = {.fd = -1},
        .max_memory_bytes = request.max_memory_bytes,
        .with_team = true,
        .serves = true,
    };
    struct mer_cell_answer answer;
    char *notes = NULL;
    pool->n_started++;
    MER_GUARD(mer_cell_session_start(session, pool->ctx, &start, err));
    MER_GUARD(mer_cell_session_ask(session, &request, NULL, &answer, err));
    MER_GUARD(take_notes(session, &answer, &notes, err));
    if (!pool->notes)
        pool->level = session->level;
    const mer_status status = compare_notes(pool, &notes, answer.n_inline, err);
    mer_free(pool->ctx->alloc, notes);
    return status;
}

static mer_status open_model(struct mer_cell_pool *pool, struct pooled *cell, mer_err *err)
{
    struct opening opening = {pool, cell};
    cell->running = true;
    cell->held = 0;
    return mer_starter_run(pool->starter, start_and_open, &opening, err);
}

static void end_cell(struct pooled *cell)
{
    if (cell->running)
        mer_cell_session_end(&cell->session);
    cell->running = false;
}

static mer_status take_place(struct mer_cell_pool *pool, size_t *ret_place, mer_err *err)
{
    enum { WAIT_MS = 50 }; /* how soon a cancelled caller notices */
    while (!mer_places_take(pool->places, WAIT_MS, ret_place))
        MER_GUARD(mer_ctx_check_cancel(pool->ctx, err));
    return mer_ok();
}

/* Whatever a cell wrote: numbers that users of a model may rely on being numbers. */
static mer_status check_predictions(const struct mer_facts *facts, const double *predictions,
                                    size_t n_rows, mer_err *err)
{
    if (mer_predictions_are_sound(facts->task, predictions, n_rows, mer_facts_width(facts)))
        return mer_ok();
    return refuse(err, facts->task == MER_TASK_REGRESSION ? "gives predictions that are no numbers"
                                                          : "gives probabilities that are none");
}

/* Predictions on their way out of a cell. */
struct fetching {
    const struct mer_facts *facts;
    int output;
    size_t n_rows;
    size_t n_fetched; /* rows */
    double *predictions;
};

/* Copied out of the cell's memory first, then looked at: it could still change it. In pieces that
 * are looked at while they are in the cache. */
static mer_status fetch(struct fetching *fetching, size_t n_rows, mer_err *err)
{
    enum { PIECE_BYTES = 1 << 17 };
    const size_t width = mer_facts_width(fetching->facts);
    const size_t piece = 1 + PIECE_BYTES / (width * sizeof(double));
    while (fetching->n_fetched < n_rows) {
        const size_t first = fetching->n_fetched;
        const size_t n = n_rows - first < piece ? n_rows - first : piece;
        double *const rows = fetching->predictions + first * width;
        MER_GUARD(mer_memory_file_read_at(fetching->output, first * width * sizeof(double), rows,
                                          n * width * sizeof(double), err));
        MER_GUARD(check_predictions(fetching->facts, rows, n, err));
        fetching->n_fetched += n;
    }
    return mer_ok();
}

/* What is there is fetched while the cell makes the rest. Should it not be there yet, it is the
 * cell's lie, and checked like any other. */
static mer_status fetch_some(void *self, uint64_t done, uint64_t total, mer_err *err)
{
    struct fetching *const fetching = self;
    return total == fetching->n_rows && done <= total ? fetch(fetching, done, err) : mer_ok();
}

static mer_status ask(struct mer_cell_pool *pool, struct pooled *cell, struct mer_cell_input image,
                      size_t n_rows, double *ret_predictions, mer_err *err)
{
    const uint64_t id = mer_memory_file_id(image.fd);
    struct mer_cell_request request = {
        .magic = MER_CELL_MAGIC, .n_side = image.n, .job = MER_CELL_JOB_PREDICT};
    struct fetching fetching = {
        .facts = &pool->facts, .n_rows = n_rows, .predictions = ret_predictions};
    struct mer_cell_answer answer;
    size_t n_bytes;
    if (!mer_size_mul(n_rows, mer_facts_width(&pool->facts) * sizeof(double), &n_bytes))
        return mer_fail(err, MER_ERR_MEMORY, "the predictions do not fit into memory");
    if (!cell->running) {
        const mer_status status = open_model(pool, cell, err);
        if (!mer_is_ok(status))
            end_cell(cell);
        MER_GUARD(status);
    }
    fetching.output = cell->session.output;
    const bool again = id != 0 && id == cell->held;
    if (again)
        request.job = MER_CELL_JOB_PREDICT_AGAIN;
    cell->held = 0;
    MER_GUARD(mer_cell_session_ask_again(&cell->session, &request, again ? -1 : image.fd,
                                         (struct mer_cell_follower){fetch_some, &fetching}, &answer,
                                         err));
    /* From here on it is lying, should anything fail. */
    cell->session.has_answered = false;
    if (answer.n_inline > 0 || answer.n_output != n_bytes)
        return refuse(err, "gives another number of predictions");
    MER_GUARD(fetch(&fetching, n_rows, err));
    cell->held = image.n <= MER_CELL_KEPT_MAX ? id : 0;
    cell->session.has_answered = true;
    return mer_ok();
}

mer_status mer_cell_pool_predict(struct mer_cell_pool *pool, struct mer_cell_input image,
                                 size_t n_rows, double *ret_predictions, mer_err *err)
{
    size_t place;
    MER_GUARD(take_place(pool, &place, err));
    struct pooled *const cell = &pool->cells[place];
    if (cell->running && !mer_cell_session_is_usable(&cell->session))
        end_cell(cell);
    const mer_status status = ask(pool, cell, image, n_rows, ret_predictions, err);
    /* A cell that told of a failure is as good as before; one that is lost, or lied, is not. */
    if (!mer_is_ok(status) && cell->running && !mer_cell_session_is_usable(&cell->session))
        end_cell(cell);
    mer_places_leave(pool->places, place);
    return status;
}

static mer_status fill(struct mer_cell_pool *pool, size_t n_cells, mer_err *err)
{
    MER_GUARD(mer_alloc_zero(pool->ctx->alloc, n_cells, sizeof *pool->cells, &pool->cells, err));
    pool->n_cells = n_cells;
    MER_GUARD(mer_places_new(pool->ctx->alloc, n_cells, &pool->places, err));
    MER_GUARD(mer_starter_new(pool->ctx->alloc, &pool->starter, err));
    return open_model(pool, &pool->cells[0], err);
}

mer_status mer_cell_pool_new(const struct mer_ctx *ctx, const struct mer_cell_settings *settings,
                             struct mer_cell_input model, size_t n_cells,
                             struct mer_cell_pool **ret_pool, mer_err *err)
{
    struct mer_cell_pool *pool;
    if (n_cells == 0 || n_cells > MER_CELL_POOL_MAX)
        return mer_fail(err, MER_ERR_USAGE, "a model has 1 to %d cells, not %zu", MER_CELL_POOL_MAX,
                        n_cells);
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *pool, &pool, err));
    pool->ctx = ctx;
    pool->settings = *settings;
    pool->model = model;
    const mer_status status = fill(pool, n_cells, err);
    if (!mer_is_ok(status)) {
        mer_cell_pool_free(pool);
        return status;
    }
    *ret_pool = pool;
    return mer_ok();
}

void mer_cell_pool_free(struct mer_cell_pool *pool)
{
    if (!pool)
        return;
    struct mer_alloc *const alloc = pool->ctx->alloc;
    for (size_t i = 0; i < pool->n_cells; i++)
        end_cell(&pool->cells[i]);
    mer_facts_release(&pool->facts);
    mer_starter_free(pool->starter);
    mer_places_free(pool->places);
    mer_free(alloc, pool->notes);
    mer_free(alloc, pool->cells);
    mer_free(alloc, pool);
}

const struct mer_facts *mer_cell_pool_facts(const struct mer_cell_pool *pool)
{
    return &pool->facts;
}

unsigned mer_cell_pool_level(const struct mer_cell_pool *pool)
{
    return pool->level;
}

size_t mer_cell_pool_n_started(const struct mer_cell_pool *pool)
{
    return pool->n_started;
}
