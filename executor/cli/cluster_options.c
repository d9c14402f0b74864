/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cluster_options.h"

#include <errno.h>
#include <string.h>

#include "api/script.h"
#include "cli/command.h"
#include "policy/listen.h"
#include "text/units.h"

#define MOST_WORKERS   1024
#define MOST_ADDRESSES 64
#define MOST_CRASHES   100000

static const char *const ways[] = {[CRIB_SHARE_SOCKET] = "socket",
                                   [CRIB_SHARE_REUSEPORT] = "reuseport",
                                   [CRIB_SHARE_ROUND_ROBIN] = "round-robin"};

/* Return: how a word says that workers share; CRIB_SHARE_ANY: it says nothing of it. */
static enum crib_sharing sharing_of(const char *word)
{
    for (int i = CRIB_SHARE_SOCKET; i <= CRIB_SHARE_ROUND_ROBIN; i++)
        if (strcmp(word, ways[i]) == 0)
            return (enum crib_sharing)i;
    return CRIB_SHARE_ANY;
}

/* Cuts `,SHARING` off. A path may have commas of its own. Return: NULL; what is wrong. */
static const char *cut_sharing(char *address, enum crib_sharing *ret)
{
    char *comma = strrchr(address, ',');

    *ret = comma ? sharing_of(comma + 1) : CRIB_SHARE_ANY;
    if (comma && *ret == CRIB_SHARE_ANY && strncmp(address, "unix:", 5) != 0)
        return "behind the comma may be socket, reuseport or round-robin";
    if (*ret != CRIB_SHARE_ANY)
        *comma = '\0';
    return NULL;
}

static const char *check_sharing(const struct listen_address *address, enum crib_sharing sharing)
{
    if (sharing == CRIB_SHARE_REUSEPORT && address->kind != LISTEN_TCP)
        return "reuseport is for TCP";
    if (sharing == CRIB_SHARE_ROUND_ROBIN && address->kind == LISTEN_UDP)
        return "datagrams are no connections: there is nothing to hand out in turn";
    return NULL;
}

/* Return: NULL; what is wrong. */
static const char *check_address(const char *text, bool pattern, struct listen_address *ret,
                                 struct crib_error *found)
{
    if (listen_parse(text, pattern, ret, found) == 0)
        return NULL;
    if (!pattern && listen_parse(text, true, ret, NULL) == 0)
        return "one address is needed: `*` and ranges are for --allow";
    return found->detail;
}

static int take_address(struct cluster_options *options, struct arena *arena, enum option_id id,
                        const char *value, struct crib_error *err)
{
    char *text = arena_text(arena, value);
    struct crib_listen listen = {.address = text, .hand = id == OPTION_listen};
    struct crib_error found;
    struct listen_address address;
    const char *why;

    if (!text)
        return fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL);
    why = cut_sharing(text, &listen.sharing);
    if (!why)
        why = check_address(text, id == OPTION_allow, &address, &found);
    if (!why)
        why = check_sharing(&address, listen.sharing);
    if (!why && options->listen_count >= MOST_ADDRESSES)
        why = "64 addresses are the most";
    if (why)
        return bad_value(err, id, value, why);
    return arena_push_value(arena, &options->listen, &options->listen_count, &listen,
                            sizeof(listen)) < 0
               ? fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL)
               : 0;
}

static int take_number(unsigned *ret, enum option_id id, const char *value, unsigned most,
                       struct crib_error *err)
{
    char why[UNIT_WHY];
    uint64_t number;

    if (unit_read(NULL, value, &number, why) < 0 || number == 0 || number > most)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--%s '%s': is no number from 1 to %u",
                         option_rows[id].name, value, most);
    *ret = (unsigned)number;
    return 0;
}

static int take_time(uint64_t *ret, enum option_id id, const char *value, struct crib_error *err)
{
    char why[UNIT_WHY];

    if (unit_read(unit_find("crib.Task", "timeout"), value, ret, why) < 0)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--%s: %s", option_rows[id].name, why);
    return *ret == 0 ? bad_value(err, id, value, "leaves no time") : 0;
}

static int take_form(struct cluster_options *options, const char *value, struct crib_error *err)
{
    options->json = strcmp(value, "json") == 0;
    if (options->json || strcmp(value, "text") == 0)
        return 0;
    return bad_value(err, OPTION_events, value, "is neither json nor text");
}

int cluster_options_take(struct cluster_options *options, struct arena *arena, enum option_id id,
                         const char *value, struct crib_error *err)
{
    switch (id) {
    case OPTION_workers:
        return take_number(&options->workers, id, value, MOST_WORKERS, err);
    case OPTION_crash_limit:
        return take_number(&options->crash_limit, id, value, MOST_CRASHES, err);
    case OPTION_listen:
    case OPTION_allow:
        return take_address(options, arena, id, value, err);
    case OPTION_ping:
        return take_time(&options->ping_ms, id, value, err);
    case OPTION_grace:
        return take_time(&options->grace_ms, id, value, err);
    case OPTION_events:
        return take_form(options, value, err);
    case OPTION_events_fd:
        return take_fd(&options->events_fd, id, value, "the workers have that one too", err);
    case OPTION_worker_policy:
        options->policy = value;
        return 0;
    case OPTION_silent:
        options->quiet = true;
        return 0;
    default:
        return -EINVAL;
    }
}

int cluster_options_check(struct cluster_options *options, const char *module,
                          struct crib_error *err)
{
    bool script = script_is(module);

    if (options->events_fd >= 0 && !options->json)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "--events-fd is for --events json");
    for (size_t i = 0; i < options->listen_count; i++) {
        struct crib_listen *listen = &options->listen[i];

        if (script)
            listen->hand = false; /* Node knows of no sockets that it inherits */
        if (listen->hand && listen->sharing > CRIB_SHARE_SOCKET)
            return fail_text(err, -EINVAL, NULL, -1, NULL,
                             "--listen '%s,%s': what is inherited is one socket for all; where "
                             "workers ask for it themselves, say --allow",
                             listen->address, ways[listen->sharing]);
    }
    return 0;
}
