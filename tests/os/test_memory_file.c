/* Memory files: sealed ones never change, those that somebody can still write are not sealed, sizes
 * are what was said, and every byte is counted. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/memory_file.h"

enum { PAGE = 4096 };

static void what_was_sealed_cannot_be_changed(void **state)
{
    (void)state;
    const unsigned char *bytes;
    int fd;
    assert_int_equal(mer_memory_file_of("test", "merlon", 6, &fd, NULL).code, MER_OK);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 3), -1);
    assert_int_equal(ftruncate(fd, 30), -1);
    assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, 0), -1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(mer_memory_file_map(fd, 6, &bytes, NULL).code, MER_OK);
    (void)close(fd); /* the mapping stays */
    assert_memory_equal(bytes, "merlon", 6);
    mer_memory_file_unmap(bytes, 6);
}

static void an_empty_one_is_mapped_to_nothing(void **state)
{
    (void)state;
    const unsigned char *bytes = NULL;
    int fd;
    assert_int_equal(mer_memory_file_of("test", "", 0, &fd, NULL).code, MER_OK);
    assert_int_equal(mer_memory_file_map(fd, 0, &bytes, NULL).code, MER_OK);
    assert_non_null(bytes);
    mer_memory_file_unmap(bytes, 0);
    (void)close(fd);
}

static void one_that_is_mapped_for_writing_cannot_be_sealed(void **state)
{
    (void)state;
    mer_err err;
    int fd;
    assert_int_equal(mer_memory_file_new("test", &fd, NULL).code, MER_OK);
    assert_int_equal(ftruncate(fd, PAGE), 0);
    void *const mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(mapped, MAP_FAILED);
    assert_int_equal(mer_memory_file_seal(fd, &err).code, MER_ERR_IO);
    assert_non_null(strstr(err.message, "seal"));
    assert_int_equal(munmap(mapped, PAGE), 0);
    assert_int_equal(mer_memory_file_seal(fd, &err).code, MER_OK);
    (void)close(fd);
}

static void a_sealed_region_has_the_size_that_was_said(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_region region;
    int fd, open_one;
    mer_alloc_init(&alloc, 100);
    assert_int_equal(mer_memory_file_of("test", "0123456789", 10, &fd, NULL).code, MER_OK);
    static const size_t wrong[] = {0, 9, 11, SIZE_MAX};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(mer_region_init_sealed(&region, &alloc, fd, wrong[i], NULL).code,
                         MER_ERR_DATA);
    assert_int_equal(mer_region_init_sealed(&region, &alloc, fd, 10, NULL).code, MER_OK);
    assert_int_equal(alloc.used, 10);
    assert_memory_equal(region.base, "0123456789", 10);
    assert_int_equal(region.grow(&region, 11, NULL).code, MER_ERR_INTERNAL);
    mer_region_release(&region);
    assert_int_equal(alloc.used, 0);
    alloc.budget = 9;
    assert_int_equal(mer_region_init_sealed(&region, &alloc, fd, 10, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(alloc.used, 0);
    assert_int_equal(mer_memory_file_new("test", &open_one, NULL).code, MER_OK);
    assert_int_equal(mer_region_init_sealed(&region, &alloc, open_one, 1, NULL).code,
                     MER_ERR_INTERNAL);
    (void)close(open_one);
    (void)close(fd);
}

static void a_region_grows_inside_its_file_within_its_bounds(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_file_region file;
    size_t offset;
    char read_back[3];
    int fd;
    mer_alloc_init(&alloc, 3 * PAGE);
    assert_int_equal(mer_memory_file_new("test", &fd, NULL).code, MER_OK);
    mer_region_init_memory_file(&file, &alloc, fd, 4 * PAGE);
    assert_int_equal(mer_region_extend(&file.region, 3, &offset, NULL).code, MER_OK);
    memcpy(file.region.base + offset, "abc", 3);
    assert_int_equal(mer_region_extend(&file.region, PAGE, &offset, NULL).code, MER_OK);
    assert_int_equal(offset, 64);
    assert_memory_equal(file.region.base, "abc", 3);
    for (size_t i = 0; i < PAGE; i++)
        assert_int_equal(file.region.base[offset + i], 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 64 + PAGE);
    assert_int_equal(pread(fd, read_back, 3, 0), 3);
    assert_memory_equal(read_back, "abc", 3);
    /* The budget, then the maximum. */
    assert_int_equal(mer_region_extend(&file.region, 2 * PAGE, &offset, NULL).code, MER_ERR_MEMORY);
    alloc.budget = SIZE_MAX;
    assert_int_equal(mer_region_extend(&file.region, 4 * PAGE, &offset, NULL).code, MER_ERR_MEMORY);
    assert_int_equal(file.region.n, 64 + PAGE);
    mer_region_release(&file.region);
    assert_int_equal(alloc.used, 0);
    (void)close(fd);
}

static void pages_that_were_brought_in_are_the_files(void **state)
{
    enum { N = (33 << 20) + 5 };
    (void)state;
    struct mer_alloc alloc;
    struct mer_file_region file;
    struct mer_region sealed;
    size_t offset;
    int fd;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(mer_memory_file_new("test", &fd, NULL).code, MER_OK);
    mer_region_init_memory_file(&file, &alloc, fd, SIZE_MAX / 2);
    assert_int_equal(mer_region_extend(&file.region, N, &offset, NULL).code, MER_OK);
    mer_region_bring_in(&file.region, 100, N - 100);
    mer_region_bring_in(&file.region, N - 1, N); /* not its bytes: nothing happens */
    for (size_t i = 0; i < N; i += PAGE)
        file.region.base[i] = (unsigned char)(i / PAGE);
    for (size_t i = 0; i < N; i += PAGE)
        assert_int_equal(file.region.base[i], (unsigned char)(i / PAGE));
    assert_int_equal(mer_region_trim(&file.region, NULL).code, MER_OK);
    mer_region_release(&file.region);
    assert_int_equal(mer_memory_file_seal(fd, NULL).code, MER_OK);
    assert_int_equal(mer_region_init_sealed(&sealed, &alloc, fd, N, NULL).code, MER_OK);
    assert_int_equal(sealed.base[N / PAGE * PAGE], (unsigned char)(N / PAGE));
    mer_region_release(&sealed);
    assert_int_equal(alloc.used, 0);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_cannot_be_changed),
        cmocka_unit_test(an_empty_one_is_mapped_to_nothing),
        cmocka_unit_test(one_that_is_mapped_for_writing_cannot_be_sealed),
        cmocka_unit_test(a_sealed_region_has_the_size_that_was_said),
        cmocka_unit_test(a_region_grows_inside_its_file_within_its_bounds),
        cmocka_unit_test(pages_that_were_brought_in_are_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
