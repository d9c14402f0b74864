/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "compiler/compiler.h"

/* The runner wraps each test; cmocka hands a test nothing but its state, so what runs is kept here.
 */
static const struct CMUnitTest *running;
static size_t running_next;

/* The namespace itself, and its table of sockets; `(deleted)` where the thread that made it is
 * gone.
 */
static bool is_kept_network(int dir, const char *name)
{
    char link[128];
    ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

    if (n < 0)
        return false;
    link[n] = '\0';
    return strncmp(link, "net:[", 5) == 0 || strstr(link, "/net/unix");
}

int test_count_fds(pid_t pid)
{
    char path[32];
    int count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.' && !is_kept_network(dirfd(dir), entry->d_name);
    closedir(dir);
    return pid == getpid() ? count - 1 : count; /* the directory's own */
}

static void check_children(void)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);

    if (pid == 0 || (pid < 0 && errno != ECHILD))
        fail_msg("the test left a child running");
    if (pid > 0)
        fail_msg("the test left a zombie, pid %d", (int)pid);
}

static void run_checked(void **state)
{
    const struct CMUnitTest *test = &running[running_next++];
    int before = test_count_fds(getpid()), after;

    test->test_func(state);
    after = test_count_fds(getpid());
    if (after != before)
        fail_msg("%d fds before the test, %d after it", before, after);
    check_children();
}

int test_run_group(const char *name, const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest *wrapped = calloc(count, sizeof(*wrapped));
    int r;

    if (!wrapped)
        return 1;
    /* The first use of the time zone, locale and the like may open what stays open. */
    image_fd(&compiler_image, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setenv("CRIB_FILTER_CACHE", "off", 0); /* no test leaves anything to the next */
    running = tests;
    running_next = 0;
    for (size_t i = 0; i < count; i++) {
        wrapped[i] = tests[i];
        wrapped[i].test_func = run_checked;
    }
    r = _cmocka_run_group_tests(name, wrapped, count, NULL, NULL);
    free(wrapped);
    return r;
}

void test_skip(const char *reason, ...)
{
    const char *must = getenv("CRIB_TESTS_MUST_RUN");
    va_list args;
    char text[512];

    va_start(args, reason);
    vsnprintf(text, sizeof(text), reason, args);
    va_end(args);
    if (must && strcmp(must, "1") == 0)
        fail_msg("may not be skipped here: %s", text);
    print_message("skipped: %s\n", text);
    skip();
    abort();
}

static char dirs[64][256];
static size_t dir_count;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_dirs(void)
{
    for (size_t i = 0; i < dir_count; i++)
        nftw(dirs[i], remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

char *test_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = dirs[dir_count];

    assert_true(dir_count < sizeof(dirs) / sizeof(dirs[0]));
    snprintf(path, sizeof(dirs[0]), "%s/crib-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    if (dir_count++ == 0)
        atexit(remove_dirs);
    return strdup(path);
}

void test_write(const char *path, const void *data, size_t len, unsigned mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(fd_write_all(fd, data, len), 0);
    fchmod(fd, mode);
    fd_close(&fd);
}

char *test_read(const char *path, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    char *data = NULL;

    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(fd_read_file(fd, 64 << 20, &data, &len), 0);
    fd_close(&fd);
    if (ret_len)
        *ret_len = len;
    return data;
}

void test_contains(const char *got, const char *part)
{
    if (!strstr(got, part))
        fail_msg("\n  got:      %s\n  expected: …%s…", got, part);
}

uint64_t test_race_us(void)
{
    const char *text = getenv("CRIB_TESTS_LONG");

    return text && strcmp(text, "1") == 0 ? 60 * 1000000ull : 2 * 1000000ull;
}
