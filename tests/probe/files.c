/* SPDX-License-Identifier: Apache-2.0 */
/* Files: what is visible, what can be written, what can be made and executed. */
#include "probe/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a directory, sorted, one a line. */
static int verb_ls(int argc, char **argv)
{
    struct dirent **entries;
    int count = scandir(argv[1], &entries, NULL, alphasort);

    (void)argc;
    if (count < 0)
        return !say(argv[1], -1);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            printf("%s\n", name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

static int verb_cat(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (print_file(argv[i]) < 0)
            return !say(argv[i], -1);
    return 0;
}

/* Stdin, if no file is named. */
static int verb_copy(int argc, char **argv)
{
    char data[65536];
    ssize_t n;

    (void)argc;
    (void)argv;
    while ((n = read(0, data, sizeof(data))) > 0)
        for (ssize_t at = 0; at < n;) {
            ssize_t w = write(1, data + at, (size_t)(n - at));

            if (w < 0)
                return 1;
            at += w;
        }
    return n < 0 ? !say("read", -1) : 0;
}

static int verb_write(int argc, char **argv)
{
    const char *text = argc > 2 ? argv[2] : "x";
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    long r = fd < 0 ? -1 : write(fd, text, strlen(text));
    int code = errno;

    if (fd >= 0)
        close(fd);
    errno = code;
    return !say(argv[1], r);
}

/* open PATH r|w|rw|path|dir|create: each path is tried and closed again. */
static int verb_open(int argc, char **argv)
{
    static const struct {
        const char *name;
        int flags;
    } modes[] = {{"r", O_RDONLY},
                 {"w", O_WRONLY},
                 {"rw", O_RDWR},
                 {"path", O_PATH},
                 {"dir", O_RDONLY | O_DIRECTORY},
                 {"create", O_WRONLY | O_CREAT | O_EXCL}};
    int flags = 0, failed = 0;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(argv[1], modes[i].name) == 0)
            flags = modes[i].flags;
    for (int i = 2; i < argc; i++) {
        int fd = open(argv[i], flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);

        failed += !say(argv[i], fd);
        if (fd >= 0)
            close(fd);
    }
    return failed != 0;
}

/* `PATH KIND MODE UID GID SIZE MAJOR:MINOR`; of a symlink itself, followed by what it says. */
static int verb_stat(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;
        char text[1024] = "";

        if (lstat(argv[i], &st) < 0) {
            failed += !say(argv[i], -1);
            continue;
        }
        if (S_ISLNK(st.st_mode) && readlink(argv[i], text, sizeof(text) - 1) < 0)
            text[0] = 0;
        printf("%s %s %04o %u %u %lld %u:%u%s%s\n", argv[i],
               S_ISLNK(st.st_mode)   ? "link"
               : S_ISDIR(st.st_mode) ? "dir"
               : S_ISCHR(st.st_mode) ? "chr"
               : S_ISREG(st.st_mode) ? "file"
                                     : "other",
               st.st_mode & 07777, st.st_uid, st.st_gid, (long long)st.st_size, major(st.st_rdev),
               minor(st.st_rdev), *text ? " " : "", text);
    }
    return failed != 0;
}

static int verb_mkdir(int argc, char **argv)
{
    (void)argc;
    return !say(argv[1], mkdir(argv[1], 0755));
}

static int verb_unlink(int argc, char **argv)
{
    (void)argc;
    return !say(argv[1], unlink(argv[1]));
}

static int verb_symlink(int argc, char **argv)
{
    (void)argc;
    return !say(argv[2], symlink(argv[1], argv[2]));
}

static int verb_link(int argc, char **argv)
{
    (void)argc;
    return !say(argv[2], link(argv[1], argv[2]));
}

/* swap ONE OTHER: a process that exchanges the two names for as long as it lives. */
static int verb_swap(int argc, char **argv)
{
    int first = renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE);

    (void)argc;
    if (!say(argv[1], first))
        return 1;
    fflush(stdout);
    if (fork() != 0)
        return 0;
    for (;;)
        renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE);
}

/* grow PATH: a process that appends to a file, and makes it anew, for as long as it lives. */
static int verb_grow(int argc, char **argv)
{
    char data[4096];

    (void)argc;
    memset(data, 'x', sizeof(data));
    if (fork() != 0)
        return 0;
    for (unsigned i = 0;; i++) {
        int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | (i % 64 ? 0 : O_TRUNC), 0600);

        if (fd < 0)
            continue;
        if (write(fd, data, sizeof(data)) < 0 || ftruncate(fd, (off_t)(i % 64) * 100) < 0)
            i += 7;
        close(fd);
    }
}

static int verb_chmod(int argc, char **argv)
{
    (void)argc;
    return !say(argv[2], chmod(argv[2], (mode_t)number(argv[1])));
}

