/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/opener_lines.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/facts.h"

static bool can_become_anybody(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    const uint32_t need = 1u << CAP_SETUID | 1u << CAP_SETGID;

    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & need) == need &&
           idmap_roomy("/proc");
}

static int read_self(struct peer *self)
{
    int n = getgroups(0, NULL);

    if (n < 0)
        return -errno;
    *self = (struct peer){.uid = geteuid(), .gid = getegid()};
    self->groups = calloc(n ? (size_t)n : 1, sizeof(gid_t));
    if (!self->groups)
        return -ENOMEM;
    n = getgroups(n, self->groups);
    self->n_groups = n > 0 ? (size_t)n : 0;
    return n < 0 ? -errno : 0;
}

static bool has_group(const struct peer *peer, gid_t gid)
{
    if (peer->gid == gid)
        return true;
    for (size_t i = 0; i < peer->n_groups; i++)
        if (peer->groups[i] == gid)
            return true;
    return false;
}

/* Without the right to change ids, we serve ourselves: a peer whose rights are no less than ours.
 */
bool lines_may_serve(const struct openers *openers, const struct peer *peer)
{
    const struct peer *self = &openers->self;

    if (peer->uid == (uid_t)-1 || peer->gid == (gid_t)-1) /* would mean: leave as it is */
        return false;
    if (openers->privileged)
        return true;
    for (size_t i = 0; i < self->n_groups; i++)
        if (!has_group(peer, self->groups[i]))
            return false;
    return peer->uid == self->uid && peer->gid == self->gid;
}

struct identity *identity_find(struct openers *openers, const struct peer *peer)
{
    struct identity *identity = openers->identities;

    while (identity && !peer_same(&identity->peer, peer))
        identity = identity->next;
    if (identity)
        return identity;
    identity = calloc(1, sizeof(*identity));
    if (!identity || peer_copy(peer, &identity->peer) < 0) {
        free(identity);
        return NULL;
    }
    identity->openers = openers;
    identity->last = &identity->first;
    identity->next = openers->identities;
    identity->link = &openers->identities;
    if (identity->next)
        identity->next->link = &identity->next;
    openers->identities = identity;
    return identity;
}

/* Forgets an identity that has nothing any more. */
void identity_settle(struct identity *identity)
{
    if (identity->requests || identity->workers)
        return;
    *identity->link = identity->next;
    if (identity->next)
        identity->next->link = identity->link;
    peer_done(&identity->peer);
    free(identity);
}

void line_add(struct identity *identity, struct opener_request *request, bool front)
{
    struct opener_request **at = front ? &identity->first : identity->last;

    request->next = *at;
    request->link = at;
    if (request->next)
        request->next->link = &request->next;
    else
        identity->last = &request->next;
    *at = request;
}

void line_remove(struct opener_request *request)
{
    if (!request->link)
        return;
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    else
        request->identity->last = request->link;
    request->link = NULL;
}

void request_list(struct opener_request *request, struct identity *identity)
{
    struct openers *openers = request->openers;

    request->identity = identity;
    identity->requests++;
    request->next_all = openers->requests;
    request->link_all = &openers->requests;
    if (request->next_all)
        request->next_all->link_all = &request->next_all;
    openers->requests = request;
    line_add(identity, request, false);
}

/* The last use of its identity, which may be freed. */
void request_unlist(struct opener_request *request)
{
    line_remove(request);
    *request->link_all = request->next_all;
    if (request->next_all)
        request->next_all->link_all = request->link_all;
    request->identity->requests--;
    identity_settle(request->identity);
}

int lines_open(struct openers *openers)
{
    openers->privileged = can_become_anybody();
    return read_self(&openers->self);
}
