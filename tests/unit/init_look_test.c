/* SPDX-License-Identifier: Apache-2.0 */
/* What init finds out about a caller: here a child of the test, whose calls wait for it. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/init.h"
#include "init/look.h"
#include "kernel/filter.h"

struct shared {
    volatile int listener; /* the caller's number of it */
    volatile long result;
};

struct caller {
    struct init init;
    Crib__Plan plan;
    Crib__IdsPlan ids;
    Crib__LifePlan life;
    struct shared *shared;
    struct look *look;
    struct seccomp_notif request;
    pid_t pid;
    int pidfd;
};

typedef long make_call(const char *path);

/* Starts a process that makes one call, and takes the call. */
static void start(struct caller *c, int number, make_call *call, const char *path)
{
    memset(c, 0, sizeof(*c));
    crib__plan__init(&c->plan);
    crib__ids_plan__init(&c->ids);
    crib__life_plan__init(&c->life);
    c->ids.uid = c->ids.init_uid = getuid();
    c->ids.gid = c->ids.init_gid = getgid();
    c->life.detached = true;
    c->plan.ids = &c->ids;
    c->plan.life = &c->life;
    c->init.plan = &c->plan;
    c->init.parent = -1;
    c->shared =
        mmap(NULL, sizeof(*c->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    c->shared->listener = -1;
    c->pid = fork();
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "the caller");
        c->shared->listener = filter_listen(number);
        c->shared->result = call(path);
        _exit(0);
    }
    c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    while (c->shared->listener < 0)
        sched_yield();
    c->init.listener = (int)syscall(SYS_pidfd_getfd, c->pidfd, c->shared->listener, 0);
    assert_true(c->init.listener >= 0);
    assert_int_equal(ioctl(c->init.listener, SECCOMP_IOCTL_NOTIF_RECV, &c->request), 0);
    c->look = look_new(&c->init);
}

static void end(struct caller *c)
{
    struct seccomp_notif_resp response = {.id = c->request.id, .error = -EPERM};

    look_free(c->look);
    ioctl(c->init.listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    waitpid(c->pid, NULL, 0);
    munmap(c->shared, sizeof(*c->shared));
    close(c->pidfd);
    close(c->init.listener);
}

static bool look(struct caller *c, unsigned nth, bool follow, struct sighting *out)
{
    size_t count;
    const struct look_row *row = look_rows(c->request.data.nr, &count);

    assert_true(nth < count);
    return look_at(c->look, &c->request, &row[nth], follow ? LOOK_RESOLVE : 0, out);
}

static void path_is(const struct sighting *found, const char *path)
{
    assert_int_equal(found->kind, LOOK_PATH);
    assert_int_equal(found->object_len, strlen(path));
    assert_memory_equal(found->object, path, strlen(path));
}

static void file_is(const struct sighting *found, int code, const char *path, const char *there)
{
    assert_true(found->file.known);
    assert_int_equal(found->file.code, code);
    assert_int_equal(found->file.path_len, strlen(path));
    assert_memory_equal(found->file.path, path, strlen(path));
    assert_int_equal(found->file.there_len, strlen(there));
    assert_memory_equal(found->file.there, there, strlen(there));
}

static long call_mkdir(const char *path)
{
    return syscall(SYS_mkdirat, AT_FDCWD, path, 0755);
}

static long call_rename(const char *path)
{
    return syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, "/nonexistent/other", 0);
}

static long call_open(const char *path)
{
    return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
}

static long call_write(const char *path)
{
    return syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0644);
}

static long call_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return syscall(SYS_connect, 99, &address, offsetof(struct sockaddr_un, sun_path) + 6);
}

static void test_a_path_is_read(void **state)
{
    struct sighting found;
    struct caller c;

    (void)state;
    start(&c, SYS_mkdirat, call_mkdir, "/nonexistent/dir");
    look(&c, 0, false, &found);
    path_is(&found, "/nonexistent/dir");
    assert_false(found.file.known);
    if (found.program_len) /* it needs a /proc, and root to make one */
        assert_memory_equal(found.program, "the caller", found.program_len);
    end(&c);
}

static void test_both_paths_of_a_rename_are_read(void **state)
{
    struct sighting found;
    struct caller c;

    (void)state;
    start(&c, SYS_renameat2, call_rename, "/nonexistent/one");
    look(&c, 0, false, &found);
    path_is(&found, "/nonexistent/one");
    assert_int_equal(found.arg, 1);
    look(&c, 1, false, &found);
    path_is(&found, "/nonexistent/other");
    assert_int_equal(found.arg, 3);
    end(&c);
}

static void test_an_address_is_read_as_long_as_it_says(void **state)
{
    struct sighting found;
    struct caller c;

    (void)state;
    start(&c, SYS_connect, call_connect, "/tmp/a-socket");
    look(&c, 0, false, &found);
    assert_int_equal(found.kind, LOOK_ADDRESS);
    assert_int_equal(found.object_len, 8);
    assert_memory_equal(found.object + 2, "/tmp/a", 6);
    end(&c);
}

