/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a client's SpawnRequest to a Task that may be planned: who asks, under which policy, with
 * what as its stdio. Nothing that the client names is touched here.
 *
 * Runs in: daemon.
 * Owns: all is in one arena. Given fds are looked up last, since their connection may close
 * meanwhile.
 */
#ifndef DAEMON_PREPARE_H
#define DAEMON_PREPARE_H

#include "api/copies.h"
#include "daemon/daemon.h"
#include "plan/plan.h"

struct prepared {
    struct arena *arena;    /* malloced */
    struct held_site *held; /* whose policy it has */
    Crib__Task *task;
    Crib__Host *host;
    bool given_ids; /* the client's, since it asked for none */
    const char *policy_name; /* "": inline */
    const char *ceiling;     /* what its policy was held under; NULL: none */
    bool cut;                /* and that took something away */
    Crib__Policy *parent;    /* of the task in which the client runs; NULL: in none */
    const char *inside;      /* `task 7`: that one */
    bool cut_inside;
    const char *const *paths;
    size_t n_paths;
    struct crib_stdio stdio[PLAN_MAX_STDIO]; /* entry i is fd i */
    size_t n_stdio;
    struct opener_file files[PLAN_MAX_STDIO]; /* those to be opened, and where they go */
    int file_fds[PLAN_MAX_STDIO];
    size_t file_copies[PLAN_MAX_STDIO]; /* which of copy_in it is of, and one; 0: of the stdio */
    size_t n_files;
    const char *given[PLAN_MAX_STDIO]; /* names of the fd side, by fd; NULL */
    struct copies copies;              /* open: closed by prepared_done() */
};

/* Return: 0; negative errno. @ret is zeroed, and what is in it then the caller's to free. */
int prepare(struct daemon *daemon, const struct peer *peer, const Crib__SpawnRequest *request,
            struct prepared *ret, struct crib_error *err);

/* The files are open: puts them and the given fds into place, borrowed. To be called in the turn in
 * which the task is started. Return: 0; -EBADF no such fd. */
int prepare_fds(struct daemon *daemon, uint64_t owner, struct prepared *prepared, const int *files,
                size_t count, struct crib_error *err);

/* Takes an id of its own for the task, where its policy wants one; the lock goes to @fds. Return: 0;
 * -ENOMEM. */
int prepare_own(struct prepared *prepared, struct host_fds *fds, struct crib_error *err);

/* What the ceilings say of the plan. Adds to its receipt. Return: 0; -EACCES; -ENOMEM. */
int prepare_plan(const struct prepared *prepared, Crib__Plan *plan, struct crib_error *err);

void prepared_done(struct daemon *daemon, struct prepared *prepared);

#endif
