/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers about the daemon in Prometheus' text format, for whoever asks on a Unix socket, or in a
 * file that is replaced every METRICS_MS.
 *
 * Runs in: daemon, on the loop's thread.
 * Owns: the socket; connections, each for one answer of at most 5 s.
 * Source: Prometheus, "Exposition formats", version 0.0.4
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "crib/crib.h"

#define METRICS_MS       5000
#define METRICS_VERDICTS 16

/* Counted where things happen; one of a daemon. */
struct metrics {
    uint64_t started;                 /* tasks */
    uint64_t ended[METRICS_VERDICTS]; /* by crib_verdict */
    uint64_t refused[17];             /* requests answered with a gRPC code other than 0, by code */
    uint64_t requests;
    uint64_t latency[16]; /* histogram of Spawn to `started`: bucket i holds up to 2^i × 250 µs */
    uint64_t latency_count, latency_us;                            /* sum */
    uint64_t bytes_in, bytes_out;                                  /* of all connections */
    uint64_t stream_bytes;                                         /* read from tasks */
    uint64_t lost_bytes;                                           /* of detached tasks' streams */
    uint64_t tasks, connections, fds, queued, in_flight, clusters; /* now */
    const crib *ex; /* borrows; whose prepared sandboxes are told; NULL: none */
};

void metrics_latency(struct metrics *metrics, uint64_t us);

/* Appends the text. Return: 0; -ENOMEM. */
int metrics_write(const struct metrics *metrics, struct buf *out);

struct metrics_side;

/**
 * metrics_open() - Tell the numbers
 * @where: "unix:PATH" (mode 0600; answers HTTP GET, or any first line, or none within 100 ms, with
 *         HTTP/1.0 and the text) or "file:PATH" (written beside it and renamed)
 */
int metrics_open(uv_loop_t *loop, const char *where, const struct metrics *metrics,
                 struct metrics_side **ret, struct crib_error *err);

/* Accepts NULL; then @closed comes at once. */
void metrics_close(struct metrics_side *side, void (*closed)(void *data), void *data);

#endif
