/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics on a Unix socket: whoever connects gets them once, as HTTP/1.0.
 *
 * Theory of operation
 *
 *     ASKING ─▶ ANSWERING ─▶ LEAVING ─▶ (closed)
 *        a first line, the end of input,   all is sent     the peer has closed, or has said too
 * much or silence for SCRAPE_SILENT_MS
 *
 * Whatever the state, SCRAPE_MS after it was accepted a visit is closed. There are at most
 * SCRAPE_VISITS: one more, and the oldest is closed. So a crowd that connects and says nothing
 * cannot keep out who asks at once: what has been sent when it is accepted is answered there and
 * then. LEAVING is there because a socket that is closed over unread bytes may take the answer with
 * it.
 *
 * Runs in: daemon, on the loop's thread.
 * Owns: the socket and its visits.
 * Source: RFC 1945 (HTTP/1.0)
 */
#ifndef DAEMON_SCRAPE_H
#define DAEMON_SCRAPE_H

#include <uv.h>

#include "daemon/metrics.h"

#define SCRAPE_SILENT_MS 100
#define SCRAPE_MS        5000
#define SCRAPE_VISITS    16
#define SCRAPE_MAX_HEAD  65536 /* bytes that a visitor may send */

struct scrape;

/* @path: borrows. @loop, @metrics: keeps. Return: 0; negative errno, of listen_path() too. */
int scrape_open(uv_loop_t *loop, const char *path, const struct metrics *metrics,
                struct scrape **ret, struct crib_error *err);

/* @closed: from the loop; may be NULL. */
void scrape_close(struct scrape *scrape, void (*closed)(void *data), void *data);

#endif
