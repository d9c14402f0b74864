/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

/* every header that has constants of symbols.def */
#include <asm/prctl.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/membarrier.h>
#include <linux/mempolicy.h>
#include <linux/ptrace.h>
#include <linux/reboot.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/calls.h"

static void test_numbers_rise_to_the_last(void **state)
{
    int last = -1;

    (void)state;
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        assert_true(call->number > last);
        last = call->number;
        assert_ptr_equal(call_by_number(call->number), call);
        assert_ptr_equal(call_by_name(call->name), call);
    }
    assert_int_equal(last, CALLS_LAST);
    assert_null(call_by_number(-1));
    assert_null(call_by_number(CALLS_LAST + 1));
    assert_null(call_by_number(337));
    assert_null(call_by_name(""));
    assert_null(call_by_name("READ"));
}

/* __NR_x becomes its number where the headers know it, and stays a word where they do not. */
#define TEXT_(x)                #x
#define TEXT(x)                 TEXT_(x)
#define CALL(number, name, ...) {number, #name, TEXT(__NR_##name)},
#define U16(name)
#define U32(name)
#define U64(name)
#define PTR(name)
#define U16_OF(name, family)
#define U32_OF(name, family)
#define U64_OF(name, family)

static void test_numbers_are_those_of_the_headers(void **state)
{
    static const struct {
        int number;
        const char *name;
        const char *header;
    } rows[] = {
#include "policy/calls.def"
    };
    size_t compared = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].header[0] == '_')
            continue;
        if (atoi(rows[i].header) != rows[i].number)
            fail_msg("%s is %s, not %d", rows[i].name, rows[i].header, rows[i].number);
        compared++;
    }
    assert_true(compared > 350);
}

#define FAMILY(name, plain, number)
#define SYMBOL(family, name, value) {#name, value, (int64_t)(name)},
#define NEWER(family, name, value)

static void test_symbols_are_those_of_the_headers(void **state)
{
    static const struct {
        const char *name;
        uint64_t ours;
        int64_t theirs;
    } rows[] = {
#include "policy/symbols.def"
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t theirs = rows[i].theirs < 0 ? (uint32_t)rows[i].theirs : (uint64_t)rows[i].theirs;

        if (rows[i].ours != theirs)
            fail_msg("%s is %#llx, not %#llx", rows[i].name, (unsigned long long)theirs,
                     (unsigned long long)rows[i].ours);
    }
}

static int family_exists(const char *family)
{
    for (const struct symbol *s = symbol_next(NULL); s; s = symbol_next(s))
        if (strcmp(s->family, family) == 0)
            return 1;
    return 0;
}

static void test_arguments_make_sense(void **state)
{
    (void)state;
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        assert_in_range(call->count, 0, CALLS_ARGS);
        for (unsigned i = 0; i < call->count; i++) {
            const struct call_arg *arg = &call->args[i];

            assert_true(arg->bits == 16 || arg->bits == 32 || arg->bits == 64);
            assert_true(!arg->pointer || (arg->bits == 64 && !arg->symbols));
            assert_true(strlen(arg->name) < CALLS_LONGEST);
            /* `arg0` is an index in conditions */
            assert_false(strncmp(arg->name, "arg", 3) == 0 && arg->name[3] >= '0' &&
                         arg->name[3] <= '9');
            for (unsigned j = 0; j < i; j++)
                assert_string_not_equal(arg->name, call->args[j].name);
            assert_true(!arg->symbols || family_exists(arg->symbols));
        }
    }
}