static int verb_mknod(int argc, char **argv)
{
    (void)argc;
    return !say(argv[1], mknod(argv[1], S_IFCHR | 0666,
                               makedev((unsigned)number(argv[2]), (unsigned)number(argv[3]))));
}

static int verb_chdir(int argc, char **argv)
{
    (void)argc;
    return !say(argv[1], chdir(argv[1]));
}

/* openat FD PATH: what lies beyond an inherited directory. */
static int verb_openat(int argc, char **argv)
{
    int fd = openat((int)number(argv[1]), argv[2], O_RDONLY | O_CLOEXEC);

    (void)argc;
    say(argv[2], fd);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

/* statfs PATH: `PATH TYPE BLOCKS*SIZE`, the type in hexadecimal. */
static int verb_statfs(int argc, char **argv)
{
    struct statfs fs;

    (void)argc;
    if (statfs(argv[1], &fs) < 0)
        return !say(argv[1], -1);
    printf("%s %lx %llu\n", argv[1], (unsigned long)fs.f_type,
           (unsigned long long)fs.f_blocks * (unsigned long long)fs.f_bsize);
    return 0;
}

/* fill PATH BYTES: `wrote N`, then how it ended. */
static int verb_fill(int argc, char **argv)
{
    static char block[65536];
    long want = number(argv[2]), wrote = 0, n = 0;
    int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    (void)argc;
    if (fd < 0)
        return !say(argv[1], -1);
    while (wrote < want) {
        size_t step = sizeof(block);

        if ((long)step > want - wrote)
            step = (size_t)(want - wrote);
        n = write(fd, block, step);
        if (n < 0)
            break;
        wrote += n;
    }
    say("fill", n);
    printf("wrote %ld\n", wrote);
    close(fd);
    return n < 0;
}

/* inodes DIR COUNT: how many files can be made. */
static int verb_inodes(int argc, char **argv)
{
    long want = number(argv[2]), made = 0;

    (void)argc;
    for (; made < want; made++) {
        char path[512];
        int fd;

        snprintf(path, sizeof(path), "%s/i%ld", argv[1], made);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            say("inodes", -1);
            break;
        }
        close(fd);
    }
    printf("made %ld\n", made);
    return 0;
}

static int verb_exec(int argc, char **argv)
{
    (void)argc;
    execv(argv[1], argv + 1);
    return !say(argv[1], -1);
}

/* copyself PATH MODE [PROGRAM]: a copy of this very program; strict has no /proc to find it by. */
static int verb_copyself(int argc, char **argv)
{
    int from = open(argc > 3 ? argv[3] : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    char data[65536];
    ssize_t n = -1;

    if (from >= 0 && to >= 0)
        while ((n = read(from, data, sizeof(data))) > 0)
            if (write(to, data, (size_t)n) != n)
                break;
    if (n == 0 && fchmod(to, (mode_t)number(argv[2])) < 0)
        n = -1;
    close(from);
    close(to);
    return !say(argv[1], n);
}

static void walk(const char *path, int depth)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char *names[4096];
    size_t count = 0;

    if (!dir)
        return;
    while (count < 4096 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names[count++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof(names[0]), compare);
    for (size_t i = 0; i < count; i++) {
        char below[4096];
        struct stat st;

        snprintf(below, sizeof(below), "%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]);
        if (lstat(below, &st) == 0) {
            printf("%s%s\n", below, S_ISDIR(st.st_mode) ? "/" : S_ISLNK(st.st_mode) ? "@" : "");
            if (S_ISDIR(st.st_mode) && depth > 1)
                walk(below, depth - 1);
        }
        free(names[i]);
    }
}

/* tree PATH DEPTH: everything below, directories with a slash, symlinks with an @. */
static int verb_tree(int argc, char **argv)
{
    (void)argc;
    walk(argv[1], (int)number(argv[2]));
    return 0;
}

const struct verb file_verbs[] = {
    {"ls", verb_ls, 1},
    {"cat", verb_cat, 1},
    {"copy", verb_copy, 0},
    {"write", verb_write, 1},
    {"open", verb_open, 2},
    {"stat", verb_stat, 1},
    {"mkdir", verb_mkdir, 1},
    {"unlink", verb_unlink, 1},
    {"symlink", verb_symlink, 2},
    {"link", verb_link, 2},
    {"swap", verb_swap, 2},
    {"grow", verb_grow, 1},
    {"chmod", verb_chmod, 2},
    {"mknod", verb_mknod, 3},
    {"chdir", verb_chdir, 1},
    {"openat", verb_openat, 2},
    {"statfs", verb_statfs, 1},
    {"fill", verb_fill, 2},
    {"inodes", verb_inodes, 2},
    {"exec", verb_exec, 1},
    {"copyself", verb_copyself, 2},
    {"tree", verb_tree, 2},
    {NULL, NULL, 0},
};
