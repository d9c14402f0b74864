/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the opener share: openers on a loop, asks that know their answer, and the
 * identity that is asked for.
 *
 * Runs in: tests.
 */
#ifndef DAEMON_OPENING_H
#define DAEMON_OPENING_H

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "daemon/opener.h"

#define OTHER_ID 4242 /* whom root asks for */

struct opening {
    uv_loop_t loop;
    struct openers *openers;
    bool closed;
};

/* One request. */
struct asked {
    struct arena arena;
    Crib__Host host;
    struct opener_answer answer;
    int answers;
    struct opener_request *request;
    struct crib_error error;
};

/* The first loop of a process opens what stays open. */
static inline void warm_up(void)
{
    uv_loop_t loop;

    uv_loop_init(&loop);
    uv_loop_close(&loop);
}

static inline void opening_start(struct opening *o)
{
    memset(o, 0, sizeof(*o));
    assert_int_equal(uv_loop_init(&o->loop), 0);
    assert_int_equal(openers_new(&o->loop, &o->openers), 0);
}

static inline void opening_on_closed(void *data)
{
    ((struct opening *)data)->closed = true;
}

static inline void opening_stop(struct opening *o)
{
    openers_close(o->openers, opening_on_closed, o);
    assert_false(o->closed);
    uv_run(&o->loop, UV_RUN_DEFAULT);
    assert_true(o->closed);
    assert_int_equal(uv_loop_close(&o->loop), 0);
}

/* Ourselves, as our own sockets tell it. */
static inline struct peer self(void)
{
    struct peer peer;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(peer_read(pair[0], &peer), 0);
    close(pair[0]);
    close(pair[1]);
    return peer;
}

/* Somebody with ordinary rights: for root another, else ourselves. */
static inline struct peer ordinary(void)
{
    if (geteuid() != 0)
        return self();
    return (struct peer){.uid = OTHER_ID, .gid = OTHER_ID};
}

static inline void asked_init(struct asked *a)
{
    memset(a, 0, sizeof(*a));
    arena_init(&a->arena, 0);
    crib__host__init(&a->host);
}

static inline void asked_done(struct asked *a)
{
    host_fds_done(&a->answer.fds);
    for (size_t i = 0; i < a->answer.n_files; i++)
        fd_close(&a->answer.files[i]);
    free(a->answer.files);
    arena_done(&a->arena);
    memset(a, 0, sizeof(*a));
}

static inline void on_answer(struct opener_answer *answer, void *data)
{
    struct asked *a = data;

    a->answers++;
    assert_int_equal(a->answers, 1);
    a->answer = *answer;
}

static inline int ask_all(struct opening *o, struct asked *a, const struct peer *peer,
                          const char *const *paths, size_t count, const struct opener_file *files,
                          size_t n_files)
{
    asked_init(a);
    return opener_ask(o->openers, peer, paths, count, &a->arena, &a->host, files, n_files,
                      on_answer, a, &a->request, &a->error);
}

static inline void ask_path(struct opening *o, struct asked *a, const struct peer *peer,
                            const char *path)
{
    assert_int_equal(ask_all(o, a, peer, &path, 1, NULL, 0), 0);
    assert_int_equal(a->answers, 0); /* never out of the call */
}

static inline void ask_file(struct opening *o, struct asked *a, const struct peer *peer,
                            const char *path, int flags)
{
    struct opener_file file = {path, flags};

    assert_int_equal(ask_all(o, a, peer, NULL, 0, &file, 1), 0);
}

/* Return: the code of the answer. A generous limit is the group's timeout. */
static inline int answered(struct opening *o, struct asked *a)
{
    while (!a->answers)
        uv_run(&o->loop, UV_RUN_ONCE);
    return a->answer.code;
}

/* Asks, waits, and forgets. Return: the code. */
static inline int look_at(struct opening *o, const struct peer *peer, const char *path,
                          Crib__HostPath__Kind *ret_kind)
{
    struct asked a;
    int r;

    ask_path(o, &a, peer, path);
    r = answered(o, &a);
    if (r == 0) {
        assert_int_equal(a.host.n_paths, 1);
        *ret_kind = a.host.paths[0]->kind;
    }
    asked_done(&a);
    return r;
}

static inline int open_file(struct opening *o, const struct peer *peer, const char *path, int flags)
{
    struct asked a;
    int r;

    ask_file(o, &a, peer, path, flags);
    r = answered(o, &a);
    assert_int_equal(a.answer.failed_file, r < 0 ? 0 : -1);
    asked_done(&a);
    return r;
}

/* Our children. Return: how many; the first @max at @pids. */
static inline size_t children(pid_t *pids, size_t max)
{
    char path[64], text[4096] = "";
    size_t count = 0;
    char *at = text;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "re");
    assert_non_null(file);
    if (!fgets(text, sizeof(text), file))
        text[0] = '\0';
    fclose(file);
    for (char *end; *at; at = end) {
        long pid = strtol(at, &end, 10);

        if (end == at)
            break;
        if (count < max)
            pids[count] = (pid_t)pid;
        count++;
    }
    return count;
}

/* A new directory that everybody may enter. The caller frees it. */
static inline char *open_dir(void)
{
    char *dir = test_dir();

    assert_int_equal(chmod(dir, 0755), 0);
    return dir;
}

static inline const char *in(struct arena *arena, const char *dir, const char *name)
{
    return arena_printf(arena, "%s/%s", dir, name);
}

#endif
