/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fdside_request.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "daemon/foreign.h"
#include "daemon/status.h"

#define ARENA_MOST (1u << 20)

static int answer(struct fdside_reply *ret, enum status_code code, const char *why)
{
    ret->code = (int)code;
    ret->why = why;
    return -1;
}

static int bad(struct fdside_reply *ret, const char *why)
{
    return answer(ret, CODE_INVALID_ARGUMENT, why);
}

/* A name with a NUL, or a field that we do not know, shows in the size of what was understood. */
static const void *decode(const ProtobufCMessageDescriptor *type, const struct frame *frame,
                          struct arena *arena, struct fdside_reply *ret)
{
    const ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &arena->pb, frame->len, frame->payload);

    if (message && message->n_unknown_fields == 0 &&
        protobuf_c_message_get_packed_size(message) == frame->len)
        return message;
    bad(ret, "a payload that is not this message");
    return NULL;
}

static int check_fd(int fd, struct fdside_reply *ret)
{
    int r = foreign_look(fd); /* its file was checked when it came */

    if (r == 0)
        return 0;
    return bad(ret, r == -EISDIR   ? "an fd is a directory"
                    : r == -EINVAL ? "an fd is O_PATH, or another process serves its file"
                                   : "an fd of no known kind");
}

static int check_name(const struct fdside_asker *asker, const char *name, struct fdside_reply *ret)
{
    if (!name_valid(name))
        return bad(ret, "a name is 1 to 63 letters, digits, dots, underscores and hyphens");
    if (names_find(asker->names, peer_owner(asker->peer), name))
        return answer(ret, CODE_ALREADY_EXISTS, "a name is taken");
    return 0;
}

static int check_register(const struct fdside_asker *asker, const Crib__FdRegister *request,
                          const struct frame *frame, struct fdside_reply *ret)
{
    int r = 0;

    if (request->n_names != frame->nfds || frame->nfds == 0)
        return bad(ret, "there must be one name for each fd, and one of both at least");
    for (size_t i = 0; r == 0 && i < request->n_names; i++) {
        r = check_name(asker, request->names[i], ret);
        for (size_t j = 0; r == 0 && j < i; j++)
            if (strcmp(request->names[i], request->names[j]) == 0)
                r = answer(ret, CODE_ALREADY_EXISTS, "a name twice");
        if (r == 0)
            r = check_fd(frame->fds[i], ret);
    }
    return r;
}

static void on_register(const struct fdside_asker *asker, const void *message, struct frame *frame,
                        struct fdside_reply *ret)
{
    const Crib__FdRegister *request = message;
    uid_t uid = asker->peer->uid;
    size_t done = 0;

    if (check_register(asker, request, frame, ret) < 0)
        return;
    if (asker->asks->charge(uid, (int)frame->nfds, asker->data) < 0) {
        answer(ret, CODE_RESOURCE_EXHAUSTED, "over the quota of fds");
        return;
    }
    while (done < frame->nfds && names_add(asker->names, peer_owner(asker->peer),
                                           request->names[done], frame->fds[done], asker->list))
        frame->fds[done++] = -1;
    if (done == frame->nfds)
        return;
    for (size_t i = 0; i < done; i++) /* the newest is the first */
        names_remove(*asker->list);
    asker->asks->charge(uid, -(int)frame->nfds, asker->data);
    answer(ret, CODE_RESOURCE_EXHAUSTED, "out of memory");
}

static void on_release(const struct fdside_asker *asker, const void *message, struct frame *frame,
                       struct fdside_reply *ret)
{
    const Crib__FdRelease *request = message;
    uid_t uid = asker->peer->uid;
    size_t found = 0;

    (void)frame;
    for (; found < request->n_names; found++) {
        struct named *named =
            names_find(asker->names, peer_owner(asker->peer), request->names[found]);

        if (!named || named->marked) {
            answer(ret, CODE_NOT_FOUND, named ? "a name twice" : "no such name");
            break;
        }
        named->marked = true;
    }
    /* All or none. */
    for (size_t i = 0; i < found; i++) {
        struct named *named = names_find(asker->names, peer_owner(asker->peer), request->names[i]);

        named->marked = false;
        if (found < request->n_names)
            continue;
        names_remove(named);
        asker->asks->charge(uid, -1, asker->data);
    }
}

static void on_take(const struct fdside_asker *asker, const void *message, struct frame *frame,
                    struct fdside_reply *ret)
{
    const char *why = NULL;
    int r;

    (void)frame;
    r = asker->asks->take(asker->peer, message, &ret->fds, &ret->nfds, &why, asker->data);
    if (r == 0)
        return;
    ret->fds = NULL;
    ret->nfds = 0;
    answer(ret, r > 0 ? (enum status_code)r : CODE_INTERNAL, why);
}

static const struct {
    const char *type;
    const ProtobufCMessageDescriptor *message;
    bool fds;
    void (*act)(const struct fdside_asker *asker, const void *message, struct frame *frame,
                struct fdside_reply *ret);
} requests[] = {
    {"FdRegister", &crib__fd_register__descriptor, true, on_register},
    {"FdRelease", &crib__fd_release__descriptor, false, on_release},
    {"FdTake", &crib__fd_take__descriptor, false, on_take},
};

void fdside_request(const struct fdside_asker *asker, struct frame *frame, struct fdside_reply *ret)
{
    struct arena arena;

    *ret = (struct fdside_reply){0};
    answer(ret, CODE_UNIMPLEMENTED, "no such request");
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const void *message;

        if (strcmp(frame->type, requests[i].type) != 0)
            continue;
        answer(ret, CODE_OK, NULL);
        if (frame->nfds > 0 && !requests[i].fds) {
            bad(ret, "fds with a request that takes none");
            return;
        }
        arena_init(&arena, ARENA_MOST);
        message = decode(requests[i].message, frame, &arena, ret);
        if (message)
            requests[i].act(asker, message, frame, ret);
        arena_done(&arena);
        return;
    }
}

void fdside_forget(const struct fdside_asker *asker)
{
    int n = 0;

    for (; *asker->list; n++)
        names_remove(*asker->list);
    if (n > 0)
        asker->asks->charge(asker->peer->uid, -n, asker->data);
}
