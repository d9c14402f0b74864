/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An fd of the caller's that a task writes to by way of us, so that its output can be counted.
 *
 * Theory of operation: the task has a pipe, we read it as a stream (stream.h), and a thread of this
 * relay writes what came to where the fd leads. It may block there for as long as it likes: nothing
 * is read meanwhile, so the pipe fills up and the task waits, as it would have. The fd is as it
 * was, with its offset and flags: it is the caller's, and others may have it too.
 *
 *   - What was written before the end is written on before the relay has ended, and with it the
 *     task (`close`). Where the program was ended, by us or the caller, but not for its output,
 * that is waited for TASK_GRACE_MS.
 *   - A write that fails closes the pipe: the task is told by SIGPIPE or EPIPE at its next write.
 *     Where that is not what the fd itself would have said (no space left), it is told as `error`.
 *   - When the executor is closed nobody waits for a write that does not return: the thread keeps
 *     what it has and goes when it can.
 *
 * The thread is made when the first bytes come, with all signals blocked.
 *
 * Runs in: library, on the loop's thread; the write in its own.
 * Owns: the stream, its copy of the fd.
 */
#ifndef SUPERVISE_RELAY_H
#define SUPERVISE_RELAY_H

#include "supervise/stream.h"

struct relay_writer;

struct relay {
    struct relay *next; /* in the task's list */
    crib_task *task;
    crib_stream *stream;         /* ours of the pipe */
    int to;                      /* where it leads; -1: the writer has it */
    struct relay_writer *writer; /* NULL: nothing has come yet, or it has been let go */
    uv_async_t wake;             /* the writer is done; open as long as `writer` is not NULL */
    bool dropped;                /* nobody waits for the rest */
    bool closing;                /* the writer has been let go, and `wake` is being closed */
    bool ended;
};

/**
 * task_add_relay() - Add one to a task that has not been started
 * @fd: our end of the pipe; taken on success
 * @to: borrows
 *
 * Return: 0; -ENOMEM; -EMFILE
 */
int task_add_relay(crib_task *task, int number, int fd, int to);

/* For all relays of a task: the task runs; nothing of it is left; it was never started, or nobody
 * reads any more. */
void relays_release(crib_task *task);
void relays_dead(crib_task *task, bool drop);
void relays_drop(crib_task *task);

/* Return: whether all have ended. */
bool relays_ended(const crib_task *task);

/* Frees them; all have ended, or were never used. */
void relays_free(crib_task *task);

#endif
