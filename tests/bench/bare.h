/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child on a bare socketpair, and frames of a length and as many bytes on it: what crib's channel
 * is held against. The child blocks; so does the parent, or it has a loop of libuv watch its end.
 *
 * Runs in: bench programs; ends the program on any failure.
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>
#include <sys/types.h>
#include <uv.h>

#include "samples.h"

#define BARE_MOST (1 << 20) /* bytes of the largest message */

struct bare {
    int fd; /* blocking */
    pid_t pid;
    char *data; /* a frame of the largest size */
};

/* @way, @count: as bench_child takes them; @count may be NULL. */
void bare_open(struct bare *bare, const char *child, const char *way, const char *count);

/* Closes the socket, and waits for the child. */
void bare_close(struct bare *bare);

/* @rounds echoes of @len bytes, each in microseconds: the parent waits in its calls. */
void bare_echo(struct bare *bare, size_t len, int rounds, struct samples *ret);

/* The same with the parent on a loop. */
void bare_echo_polled(struct bare *bare, uv_loop_t *loop, size_t len, int rounds,
                      struct samples *ret);

/* Return: frames of @len bytes a second, @count of them, a write for each. */
double bare_to_child(const char *child, size_t len, int count);
double bare_to_parent(const char *child, size_t len, int count);

#endif
