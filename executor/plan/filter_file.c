/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/filter_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "plan/plan.h"

#define VARIABLE "CRIB_FILTER_CACHE"
#define OF_ROOT  "/var/cache/crib"
#define SUFFIX   ".filter"
#define NEW      "new-" /* how files begin that are being written */
#define NAME     48     /* bytes that hold the name of a file */
#define STAMP    64
#define STALE    3600 /* seconds after which nobody is still writing a file */

/* How a file begins; the key, the programs and a sum of all before it follow. */
struct head {
    char mark[8];
    char stamp[STAMP];
    uint32_t key_len;
    uint32_t listening, fallback; /* instructions */
};

static atomic_bool forbidden;

void plan_keep_no_files(void)
{
    atomic_store(&forbidden, true);
}

/* FNV-1a, 64 bits: tells what is broken and where to look, not who wrote it. */
static uint64_t sum_of(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    return sum;
}

#define SUM_BEGINS 0xcbf29ce484222325u

static void name_of(const struct buf *key, char name[NAME])
{
    uint64_t sum = sum_of(SUM_BEGINS, filter_stamp, STAMP);

    snprintf(name, NAME, "%016llx%s", (unsigned long long)sum_of(sum, key->data, key->len), SUFFIX);
}

/* --- the directory --- */

static bool is_off(const char *said)
{
    return atomic_load(&forbidden) || getauxval(AT_SECURE) || getuid() != geteuid() ||
           getgid() != getegid() || (said && strcmp(said, "off") == 0);
}

/* Return: whether there is to be one. @ret_above: how many directories at its end may be made. */
static bool where(char path[PATH_MAX], int *ret_make)
{
    const char *said = secure_getenv(VARIABLE), *cache = secure_getenv("XDG_CACHE_HOME"),
               *home = secure_getenv("HOME");
    int n = -1;

    *ret_make = 1;
    if (is_off(said))
        return false;
    if (said && said[0])
        n = said[0] == '/' ? snprintf(path, PATH_MAX, "%s", said) : -1;
    else if (geteuid() == 0)
        n = snprintf(path, PATH_MAX, OF_ROOT);
    else if (cache && cache[0] == '/')
        n = snprintf(path, PATH_MAX, "%s/crib", cache);
    else if (home && home[0] == '/') {
        n = snprintf(path, PATH_MAX, "%s/.cache/crib", home);
        *ret_make = 2;
    }
    return n > 0 && n < PATH_MAX;
}

/* Makes the last @count directories of a path, as far as they are missing. */
static void make_dirs(char *path, int count)
{
    char *slash = strrchr(path, '/');

    if (mkdir(path, 0700) == 0 || errno != ENOENT || count < 2 || slash == path)
        return;
    *slash = '\0';
    make_dirs(path, count - 1);
    *slash = '/';
    mkdir(path, 0700);
}

/* Whether nobody but us could have put anything there. */
static bool is_ours(int fd, mode_t kind)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0 && (kind == S_IFDIR || st.st_nlink == 1);
}

/* Return: an fd; -1. */
static int open_dir(bool make)
{
    char path[PATH_MAX];
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, count;
    AUTO_FD int fd = -1;

    if (!where(path, &count))
        return -1;
    fd = open(path, flags);
    if (fd < 0 && errno == ENOENT && make) {
        make_dirs(path, count);
        fd = open(path, flags);
    }
    return fd >= 0 && is_ours(fd, S_IFDIR) ? fd_take(&fd) : -1;
}

/* --- reading --- */

/* Whether a program looks at the architecture and the number first, as all of ours do, and stays
 * inside. */
static bool is_one_of_ours(const struct filter_code *program)
{
    struct seccomp_data foreign = {.arch = AUDIT_ARCH_I386},
                        x32 = {.arch = AUDIT_ARCH_X86_64, .nr = 0x40000000},
                        unknown = {.arch = AUDIT_ARCH_X86_64, .nr = CALLS_LAST + 1};
    const uint32_t none = SECCOMP_RET_ERRNO | ENOSYS;
    uint32_t answer;

    return filter_stays_inside(program) && filter_run(program, &foreign, &answer) == 0 &&
           answer == SECCOMP_RET_KILL_PROCESS && filter_run(program, &x32, &answer) == 0 &&
           answer == none && filter_run(program, &unknown, &answer) == 0 && answer == none;
}

static bool take_program(const char *from, size_t len, struct arena *arena, struct filter_code *ret)
{
    ret->len = len;
    ret->code = (struct sock_filter *)arena_copy(arena, from, len * sizeof(*ret->code));
    return ret->code && is_one_of_ours(ret);
}

static bool take(const char *data, size_t len, const struct buf *key, struct arena *arena,
                 struct filter_programs *ret)
{
    size_t each = sizeof(struct sock_filter);
    struct head head;
    uint64_t sum;

