/* SPDX-License-Identifier: Apache-2.0 */
/* Compilers that are broken, hostile or dead, and hosts that make it hard to have a child. */
#include "plan_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "compiler/compiler.h"
#include "compiler_fake.h"

/* Puts the fake in the place of the real one. */
static struct image use_fake(enum fake way)
{
    struct image real = compiler_image;
    char mark = (char)way, *data;
    size_t len;

    data = test_read(FAKE_COMPILER_PATH, &len);
    data = realloc(data, len + 1);
    assert_non_null(data);
    data[len] = mark;
    compiler_image.data = data;
    compiler_image.end = data + len + 1;
    compiler_image.kept = -1;
    return real;
}

static void use_real(struct image real)
{
    fd_close(&compiler_image.kept);
    free((void *)compiler_image.data);
    compiler_image = real;
}

/* Rules of every kind; @n makes them others than before, so that nothing is kept of them. */
static void start(struct fixture *f, int n)
{
    Crib__Syscalls *asked;

    fixture_start(f);
    asked = f->policy->syscalls;
    push_text(f, &asked->allow, &asked->n_allow, "read");
    push_text(f, &asked->allow, &asked->n_allow, "lseek");
    push_text(f, &asked->allow, &asked->n_allow, "ioctl(cmd == FIONREAD)");
    push_text(f, &asked->allow, &asked->n_allow,
              arena_printf(&f->arena, "close(fd == %d)", n + 100));
    push_text(f, &asked->deny, &asked->n_deny, "lseek(offset < 0x100000005)");
    push_text(f, &asked->deny, &asked->n_deny, "lseek(offset < 0x200000005)");
    must_build(f);
}

/* Return: the sentence, in the fixture's arena; "" when it compiled. */
static const char *compile(struct fixture *f, int *ret_code)
{
    char text[700] = "";

    *ret_code = plan_compile(f->plan, &f->arena, &f->err);
    if (*ret_code < 0)
        crib_error_text(&f->err, text, sizeof(text));
    return arena_text(&f->arena, text);
}

#define MAKES_NO_SENSE "the answer of crib-compiler makes no sense"
#define LEFT           "crib-compiler ended before it answered"
#define TOO_LONG       "compiling took more than 5 s"

static const struct row {
    enum fake way;
    int code;
    const char *part;
} rows[] = {
    {FAKE_HONEST, 0, ""},
    {FAKE_INVERTED, -EPROTO, "is not used"},
    {FAKE_FORGETFUL, -EPROTO, "is not used"},
    {FAKE_ORDERED, -EPROTO,
     "for (fd=0, offset=0x100000005, whence=0), but 'deny lseek(offset < 8589934597)' hands"},
    {FAKE_CARELESS, -EPROTO, "for (fd=0x100000064), but 'allow close(fd == 100)' lets it through"},
    {FAKE_GENEROUS, -EPROTO, "an answer that was not asked for"},
    {FAKE_ASTRAY, -EPROTO, "leads out of itself"},
    {FAKE_CURIOUS, -EPROTO, "is not used"},
    {FAKE_LOAD, -EPROTO, "does what no filter of crib's does"},
    {FAKE_LONG, -EPROTO, MAKES_NO_SENSE},
    {FAKE_EMPTY, -EPROTO, MAKES_NO_SENSE},
    {FAKE_UNEVEN, -EPROTO, MAKES_NO_SENSE},
    {FAKE_FEW, -EPROTO, MAKES_NO_SENSE},
    {FAKE_MANY, -EPROTO, MAKES_NO_SENSE},
    {FAKE_BUSY, -ETIMEDOUT, TOO_LONG},
    {FAKE_EVIL, -ETIMEDOUT, TOO_LONG},
    {FAKE_SILENT, -EPROTO, LEFT},
    {FAKE_LATE, -EPROTO, LEFT},
    {FAKE_KILLED, -EPROTO, "crib-compiler was ended by signal 9 before it answered"},
    {FAKE_HALF, -EPROTO, LEFT},
    {FAKE_HEAD, -EPROTO, LEFT},
    {FAKE_GARBAGE, -EPROTO, MAKES_NO_SENSE},
    {FAKE_HUGE, -EPROTO, MAKES_NO_SENSE},
    {FAKE_ENDLESS, -EPROTO, MAKES_NO_SENSE},
    {FAKE_DEAF, -EPROTO, MAKES_NO_SENSE},
    {FAKE_EXCUSE, -EFAULT, "syscalls: libseccomp: a rule: Bad address"},
    {FAKE_ODD_EXCUSE, -EPROTO, MAKES_NO_SENSE},
    {FAKE_BOXED, -EXDEV, "libseccomp: a rule: Invalid cross-device link"},
};

static void check_row(const struct row *row)
{
    struct image real = use_fake(row->way);
    struct fixture f;
    const char *text;
    int code;

    start(&f, 0);
    text = compile(&f, &code);
    use_real(real);
    if (code != row->code || !strstr(text, row->part))
        fail_msg("fake %d: %d: %s", row->way, code, text);
    assert_int_equal(f.plan->syscalls->has_program, code == 0);
    assert_int_equal(f.plan->syscalls->has_fallback, code == 0);
    fixture_done(&f);
}

/* The honest one last: what it makes would be kept. */
static void test_no_compiler_is_believed(void **state)
{
    (void)state;
    for (size_t i = sizeof(rows) / sizeof(rows[0]); i-- > 0;)
        check_row(&rows[i]);
}

