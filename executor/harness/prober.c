/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prober: makes one system call and ends with what came of it. Run inside a sandbox by
 * `crib test` for each line of `expect`, so that a policy is held against the kernel too.
 *
 *     prober NUMBER [ARG...]       numbers are decimal
 *
 * It ends with the call's errno, or with 0. Nothing else is called but exit_group (and exit, by a
 * child that the call has made), so a policy that allows only execve and exit_group will do, and
 * every denial is the call's. There is no libc in it for that reason: a libc makes calls of its
 * own.
 *
 * Runs in: the task.
 */
#define NR_EXIT       60
#define NR_EXIT_GROUP 231
#define ARGS          6
#define BAD_USAGE     254

/* Called by the code below, on the stack that the kernel has made. */
__attribute__((noreturn, used)) void prober(const long *stack);

/* clang-format off */
__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call prober\n");
/* clang-format on */

static inline __attribute__((always_inline)) long call(long number, const unsigned long *arg)
{
    register unsigned long r10 __asm__("r10") = arg[3], r8 __asm__("r8") = arg[4],
                               r9 __asm__("r9") = arg[5];
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(arg[0]), "S"(arg[1]), "d"(arg[2]), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* Touches no memory: after vfork() that is the parent's. */
static inline __attribute__((always_inline, noreturn)) void leave(long number, long status)
{
    for (;;)
        __asm__ volatile("syscall" : : "a"(number), "D"(status) : "rcx", "r11", "memory");
}

/* Return: whether the call makes a process or thread, which comes back with 0 as well. */
static int makes_a_child(long number)
{
    return number == 56 || number == 57 || number == 58 || number == 435;
}

static int read_number(const char *text, unsigned long *ret)
{
    unsigned long value = 0;

    if (!*text)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        value = value * 10 + (unsigned long)(*text - '0');
    }
    *ret = value;
    return 1;
}

void prober(const long *stack)
{
    const char *const *argv = (const char *const *)(stack + 1);
    unsigned long number = 0, arg[ARGS] = {0};
    long argc = stack[0], result;
    int child;

    if (argc < 2 || argc > 2 + ARGS || !read_number(argv[1], &number))
        leave(NR_EXIT_GROUP, BAD_USAGE);
    for (long i = 2; i < argc; i++)
        if (!read_number(argv[i], &arg[i - 2]))
            leave(NR_EXIT_GROUP, BAD_USAGE);
    child = makes_a_child((long)number);
    result = call((long)number, arg);
    if (child && result == 0)
        leave(NR_EXIT, 0);
    leave(NR_EXIT_GROUP, result < 0 && result > -4096 ? -result & 0xff : 0);
}
