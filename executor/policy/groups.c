/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/groups.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "policy.pb-c.h"
#include "policy/ready.h"
#include "text/text.h"

#define NAME_LONGEST 64

const struct group *group_find(const struct groups *groups, const char *name,
                               struct crib_error *err)
{
    const char *names[GROUPS_MAX + 1] = {NULL};
    char hint[CALLS_DID_YOU] = "";
    const char *near;

    if (!name[0] || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
        fail_text(err, -EINVAL, NULL, -1, NULL, "the name of a group has only a-z, 0-9 and -");
        return NULL;
    }
    for (size_t i = 0; i < groups->count; i++) {
        if (strcmp(groups->list[i].name, name) == 0)
            return &groups->list[i];
        names[i] = groups->list[i].name;
    }
    near = text_nearest(name, names);
    if (near)
        snprintf(hint, sizeof(hint), ", did you mean '@%s'?", near);
    fail_text(err, -EINVAL, NULL, -1, NULL, "unknown group '@%.*s'%s", NAME_LONGEST, name, hint);
    return NULL;
}

/* Puts the place of an entry of @file before what is wrong with it. */
static int fail_at(const char *file, const struct text_marks *marks, size_t index,
                   struct crib_error *err)
{
    const struct text_mark *mark;
    char path[32];

    snprintf(path, sizeof(path), "calls[%zu]", index);
    mark = text_mark_find(marks, path);
    if (err && mark)
        snprintf(err->subject, sizeof(err->subject), "%s:%u:%u", file, mark->line, mark->column);
    return -EINVAL;
}

static unsigned line_of(const struct text_marks *marks, size_t index)
{
    const struct text_mark *mark;
    char path[32];

    snprintf(path, sizeof(path), "calls[%zu]", index);
    mark = text_mark_find(marks, path);
    return mark ? mark->line : 0;
}

static int read_entry(const struct groups *groups, const char *text, struct arena *arena,
                      struct group_entry *ret, struct crib_error *err)
{
    int rc = text[0] == '@' ? 0 : rule_parse(text, arena, &ret->rule, err);

    if (rc == 0 && ret->rule.code)
        return fail_text(err, -EINVAL, NULL, -1, NULL, "a group names no errno: its user does");
    if (text[0] != '@')
        return rc;
    ret->inner = group_find(groups, text + 1, err);
    return ret->inner ? 0 : -EINVAL;
}

static int read_group(const struct groups *groups, const struct shipped *file, struct arena *arena,
                      struct group *group, struct crib_error *err)
{
    struct text_marks marks = {0};
    ProtobufCMessage *msg;
    const Crib__Group *text;
    int rc = text_read(&crib__group__descriptor, file->name, file->data, file->len, arena, &marks,
                       &msg, err);

    if (rc < 0)
        return rc;
    text = (const Crib__Group *)msg;
    group->about = text->about;
    group->entries = arena_alloc(arena, text->n_calls * sizeof(*group->entries));
    if (!group->entries)
        return fail_sys(err, -ENOMEM, NULL, -1, file->name, "group");
    for (; group->count < text->n_calls; group->count++) {
        if (read_entry(groups, text->calls[group->count], arena, &group->entries[group->count],
                       err) < 0)
            return fail_at(file->name, &marks, group->count, err);
        group->entries[group->count].line = line_of(&marks, group->count);
    }
    return 0;
}

int groups_read(const struct shipped *files, size_t count, struct arena *arena, struct groups *ret,
                struct crib_error *err)
{
    int rc = 0;

    memset(ret, 0, sizeof(*ret));
    if (count > GROUPS_MAX)
        return fail_text(err, -E2BIG, NULL, -1, NULL, "more than %d groups", GROUPS_MAX);
    for (; ret->count < count; ret->count++)
        ret->list[ret->count].name = files[ret->count].name;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = read_group(ret, &files[i], arena, &ret->list[i], err);
    return rc;
}

int groups_shipped(const struct groups **ret, struct crib_error *err)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct groups groups;
    static struct arena arena;
    static bool done;
    int rc = 0;

    pthread_mutex_lock(&mutex);
    if (!done) {
        arena_init(&arena, 0);
        rc = ready_groups_read(&arena, &groups, err);
        if (rc == 0)
            rc = groups_read(shipped_groups, shipped_groups_count, &arena, &groups, err);
        done = rc >= 0;
        if (!done)
            arena_done(&arena);
    }
    pthread_mutex_unlock(&mutex);
    if (rc < 0)
        return rc;
    *ret = &groups;
    return 0;
}