/* Memory that is not there, or ends before the path does, or a path that never ends. */
static long call_bad_pointer(const char *path)
{
    (void)path;
    return syscall(SYS_mkdirat, AT_FDCWD, (char *)8, 0755);
}

static long call_at_the_edge(const char *path)
{
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(memory + 4096, 4096);
    memcpy(memory + 4096 - strlen(path), path, strlen(path));
    return syscall(SYS_mkdirat, AT_FDCWD, memory + 4096 - strlen(path), 0755);
}

static long call_over_the_edge(const char *path)
{
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    memcpy(memory + 4096 - 3, path, strlen(path) + 1);
    return syscall(SYS_mkdirat, AT_FDCWD, memory + 4096 - 3, 0755);
}

static long call_endless(const char *path)
{
    char *memory = malloc(10000);

    (void)path;
    memset(memory, 'x', 10000);
    return syscall(SYS_mkdirat, AT_FDCWD, memory, 0755);
}

static void test_bad_memory_is_no_object(void **state)
{
    struct sighting found;
    struct caller c;

    (void)state;
    start(&c, SYS_mkdirat, call_bad_pointer, "");
    look(&c, 0, true, &found);
    assert_int_equal(found.kind, 0);
    end(&c);
    start(&c, SYS_mkdirat, call_at_the_edge, "/no/end");
    look(&c, 0, true, &found);
    assert_int_equal(found.kind, 0);
    end(&c);
    start(&c, SYS_mkdirat, call_over_the_edge, "/over/it");
    look(&c, 0, false, &found);
    path_is(&found, "/over/it");
    end(&c);
    start(&c, SYS_mkdirat, call_endless, "");
    look(&c, 0, true, &found);
    assert_int_equal(found.object_len, SIGHTING_TEXT);
    assert_false(found.file.known && found.file.path_len > SIGHTING_TEXT);
    end(&c);
}

/* A caller that is gone: what is read may be another's. */
static void test_a_dead_caller_has_no_object(void **state)
{
    struct sighting found;
    struct caller c;

    (void)state;
    start(&c, SYS_mkdirat, call_mkdir, "/nonexistent/dir");
    kill(c.pid, SIGKILL);
    waitpid(c.pid, NULL, 0);
    look(&c, 0, true, &found);
    assert_int_equal(found.kind, 0);
    assert_int_equal(found.program_len, 0);
    assert_false(found.file.known);
    end(&c);
}

static void test_where_a_path_leads(void **state)
{
    struct sighting found;
    struct caller c;
    char *dir = test_dir(), file[512], link[512], fifo[512], gone[512];

    (void)state;
    snprintf(file, sizeof(file), "%s/file", dir);
    snprintf(link, sizeof(link), "%s/link", dir);
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    snprintf(gone, sizeof(gone), "%s/gone/deeper", dir);
    test_write(file, "x", 1, 0444);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    start(&c, SYS_openat, call_open, link);
    assert_false(look(&c, 0, true, &found));
    path_is(&found, link);
    if (found.file.known && getuid() == 0) /* by /proc */
        file_is(&found, 0, file, "");
    assert_true(S_ISREG(found.file.mode));
    end(&c);
    start(&c, SYS_openat, call_open, fifo);
    assert_false(look(&c, 0, true, &found)); /* and it does not wait for a writer */
    assert_true(S_ISFIFO(found.file.mode));
    end(&c);
    start(&c, SYS_openat, call_open, gone);
    assert_true(look(&c, 0, true, &found));
    file_is(&found, -ENOENT, gone, dir);
    end(&c);
    *strrchr(gone, '/') = '\0';
    start(&c, SYS_openat, call_write, gone);
    assert_false(look(&c, 0, true, &found)); /* it can be made */
    file_is(&found, -ENOENT, gone, dir);
    end(&c);
    assert_int_equal(chmod(dir, 0500), 0);
    if (getuid() != 0) {
        start(&c, SYS_mkdirat, call_mkdir, gone);
        assert_true(look(&c, 0, true, &found));
        end(&c);
    }
    chmod(dir, 0700);
    free(dir);
}

/* A file that a symlink points to, which is not there: what is missing is that. */
static void test_a_link_to_nowhere_says_where(void **state)
{
    struct sighting found;
    struct caller c;
    char *dir = test_dir(), link[512], other[512], missing[512];

    (void)state;
    snprintf(link, sizeof(link), "%s/link", dir);
    snprintf(other, sizeof(other), "%s/other", dir);
    snprintf(missing, sizeof(missing), "%s/missing", dir);
    assert_int_equal(symlink("other", link), 0);
    assert_int_equal(symlink("missing", other), 0);
    start(&c, SYS_openat, call_open, link);
    assert_true(look(&c, 0, true, &found));
    file_is(&found, -ENOENT, missing, dir);
    end(&c);
    free(dir);
}

