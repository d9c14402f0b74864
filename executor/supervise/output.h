/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits on what a task may write, counted where its bytes come in.
 *
 * Theory of operation: a stream asks before it reads how many bytes it may still take, and reads no
 * more at once. When that is none, it reads one byte: if there is one, the limit is not reached but
 * passed; that byte goes nowhere, and the task is ended. So exactly as many bytes are delivered as
 * the limit says, and a task that writes as many and no more is left alone. At the program's end
 * what still lies in the pipes is counted too: whether the parent was fast enough to read it before
 * says nothing about the task.
 *
 * Runs in: library, on the loop's thread.
 * Owns: nothing.
 */
#ifndef SUPERVISE_OUTPUT_H
#define SUPERVISE_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "crib/crib.h"

struct output_meter {
    uint64_t each, total; /* bytes of a stream, and of all; 0: no limit */
    uint64_t taken;       /* bytes, of all streams */
    crib_task *task;
};

/* A new stream that the parent reads from is counted, if the task's plan has a limit. */
void output_watch(crib_task *task, crib_stream *stream);

/* Return: how many bytes may be taken from the stream now, at most @most; 0: its limit is reached.
 */
size_t output_left(const crib_stream *stream, size_t most);

/* So many have been. */
void output_taken(crib_stream *stream, size_t bytes);

/* There was one more than there may be: ends the task. */
void output_over(crib_stream *stream);

/* Return: the limit that is passed by what has been written by now, static; NULL: none. */
const char *output_passed(const crib_task *task);

/* Return: bytes that the task has written to a stream, read or not. */
uint64_t output_written(const crib_stream *stream);

#endif
