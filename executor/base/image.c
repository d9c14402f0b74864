/* SPDX-License-Identifier: Apache-2.0 */
#include "base/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define TRIES 40 /* to seal; the kernel waits some 0.15 s in each */
#define STACK (64 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int new_memfd(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

/* EBUSY, while the kernel itself still holds a page: on a busy machine that may take a while. */
static int seal(int fd)
{
    for (int i = 0; fcntl(fd, F_ADD_SEALS, SEALS) < 0; i++)
        if (errno != EBUSY || i == TRIES)
            return -errno;
    return 0;
}

static int make_memfd(const struct image *image)
{
    int fd = new_memfd(image->name), r;

    if (fd < 0)
        return fd;
    r = fchmod(fd, 0555) < 0 ? -errno
                             : fd_write_within(fd, image->data, (size_t)(image->end - image->data));
    if (r == 0)
        r = seal(fd);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

/* Not among 0 to 2, which may be closed in the caller and become somebody's stdio. */
static int find_image(const struct image *image, struct crib_error *err)
{
    AUTO_FD int fd = make_memfd(image);
    int high;

    if (fd == -EACCES || fd == -EPERM) {
        fd = open(image->installed, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return fail_sys(err, -errno, image->step, -1, image->installed,
                            "executable memfds are forbidden (vm.memfd_noexec) and the installed "
                            "copy cannot be opened");
    }
    high = fd < 0 ? fd : fd_copy(fd, 3);
    if (high == -EFBIG)
        return fail_text(err, high, image->step, -1, NULL,
                         "the image of %s is larger than the caller's limit on the size of files: "
                         "raise it (`ulimit -f`)",
                         image->name);
    return high < 0 ? fail_sys(err, high, image->step, -1, NULL,
                               "make the image of %s, which takes memfd_create (Linux 3.17)",
                               image->name)
                    : high;
}

/* Whether what is kept is still ours. */
static bool is_kept(const struct image *image)
{
    struct stat st;

    return image->kept >= 0 && fstat(image->kept, &st) == 0 && st.st_dev == image->device &&
           st.st_ino == image->inode;
}

int image_fd(struct image *image, struct crib_error *err)
{
    struct stat st;
    int fd;

    pthread_mutex_lock(&lock);
    if (is_kept(image)) {
        fd = image->kept;
    } else {
        fd = find_image(image, err);
        if (fd >= 0 && fstat(fd, &st) == 0) {
            image->kept = fd;
            image->device = st.st_dev;
            image->inode = st.st_ino;
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

/* What the new process is given, and what it says when it fails. */
struct child {
    const struct image_start *start;
    bool inside; /* of start->into */
    bool shared; /* it begins with our table of fds */
    int failed;
};

/* A table of its own, of those alone that it needs. */
static int part_fds(void)
{
    return close_range(FD_LASTING, ~0u, CLOSE_RANGE_UNSHARE) < 0 ? -errno : 0;
}

/*
 * Whatever the caller has left open is closed by the exec, when the caller goes on already: closing
 * a file of a hung file system may wait.
 */
static int leave_fds(const struct image_start *start)
{
    if (dup2(start->fd0, 0) < 0 || dup2(start->image, 1) < 0)
        return -errno;
    return close_range(1, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int child_main(void *data)
{
    static char *const envp[] = {NULL};
    struct child *child = data;
    const char *const alone[] = {child->start->name, NULL};
    const char *const *argv = child->start->args ? child->start->args : alone;
    const struct image_start *start = child->start;
    int r = start->before ? start->before(start->data, child->inside) : 0;

    if (r == 0 && child->shared)
        r = part_fds();
    if (r == 0)
        r = leave_fds(child->start);
    if (r == 0) {
        execveat(1, "", (char *const *)argv, envp, AT_EMPTY_PATH);
        r = -errno;
    }
    child->failed = r;
    _exit(1);
}

/*
 * clone3() for a new stack, which the C library does not offer: the new process begins on it with
 * nothing but @main and its argument, in registers that the kernel keeps.
 */
static long clone3_on(struct clone_args *args, int (*main)(void *), void *data)
{
    register long number __asm__("rax") = SYS_clone3;
    register struct clone_args *first __asm__("rdi") = args;
    register size_t second __asm__("rsi") = sizeof(*args);
    register int (*entry)(void *) __asm__("r12") = main;
    register void *argument __asm__("r13") = data;

    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t" /* ends in _exit() */
                     "hlt\n"
                     "1:"
                     : "+r"(number)
                     : "r"(first), "r"(second), "r"(entry), "r"(argument)
                     : "rcx", "r11", "memory", "cc");
    return number;
}

static int clone_flags(const struct child *child)
{
    return CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (child->shared ? CLONE_FILES : 0) |
           child->start->flags;
}

/* Return: as clone_child(); another errno than that of a refused start: there is no such clone. */
static pid_t clone_into(struct child *child, char *stack, int *ret_pidfd)
{
    struct clone_args args = {
        .flags = CLONE_INTO_CGROUP | (uint64_t)(unsigned)clone_flags(child),
        .pidfd = (uint64_t)(uintptr_t)ret_pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = STACK,
        .cgroup = (uint64_t)child->start->into,
    };

    child->inside = true;
    return (pid_t)clone3_on(&args, child_main, child);
}

static pid_t clone_plain(struct child *child, char *stack, int *ret_pidfd)
{
    pid_t pid = clone(child_main, stack + STACK, clone_flags(child) | SIGCHLD, child, ret_pidfd);

    return pid < 0 ? -errno : pid;
}

/* A container's filter may know no clone3; then the new process joins the group by itself. */
static pid_t clone_child(struct child *child, char *stack, int *ret_pidfd)
{
    pid_t pid = child->start->into > 0 ? clone_into(child, stack, ret_pidfd) : -ENOSYS;

    if (pid != -ENOSYS && pid != -EINVAL && pid != -EPERM)
        return pid;
    child->inside = false;
    return clone_plain(child, stack, ret_pidfd);
}

/* Return: the pid; negative errno. */
static pid_t clone_blocked(struct child *child, char *stack, int *ret_pidfd)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone_child(child, stack, ret_pidfd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

int image_start(const struct image_start *start, struct image_process *ret)
{
    struct child child = {.start = start,
                          .shared =
                              start->many && start->fd0 < FD_LASTING && start->image < FD_LASTING};
    int pidfd = -1;
    char *stack =
        mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    pid_t pid;

    if (stack == MAP_FAILED)
        return -errno;
    pid = clone_blocked(&child, stack, &pidfd);
    munmap(stack, STACK);
    if (pid < 0)
        return pid;
    if (child.failed < 0) {
        waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED);
        fd_close(&pidfd);
    }
    if (pidfd >= 0 && fd_above(&pidfd, 3) == 0)
        fd_last(&pidfd);
    *ret = (struct image_process){pid, pidfd, child.failed};
    return 0;
}
