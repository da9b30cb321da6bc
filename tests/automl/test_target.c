/* What a target column is taken for, and what is refused. */
#include "automl_tables.h"

#include "automl/target.h"

/* A table of one column, `n` rows of `format` applied to 0, 1, 2, ... modulo `modulus`. */
static struct mer_frame column_of(const char *format, int modulus, int n)
{
    char text[20000] = "y,x\n";
    for (int i = 0; i < n; i++) {
        char line[100], cell[80];
        (void)snprintf(cell, sizeof(cell), format, i % modulus);
        (void)snprintf(line, sizeof(line), "%s,%d\n", cell, i);
        strcat(text, line);
    }
    return read_table(text);
}

struct learned {
    struct mer_arena arena;
    struct mer_learned_target target;
};

static struct learned learn(const struct mer_frame *frame, const enum mer_task *task)
{
    struct learned learned;
    mer_arena_init(&learned.arena, &alloc);
    assert_ok(mer_target_learn(&ctx, frame, 0, task, &learned.arena, &learned.target, &err));
    return learned;
}

static void release(struct learned *learned)
{
    mer_learned_target_release(&ctx, &learned->target);
    mer_arena_release(&learned->arena);
}

static void refused(const char *text, const enum mer_task *task, enum mer_code code,
                    const char *because)
{
    struct mer_frame frame = read_table(text);
    struct mer_learned_target target;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    assert_code(mer_target_learn(&ctx, &frame, 0, task, &arena, &target, &err), code);
    if (!strstr(err.message, because))
        fail_msg("\"%s\" does not say \"%s\"", err.message, because);
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

static void few_integers_are_classes_and_many_are_numbers(void **state)
{
    (void)state;
    const struct {
        int modulus, n;
        enum mer_task task;
    } cases[] = {{2, 20, MER_TASK_BINARY},
                 {3, 100, MER_TASK_MULTICLASS},
                 {20, 200, MER_TASK_MULTICLASS},
                 {20, 199, MER_TASK_REGRESSION}, /* less than ten rows each */
                 {21, 1000, MER_TASK_REGRESSION}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mer_frame frame = column_of("%d", cases[i].modulus, cases[i].n);
        struct learned learned = learn(&frame, NULL);
        assert_int_equal(learned.target.task, cases[i].task);
        release(&learned);
        mer_frame_release(&frame);
    }
}

static void fractions_are_numbers_and_texts_are_classes(void **state)
{
    (void)state;
    struct mer_frame numbers = column_of("%d.5", 2, 40), texts = column_of("c%d", 3, 40);
    struct learned a = learn(&numbers, NULL), b = learn(&texts, NULL);
    assert_int_equal(a.target.task, MER_TASK_REGRESSION);
    assert_true(a.target.values[1] == 1.5);
    assert_int_equal(b.target.task, MER_TASK_MULTICLASS);
    assert_int_equal(b.target.n_classes, 3);
    release(&a);
    release(&b);
    mer_frame_release(&numbers);
    mer_frame_release(&texts);
}

static void the_task_can_be_given(void **state)
{
    (void)state;
    const enum mer_task regression = MER_TASK_REGRESSION, classes = MER_TASK_BINARY;
    struct mer_frame integers = column_of("%d", 3, 40), numbers = column_of("%d.5", 4, 40);
    struct learned a = learn(&integers, &regression), b = learn(&numbers, &classes);
    assert_int_equal(a.target.task, MER_TASK_REGRESSION);
    assert_int_equal(b.target.task, MER_TASK_MULTICLASS);
    assert_string_equal(b.target.labels[3], "3.5");
    release(&a);
    release(&b);
    mer_frame_release(&integers);
    mer_frame_release(&numbers);
}

static void labels_are_sorted_as_numbers_where_they_are_numbers(void **state)
{
    (void)state;
    struct mer_frame frame = column_of("%d", 12, 240);
    struct learned learned = learn(&frame, NULL);
    assert_string_equal(learned.target.labels[2], "2");
    assert_string_equal(learned.target.labels[10], "10");
    assert_int_equal(learned.target.classes[11], 11);
    release(&learned);
    mer_frame_release(&frame);
}

static void texts_are_classes_by_count_then_appearance_whatever_they_are_called(void **state)
{
    (void)state;
    /* The same table twice; the second one's names sort the other way round. */
    struct mer_frame a = read_table("y\nm\nz\nz\na\nz\nm\nz\na\nz\nb\nz\nz\nb\n");
    struct mer_frame b = read_table("y\nm\na\na\nz\na\nm\na\nz\na\nb\na\na\nb\n");
    struct learned first = learn(&a, NULL), second = learn(&b, NULL);
    static const char *const labels[] = {"z", "m", "a", "b"};
    assert_int_equal(first.target.n_classes, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(first.target.labels[i], labels[i]);
    assert_string_equal(second.target.labels[0], "a");
    assert_string_equal(second.target.labels[2], "z");
    assert_memory_equal(first.target.classes, second.target.classes,
                        a.n_rows * sizeof *first.target.classes);
    release(&first);
    release(&second);
    mer_frame_release(&a);
    mer_frame_release(&b);
}

static void truth_values_are_false_and_true(void **state)
{
    (void)state;
    struct mer_frame frame = read_table("y,x\ntrue,1\nfalse,2\ntrue,3\ntrue,4\nfalse,5\ntrue,1\n"
                                        "true,1\nfalse,2\ntrue,3\ntrue,4\nfalse,5\ntrue,1\n");
    struct learned learned = learn(&frame, NULL);
    assert_string_equal(learned.target.labels[0], "false");
    assert_string_equal(learned.target.labels[1], "true");
    assert_int_equal(learned.target.classes[0], 1);
    release(&learned);
    mer_frame_release(&frame);
}

static void what_cannot_be_learned_is_refused(void **state)
{
    (void)state;
    const enum mer_task regression = MER_TASK_REGRESSION;
    refused("y,x\n1,1\n2,2\n3,3\n", NULL, MER_ERR_DATA, "3 rows");
    refused("y,x\na,1\n,2\na,3\nb,4\nb,5\na,6\n,7\na,8\nb,9\nb,10\na,11\nb,12\n", NULL,
            MER_ERR_DATA, "missing in 2 rows, first in data row 2");
    refused("y,x\na,1\na,2\na,3\na,4\na,5\na,6\na,7\na,8\na,9\na,10\na,11\na,12\n", NULL,
            MER_ERR_DATA, "one class");
    refused("y,x\n.5,1\n.5,2\n.5,3\n.5,4\n.5,5\n.5,6\n.5,7\n.5,8\n.5,9\n.5,1\n", NULL, MER_ERR_DATA,
            "same in all rows");
    refused("y,x\n.5,1\n.5,2\n.5,3\ninf,4\n.5,5\n.5,6\n.5,7\n1.5,8\n.5,9\n.5,1\n", NULL,
            MER_ERR_DATA, "data row 4");
    refused("y,x\na,1\nb,2\na,3\na,4\nb,5\na,6\nb,7\na,8\nb,9\na,10\na,11\na,12\n", &regression,
            MER_ERR_USAGE, "regression needs a number");
    refused("y,x\n2024-01-01,1\n2024-01-02,1\n2024-01-03,1\n2024-01-04,1\n2024-01-05,1\n"
            "2024-01-06,1\n2024-01-07,1\n2024-01-08,1\n2024-01-09,1\n2024-01-10,1\n",
            NULL, MER_ERR_DATA, "date");
}

static void too_many_classes_are_refused(void **state)
{
    (void)state;
    const enum mer_task classes = MER_TASK_MULTICLASS;
    struct mer_frame frame = column_of("%d", 100000, 1001);
    struct mer_learned_target target;
    struct mer_arena arena;
    mer_arena_init(&arena, &alloc);
    assert_code(mer_target_learn(&ctx, &frame, 0, &classes, &arena, &target, &err), MER_ERR_DATA);
    assert_non_null(strstr(err.message, "more than 1000 classes"));
    mer_arena_release(&arena);
    mer_frame_release(&frame);
}

static void known_labels_are_read_whatever_the_column_looks_like(void **state)
{
    (void)state;
    static const char *const labels[] = {"7", "1", "x"};
    /* Integers here, though the labels were texts. */
    struct mer_frame frame = read_table("y,z\n1,1\n7,2\n1,3\n");
    struct mer_frame other = read_table("y,z\n1,1\n8,2\n1,3\n");
    int32_t *classes;
    assert_ok(mer_target_read_classes(&ctx, &frame, 0, labels, 3, &classes, &err));
    assert_int_equal(classes[0], 1);
    assert_int_equal(classes[1], 0);
    mer_free(&alloc, classes);
    assert_code(mer_target_read_classes(&ctx, &other, 0, labels, 3, &classes, &err), MER_ERR_DATA);
    assert_non_null(strstr(err.message, "data row 2"));
    assert_null(strstr(err.message, "8"));
    mer_frame_release(&other);
    mer_frame_release(&frame);
}

static void a_validation_table_is_read_in_the_terms_of_the_rows_before(void **state)
{
    (void)state;
    /* By themselves the last rows would make b the more frequent class. */
    char text[400] = "y\n";
    for (int i = 0; i < 30; i++)
        strcat(text, i < 12 ? (i % 3 ? "a\n" : "b\n") : "b\n");
    struct mer_frame frame = read_table(text);
    struct learned learned;
    mer_arena_init(&learned.arena, &alloc);
    assert_ok(
        mer_target_learn_from(&ctx, &frame, 12, 0, NULL, &learned.arena, &learned.target, &err));
    assert_string_equal(learned.target.labels[0], "a");
    assert_int_equal(learned.target.classes[11], 0);
    assert_int_equal(learned.target.classes[29], 1);
    release(&learned);
    mer_frame_release(&frame);

    strcpy(text + strlen(text) - 2, "c\n");
    frame = read_table(text);
    mer_arena_init(&learned.arena, &alloc);
    assert_code(
        mer_target_learn_from(&ctx, &frame, 12, 0, NULL, &learned.arena, &learned.target, &err),
        MER_ERR_DATA);
    assert_non_null(strstr(err.message, "data row 18 of the validation table"));
    mer_arena_release(&learned.arena);
    mer_frame_release(&frame);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(few_integers_are_classes_and_many_are_numbers),
        TEST(fractions_are_numbers_and_texts_are_classes),
        TEST(the_task_can_be_given),
        TEST(labels_are_sorted_as_numbers_where_they_are_numbers),
        TEST(texts_are_classes_by_count_then_appearance_whatever_they_are_called),
        TEST(truth_values_are_false_and_true),
        TEST(what_cannot_be_learned_is_refused),
        TEST(too_many_classes_are_refused),
        TEST(known_labels_are_read_whatever_the_column_looks_like),
        TEST(a_validation_table_is_read_in_the_terms_of_the_rows_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
