/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's output by the Attach stream, with nothing between it and the socket.
 *
 * Runs in: bench programs; ends the program when the daemon breaks the protocol.
 */
#ifndef BENCH_ATTACH_H
#define BENCH_ATTACH_H

#include <stdint.h>

/* Return: a connection on which an Attach to @task was begun, and nothing read. */
int attach_open(const char *path, uint64_t task);

/* Reads all output. @first: when the first bytes came. Return: bytes. */
unsigned long long attach_read(const char *path, uint64_t task, double *first);

#endif
