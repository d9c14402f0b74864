/* SPDX-License-Identifier: Apache-2.0 */
/* With whose rights paths are looked at and files opened; bounds; what stays open. */
#include "opening.h"

static void facts_are_those_of_the_host(void **state)
{
    const char *const paths[] = {"/usr", "/", "/nonexistent/x", "/proc/self", "/dev/null", "/bin"};
    const size_t count = sizeof(paths) / sizeof(paths[0]);
    struct peer me = self();
    struct opening o;
    struct asked a;
    struct arena arena;
    struct host_fds fds;
    Crib__Host host = CRIB__HOST__INIT;

    (void)state;
    arena_init(&arena, 0);
    opening_start(&o);
    assert_int_equal(ask_all(&o, &a, &me, paths, count, NULL, 0), 0);
    assert_int_equal(answered(&o, &a), 0);
    assert_int_equal(host_paths(paths, count, &arena, &host, &fds), 0);
    assert_int_equal(a.host.n_paths, count);
    assert_int_equal(a.answer.fds.count, count);
    for (size_t i = 0; i < count; i++) {
        struct stat st;

        assert_int_equal(a.answer.fds.fd[i] >= 0, fds.fd[i] >= 0);
        if (strcmp(paths[i], "/proc/self") == 0) /* another process's */
            continue;
        assert_int_equal(a.host.paths[i]->kind, host.paths[i]->kind);
        assert_int_equal(a.host.paths[i]->ino, host.paths[i]->ino);
        if (fds.fd[i] < 0)
            continue;
        assert_true(fcntl(a.answer.fds.fd[i], F_GETFL) & O_PATH);
        assert_int_equal(fcntl(a.answer.fds.fd[i], F_GETFD), FD_CLOEXEC);
        assert_int_equal(fstat(a.answer.fds.fd[i], &st), 0);
        assert_int_equal(st.st_ino, host.paths[i]->ino);
    }
    host_fds_done(&fds);
    arena_done(&arena);
    asked_done(&a);
    opening_stop(&o);
    peer_done(&me);
}

/* Where its owner let nobody in, the daemon's own rights are not used. */
static void what_the_client_may_not_see(void **state)
{
    char *dir = open_dir();
    struct peer client = ordinary(), me = self();
    Crib__HostPath__Kind kind;
    struct arena arena;
    struct opening o;
    const char *closed, *file, *missing;

    (void)state;
    arena_init(&arena, 0);
    closed = in(&arena, dir, "closed");
    file = in(&arena, closed, "file");
    missing = in(&arena, closed, "missing");
    assert_int_equal(mkdir(closed, 0700), 0);
    test_write(file, "secret", 6, 0644);
    assert_int_equal(chmod(closed, 0), 0);
    opening_start(&o);
    /* What is there cannot be told from what is not. */
    assert_int_equal(look_at(&o, &client, file, &kind), 0);
    assert_int_equal(kind, CRIB__HOST_PATH__KIND__unreadable);
    assert_int_equal(look_at(&o, &client, missing, &kind), 0);
    assert_int_equal(kind, CRIB__HOST_PATH__KIND__unreadable);
    assert_int_equal(open_file(&o, &client, file, O_RDONLY), -EACCES);
    assert_int_equal(open_file(&o, &client, missing, O_WRONLY | O_CREAT | O_TRUNC), -EACCES);
    if (geteuid() == 0) {
        assert_int_equal(open_file(&o, &me, file, O_RDONLY), 0);
        assert_int_equal(look_at(&o, &me, file, &kind), 0);
        assert_int_equal(kind, CRIB__HOST_PATH__KIND__file);
    }
    opening_stop(&o);
    assert_int_equal(chmod(closed, 0700), 0);
    arena_done(&arena);
    peer_done(&client);
    peer_done(&me);
    free(dir);
}