/* What the walls of the shipped policies stand on. */
static void test_arguments_known(void **state)
{
    static const struct {
        const char *call, *arg;
        unsigned index, bits, pointer;
        const char *symbols;
    } rows[] = {
        {"socket", "domain", 0, 32, 0, "AF"},
        {"socket", "type", 1, 32, 0, "SOCK"},
        {"socketpair", "type", 1, 32, 0, "SOCK"},
        {"clone", "flags", 0, 32, 0, "CLONE"},
        {"unshare", "flags", 0, 64, 0, "CLONE"},
        {"ioctl", "cmd", 1, 32, 0, "IOCTL"},
        {"ioctl", "arg", 2, 64, 0, NULL},
        {"prctl", "option", 0, 32, 0, "PR"},
        {"prctl", "value2", 1, 64, 0, NULL},
        {"mmap", "prot", 2, 64, 0, "PROT"},
        {"mmap", "fd", 4, 32, 0, NULL},
        {"mprotect", "prot", 2, 64, 0, "PROT"},
        {"fcntl", "cmd", 1, 32, 0, "F"},
        {"kill", "sig", 1, 32, 0, "SIG"},
        {"tgkill", "pid", 1, 32, 0, NULL},
        {"personality", "persona", 0, 32, 0, "PER"},
        {"prlimit64", "pid", 0, 32, 0, NULL},
        {"setpriority", "who", 1, 32, 0, NULL},
        {"ioprio_set", "which", 0, 32, 0, "IOPRIO"},
        {"openat", "flags", 2, 32, 0, "O"},
        {"openat", "path", 1, 64, 1, NULL},
        {"connect", "addr", 1, 64, 1, NULL},
        {"chmod", "mode", 1, 16, 0, "MODE"},
        {"mount", "flags", 3, 64, 0, "MS"},
        {"bpf", "cmd", 0, 32, 0, "BPF"},
        {"ptrace", "request", 0, 64, 0, "PTRACE"},
        {"read", "count", 2, 64, 0, NULL},
        {"execve", "argv", 1, 64, 1, NULL},
        {"clone3", "args", 0, 64, 1, NULL},
        {"openat2", "how", 2, 64, 1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct call_arg *arg = &call_by_name(rows[i].call)->args[rows[i].index];

        assert_string_equal(arg->name, rows[i].arg);
        assert_int_equal(arg->bits, rows[i].bits);
        assert_int_equal(arg->pointer, rows[i].pointer);
        if (rows[i].symbols)
            assert_string_equal(arg->symbols, rows[i].symbols);
        else
            assert_null(arg->symbols);
    }
}

#define HIGH (1UL << 32)

/* Where calls.def says less than the declared type, the running kernel agrees: bits above do
 * nothing, so a condition that looked at them could be walked around. */
static void test_kernel_drops_what_the_table_leaves_out(void **state)
{
    char byte = 0, *dir = test_dir(), path[512];
    struct iovec iov = {&byte, 1};
    struct stat st;
    void *map;
    int fd, status;
    long pid;

    (void)state;
    snprintf(path, sizeof(path), "%s/file", dir);
    test_write(path, "x", 1, 0600);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(syscall(SYS_fchmod, fd, 0x10000 | 0640), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(syscall(SYS_readv, (unsigned long)fd | HIGH, &iov, 1), 1);
    assert_int_equal(byte, 'x');
    map = (void *)syscall(SYS_mmap, NULL, 1, PROT_READ, MAP_PRIVATE, (unsigned long)fd | HIGH, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    munmap(map, 1);
    close(fd);
    free(dir);
    pid = syscall(SYS_clone, SIGCHLD | HIGH, NULL, NULL, NULL, NULL);
    if (pid == 0)
        syscall(SYS_exit_group, 7);
    assert_true(pid > 0);
    assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void test_symbols_by_name(void **state)
{
    uint64_t value = 99;

    (void)state;
    assert_int_equal(symbol_value("AF", "AF_UNIX", &value), 0);
    assert_int_equal(value, AF_UNIX);
    assert_int_equal(symbol_value(NULL, "TIOCSTI", &value), 0);
    assert_int_equal(value, 0x5412);
    assert_int_equal(symbol_value("FD", "AT_FDCWD", &value), 0);
    assert_true(value == 0xffffff9c);
    value = 99;
    assert_int_equal(symbol_value("SOCK", "AF_UNIX", &value), -ENOENT);
    assert_int_equal(symbol_value(NULL, "AF_unix", &value), -ENOENT);
    assert_int_equal(value, 99);
}

/* The same name in two families must mean the same, or a condition could be misread. */
static void test_symbols_have_one_value(void **state)
{
    (void)state;
    for (const struct symbol *s = symbol_next(NULL); s; s = symbol_next(s)) {
        uint64_t value;

        assert_true(strlen(s->name) < CALLS_LONGEST);
        assert_int_equal(symbol_value(s->family, s->name, &value), 0);
        assert_true(value == s->value);
        assert_int_equal(symbol_value(NULL, s->name, &value), 0);
        assert_true(value == s->value);
    }
}

static void test_symbol_text(void **state)
{
    static const struct {
        const char *family;
        uint64_t mask, value;
        const char *text;
    } rows[] = {
        {"AF", UINT32_MAX, AF_UNIX, "AF_UNIX"}, /* not its other name AF_LOCAL */
        {"NOSUCH", UINT64_MAX, 1, "1"},
        {"AF", UINT32_MAX, 77, "77"},
        {NULL, UINT64_MAX, 1000, "1000"},
        {NULL, 0xff00, 0x1200, "0x1200"},
        {"SOCK", UINT32_MAX, SOCK_STREAM | SOCK_CLOEXEC, "SOCK_STREAM|SOCK_CLOEXEC"},
        {"SOCK", UINT32_MAX, 9, "0x9"},
        {"SOCK", 0xf, SOCK_RAW, "SOCK_RAW"},
        {"SOCK", 0x3, 1, "1"},
        {"O", UINT32_MAX, O_CLOEXEC, "O_RDONLY|O_CLOEXEC"},
        {"O", UINT32_MAX, O_SYNC | O_RDWR, "O_RDWR|O_SYNC"},
        {"O", UINT32_MAX, O_DSYNC | O_WRONLY, "O_WRONLY|O_DSYNC"},
        {"O", O_CREAT, 0, "0"},
        {"PROT", UINT64_MAX, PROT_READ | PROT_EXEC, "PROT_READ|PROT_EXEC"},
        {"PROT", UINT64_MAX, 0x40 | PROT_READ, "PROT_READ|0x40"},
        {"PROT", UINT64_MAX, 0, "0"},
        {"CLONE", UINT32_MAX, CLONE_VM | CLONE_VFORK | SIGCHLD, "SIGCHLD|CLONE_VM|CLONE_VFORK"},
        {"MODE", UINT16_MAX, S_IFREG | 0640, "S_IFREG|0640"},
        {"IOCTL", UINT32_MAX, 0x5499, "0x5499"},
        {"FD", UINT32_MAX, 0xffffff9c, "AT_FDCWD"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(symbol_text(rows[i].family, rows[i].mask, rows[i].value, &arena),
                            rows[i].text);
    arena_done(&arena);
    arena_init(&arena, 1);
    assert_null(symbol_text("PROT", UINT64_MAX, PROT_READ | PROT_EXEC, &arena));
    arena_done(&arena);
}

static void test_hints(void **state)
{
    char text[CALLS_DID_YOU];

    (void)state;
    assert_string_equal(call_did_you_mean("raed", text), ", did you mean 'read'?");
    assert_string_equal(call_did_you_mean("quite_something_else", text), "");
    assert_string_equal(symbol_did_you_mean("AF", "AF_UNIXX", text), ", did you mean 'AF_UNIX'?");
    assert_string_equal(symbol_did_you_mean(NULL, "TIOCSTY", text), ", did you mean 'TIOCSTI'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_rise_to_the_last),
        cmocka_unit_test(test_numbers_are_those_of_the_headers),
        cmocka_unit_test(test_symbols_are_those_of_the_headers),
        cmocka_unit_test(test_arguments_make_sense),
        cmocka_unit_test(test_arguments_known),
        cmocka_unit_test(test_kernel_drops_what_the_table_leaves_out),
        cmocka_unit_test(test_symbols_by_name),
        cmocka_unit_test(test_symbols_have_one_value),
        cmocka_unit_test(test_symbol_text),
        cmocka_unit_test(test_hints),
    };

    return test_run(tests);
}
