/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/dangers.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "policy/explain.h"
#include "policy/listen.h"

#define DANGER(call, what)                 {#call, 0, 0, what},
#define DANGER_BITS(call, arg, bits, what) {#call, arg, bits, what},

static const struct dangerous_call {
    const char *name;
    unsigned arg;
    uint64_t bits; /* 0: whatever the arguments are */
    const char *what;
} calls[] = {
#include "policy/dangers.def"
};

/* Of policies whose tasks are handed sockets of a network that they have not: these lead out. */
static const struct dangerous_call served[] = {
    {"connect", 0, 0, "connects a socket that was handed in to whatever the host reaches"},
    {"bind", 0, 0, "gives a socket that was handed in another address of the host's"},
};

#define SERVED (sizeof(served) / sizeof(served[0]))

struct looking {
    const Crib__Policy *policy;
    const Crib__Origins *origins;
    struct arena *arena;
    struct dangers *found;
    struct crib_error *err;
};

static const char *reason_for(const Crib__Policy *policy, const char *grant)
{
    for (size_t i = 0; i < policy->n_reason; i++)
        if (policy->reason[i]->grant && strcmp(policy->reason[i]->grant, grant) == 0)
            return policy->reason[i]->why;
    return NULL;
}

static int add(struct looking *l, const char *grant, const char *what, const char *place)
{
    struct danger danger = {grant, what, place, reason_for(l->policy, grant)};

    for (size_t i = 0; i < l->found->count; i++)
        if (strcmp(l->found->list[i].grant, grant) == 0)
            return 0;
    return arena_push_value(l->arena, &l->found->list, &l->found->count, &danger, sizeof(danger));
}

/* Return: the entry that lets some of the calls through; NULL. Where a stronger one may fit, some
 * may still pass. */
static const struct reason *let_through(const struct reasons *reasons)
{
    for (size_t i = 0; i < reasons->count; i++) {
        const struct reason *reason = &reasons->list[i];

        if (reason->list >= LIST_LOG)
            return reason;
        if (reason->certain)
            return NULL;
    }
    return NULL;
}

static const char *place_of(const struct looking *l, const struct reason *reason)
{
    const Crib__Origins__Place *place = origins_entry(l->origins, reason->list, reason->index);

    return place ? place->at : NULL;
}

/* One bit of the call's after the other: of several flags each is a danger of its own. */
static int look_at_call(struct looking *l, const struct dangerous_call *dangerous)
{
    bool flags = strcmp(dangerous->name, "clone") == 0;
    uint64_t left = dangerous->bits;
    int r;

    do {
        uint64_t now = flags ? left & -left : dangerous->bits;
        struct asked_call call = {.call = call_by_name(dangerous->name)};
        const struct reason *reason;
        struct reasons reasons;

        call.known[dangerous->arg] = flags ? now : now ? UINT32_MAX : 0;
        call.bits[dangerous->arg] = now;
        r = policy_explain(l->policy, &call, l->arena, &reasons, l->err);
        reason = r == 0 ? let_through(&reasons) : NULL;
        if (reason)
            r = add(l, dangerous->name, dangerous->what, place_of(l, reason));
        left &= ~now;
    } while (r == 0 && left);
    return r;
}

static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

/* What is the host's own, and not somebody's work. */
static bool is_of_the_system(const char *path)
{
    static const char *const dirs[] = {"/bin",   "/boot", "/dev",    "/etc", "/lib",
                                       "/lib64", "/proc", "/root",   "/run", "/sbin",
                                       "/sys",   "/usr",  "/var/run"};
    static const char *const harmless[] = {"/dev/null", "/dev/zero",   "/dev/full",
                                           "/dev/tty",  "/dev/random", "/dev/urandom"};

    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
        if (strcmp(path, harmless[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (is_below(path, dirs[i]))
            return true;
    return path[0] == '/' && !strchr(path + 1, '/'); /* all of /home, /var, or everything */
}

static int look_at_mounts(struct looking *l)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < l->policy->n_mounts; i++) {
        const Crib__Mount *mount = l->policy->mounts[i];
        bool bind = !mount->has_type || mount->type == CRIB__MOUNT__TYPE__bind ||
                    mount->type == CRIB__MOUNT__TYPE__host;
        bool commit = mount->has_keep && mount->keep == CRIB__MOUNT__KEEP__commit;
        ProtobufCBinaryData source = mount->has_source ? mount->source : mount->target;
        const char *path = arena_copy(l->arena, source.data, source.len);

        if (!path)
            return -ENOMEM;
        if ((commit || (bind && mount->has_write && mount->write)) && is_of_the_system(path))
            r = add(l, path, "the host's own files can be changed", NULL);
    }
    return r;
}

static int look_at_caps(struct looking *l)
{
    const Crib__Caps *caps = l->policy->caps;
    int r = 0;

    for (size_t i = 0; caps && r == 0 && i < caps->n_keep; i++)
        r = add(l, caps->keep[i], "power over the task's own namespaces", NULL);
    return r;
}

static int look_at_walls(struct looking *l)
{
    const Crib__Policy *p = l->policy;
    int r = 0;

    if (p->namespaces && p->namespaces->has_mount &&
        p->namespaces->mount == CRIB__NAMESPACES__SPACE__host)
        r = add(l, "namespaces.mount", "all files of the host are there", NULL);
    for (size_t i = 0; p->env && r == 0 && i < p->env->n_pass; i++)
        if (strcmp(p->env->pass[i], "*") == 0)
            r = add(l, "env.pass", "the caller's tokens and passwords are passed on", NULL);
    return r;
}

/* What is dangerous about an address, NULL: nothing. */
static const char *served_too_widely(const char *text)
{
    struct listen_address address;

    if (listen_parse(text, true, &address, NULL) < 0 || address.kind == LISTEN_UNIX)
        return NULL;
    if (address.kind == LISTEN_UDP)
        return "datagrams go from there to whatever the host reaches";
    if (address.first > 1 || address.last != UINT16_MAX)
        return NULL;
    return address.family == AF_UNSPEC || IN6_IS_ADDR_UNSPECIFIED(&address.host)
               ? "every port is served, to whoever reaches this host"
               : NULL;
}

static int look_at_listen(struct looking *l)
{
    const Crib__Namespaces *n = l->policy->namespaces;
    bool own = !n || !n->has_net || n->net == CRIB__NAMESPACES__SPACE__new;
    int r = 0;

    for (size_t i = 0; own && r == 0 && l->policy->n_listen && i < SERVED; i++)
        r = look_at_call(l, &served[i]);
    for (size_t i = 0; r == 0 && i < l->policy->n_listen; i++) {
        const char *what = served_too_widely(l->policy->listen[i]);

        if (what)
            r = add(l, l->policy->listen[i], what, NULL);
    }
    return r;
}

int policy_dangers(const Crib__Policy *policy, const Crib__Origins *origins, struct arena *arena,
                   struct dangers *ret, struct crib_error *err)
{
    struct looking l = {policy, origins, arena, ret, err};
    const Crib__Syscalls *s = policy->syscalls;
    int r;

    *ret = (struct dangers){0};
    r = look_at_walls(&l);
    if (r == 0)
        r = look_at_caps(&l);
    if (r == 0)
        r = look_at_mounts(&l);
    if (r == 0)
        r = look_at_listen(&l);
    if (r == 0 && s && s->has_filter && s->filter == CRIB__SYSCALLS__FILTER__off)
        return add(&l, "syscalls.filter", "no filter is loaded", NULL);
    for (size_t i = 0; r == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
        r = look_at_call(&l, &calls[i]);
    return r;
}
