/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as they are made, and as the running kernel carries them out. */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "policy/calls.h"

#define CALLS 12

/* What the child tries, and what came of each; shared with it. */
struct trial {
    struct {
        long number;
        uint64_t a0, a1, a2;
    } call[CALLS];
    int result[CALLS]; /* 0 or errno */
    int loaded;        /* 0, the listener's fd, or negative errno */
    int reached;       /* calls made */
};

static void add(struct fixture *f, char ***list, size_t *count, const char *const *entries)
{
    for (; *entries; entries++)
        push_text(f, list, count, *entries);
}

static void compile(struct fixture *f)
{
    char text[700];

    must_build(f);
    if (plan_compile(f->plan, &f->arena, &f->err) < 0)
        fail_msg("%s", crib_error_text(&f->err, text, sizeof(text)));
}

/* What a small program may do, with a few walls in it. */
static void start(struct fixture *f)
{
    static const char *const allow[] = {"read",
                                        "write",
                                        "ioctl",
                                        "getpid",
                                        "pause",
                                        "socket(domain == AF_UNIX)",
                                        "lseek(offset == 0x100000005)",
                                        NULL};
    static const char *const deny[] = {"ioctl(cmd == FIONREAD)", "socket(type & 0xf == SOCK_DGRAM)",
                                       NULL};
    static const char *const kill_[] = {"sync", NULL};
    static const char *const log_[] = {"getppid", NULL};
    Crib__Syscalls *asked;

    fixture_start(f);
    asked = f->policy->syscalls;
    add(f, &asked->allow, &asked->n_allow, allow);
    add(f, &asked->deny, &asked->n_deny, deny);
    add(f, &asked->kill, &asked->n_kill, kill_);
    add(f, &asked->log, &asked->n_log, log_);
    compile(f);
}

static int load(const ProtobufCBinaryData *program, unsigned flags)
{
    struct sock_fprog prog = {.len = (unsigned short)(program->len / sizeof(struct sock_filter)),
                              .filter = (struct sock_filter *)program->data};
    long r;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
    return r < 0 ? -errno : (int)r;
}

static void run_calls(struct trial *trial)
{
    for (int i = 0; i < CALLS && trial->call[i].number >= 0; i++) {
        errno = 0;
        trial->result[i] = syscall(trial->call[i].number, trial->call[i].a0, trial->call[i].a1,
                                   trial->call[i].a2) < 0
                               ? errno
                               : 0;
        trial->reached = i + 1;
    }
}

static struct trial *new_trial(void)
{
    struct trial *trial =
        mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(trial != MAP_FAILED);
    for (int i = 0; i < CALLS; i++)
        trial->call[i].number = -1;
    return trial;
}

/* Return: how the child ended. */
static int try_fallback(const Crib__Plan *plan, struct trial *trial)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0) {
        trial->loaded = load(&plan->syscalls->fallback, 0);
        if (trial->loaded == 0)
            run_calls(trial);
        syscall(SYS_exit_group, 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(trial->loaded, 0);
    return status;
}

static void set_call(struct trial *trial, int i, long number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    trial->call[i].number = number;
    trial->call[i].a0 = a0;
    trial->call[i].a1 = a1;
    trial->call[i].a2 = a2;
}

static void test_the_kernel_holds_the_fallback(void **state)
{
    struct trial *trial = new_trial();
    struct fixture f;
    int status, n = 0;

    (void)state;
    start(&f);
    add_stdio(&f, 0, CRIB__STDIO__KIND__null);
    set_call(trial, n++, SYS_getpid, 0, 0, 0);
    set_call(trial, n++, SYS_getppid, 0, 0, 0);                     /* log: let through */
    set_call(trial, n++, SYS_getuid, 0, 0, 0);                      /* not named */
    set_call(trial, n++, SYS_ioctl, 999, FIONREAD, 0);              /* denied */
    set_call(trial, n++, SYS_ioctl, 999, FIONREAD | 1ull << 32, 0); /* no way around */
    set_call(trial, n++, SYS_ioctl, 999, FIONBIO, 0);               /* the rest of ioctl */
    set_call(trial, n++, SYS_socket, AF_INET, SOCK_STREAM, 0);
    set_call(trial, n++, SYS_socket, AF_UNIX | 1ull << 40, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_call(trial, n++, SYS_lseek, 999, 0x100000005, 0); /* all 64 bits */
    set_call(trial, n++, SYS_lseek, 999, 5, 0);
    set_call(trial, n++, 435, 0, 0, 0);                     /* clone3 */
    set_call(trial, n++, 0x40000000 | SYS_getpid, 0, 0, 0); /* x32 */
    status = try_fallback(f.plan, trial);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(trial->reached, CALLS);
    assert_memory_equal(
        trial->result,
        ((int[]){0, 0, EPERM, EPERM, EPERM, EBADF, EPERM, EPERM, EBADF, EPERM, ENOSYS, ENOSYS}),
        sizeof(trial->result));
    munmap(trial, sizeof(*trial));
    fixture_done(&f);
}

static void test_the_kernel_kills_where_the_fallback_says_so(void **state)
{
    struct trial *trial = new_trial();
    struct fixture f;
    int status;

    (void)state;
    start(&f);
    set_call(trial, 0, 600, 0, 0, 0);
    set_call(trial, 1, SYS_sync, 0, 0, 0);
    set_call(trial, 2, SYS_getpid, 0, 0, 0);
    status = try_fallback(f.plan, trial);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
    assert_int_equal(trial->reached, 1);
    assert_int_equal(trial->result[0], ENOSYS);
    munmap(trial, sizeof(*trial));
    fixture_done(&f);
}

/* Return: the child's listener in our table; -1 when it has none. */
static int fetch_listener(pid_t pid, volatile struct trial *trial)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd = -1;

    assert_true(pidfd >= 0);
    for (int i = 0; i < 5000 && trial->loaded == 0; i++)
        usleep(1000);
    if (trial->loaded > 0)
        fd = (int)syscall(SYS_pidfd_getfd, pidfd, trial->loaded, 0);
    close(pidfd);
    return fd;
}

static void must_be_asked(int listener, int number, uint64_t a1)
{
    struct seccomp_notif request = {0};
    struct seccomp_notif_resp response = {.error = -EXDEV};

    assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request), 0);
    assert_int_equal(request.data.nr, number);
    assert_true(request.data.args[1] == a1);
    response.id = request.id;
    assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
}

