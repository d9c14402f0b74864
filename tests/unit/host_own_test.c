/* SPDX-License-Identifier: Apache-2.0 */
/* An id is one taker's until its lock is closed by the last who has it. */
#include "support/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/own.h"

#define FIRST   900000000u /* nobody's here */
#define THREADS 8
#define EACH    100

struct world {
    struct arena arena;
    Crib__Host *host;
    char *dir, locks[512];
};

static void add_ids(struct world *w, bool groups, uint32_t first, uint32_t count)
{
    Crib__HostIds *ids = ARENA_NEW(&w->arena, crib__host_ids, Crib__HostIds);

    ids->groups = groups;
    ids->first = first;
    ids->count = count;
    assert_int_equal(arena_push(&w->arena, &w->host->sub_ids, &w->host->n_sub_ids, ids), 0);
}

/* By the file where @privileged, else by names of sockets; the gids are 1000 further on. */
static void begin(struct world *w, bool privileged, uint32_t count)
{
    memset(w, 0, sizeof(*w));
    arena_init(&w->arena, 0);
    w->host = ARENA_NEW(&w->arena, crib__host, Crib__Host);
    w->host->privileged = privileged;
    add_ids(w, false, FIRST, count);
    add_ids(w, true, FIRST + 1000, count);
    w->dir = test_dir();
    snprintf(w->locks, sizeof(w->locks), "%s/ids.lock", w->dir);
}

static void end(struct world *w)
{
    arena_done(&w->arena);
    free(w->dir);
}

/* Return: the lock; -1: there was none, and @own->why says why. */
static int take(struct world *w, Crib__HostOwn *own)
{
    int fd;

    crib__host_own__init(own);
    assert_int_equal(own_take(w->host, w->locks, &w->arena, own, &fd), 0);
    assert_int_equal(own->has_uid, fd >= 0);
    assert_int_equal(own->why != NULL, fd < 0);
    assert_true(fd < 0 || (fd > 2 && fcntl(fd, F_GETFD) == FD_CLOEXEC));
    return fd;
}

static void all_different_until_they_end(bool privileged)
{
    bool seen[5] = {false};
    Crib__HostOwn own;
    struct world w;
    int fds[5];

    begin(&w, privileged, 5);
    for (int i = 0; i < 5; i++) {
        fds[i] = take(&w, &own);
        assert_in_range(own.uid, FIRST, FIRST + 4);
        assert_int_equal(own.gid, own.uid + 1000);
        assert_false(seen[own.uid - FIRST]);
        seen[own.uid - FIRST] = true;
    }
    assert_int_equal(take(&w, &own), -1);
    test_contains(own.why, "all 5 ids for tasks are taken: wait for one to end, or give crib more");
    /* The one that is free is found, wherever the looking begins. */
    for (int i = 0; i < 20; i++) {
        close(fds[i % 5]);
        fds[i % 5] = take(&w, &own);
        assert_true(fds[i % 5] >= 0);
        assert_in_range(own.uid, FIRST, FIRST + 4);
    }
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    end(&w);
}

static void test_all_different(void **state)
{
    (void)state;
    all_different_until_they_end(true);
    all_different_until_they_end(false);
}

