/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sides of everything by which one process may reach another: `offer KIND NUMBER WHERE` makes
 * something and keeps it until its stdin ends; `reach KIND NUMBER WHERE`, in another process, says
 * `reach reached`, `reach nothing`, or the error.
 */
#include "probe/pairs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/probe.h"

#define PACE_MS 5

static const struct pair *const families[] = {object_pairs, process_pairs, file_pairs,
                                              counted_pairs};

static const struct pair *find(const char *kind)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        for (const struct pair *pair = families[i]; pair->kind; pair++)
            if (strcmp(pair->kind, kind) == 0)
                return pair;
    return NULL;
}

/* Until the other end of stdin is closed; meanwhile again and again what the kind says. */
static void stay(const struct pair *pair, const char *where)
{
    struct pollfd end = {.fd = 0, .events = POLLIN};
    char byte;

    for (;;) {
        if (poll(&end, 1, pair->again ? PACE_MS : -1) > 0 && read(0, &byte, 1) <= 0)
            return;
        if (pair->again)
            pair->again(where);
    }
}

static int verb_offer(int argc, char **argv)
{
    const struct pair *pair = find(argv[1]);

    (void)argc;
    if (!pair)
        return 99;
    if (!say("offer", pair->offer(number(argv[2]), argv[3])))
        return 1;
    stay(pair, argv[3]);
    if (pair->end)
        pair->end(number(argv[2]), argv[3]);
    return 0;
}

static int verb_reach(int argc, char **argv)
{
    const struct pair *pair = find(argv[1]);
    int r;

    (void)argc;
    if (!pair)
        return 99;
    errno = 0;
    r = pair->reach(number(argv[2]), argv[3]);
    printf("reach %s\n", r > 0 ? "reached" : r < 0 && errno ? errno_name(errno) : "nothing");
    return r <= 0;
}

const struct verb pair_verbs[] = {
    {"offer", verb_offer, 3},
    {"reach", verb_reach, 3},
    {NULL, NULL, 0},
};
