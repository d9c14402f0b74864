/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's end of a task's pipe: a real kernel pipe, read with back-pressure or written from a
 * queue. The public functions of it (crib_stream_*) are in crib/crib.h.
 *
 * Theory of operation: nothing is read before crib_stream_read_start(), so a pipe that nobody reads
 * fills up and its task waits. The fd stays as pipe2() made it, blocking and unwatched, until the
 * first use; until then it can be taken and given to another task. While the task has not started
 * the stream is held: what is asked of it is noted, and no callback comes. When the task's tree is
 * dead, an empty pipe is at its end, also if some other process got hold of the writing end. The
 * last data callback (its end) and the callbacks of pieces that could not be written come out of
 * uv_close(), so none ever comes out of a call.
 *
 * A terminal's master is written and read by two streams in the same way (terminal.c). That nobody
 * inside has the terminal open any more shows as EIO there; it is the end.
 *
 * Runs in: library, on the loop's thread.
 * Owns: its fd until it is closed or taken; what is queued.
 */
#ifndef SUPERVISE_STREAM_H
#define SUPERVISE_STREAM_H

#include <stdbool.h>

#include "crib/crib.h"
#include "supervise/output.h"

#define STREAM_HIGH_WATER (64 * 1024)  /* bytes queued, above which a writer should wait */
#define STREAM_READ_SIZE  (64 * 1024)  /* bytes read at once: what a pipe holds by default */
#define STREAM_PIPE_SIZE  (256 * 1024) /* bytes that a pipe holds which is full time and again */

typedef void (*stream_done_cb)(crib_stream *stream, int status, void *user);

/* Something to be written, in the order of the calls. */
struct stream_piece {
    struct stream_piece *next;
    stream_done_cb done;
    void *user;
    size_t len, written;
    char data[];
};

struct crib_stream {
    crib_stream *next; /* in the task's list */
    uv_loop_t *loop;
    uv_poll_t poll;
    bool has_poll;
    int watching;   /* events asked of the loop */
    int number;     /* the fd inside the task */
    int fd;         /* ours; -1 once closed or taken */
    bool writes;    /* we write and the task reads */
    bool terminal;  /* the master of a pty: see terminal.c */
    bool held;      /* the task does not run yet */
    bool dead;      /* the task's tree is gone */
    bool used;      /* read from or written to: cannot be taken any more */
    bool collected; /* read by crib itself; the caller may not */
    bool reading;
    bool closing; /* to be closed when the queue is empty */
    bool ended;   /* closed; no callback will come any more */
    int full;     /* reads that brought as much as they could, up to where it counts */
    int status;   /* why it was closed: 0 or negative errno; what the last callbacks are told */
    bool taken;   /* by another task: how much is written to it is not known here */

    uint64_t bytes;             /* taken in; once it is closed: that the task has written */
    struct output_meter *meter; /* limits on that; NULL: none */

    /* Where the next bytes go instead of our own memory: *room is set; NULL: as usual. Or NULL. */
    char *(*place)(crib_stream *stream, size_t *room, void *user);
    crib_stream_data_cb on_data; /* NULL once its end was told, or nobody reads */
    void *user;
    struct stream_piece *first, **last;
    size_t queued; /* bytes */

    void (*on_ended)(crib_stream *stream, void *owner); /* once; may come out of a call */
    void *owner;
};

/**
 * stream_new() - A stream on one end of a pipe
 * @fd:     takes, on success
 * @writes: it is the writing end
 *
 * Return: a held stream; NULL when out of memory
 */
crib_stream *stream_new(uv_loop_t *loop, int number, int fd, bool writes,
                        void (*on_ended)(crib_stream *, void *), void *owner);

/* Frees an ended stream, or one that was never used. Accepts NULL. */
void stream_free(crib_stream *stream);

/* The task runs, or has ended without: callbacks may come. */
void stream_release(crib_stream *stream);

/**
 * stream_dead() - Nothing of the task runs any more
 * @drop: also streams that the caller has paused
 *
 * What is being read is read to its end; what nobody reads, and what was to be written, is dropped.
 */
void stream_dead(crib_stream *stream, bool drop);

/* Ends at once, whatever is queued or read; the reader is not told. */
void stream_drop(crib_stream *stream);

/* Return: the pipe's end, blocking and unused, for a new owner; the stream ends. -1: it is used. */
int stream_take(crib_stream *stream);

/* Reading for crib itself. Return: as crib_stream_read_start(). */
int stream_collect(crib_stream *stream, crib_stream_data_cb on_data, void *user);

#endif
