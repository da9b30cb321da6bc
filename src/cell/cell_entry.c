/* What happens in a cell before the C library's start-up, and what does not happen in it. A cell
 * lives for one input, so that its start is a good part of its life. */

#if !defined(__x86_64__)
#error "a cell is entered in x86-64's way"
#endif

/* The program's entry: has the kernel make, in one call, the pages that relocation is about to
 * write (madvise(from, n, MADV_POPULATE_WRITE)), which otherwise takes a fault for each of them. A
 * kernel before 5.14 refuses, and all is as it was. Leaves the registers and the stack that _start
 * expects as they were: rdx is the one of those that the call needs. */
__asm__(".text\n"
        ".globl mer_cell_entry\n"
        ".type mer_cell_entry, @function\n"
        "mer_cell_entry:\n"
        "    endbr64\n"
        "    mov %rdx, %r8\n"
        "    lea __preinit_array_start(%rip), %rdi\n"
        "    and $-4096, %rdi\n"
        "    lea _edata(%rip), %rsi\n"
        "    sub %rdi, %rsi\n"
        "    mov $23, %edx\n"
        "    mov $28, %eax\n"
        "    syscall\n"
        "    mov %r8, %rdx\n"
        "    jmp _start\n"
        ".size mer_cell_entry, . - mer_cell_entry\n");

/* Stands in for a function of the C library (the linker's --wrap) that a static program's start-up
 * calls to know its folder, as a place to load libraries from: a cell loads none, and reading
 * /proc/self/exe takes as long as ten other calls. This is how it says that it found no folder. */
const char *mer_cell_no_origin(void) __asm__("__wrap__dl_get_origin");

const char *mer_cell_no_origin(void)
{
    return (const char *)-1;
}
