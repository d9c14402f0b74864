/* SPDX-License-Identifier: Apache-2.0 */
#include "api/options.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "api/copies.h"
#include "base/error.h"
#include "plan/plan.h"

void crib_options_init(struct crib_options *options)
{
    memset(options, 0, sizeof(*options));
    options->size = sizeof(*options);
}

static int copy(const struct crib_options *from, struct crib_options *ret, struct crib_error *err)
{
    if (from->size < sizeof(*from))
        return fail_text(err, -EINVAL, "options", -1, "size",
                         "%zu bytes, not the %zu of this struct: start with crib_options_init()",
                         from->size, sizeof(*from));
    for (size_t i = sizeof(*from); i < from->size; i++)
        if (((const char *)from)[i])
            return fail_text(err, -EINVAL, "options", -1, "size",
                             "an option of a newer crib is set, which this one does not know");
    memcpy(ret, from, sizeof(*ret));
    return 0;
}

static int check_id(int64_t *id, bool *set, const char *name, struct crib_error *err)
{
    if (!*set && *id == 0)
        return 0;
    *set = true;
    if (*id == 0)
        return fail_text(err, -EINVAL, name, -1, NULL, "0 is refused: no task is the host's root");
    if (*id < 0 || *id >= UINT32_MAX)
        return fail_text(err, -EINVAL, name, -1, NULL, "%lld is no id, those are 1 to 4294967294",
                         (long long)*id);
    return 0;
}

static int check_stdio(const struct crib_options *options, struct crib_error *err)
{
    if (options->stdio_count > PLAN_MAX_STDIO)
        return fail_text(err, -E2BIG, "stdio", -1, NULL, "%zu entries, at most %d are allowed",
                         options->stdio_count, PLAN_MAX_STDIO);
    if (!options->stdio && options->stdio_count)
        return fail_text(err, -EINVAL, "stdio", -1, NULL, "a count without a list");
    return 0;
}

static int check_mounts(const struct crib_options *options, struct crib_error *err)
{
    if (options->bind_count > PLAN_MAX_MOUNTS || options->tmpfs_count > PLAN_MAX_MOUNTS)
        return fail_text(err, -E2BIG, "mounts", -1, NULL,
                         "%zu binds and %zu tmpfs, at most %d are"
                         " allowed",
                         options->bind_count, options->tmpfs_count, PLAN_MAX_MOUNTS);
    if (!options->binds && options->bind_count)
        return fail_text(err, -EINVAL, "binds", -1, NULL, "a count without a list");
    if (options->overlay_count > PLAN_MAX_MOUNTS)
        return fail_text(err, -E2BIG, "mounts", -1, NULL, "%zu overlays, at most %d are allowed",
                         options->overlay_count, PLAN_MAX_MOUNTS);
    if (!options->overlays && options->overlay_count)
        return fail_text(err, -EINVAL, "overlays", -1, NULL, "a count without a list");
    for (size_t i = 0; i < options->overlay_count; i++)
        if (!options->overlays[i].source || !options->overlays[i].source[0])
            return fail_text(err, -EINVAL, "overlays", (int)i, NULL, "no source");
    if (!options->tmpfs && options->tmpfs_count)
        return fail_text(err, -EINVAL, "tmpfs", -1, NULL, "a count without a list");
    for (size_t i = 0; i < options->bind_count; i++)
        if (!options->binds[i].source || !options->binds[i].source[0])
            return fail_text(err, -EINVAL, "binds", (int)i, NULL, "no source");
    for (size_t i = 0; i < options->tmpfs_count; i++)
        if (!options->tmpfs[i].target || !options->tmpfs[i].target[0])
            return fail_text(err, -EINVAL, "tmpfs", (int)i, NULL, "no target");
    return 0;
}

static int check_numbers(const struct crib_options *options, struct crib_error *err)
{
    if (options->kill_signal < 0 || options->kill_signal >= _NSIG)
        return fail_text(err, -EINVAL, "kill_signal", -1, NULL,
                         "%d is no signal, those are 1 to %d", options->kill_signal, _NSIG - 1);
    if (options->max_message > CRIB_MAX_MESSAGE)
        return fail_text(err, -EINVAL, "max_message", -1, NULL, "%zu bytes, at most %d are allowed",
                         options->max_message, CRIB_MAX_MESSAGE);
    if ((unsigned)options->channel > CRIB_CHANNEL_NODE_ADVANCED)
        return fail_text(err, -EINVAL, "channel", -1, NULL, "%d is no kind of channel",
                         (int)options->channel);
    if (options->trace < CRIB_TRACE_OFF || options->trace > CRIB_TRACE_ALL)
        return fail_text(err, -EINVAL, "trace", -1, NULL, "%d is no kind of trace",
                         (int)options->trace);
    if (options->detached && options->timeout_ms)
        return fail_text(err, -EINVAL, "detached", -1, NULL,
                         "a detached task has no parent to keep its timeout");
    return 0;
}

int options_read(const struct crib_options *options, struct crib_options *ret,
                 struct crib_error *err)
{
    int r = 0;

    if (options)
        r = copy(options, ret, err);
    else
        crib_options_init(ret);
    if (r == 0)
        r = check_id(&ret->uid, &ret->set_uid, "uid", err);
    if (r == 0)
        r = check_id(&ret->gid, &ret->set_gid, "gid", err);
    if (r == 0)
        r = check_stdio(ret, err);
    if (r == 0)
        r = check_mounts(ret, err);
    if (r == 0)
        r = copies_check(ret, err);
    if (r == 0)
        r = check_numbers(ret, err);
    if (!ret->max_buffer)
        ret->max_buffer = CRIB_MAX_BUFFER;
    if (!ret->max_message)
        ret->max_message = CRIB_MAX_MESSAGE;
    return r;
}
