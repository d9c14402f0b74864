/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_tools.h"
#include "cli/say.h"
#include "policy/groups.h"

static int add_line(struct buf *out, const char *before, const struct group *group)
{
    return buf_printf(out, "%s@%-16s %s\n", before, group->name, group->about ? group->about : "");
}

static int add_all(struct buf *out, const struct groups *groups)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < groups->count; i++)
        r = add_line(out, "", &groups->list[i]);
    return r;
}

/* Its entries as they are written. */
static int add_one(struct buf *out, const struct group *group, struct arena *arena)
{
    int r = buf_printf(out, "@%s: %s\n", group->name, group->about ? group->about : "");

    for (size_t i = 0; r == 0 && i < group->count; i++) {
        const struct group_entry *entry = &group->entries[i];
        const char *text = entry->inner ? "" : rule_text(&entry->rule, arena);

        if (entry->inner)
            r = add_line(out, "  ", entry->inner);
        else
            r = text ? buf_printf(out, "  %s\n", text) : -ENOMEM;
    }
    return r;
}

int policy_groups(char *const *words)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf out = {0};
    struct crib_error err = {0};
    const struct group *group = NULL;
    const struct groups *groups;
    int r = groups_shipped(&groups, &err);

    arena_init(&arena, 0);
    if (r == 0 && words[0]) {
        group = group_find(groups, words[0] + (words[0][0] == '@'), &err);
        r = group ? 0 : -EINVAL;
    }
    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    r = group ? add_one(&out, group, &arena) : add_all(&out, groups);
    if (r < 0 || say_out((const char *)out.data, out.len) < 0)
        return STATUS_FAILED;
    return 0;
}