/* Root's rights for a group are those of the client's list; nobody else's daemon has a choice. */
static void groups_count(void **state)
{
    gid_t list[] = {5554, 5555};
    struct peer client = ordinary();
    char *dir = open_dir();
    struct arena arena;
    struct opening o;
    struct asked a;
    const char *file;

    (void)state;
    arena_init(&arena, 0);
    file = in(&arena, dir, "file");
    test_write(file, "x", 1, 0640);
    opening_start(&o);
    if (geteuid() == 0) {
        assert_int_equal(chown(file, 0, 5555), 0);
        assert_int_equal(open_file(&o, &client, file, O_RDONLY), -EACCES);
        client.groups = list;
        client.n_groups = 2;
        assert_int_equal(open_file(&o, &client, file, O_RDONLY), 0);
        client.n_groups = 1;
        assert_int_equal(open_file(&o, &client, file, O_RDONLY), -EACCES);
    } else {
        assert_int_equal(open_file(&o, &client, file, O_RDONLY), 0);
        client.gid++;
        assert_int_equal(ask_all(&o, &a, &client, NULL, 0, NULL, 0), -EPERM);
        client.gid--;
        client.uid = 0;
        assert_int_equal(ask_all(&o, &a, &client, NULL, 0, NULL, 0), -EPERM);
        peer_done(&client);
    }
    client.uid = (uid_t)-1; /* would mean to stay who we are */
    assert_int_equal(ask_all(&o, &a, &client, NULL, 0, NULL, 0), -EPERM);
    opening_stop(&o);
    arena_done(&arena);
    free(dir);
}

