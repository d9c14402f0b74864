/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/host.h"

struct fixture {
    struct arena arena;
    Crib__Host host;
    struct host_fds fds;
    char *dir;
};

static const char *in_dir(struct fixture *f, const char *name)
{
    return arena_printf(&f->arena, "%s/%s", f->dir, name);
}

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    arena_init(&f->arena, 0);
    crib__host__init(&f->host);
    f->dir = test_dir();
}

static void done(struct fixture *f)
{
    host_fds_done(&f->fds);
    arena_done(&f->arena);
    free(f->dir);
}

static const Crib__HostPath *look(struct fixture *f, const char *path)
{
    host_fds_done(&f->fds);
    f->host.n_paths = 0;
    assert_int_equal(host_paths(&path, 1, &f->arena, &f->host, &f->fds), 0);
    assert_int_equal(f->host.n_paths, 1);
    assert_int_equal(f->fds.count, 1);
    assert_string_equal((char *)f->host.paths[0]->path.data, path);
    return f->host.paths[0];
}

/* The descriptor is of this very object, and for its path only. */
static void must_hold(struct fixture *f, const char *path)
{
    const Crib__HostPath *fact = f->host.paths[0];
    struct stat st, held;
    char byte;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(fstat(f->fds.fd[0], &held), 0);
    assert_true(st.st_dev == held.st_dev && st.st_ino == held.st_ino);
    assert_true(fact->dev == st.st_dev && fact->ino == st.st_ino);
    assert_int_equal(fact->mode, st.st_mode & 07777);
    assert_int_equal(read(f->fds.fd[0], &byte, 1), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(fcntl(f->fds.fd[0], F_GETFD), FD_CLOEXEC);
}

static void test_kinds(void **state)
{
    struct fixture f;
    const char *path;

    (void)state;
    start(&f);
    assert_int_equal(look(&f, f.dir)->kind, CRIB__HOST_PATH__KIND__dir);
    must_hold(&f, f.dir);
    path = in_dir(&f, "file");
    test_write(path, "x", 1, 0751);
    assert_int_equal(look(&f, path)->kind, CRIB__HOST_PATH__KIND__file);
    must_hold(&f, path);
    path = in_dir(&f, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(look(&f, path)->kind, CRIB__HOST_PATH__KIND__other);
    must_hold(&f, path);
    assert_int_equal(look(&f, "/dev/null")->kind, CRIB__HOST_PATH__KIND__device);
    must_hold(&f, "/dev/null");
    done(&f);
}

static void test_links_and_where_they_lead(void **state)
{
    const Crib__HostPath *fact;
    struct fixture f;
    const char *file, *link;

    (void)state;
    start(&f);
    file = in_dir(&f, "file");
    link = in_dir(&f, "link");
    test_write(file, "x", 1, 0644);
    assert_int_equal(symlink("./file", link), 0);
    fact = look(&f, link);
    assert_int_equal(fact->kind, CRIB__HOST_PATH__KIND__link);
    assert_int_equal(fact->end, CRIB__HOST_PATH__KIND__file);
    assert_int_equal(fact->text.len, 6);
    assert_memory_equal(fact->text.data, "./file", 6);
    assert_string_equal((char *)fact->real.data, (char *)look(&f, file)->real.data);
    must_hold(&f, file);
    done(&f);
}

static void test_a_directory_on_the_way_may_be_a_link(void **state)
{
    struct fixture f;
    const char *path;

    (void)state;
    start(&f);
    assert_int_equal(mkdir(in_dir(&f, "real"), 0755), 0);
    assert_int_equal(symlink("real", in_dir(&f, "way")), 0);
    test_write(in_dir(&f, "real/file"), "x", 1, 0644);
    path = in_dir(&f, "way/file");
    assert_int_equal(look(&f, path)->kind, CRIB__HOST_PATH__KIND__file);
    test_contains((char *)f.host.paths[0]->real.data, "/real/file");
    done(&f);
}

static void test_what_is_not_there(void **state)
{
    struct fixture f;
    const char *link;

    (void)state;
    start(&f);
    assert_int_equal(look(&f, in_dir(&f, "missing"))->kind, CRIB__HOST_PATH__KIND__missing);
    assert_int_equal(f.host.paths[0]->code, -ENOENT);
    assert_int_equal(f.fds.fd[0], -1);
    assert_int_equal(look(&f, "/dev/null/x")->kind, CRIB__HOST_PATH__KIND__missing);
    assert_int_equal(f.host.paths[0]->code, -ENOTDIR);
    link = in_dir(&f, "dangling");
    assert_int_equal(symlink("nowhere", link), 0);
    assert_int_equal(look(&f, link)->kind, CRIB__HOST_PATH__KIND__link);
    assert_int_equal(f.host.paths[0]->end, CRIB__HOST_PATH__KIND__missing);
    assert_int_equal(f.fds.fd[0], -1);
    link = in_dir(&f, "circle");
    assert_int_equal(symlink("circle", link), 0);
    assert_int_equal(look(&f, link)->end, CRIB__HOST_PATH__KIND__unreadable);
    assert_int_equal(f.host.paths[0]->code, -ELOOP);
    done(&f);
}

/* /proc/self/fd/N leads to whatever N is: never followed. */
static void test_magic_links_are_not_followed(void **state)
{
    struct fixture f;
    char path[64];

    (void)state;
    start(&f);
    snprintf(path, sizeof(path), "/proc/self/cwd/x");
    assert_int_equal(look(&f, path)->kind, CRIB__HOST_PATH__KIND__unreadable);
    assert_int_equal(f.host.paths[0]->code, -ELOOP);
    assert_int_equal(f.fds.fd[0], -1);
    assert_int_equal(look(&f, "/proc/self/exe")->kind, CRIB__HOST_PATH__KIND__link);
    assert_int_equal(f.host.paths[0]->end, CRIB__HOST_PATH__KIND__unreadable);
    assert_int_equal(f.fds.fd[0], -1);
    done(&f);
}

static void test_the_callers_own_rights_count(void **state)
{
    struct fixture f;
    const char *path;

    (void)state;
    start(&f);
    assert_int_equal(mkdir(in_dir(&f, "shut"), 0700), 0);
    path = in_dir(&f, "shut/file");
    test_write(path, "x", 1, 0644);
    assert_int_equal(chmod(in_dir(&f, "shut"), 0), 0);
    look(&f, path);
    if (geteuid() == 0) {
        assert_int_equal(f.host.paths[0]->kind, CRIB__HOST_PATH__KIND__file);
    } else {
        assert_int_equal(f.host.paths[0]->kind, CRIB__HOST_PATH__KIND__unreadable);
        assert_int_equal(f.host.paths[0]->code, -EACCES);
    }
    chmod(in_dir(&f, "shut"), 0700);
    done(&f);
}

static void test_order_is_kept(void **state)
{
    struct fixture f;
    const char *paths[] = {"/dev/null", "/nowhere at all", "/dev/null", "/"};

    (void)state;
    start(&f);
    assert_int_equal(host_paths(paths, 4, &f.arena, &f.host, &f.fds), 0);
    assert_int_equal(f.host.n_paths, 4);
    assert_int_equal(f.fds.count, 4);
    assert_true(f.fds.fd[0] >= 0 && f.fds.fd[1] == -1 && f.fds.fd[2] >= 0 && f.fds.fd[3] >= 0);
    assert_true(f.fds.fd[0] != f.fds.fd[2]);
    assert_string_equal((char *)f.host.paths[3]->real.data, "/");
    done(&f);
}

static void test_failures_leave_nothing_open(void **state)
{
    struct fixture f;
    const char *paths[] = {"/dev/null", "relative"};
    struct rlimit before, tight;

    (void)state;
    start(&f);
    assert_int_equal(host_paths(paths, 2, &f.arena, &f.host, &f.fds), -EINVAL);
    assert_null(f.fds.fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)(dup(0) + 1);
    close((int)tight.rlim_cur - 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    paths[1] = "/dev/zero";
    assert_int_equal(host_paths(paths, 2, &f.arena, &f.host, &f.fds), -EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(f.fds.fd);
    assert_int_equal(host_paths(NULL, 0, &f.arena, &f.host, &f.fds), 0);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_links_and_where_they_lead),
        cmocka_unit_test(test_a_directory_on_the_way_may_be_a_link),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_magic_links_are_not_followed),
        cmocka_unit_test(test_the_callers_own_rights_count),
        cmocka_unit_test(test_order_is_kept),
        cmocka_unit_test(test_failures_leave_nothing_open),
    };

    return test_run(tests);
}
