/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients beside the first one: of other uids, and such that keep to no rule; and what can be seen
 * of a daemon from outside.
 *
 * A peer is to its daemon who it was when it connected. So root becomes another uid, connects, and
 * is root again.
 *
 * Runs in: tests.
 * Owns: a client its connection and arena.
 */
#ifndef DAEMON_CLIENT_H
#define DAEMON_CLIENT_H

#include "daemon/cribd.h"

/* Bytes by which a daemon may seem to have grown: a sanitizer keeps what was freed, and guards it.
 */
#ifdef __SANITIZE_ADDRESS__
#define CLIENT_SLACK ((size_t)512 << 20)
#else
#define CLIENT_SLACK ((size_t)0)
#endif

#define CLIENT_UID   1000 /* what an ordinary client is where the test is root's; its gid too */
#define CLIENT_OTHER 1001

/* Return: whether the test may become another uid. */
bool client_root(void);

/* Whose effective ids this process has until client_back(); no groups. */
void client_become(uid_t uid);
void client_back(void);

/* Another client of the same daemon, of the uid that the process has just now: all that takes a
 * struct cribd takes it, but starting and stopping. */
void client_join(const struct cribd *daemon, struct cribd *ret);

/* Closes its connection: its tasks end. */
void client_leave(struct cribd *client);

/* The same as another uid; where the test is not root's, as its own. */
void client_join_as(const struct cribd *daemon, uid_t uid, struct cribd *ret);

/* A raw connection, in the same way. */
int client_connect_as(const struct cribd *daemon, uid_t uid);

/* Writes a header of ttrpc that announces @len bytes. */
bool client_header(int sock, uint32_t len, uint32_t stream, uint8_t type, uint8_t flags);

/* A frame whole. */
bool client_frame(int sock, uint32_t stream, uint8_t type, uint8_t flags, const void *payload,
                  size_t len);

/* Reads and drops all until the daemon ends the connection, and closes it; fails the test if it
 * does not. */
void client_ended(int sock);

/* A packed message, in malloced memory. */
void *client_pack(const void *message, size_t *ret_len);

/* A request with a message as its payload. */
void client_ask(int sock, uint32_t stream, const char *method, const void *message);

/* Return: a pidfd of a task's init. */
int client_pidfd(const struct cribd *daemon, uint64_t task);

/* Waits until that process has ended, and closes the pidfd. */
void client_gone(int pidfd);

/* Return: how many processes have @marker in their command line. */
int client_marked(const char *marker);

/* Waits until none has. */
void client_none_marked(const char *marker);

/* Waits until no primary of that daemon's is left; others may have theirs. */
void client_no_primary(const struct cribd *daemon);

/* Return: how many child processes the daemon has: an init for each task, and its openers. */
int client_children(const struct cribd *daemon);

/* pidfds of them all. Return: how many, at most @max. */
int client_child_fds(const struct cribd *daemon, int *fds, int max);

/* Waits until the daemon has no children but @tasks: its openers end when they have been idle. */
void client_quiet(const struct cribd *daemon, int tasks);

/* What a daemon has, beside its openers, when it has nothing to do. */
struct client_measure {
    int fds;
    size_t memory; /* bytes */
};

struct client_measure client_measure(const struct cribd *daemon, int tasks);

/* Waits until the daemon has as many descriptors again, and fails the test if it has grown by more
 * than @more bytes meanwhile. */
void client_settled(const struct cribd *daemon, const struct client_measure *before, int tasks,
                    size_t more);

/* The same without waiting for openers to end, which takes them seconds: each may have its two. Not
 * to be the last word: what is lost in pairs is not seen. */
void client_settled_soon(const struct cribd *daemon, const struct client_measure *before, int tasks,
                         size_t more);

/* Return: how many tasks the client sees. */
size_t client_tasks(struct cribd *client);

#endif
