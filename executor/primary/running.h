/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a primary.
 *
 * Runs in: primary.
 * Owns: everything of its process.
 */
#ifndef PRIMARY_RUNNING_H
#define PRIMARY_RUNNING_H

#include <uv.h>

#include "api/policy.h"
#include "base/arena.h"
#include "base/buf.h"
#include "primary.pb-c.h"
#include "crib/cluster.h"
#include "primary/primary.h"
#include "wire/ttrpc.h"

#define PRIMARY_STDIO 3 /* fds of a worker that may be named */

/* What was asked for with the start; lives as long as the process. */
struct start {
    struct arena arena;
    struct crib_options worker;
    struct crib_cluster_options options;
    const char *module;
    const char *const *args;
    const char *name;    /* of the policy; NULL: it was inline */
    crib_policy *policy; /* the inline one */
    struct crib_policy
        allowed; /* of a named one, what the daemon says of it: its `listen` counts */
    struct crib_stdio stdio[PRIMARY_STDIO];
};

struct primary {
    uv_loop_t loop;
    uv_poll_t poll;
    const char *path;
    int sock;
    int watching;
    struct ttrpc_reader *reader;
    struct ttrpc_writer *writer;
    struct start start;
    crib *ex;
    crib_cluster *cluster;
    bool begun;    /* the first input has come */
    bool stopping; /* `ended` follows */
    bool over;     /* the last thing was said */
    bool leaving;
    bool messages; /* are told */
    bool held;     /* no message is taken from workers: the client does not take what was told */
    struct buf sending; /* a message of which more chunks come */
    char *sending_type; /* NULL: none is under way */
    uint32_t sending_to;
};

/* begin_task.c: a Task as options for each worker. Return: 0; -EINVAL; what opening a file gives.
 */
int begin_task(struct start *start, const Crib__Task *task, struct crib_error *err);

/* Return: a copy without NULs inside, in the arena; NULL: err is filled. */
char *begin_text(struct start *start, ProtobufCBinaryData bytes, const char *step,
                 struct crib_error *err);

/* Return: a list of such, ended by NULL. */
const char **begin_texts(struct start *start, const ProtobufCBinaryData *list, size_t count,
                         const char *step, struct crib_error *err);

/* begin.c: opens executor and cluster. */
int begin_cluster(struct primary *primary, const Crib__ClusterInput__Start *message,
                  struct crib_error *err);

/* Asks the daemon anew what the policy lets workers serve. */
int begin_allowed(struct primary *primary, struct crib_error *err);

/* commands.c: an input that is no start. */
void command(struct primary *primary, const Crib__ClusterInput *input);

/* events.c */
extern const struct crib_cluster_events primary_events;
void event_started(struct primary *primary);
void event_ended(struct primary *primary);
void event_error(struct primary *primary, unsigned worker, const struct crib_error *error);

/* Where messages were held, and there is room by now, they are taken again. */
void event_room(struct primary *primary);

/* primary.c: queues a frame. */
void primary_put(struct primary *primary, const ProtobufCMessage *message, enum ttrpc_type type);

/* All workers have ended, as they were to: says so, and nothing after it. */
void primary_ended(struct primary *primary);

/* Return: an error as a message; its texts are @error's. */
void primary_error(const struct crib_error *error, char text[1024], Crib__Error *ret);

#endif