    if (len < sizeof(head) + sizeof(sum))
        return false;
    memcpy(&head, data, sizeof(head));
    if (memcmp(head.mark, FILTER_FILE_MARK, sizeof(head.mark)) != 0 ||
        memcmp(head.stamp, filter_stamp, STAMP) != 0 || head.key_len != key->len ||
        !head.listening || head.listening > FILTER_MAX || !head.fallback ||
        head.fallback > FILTER_MAX ||
        len != sizeof(head) + key->len + (head.listening + head.fallback) * each + sizeof(sum))
        return false;
    memcpy(&sum, data + len - sizeof(sum), sizeof(sum));
    if (sum != sum_of(SUM_BEGINS, data, len - sizeof(sum)) ||
        memcmp(data + sizeof(head), key->data, key->len) != 0)
        return false;
    data += sizeof(head) + key->len;
    return take_program(data, head.listening, arena, &ret->listening) &&
           take_program(data + head.listening * each, head.fallback, arena, &ret->fallback);
}

bool filter_file_read(const struct buf *key, struct arena *arena, struct filter_programs *ret)
{
    AUTO_FREE char *data = NULL;
    AUTO_FD int dir = open_dir(false), fd = -1;
    char name[NAME];
    size_t len;

    if (dir < 0)
        return false;
    name_of(key, name);
    fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 && is_ours(fd, S_IFREG) && fd_read_file(fd, FILTER_FILE_MAX, &data, &len) == 0 &&
           take(data, len, key, arena, ret);
}

/* --- writing --- */

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), tail = strlen(end);

    return len > tail && strcmp(name + len - tail, end) == 0;
}

/* Removes what was being written when its process ended. Return: whether it is a file to be
 * counted; @ret is filled. */
static bool look(int dir, const char *name, struct stat *ret)
{
    bool is_new = strncmp(name, NEW, strlen(NEW)) == 0;

    if ((!is_new && !ends_in(name, SUFFIX)) || fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    if (is_new && ret->st_mtime + STALE < time(NULL))
        unlinkat(dir, name, 0);
    return !is_new;
}

/* Return: how many files there are; @ret_oldest is one of them. */
static unsigned count_files(int dir, char ret_oldest[NAME])
{
    int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;
    struct timespec oldest = {0};
    unsigned count = 0;

    if (!list) {
        fd_close(&copy);
        return 0;
    }
    while ((entry = readdir(list))) {
        struct stat st;

        if (strlen(entry->d_name) >= NAME || !look(dir, entry->d_name, &st))
            continue;
        if (!count++ || st.st_mtim.tv_sec < oldest.tv_sec ||
            (st.st_mtim.tv_sec == oldest.tv_sec && st.st_mtim.tv_nsec < oldest.tv_nsec)) {
            oldest = st.st_mtim;
            memcpy(ret_oldest, entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    closedir(list);
    return count;
}

static void make_room(int dir)
{
    char oldest[NAME];

    for (int i = 0; i < FILTER_FILES && count_files(dir, oldest) > FILTER_FILES; i++)
        if (unlinkat(dir, oldest, 0) < 0)
            return;
}

static int append_all(const struct buf *key, const struct filter_programs *programs,
                      struct buf *ret)
{
    size_t each = sizeof(struct sock_filter);
    struct head head = {.key_len = (uint32_t)key->len,
                        .listening = (uint32_t)programs->listening.len,
                        .fallback = (uint32_t)programs->fallback.len};
    uint64_t sum;
    int r;

    memcpy(head.mark, FILTER_FILE_MARK, sizeof(head.mark));
    memcpy(head.stamp, filter_stamp, STAMP);
    r = buf_append(ret, &head, sizeof(head));
    if (r == 0)
        r = buf_append(ret, key->data, key->len);
    if (r == 0)
        r = buf_append(ret, programs->listening.code, programs->listening.len * each);
    if (r == 0)
        r = buf_append(ret, programs->fallback.code, programs->fallback.len * each);
    if (r < 0)
        return r;
    sum = sum_of(SUM_BEGINS, ret->data, ret->len);
    return buf_append(ret, &sum, sizeof(sum));
}

/* Nobody ever sees half a file. Return: whether there is a new one. */
static bool write_file(int dir, const char *name, const struct buf *text)
{
    static atomic_uint number;
    char beside[NAME];
    AUTO_FD int fd = -1;

    snprintf(beside, sizeof(beside), NEW "%d-%u", (int)getpid(), atomic_fetch_add(&number, 1));
    fd = openat(dir, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    if (fd_write_within(fd, text->data, text->len) == 0 && renameat(dir, beside, dir, name) == 0)
        return true;
    unlinkat(dir, beside, 0);
    return false;
}

void filter_file_write(const struct buf *key, const struct filter_programs *programs)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO_FD int dir = open_dir(true);
    char name[NAME];

    if (dir < 0 || append_all(key, programs, &text) < 0 || text.len > FILTER_FILE_MAX)
        return;
    name_of(key, name);
    if (write_file(dir, name, &text))
        make_room(dir);
}
