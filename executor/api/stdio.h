/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's file descriptors on the parent's side: looked at, then made.
 *
 * What we make ourselves is always above 2: where the caller has closed its own 0 to 2, they must
 * stay closed, or the next task would inherit a pipe as its stdin.
 *
 * Runs in: library.
 * Owns: struct stdio_set owns what it made, until it is taken.
 */
#ifndef API_STDIO_H
#define API_STDIO_H

#include "crib/crib.h"
#include "plan/plan.h"

/* One fd of the task. */
struct stdio_end {
    int number;  /* inside the task */
    int theirs;  /* what it gets; -1: /dev/null */
    bool own;    /* theirs is ours to close */
    int ours;    /* the parent's end; -1: none */
    bool writes; /* the parent writes */
    bool is_channel;
    crib_stream *joined; /* theirs is this stream's */
    int relay;           /* borrowed: where what comes at ours is to be written on; -1: nowhere */
};

struct stdio_set {
    struct stdio_end end[PLAN_MAX_STDIO];
    size_t count;
    int null;           /* opened when it is needed; -1 */
    int writer, reader; /* as stdio_terminal() */
};

/**
 * stdio_kind() - What an entry comes to, in the words of task.proto
 * @fd: its index: the number inside the task
 *
 * Refuses fds that are closed, negative or directories, streams that are in use, and a pipe end
 * of the wrong direction.
 *
 * Return: 0; -EBADF, -EISDIR, -EINVAL, -EBUSY; err->step `stdio`, err->index @fd
 */
int stdio_kind(const struct crib_stdio *entry, int fd, Crib__Stdio__Kind *ret_kind,
               struct crib_error *err);

/**
 * stdio_terminal() - The numbers of the streams of a task's terminal
 * @ret_writer: -1: none, also where a pipe has the number
 * @ret_reader: -1: there is no terminal
 *
 * Return: 0; -EINVAL pipes have taken both 1 and 2
 */
int stdio_terminal(const struct crib_stdio *entries, size_t count, int *ret_writer, int *ret_reader,
                   struct crib_error *err);

/**
 * stdio_open() - Make the pipes and the socket pair
 * @entries: borrows; each accepted by stdio_kind()
 *
 * Return: 0; negative errno, nothing left open
 */
int stdio_open(const struct crib_stdio *entries, size_t count, struct stdio_set *ret,
               struct crib_error *err);

/**
 * stdio_mode() - How an fd that is inherited or given is open
 * @ret: set where it is for one of reading and writing alone
 *
 * Return: whether it is
 */
bool stdio_mode(int fd, Crib__Stdio__Mode *ret);

/**
 * stdio_relay() - Put pipes in the place of fds whose output the plan has us count
 *
 * Fds that are the same open file get the same pipe, so that the order of what is written to them
 * stays.
 *
 * Return: 0; negative errno
 */
int stdio_relay(struct stdio_set *set, const Crib__OutputPlan *plan, struct crib_error *err);

/* Lets a task of another id open its own pipes by name (/dev/stderr), as far as we may. */
void stdio_own(const struct stdio_set *set, const Crib__IdsPlan *ids);

/* The same where the task's id is not known here. That all may open them helps nobody else: they
 * have no name but in /proc of who has them already. */
void stdio_share(const struct stdio_set *set);

/**
 * stdio_list() - The fds for launch_start()
 * @ret_fds: filled, one for each entry of the plan; borrowed from the set
 *
 * What is null in the plan stays it: an inherited fd that was closed when it was looked at may be
 * open by now, as something of our own.
 *
 * Return: 0; negative errno of opening /dev/null
 */
int stdio_list(struct stdio_set *set, const Crib__Program *program, int *ret_fds,
               struct crib_error *err);

/* The task has them: joined streams are gone. */
void stdio_given(struct stdio_set *set);

/* Closes what is still ours. */
void stdio_done(struct stdio_set *set);

#endif