static void must_compile(int n)
{
    struct fixture f;
    const char *text;
    int code;

    start(&f, n);
    text = compile(&f, &code);
    if (code < 0)
        fail_msg("%s", text);
    assert_true(f.plan->syscalls->has_program);
    fixture_done(&f);
}

/* A refusal is not kept: the next try may go well. */
static void test_it_may_go_well_the_next_time(void **state)
{
    struct row row = {FAKE_SILENT, -EPROTO, LEFT};
    struct image real;
    struct fixture f;
    int code;

    (void)state;
    real = use_fake(row.way);
    start(&f, 1);
    compile(&f, &code);
    use_real(real);
    assert_int_equal(code, -EPROTO);
    fixture_done(&f);
    must_compile(1);
}

static void test_a_host_that_ignores_sigchld(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

    (void)state;
    sigaction(SIGCHLD, &ignore, &before);
    must_compile(2);
    sigaction(SIGCHLD, &before, NULL);
}

/* Takes every child of the process, as some hosts do. */
static void *steal(void *data)
{
    atomic_bool *stop = data;

    while (!atomic_load(stop))
        if (waitpid(-1, NULL, WNOHANG) <= 0)
            sched_yield();
    return NULL;
}

static void test_a_host_that_waits_for_any_child(void **state)
{
    struct image real;
    atomic_bool stop = false;
    pthread_t thief;

    (void)state;
    assert_int_equal(pthread_create(&thief, NULL, steal, &stop), 0);
    for (int i = 0; i < 30; i++)
        must_compile(10 + i);
    for (int i = 0; i < 10; i++) {
        struct fixture f;
        int code;

        real = use_fake(FAKE_KILLED);
        start(&f, 50);
        compile(&f, &code);
        use_real(real);
        assert_int_equal(code, -EPROTO);
        fixture_done(&f);
    }
    atomic_store(&stop, true);
    pthread_join(thief, NULL);
}

static void test_signals_are_the_hosts_own(void **state)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigset_t all, was;

    (void)state;
    sigaction(SIGALRM, &ignore, &before);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    check_row(&(struct row){FAKE_SILENT, -EPROTO, LEFT});
    must_compile(60);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    /* the reader is gone, and SIGPIPE would end this process */
    check_row(&(struct row){FAKE_DEAF, -EPROTO, MAKES_NO_SENSE});
    sigaction(SIGALRM, &before, NULL);
}

/* In a process of its own. Return: its exit status. */
static int apart(int (*body)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(body());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int compile_quietly(int n)
{
    struct fixture f;
    int code;

    start(&f, n);
    compile(&f, &code);
    code = code < 0 || !f.plan->syscalls->has_program;
    fixture_done(&f);
    return code;
}

static int without_stdio(void)
{
    fd_close(&compiler_image.kept);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    if (compile_quietly(70) || compiler_image.kept < 3)
        return 1;
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 2;
    return 0;
}

/* The image's fd is gone, and its number is another file's. */
static int with_the_image_closed(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    image_fd(&compiler_image, NULL);
    if (dup3(fd, compiler_image.kept, O_CLOEXEC) < 0)
        return 1;
    return compile_quietly(71);
}

/* 4 GiB of page tables: a fork would copy them. */
static int with_much_memory(void)
{
    size_t size = 4ul << 30;
    char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (data == MAP_FAILED)
        return 1;
    madvise(data, size, MADV_NOHUGEPAGE);
    madvise(data, size, 22 /* MADV_POPULATE_READ */);
    for (int i = 0; i < 20; i++)
        if (compile_quietly(72 + i))
            return 2;
    return 0;
}

static void test_hosts_without_stdio_or_with_much_memory(void **state)
{
    (void)state;
    assert_int_equal(apart(without_stdio), 0);
    assert_int_equal(apart(with_the_image_closed), 0);
    assert_int_equal(apart(with_much_memory), 0);
}

static void *compile_others(void *data)
{
    int *failures = data, first = *failures;

    *failures = 0;
    for (int i = 0; i < 10; i++)
        *failures += compile_quietly(first + i);
    return NULL;
}

static void test_many_threads_ask(void **state)
{
    pthread_t threads[8];
    int failures[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        failures[i] = 1000 * (i + 1);
        assert_int_equal(pthread_create(&threads[i], NULL, compile_others, &failures[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 0);
    }
}

/* Forks while the compiler is being asked, so that the copy holds its end of the socket. */
static void *fork_meanwhile(void *data)
{
    atomic_int *copy = data;
    pid_t pid;

    usleep(100000);
    pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    atomic_store(copy, pid);
    return NULL;
}

static void test_a_copy_of_the_socket_elsewhere_keeps_nobody_waiting(void **state)
{
    atomic_int copy = 0;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, fork_meanwhile, &copy), 0);
    check_row(&(struct row){FAKE_LATE, -EPROTO, LEFT});
    pthread_join(thread, NULL);
    assert_true(copy > 0);
    kill(copy, SIGKILL);
    assert_int_equal(waitpid(copy, NULL, 0), copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_compiler_is_believed),
        cmocka_unit_test(test_it_may_go_well_the_next_time),
        cmocka_unit_test(test_a_host_that_ignores_sigchld),
        cmocka_unit_test(test_a_host_that_waits_for_any_child),
        cmocka_unit_test(test_signals_are_the_hosts_own),
        cmocka_unit_test(test_hosts_without_stdio_or_with_much_memory),
        cmocka_unit_test(test_many_threads_ask),
        cmocka_unit_test(test_a_copy_of_the_socket_elsewhere_keeps_nobody_waiting),
    };

    return test_run(tests);
}