static void files_are_made_as_the_client(void **state)
{
    struct peer client = ordinary();
    char *dir = open_dir();
    struct arena arena;
    struct opening o;
    struct asked a;
    struct stat st;
    const char *file;
    mode_t before = umask(0);
    char *text;

    (void)state;
    arena_init(&arena, 0);
    file = in(&arena, dir, "made");
    assert_int_equal(chmod(dir, 0777), 0);
    opening_start(&o);
    ask_file(&o, &a, &client, file, O_WRONLY | O_CREAT | O_APPEND);
    assert_int_equal(answered(&o, &a), 0);
    assert_int_equal(a.answer.n_files, 1);
    assert_true(a.answer.files[0] > 2);
    assert_int_equal(fcntl(a.answer.files[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(a.answer.files[0], F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK),
                     O_WRONLY | O_APPEND);
    assert_int_equal(write(a.answer.files[0], "abc", 3), 3);
    asked_done(&a);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_uid, client.uid);
    assert_int_equal(st.st_gid, client.gid);
    assert_int_equal(st.st_mode & 07777, 0644); /* whatever the daemon's umask */
    assert_int_equal(open_file(&o, &client, file, O_WRONLY | O_CREAT | O_APPEND), 0);
    text = test_read(file, NULL);
    assert_string_equal(text, "abc");
    free(text);
    assert_int_equal(open_file(&o, &client, file, O_WRONLY | O_CREAT | O_TRUNC), 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, 0);
    opening_stop(&o);
    umask(before);
    arena_done(&arena);
    peer_done(&client);
    free(dir);
}

/* Nothing that is opened waits, and what is handed over waits as it should. */
static void kinds_of_files(void **state)
{
    struct peer me = self();
    char *dir = open_dir();
    struct arena arena;
    struct opening o;
    struct asked a;
    const char *fifo;

    (void)state;
    arena_init(&arena, 0);
    fifo = in(&arena, dir, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    opening_start(&o);
    assert_int_equal(open_file(&o, &me, dir, O_RDONLY), -EISDIR);
    assert_int_equal(open_file(&o, &me, dir, O_WRONLY | O_CREAT | O_APPEND), -EISDIR);
    assert_int_equal(open_file(&o, &me, fifo, O_WRONLY | O_CREAT | O_APPEND), -ENXIO);
    ask_file(&o, &a, &me, fifo, O_RDONLY);
    assert_int_equal(answered(&o, &a), 0);
    assert_int_equal(fcntl(a.answer.files[0], F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(open_file(&o, &me, fifo, O_WRONLY | O_CREAT | O_TRUNC), 0);
    asked_done(&a);
    assert_int_equal(open_file(&o, &me, "/dev/null", O_RDONLY), 0);
    assert_int_equal(open_file(&o, &me, "/dev/tty", O_RDONLY), -ENXIO); /* not the daemon's */
    opening_stop(&o);
    arena_done(&arena);
    peer_done(&me);
    free(dir);
}

/* Its memory is a copy of the daemon's. */
static void nothing_of_the_opener_itself(void **state)
{
    static const char *const own[] = {"/proc/self/maps",         "/proc/self/environ",
                                      "/proc/self/mem",          "/proc/thread-self/maps",
                                      "/proc/self/task/../maps", "/proc/self/stat"};
    struct peer client = ordinary(), me = self();
    struct opening o;

    (void)state;
    opening_start(&o);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_int_equal(open_file(&o, &client, own[i], O_RDONLY), -EACCES);
        assert_int_equal(open_file(&o, &me, own[i], O_RDONLY), -EACCES);
    }
    assert_int_equal(open_file(&o, &me, "/proc/self/fd/3", O_RDONLY), -ELOOP);
    assert_int_equal(open_file(&o, &me, "/proc/self/cwd/etc/passwd", O_RDONLY), -ELOOP);
    assert_int_equal(open_file(&o, &client, "/proc/cpuinfo", O_RDONLY), 0);
    opening_stop(&o);
    peer_done(&client);
    peer_done(&me);
}

static char *status_of(pid_t pid)
{
    char path[64], text[4096];
    size_t n;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    file = fopen(path, "re");
    assert_non_null(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return strdup(text);
}

static void the_process_is_the_client(void **state)
{
    struct peer client = ordinary();
    Crib__HostPath__Kind kind;
    char wanted[64], path[64], *text;
    struct opening o;
    struct stat st;
    pid_t pid;

    (void)state;
    opening_start(&o);
    assert_int_equal(look_at(&o, &client, "/", &kind), 0);
    assert_int_equal(children(&pid, 1), 1);
    text = status_of(pid);
    snprintf(wanted, sizeof(wanted), "Uid:\t%u\t%u\t%u\t%u\n", client.uid, client.uid, client.uid,
             client.uid);
    test_contains(text, wanted);
    snprintf(wanted, sizeof(wanted), "Gid:\t%u\t%u\t%u\t%u\n", client.gid, client.gid, client.gid,
             client.gid);
    test_contains(text, wanted);
    test_contains(text, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t"
                        "0000000000000000\n");
    test_contains(text, "NoNewPrivs:\t1\n");
    test_contains(text, "SigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
    free(text);
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0); /* not dumpable: nobody's but root's */
    opening_stop(&o);
    peer_done(&client);
}

static void what_is_refused_at_once(void **state)
{
    static char long_path[PATH_MAX + 2];
    const struct opener_file odd = {"/x", O_RDWR}, relative = {"x", O_RDONLY},
                             excl = {"/x", O_WRONLY | O_CREAT | O_EXCL};
    static struct opener_file many[OPENER_MAX_FILES + 1];
    static const char *paths[10000];
    const char *const wrong[] = {"/", "usr"}, *const longer[] = {long_path};
    struct peer me = self();
    struct opening o;
    struct asked a;

    (void)state;
    memset(long_path, '/', PATH_MAX);
    for (size_t i = 0; i < 10000; i++)
        paths[i] = "/";
    for (size_t i = 0; i <= OPENER_MAX_FILES; i++)
        many[i] = (struct opener_file){"/dev/null", O_RDONLY};
    opening_start(&o);
    assert_int_equal(ask_all(&o, &a, &me, paths, 10000, NULL, 0), -E2BIG);
    assert_int_equal(ask_all(&o, &a, &me, NULL, 0, many, OPENER_MAX_FILES + 1), -E2BIG);
    assert_int_equal(ask_all(&o, &a, &me, wrong, 2, NULL, 0), -EINVAL);
    test_contains(a.error.subject, "usr");
    assert_int_equal(ask_all(&o, &a, &me, longer, 1, NULL, 0), -ENAMETOOLONG);
    assert_int_equal(ask_all(&o, &a, &me, NULL, 0, &odd, 1), -EINVAL);
    assert_int_equal(ask_all(&o, &a, &me, NULL, 0, &excl, 1), -EINVAL);
    assert_int_equal(ask_all(&o, &a, &me, NULL, 0, &relative, 1), -EINVAL);
    memset(long_path, 'x', PATH_MAX - 1);
    long_path[0] = '/';
    long_path[PATH_MAX - 1] = '\0';
    for (size_t i = 0; i < OPENER_MAX_FILES; i++)
        many[i].path = long_path;
    assert_int_equal(ask_all(&o, &a, &me, NULL, 0, many, OPENER_MAX_FILES), -E2BIG);
    assert_int_equal(children(NULL, 0), 0);
    opening_stop(&o);
    peer_done(&me);
}

/* Many packets, some full of fds and some of text. */
static void as_many_paths_as_may_be(void **state)
{
    static const char *paths[OPENER_MAX_PATHS];
    static struct opener_file files[OPENER_MAX_FILES];
    static char longest[PATH_MAX];
    struct peer me = self();
    struct opening o;
    struct asked a;

    (void)state;
    memset(longest, '/', sizeof(longest) - 1);
    longest[PATH_MAX - 2] = '.';
    for (size_t i = 0; i < OPENER_MAX_PATHS; i++)
        paths[i] = i < 600 ? "/usr" : i < 700 ? longest : "/nonexistent/path";
    for (size_t i = 0; i < OPENER_MAX_FILES; i++)
        files[i] = (struct opener_file){"/dev/null", O_RDONLY};
    opening_start(&o);
    assert_int_equal(ask_all(&o, &a, &me, paths, OPENER_MAX_PATHS, files, OPENER_MAX_FILES), 0);
    assert_int_equal(answered(&o, &a), 0);
    assert_int_equal(a.host.n_paths, OPENER_MAX_PATHS);
    assert_int_equal(a.answer.n_files, OPENER_MAX_FILES);
    for (size_t i = 0; i < OPENER_MAX_PATHS; i++) {
        assert_string_equal((char *)a.host.paths[i]->path.data, paths[i]);
        assert_int_equal(a.answer.fds.fd[i] >= 0, i < 700);
    }
    asked_done(&a);
    opening_stop(&o);
    peer_done(&me);
}

static void no_room_for_fds(void **state)
{
    const char *paths[40];
    struct rlimit before, few;
    struct peer me = self();
    Crib__HostPath__Kind kind;
    struct opening o;
    struct asked a;
    int open_before;

    (void)state;
    for (size_t i = 0; i < 40; i++)
        paths[i] = "/";
    opening_start(&o);
    assert_int_equal(look_at(&o, &me, "/", &kind), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    open_before = test_count_fds(getpid());
    few = before;
    few.rlim_cur = (rlim_t)open_before + 10;
    assert_int_equal(ask_all(&o, &a, &me, paths, 40, NULL, 0), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(answered(&o, &a), -EMFILE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(test_count_fds(getpid()), open_before);
    assert_int_equal(a.host.n_paths, 0);
    asked_done(&a);
    assert_int_equal(ask_all(&o, &a, &me, paths, 40, NULL, 0), 0);
    assert_int_equal(answered(&o, &a), 0);
    asked_done(&a);
    opening_stop(&o);
    peer_done(&me);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_those_of_the_host),
        cmocka_unit_test(what_the_client_may_not_see),
        cmocka_unit_test(groups_count),
        cmocka_unit_test(files_are_made_as_the_client),
        cmocka_unit_test(kinds_of_files),
        cmocka_unit_test(nothing_of_the_opener_itself),
        cmocka_unit_test(the_process_is_the_client),
        cmocka_unit_test(what_is_refused_at_once),
        cmocka_unit_test(as_many_paths_as_may_be),
        cmocka_unit_test(no_room_for_fds),
    };

    warm_up();
    return test_run(tests);
}
