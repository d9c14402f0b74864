/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/arch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/groups.h"
#include "policy/origins.h"

#define PATH_BYTES 64 /* hold `syscalls.arch[N].allow[N]` */
#define WORD       "abcdefghijklmnopqrstuvwxyz0123456789_"

static const char *const list_names[LISTS_OF_CALLS] = {
    [LIST_DENY] = "deny",
    [LIST_KILL] = "kill",
    [LIST_LOG] = "log",
    [LIST_ALLOW] = "allow",
};

Crib__Syscalls__Arch arch_here(void)
{
#if defined(__aarch64__)
    return CRIB__SYSCALLS__ARCH__aarch64;
#elif defined(__riscv)
    return CRIB__SYSCALLS__ARCH__riscv64;
#else
    return CRIB__SYSCALLS__ARCH__x86_64;
#endif
}

/* One list, of a policy or of one of its parts. */
struct entries {
    char ***list;
    size_t *count;
};

static struct entries list_of(Crib__Syscalls *s, enum syscalls_list list)
{
    switch (list) {
    case LIST_DENY:
        return (struct entries){&s->deny, &s->n_deny};
    case LIST_KILL:
        return (struct entries){&s->kill, &s->n_kill};
    case LIST_LOG:
        return (struct entries){&s->log, &s->n_log};
    default:
        return (struct entries){&s->allow, &s->n_allow};
    }
}

static struct entries part_list(Crib__Syscalls__ArchPart *part, enum syscalls_list list)
{
    switch (list) {
    case LIST_DENY:
        return (struct entries){&part->deny, &part->n_deny};
    case LIST_KILL:
        return (struct entries){&part->kill, &part->n_kill};
    case LIST_LOG:
        return (struct entries){&part->log, &part->n_log};
    default:
        return (struct entries){&part->allow, &part->n_allow};
    }
}

static void write_path(char path[PATH_BYTES], size_t part, enum syscalls_list list, size_t index)
{
    snprintf(path, PATH_BYTES, "syscalls.arch[%zu].%s[%zu]", part, list_names[list], index);
}

static int no_memory(const struct policy_check *check)
{
    return fail_sys(check->err, -ENOMEM, "policy", -1, check->name, NULL);
}

/* A group must be there, whatever the architecture; of a call only the form is known. */
static int check_entry(const char *entry, enum syscalls_list list, struct crib_error *found)
{
    const struct groups *groups;
    char name[CALLS_LONGEST];
    size_t len, word;
    int code, r = rule_errno(entry, &len, &code, found);

    if (r < 0)
        return r;
    if (strnlen(entry, RULE_LONGEST + 1) > RULE_LONGEST)
        return fail_text(found, -EINVAL, NULL, -1, NULL, "an entry of more than %d bytes",
                         RULE_LONGEST);
    if (code && list != LIST_DENY)
        return fail_text(found, -EINVAL, NULL, -1, NULL, "only `deny` names an errno");
    if (entry[0] == '@') {
        snprintf(name, sizeof(name), "%.*s", (int)(len - 1), entry + 1);
        r = groups_shipped(&groups, found);
        return r < 0 || group_find(groups, name, found) ? r : -EINVAL;
    }
    word = strspn(entry, WORD);
    if (word > 0 && (word == len || (entry[word] == '(' && entry[len - 1] == ')')))
        return 0;
    return fail_text(found, -EINVAL, NULL, -1, NULL,
                     "this is no system call, with conditions or without, and no @group");
}

/* Of an architecture that is not this machine's. */
static int check_part(const struct policy_check *check, size_t index)
{
    Crib__Syscalls__ArchPart *part = check->policy->syscalls->arch[index];
    char path[PATH_BYTES];

    for (int name = 0; name < LISTS_OF_CALLS; name++) {
        struct entries entries = part_list(part, (enum syscalls_list)name);

        for (size_t i = 0; i < *entries.count; i++) {
            struct crib_error found = {0};
            int r = check_entry((*entries.list)[i], (enum syscalls_list)name, &found);

            write_path(path, index, (enum syscalls_list)name, i);
            if (r < 0)
                return policy_refuse(check, path, r, "%s", found.detail);
        }
    }
    return 0;
}

/* A list that nothing else has hold of, so that it can grow. */
static int own_list(struct entries to, struct arena *arena)
{
    char **list = NULL;
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < *to.count; i++)
        r = arena_push(arena, &list, &count, (*to.list)[i]);
    if (r == 0) {
        *to.list = list;
        *to.count = count;
    }
    return r;
}

/* The entry that is now @index of its list was written where @mark is. */
static int move_mark(struct text_marks *marks, const struct text_mark *mark,
                     enum syscalls_list list, size_t index, struct arena *arena)
{
    struct text_mark moved = *mark;

    moved.path = arena_printf(arena, "%s[%zu]", syscalls_path(list), index);
    return moved.path ? arena_push_value(arena, &marks->list, &marks->count, &moved, sizeof(moved))
                      : -ENOMEM;
}

static int append(const struct policy_check *check, struct text_marks *marks, size_t part,
                  enum syscalls_list list, struct arena *arena)
{
    Crib__Syscalls *s = check->policy->syscalls;
    struct entries from = part_list(s->arch[part], list), to = list_of(s, list);
    int r = *from.count ? own_list(to, arena) : 0;

    for (size_t i = 0; r == 0 && i < *from.count; i++) {
        const struct text_mark *mark;
        char path[PATH_BYTES];

        write_path(path, part, list, i);
        mark = marks ? text_mark_find(marks, path) : NULL;
        r = mark ? move_mark(marks, mark, list, *to.count, arena) : 0;
        if (r == 0)
            r = arena_push(arena, to.list, to.count, (*from.list)[i]);
    }
    return r < 0 ? no_memory(check) : 0;
}

static int check_sizes(const struct policy_check *check, size_t index)
{
    Crib__Syscalls__ArchPart *part = check->policy->syscalls->arch[index];
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "syscalls.arch[%zu]", index);
    if (!part->has_name)
        return policy_refuse(check, path, -EINVAL,
                             "it must say which architecture it is for, in `name`");
    for (int name = 0; name < LISTS_OF_CALLS; name++)
        if (*part_list(part, (enum syscalls_list)name).count > POLICY_MAX_ENTRIES)
            return policy_refuse(check, path, -E2BIG, "a list of more than %d entries",
                                 POLICY_MAX_ENTRIES);
    return 0;
}

int arch_apply(const struct policy_check *check, struct text_marks *marks,
               Crib__Syscalls__Arch arch, struct arena *arena)
{
    Crib__Syscalls *s = check->policy->syscalls;
    int r = 0;

    if (!s || !s->n_arch)
        return 0;
    if (s->n_arch > ARCH_MAX_PARTS)
        return policy_refuse(check, "syscalls.arch", -E2BIG, "at most %d parts", ARCH_MAX_PARTS);
    for (size_t i = 0; r == 0 && i < s->n_arch; i++) {
        r = check_sizes(check, i);
        if (r == 0 && s->arch[i]->name != arch)
            r = check_part(check, i);
        for (int list = 0; r == 0 && s->arch[i]->name == arch && list < LISTS_OF_CALLS; list++)
            r = append(check, marks, i, (enum syscalls_list)list, arena);
    }
    s->arch = NULL;
    s->n_arch = 0;
    return r;
}