/* Two links to each other, a very long path: nothing that init would trip over. */
static void test_hostile_paths(void **state)
{
    struct sighting found;
    struct caller c;
    char *dir = test_dir(), one[512], two[512], longest[4000];

    (void)state;
    snprintf(one, sizeof(one), "%s/one", dir);
    snprintf(two, sizeof(two), "%s/two", dir);
    assert_int_equal(symlink(two, one), 0);
    assert_int_equal(symlink(one, two), 0);
    start(&c, SYS_openat, call_open, one);
    look(&c, 0, true, &found);
    path_is(&found, one);
    end(&c);
    for (size_t i = 0; i < sizeof(longest); i++)
        longest[i] = "/x"[i % 2];
    longest[sizeof(longest) - 1] = '\0';
    start(&c, SYS_openat, call_open, longest);
    assert_true(look(&c, 0, true, &found));
    assert_int_equal(found.object_len, SIGHTING_TEXT);
    assert_int_equal(found.file.code, -ENOENT);
    end(&c);
    start(&c, SYS_openat, call_open, "/proc/self/fd/0");
    assert_false(look(&c, 0, true, &found)); /* no link that is no text is followed */
    end(&c);
    free(dir);
}

/* A caller whose memory makes whoever reads it wait, where the host lets it. */
static long call_waiting(const char *path)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING, .range.len = 4096};
    int fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    void *memory;

    (void)path;
    if (fault < 0)
        fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area.range.start = (uintptr_t)memory;
    ioctl(fault, UFFDIO_API, &api);
    ioctl(fault, UFFDIO_REGISTER, &area);
    return syscall(SYS_mkdirat, AT_FDCWD, memory, 0755);
}

/* After a look that waits: the caller goes, and the thread comes back to look at another. */
static void end_waiting(struct caller *c)
{
    struct sighting found = {0};
    struct look *own;
    struct caller next;

    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    start(&next, SYS_mkdirat, call_mkdir, "/nonexistent/dir");
    close(c->init.listener);
    c->init.listener = fcntl(next.init.listener, F_DUPFD_CLOEXEC, 3);
    own = next.look;
    next.look = c->look;
    for (int i = 0; i < 2000 && found.kind == 0; i++) {
        usleep(i ? 10000 : 0);
        look(&next, 0, false, &found);
    }
    path_is(&found, "/nonexistent/dir");
    next.look = own;
    end(&next);
    end(c);
}

/* Init waits for a while, once; and looks again when the memory is gone. */
static void test_memory_that_waits_holds_nobody_up(void **state)
{
    struct sighting found;
    struct caller c;

    (void)state;
    start(&c, SYS_mkdirat, call_waiting, "");
    for (int i = 0; i < 100; i++) {
        assert_false(look(&c, 0, true, &found));
        assert_int_equal(found.kind, 0);
    }
    end_waiting(&c);
}

/* The parent's end is seen at once, whatever is being waited for. */
static void test_a_parent_that_is_gone_ends_the_wait(void **state)
{
    struct sighting found;
    struct caller c;
    int pair[2];

    (void)state;
    assert_int_equal(pipe(pair), 0);
    close(pair[1]);
    start(&c, SYS_mkdirat, call_waiting, "");
    c.life.detached = false;
    c.init.parent = pair[0];
    look(&c, 0, true, &found);
    assert_int_equal(found.kind, 0);
    c.init.parent = -1;
    c.life.detached = true;
    end_waiting(&c);
    close(pair[0]);
}

/* Every row can be read with what a call has. */
static void test_the_table_fits_the_calls(void **state)
{
    size_t count, rows = 0;

    (void)state;
    for (int number = 0; number < 1000; number++) {
        const struct look_row *row = look_rows(number, &count);

        for (size_t i = 0; i < count; i++, rows++) {
            assert_int_equal(row[i].number, number);
            assert_in_range(row[i].arg, 0, 5);
            assert_true(row[i].second >= -1 && row[i].second < 6);
            assert_true(row[i].last >= LOOK_STAY && row[i].last < 6);
            assert_true(row[i].kind == LOOK_PATH || row[i].second >= 0);
            assert_true((row[i].want != LOOK_OPEN && row[i].want != LOOK_HOW) || row[i].last >= 0);
        }
    }
    assert_true(rows > 60);
    assert_null(look_rows(SYS_read, &count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_path_is_read),
        cmocka_unit_test(test_both_paths_of_a_rename_are_read),
        cmocka_unit_test(test_an_address_is_read_as_long_as_it_says),
        cmocka_unit_test(test_bad_memory_is_no_object),
        cmocka_unit_test(test_a_dead_caller_has_no_object),
        cmocka_unit_test(test_where_a_path_leads),
        cmocka_unit_test(test_a_link_to_nowhere_says_where),
        cmocka_unit_test(test_hostile_paths),
        cmocka_unit_test(test_memory_that_waits_holds_nobody_up),
        cmocka_unit_test(test_a_parent_that_is_gone_ends_the_wait),
        cmocka_unit_test(test_the_table_fits_the_calls),
    };

    return test_run(tests);
}