static void test_the_kernel_asks_the_listener(void **state)
{
    struct trial *trial = new_trial();
    struct fixture f;
    int listener, status;
    pid_t pid;

    (void)state;
    start(&f);
    set_call(trial, 0, SYS_getpid, 0, 0, 0);
    set_call(trial, 1, SYS_getuid, 0, 7, 0);
    set_call(trial, 2, SYS_sync, 0, 8, 0);
    set_call(trial, 3, SYS_getppid, 0, 9, 0);
    set_call(trial, 4, SYS_ioctl, 999, FIONREAD | 1ull << 32, 0);
    set_call(trial, 5, 435, 0, 0, 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        trial->loaded = load(&f.plan->syscalls->program, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        if (trial->loaded > 0)
            run_calls(trial);
        syscall(SYS_exit_group, 0);
    }
    listener = fetch_listener(pid, trial);
    if (listener >= 0) {
        must_be_asked(listener, SYS_getuid, 7);
        must_be_asked(listener, SYS_sync, 8);
        must_be_asked(listener, SYS_getppid, 9);
        must_be_asked(listener, SYS_ioctl, FIONREAD | 1ull << 32);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fd_close(&listener);
    if (trial->loaded == -EBUSY) {
        munmap(trial, sizeof(*trial));
        fixture_done(&f);
        test_skip("a filter around the tests holds the only listener");
    }
    assert_true(trial->loaded > 0);
    assert_int_equal(trial->reached, 6);
    assert_memory_equal(trial->result, ((int[]){0, EXDEV, EXDEV, EXDEV, EXDEV, ENOSYS}),
                        6 * sizeof(int));
    munmap(trial, sizeof(*trial));
    fixture_done(&f);
}

static void test_without_notification_the_program_is_the_fallback(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    assert_true(f.plan->syscalls->program.len != f.plan->syscalls->fallback.len ||
                memcmp(f.plan->syscalls->program.data, f.plan->syscalls->fallback.data,
                       f.plan->syscalls->program.len) != 0);
    f.host->listener = false;
    compile(&f);
    assert_int_equal(f.plan->syscalls->program.len, f.plan->syscalls->fallback.len);
    assert_memory_equal(f.plan->syscalls->program.data, f.plan->syscalls->fallback.data,
                        f.plan->syscalls->fallback.len);
    assert_int_equal(f.plan->syscalls->instructions * sizeof(struct sock_filter),
                     f.plan->syscalls->program.len);
    fixture_done(&f);
}

/* Forty sets of rules are more than are kept; each must come out as it did at first. */
static void test_what_is_kept_is_what_would_be_made(void **state)
{
    size_t len[40];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 40; i++) {
            struct fixture f;

            fixture_start(&f);
            for (int n = 0; n <= i; n++)
                push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow,
                          arena_printf(&f.arena, "close(fd == %d)", 2 * n));
            compile(&f);
            if (round == 0)
                len[i] = f.plan->syscalls->program.len;
            assert_int_equal(f.plan->syscalls->program.len, len[i]);
            fixture_done(&f);
        }
    assert_true(len[39] > len[0]);
}

static void *compile_some(void *data)
{
    for (int i = 0; i < 10; i++) {
        struct fixture f;
        int *failures = data;

        fixture_start(&f);
        push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow,
                  arena_printf(&f.arena, "dup(oldfd == %d)", i));
        if (plan_build(f.task, f.host, &f.arena, &f.plan, &f.err) < 0 ||
            plan_compile(f.plan, &f.arena, &f.err) < 0 || !f.plan->syscalls->program.len)
            ++*failures;
        fixture_done(&f);
    }
    return NULL;
}

static void test_threads_compile_side_by_side(void **state)
{
    pthread_t threads[4];
    int failures[4] = {0};

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compile_some, &failures[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_kernel_holds_the_fallback),
        cmocka_unit_test(test_the_kernel_kills_where_the_fallback_says_so),
        cmocka_unit_test(test_the_kernel_asks_the_listener),
        cmocka_unit_test(test_without_notification_the_program_is_the_fallback),
        cmocka_unit_test(test_what_is_kept_is_what_would_be_made),
        cmocka_unit_test(test_threads_compile_side_by_side),
    };

    return test_run(tests);
}