/* Whoever else has it open keeps it, and whoever is killed lets go. */
static void kept_by_a_copy(bool privileged)
{
    int talk[2], fd;
    Crib__HostOwn own;
    struct world w;
    char byte;
    pid_t pid;

    begin(&w, privileged, 1);
    fd = take(&w, &own);
    assert_true(fd >= 0);
    assert_int_equal(pipe2(talk, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        close(talk[0]);
        (void)!write(talk[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(talk[0], &byte, 1), 1);
    close(fd);
    assert_int_equal(take(&w, &own), -1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    fd = take(&w, &own);
    assert_true(fd >= 0);
    close(fd);
    close(talk[0]);
    close(talk[1]);
    end(&w);
}

static void test_kept_by_a_copy_and_freed_by_death(void **state)
{
    (void)state;
    kept_by_a_copy(true);
    kept_by_a_copy(false);
}

struct taker {
    struct world *w;
    uint32_t got[EACH];
    int fds[EACH];
};

static void *take_many(void *data)
{
    struct taker *taker = data;

    for (int i = 0; i < EACH; i++) {
        Crib__HostOwn own = CRIB__HOST_OWN__INIT;
        struct arena arena;

        arena_init(&arena, 0);
        if (own_take(taker->w->host, taker->w->locks, &arena, &own, &taker->fds[i]) < 0)
            taker->fds[i] = -1;
        taker->got[i] = own.uid;
        arena_done(&arena);
    }
    return NULL;
}

/* As many as there are, by several at once: each is had by one. */
static void at_once(bool privileged)
{
    static struct taker takers[THREADS];
    static bool seen[THREADS * EACH];
    pthread_t threads[THREADS];
    struct world w;

    memset(seen, 0, sizeof(seen));
    begin(&w, privileged, THREADS * EACH);
    for (int i = 0; i < THREADS; i++) {
        takers[i].w = &w;
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS * EACH; i++) {
        struct taker *taker = &takers[i / EACH];
        uint32_t place = taker->got[i % EACH] - FIRST;

        assert_true(taker->fds[i % EACH] >= 0);
        assert_true(place < THREADS * EACH && !seen[place]);
        seen[place] = true;
        close(taker->fds[i % EACH]);
    }
    end(&w);
}

static void test_at_once(void **state)
{
    (void)state;
    at_once(true);
    at_once(false);
}

/* What lies where the file should be is not followed, not written, not believed. */
static void test_what_others_put_there(void **state)
{
    char victim[600], text[64] = {0};
    Crib__HostOwn own;
    struct world w;
    struct stat st;
    int fd;

    (void)state;
    begin(&w, true, 2);
    snprintf(victim, sizeof(victim), "%s/victim", w.dir);
    test_write(victim, "what was there", 14, 0600);
    /* a symlink, also to nowhere */
    assert_int_equal(symlink(victim, w.locks), 0);
    assert_int_equal(take(&w, &own), -1);
    test_contains(own.why, "is no file that only this user may open: remove it");
    assert_int_equal(unlink(w.locks), 0);
    assert_int_equal(symlink("/nowhere/at/all", w.locks), 0);
    assert_int_equal(take(&w, &own), -1);
    assert_int_equal(unlink(w.locks), 0);
    /* another name of somebody's file */
    assert_int_equal(link(victim, w.locks), 0);
    assert_int_equal(take(&w, &own), -1);
    assert_int_equal(unlink(w.locks), 0);
    /* a FIFO, a directory, a socket's absence */
    assert_int_equal(mkfifo(w.locks, 0600), 0);
    assert_int_equal(take(&w, &own), -1);
    assert_int_equal(unlink(w.locks), 0);
    assert_int_equal(mkdir(w.locks, 0700), 0);
    assert_int_equal(take(&w, &own), -1);
    assert_int_equal(rmdir(w.locks), 0);
    /* one that others may open, and so lock */
    test_write(w.locks, "", 0, 0644);
    assert_int_equal(chmod(w.locks, 0644), 0);
    assert_int_equal(take(&w, &own), -1);
    test_contains(own.why, "remove it");
    assert_int_equal(unlink(w.locks), 0);
    /* what is in it has no meaning */
    test_write(w.locks, "\xff\x00 900000000", 12, 0600);
    assert_int_equal(chmod(w.locks, 0600), 0);
    fd = take(&w, &own);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(stat(w.locks, &st), 0);
    assert_int_equal(st.st_size, 12);
    fd = open(victim, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, text, sizeof(text)), 14);
    assert_string_equal(text, "what was there");
    close(fd);
    end(&w);
}

/* Without the directory it cannot be had, and the sentence says so. */
static void test_no_place_for_the_file(void **state)
{
    Crib__HostOwn own;
    struct world w;

    (void)state;
    begin(&w, true, 2);
    snprintf(w.locks, sizeof(w.locks), "%s/no/such/place", w.dir);
    assert_int_equal(take(&w, &own), -1);
    test_contains(own.why, "a lock for the task's id cannot be had in ");
    test_contains(own.why, "No such file or directory");
    end(&w);
}

/* Removed while locks in it are held: the next file is another, and ids of the old may come again
 * from it; but nobody is given a lock in a file that is gone already. */
static void test_a_file_that_is_removed(void **state)
{
    Crib__HostOwn own;
    struct world w;
    int fds[2];

    (void)state;
    begin(&w, true, 1);
    fds[0] = take(&w, &own);
    assert_true(fds[0] >= 0);
    assert_int_equal(unlink(w.locks), 0);
    fds[1] = take(&w, &own);
    assert_true(fds[1] >= 0);
    assert_int_equal(take(&w, &own), -1);
    assert_int_equal(access(w.locks, F_OK), 0);
    close(fds[0]);
    close(fds[1]);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_different),
        cmocka_unit_test(test_kept_by_a_copy_and_freed_by_death),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_what_others_put_there),
        cmocka_unit_test(test_no_place_for_the_file),
        cmocka_unit_test(test_a_file_that_is_removed),
    };

    return test_run(tests);
}
