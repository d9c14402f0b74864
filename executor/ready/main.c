/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-ready FILE: writes, as C, what the library's own loader, planner, compiler and proof make of
 * the shipped policies and groups.
 *
 * Runs in: crib-ready, at build time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/filter.h"
#include "plan/recall.h"
#include "plan/filter_file.h"
#include "plan/ready.h"
#include "policy/load.h"
#include "ready/write.h"
#include "text/text.h"

/* What is being made of one policy. */
struct making {
    FILE *out;
    const char *name;
    size_t number;
    struct arena arena;
    struct crib_error err;
    Crib__Policy *policy;
    Crib__Origins *origins;
    bool filtered;
};

static int refuse(const char *name, struct crib_error *err)
{
    char text[600];

    fprintf(stderr, "crib-ready: %s: %s\n", name, crib_error_text(err, text, sizeof(text)));
    return -1;
}

static int make_policy(struct making *m)
{
    char *made_of;
    size_t len;
    int r = ready_policy_made(m->name, &m->arena, &m->policy, &m->origins, &made_of, &len, &m->err);

    if (r < 0)
        return refuse(m->name, &m->err);
    write_bytes(m->out, "made_of", m->number, made_of, len);
    write_message(m->out, "policy", m->number, &m->policy->base);
    write_message(m->out, "origins", m->number, &m->origins->base);
    return 0;
}

static int make_programs(struct making *m, const Crib__SyscallsPlan *plan)
{
    struct filter_programs programs = {0};
    struct filter_rules rules;
    struct buf key = {0};
    int r = filter_key(plan, &key);

    if (r == 0)
        r = filter_read(plan, &m->arena, &rules, &m->err);
    if (r == 0)
        r = filter_make(&rules, &m->arena, &programs, &m->err);
    if (r == 0) {
        write_bytes(m->out, "rules", m->number, key.data, key.len);
        write_code(m->out, "listening", m->number, programs.listening.code, programs.listening.len);
        write_code(m->out, "fallback", m->number, programs.fallback.code, programs.fallback.len);
    }
    buf_done(&key);
    return r;
}

static int make_section(struct making *m)
{
    Crib__Host host = CRIB__HOST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    Crib__Plan plan = CRIB__PLAN__INIT;
    struct planning p = {&task, m->policy, &host, &m->arena, &plan, &m->err};
    struct buf key = {0};
    int r;

    host.has_listener = host.listener = true;
    task.policy = m->policy;
    task.origins = m->origins;
    r = plan_syscalls(&p);
    m->filtered = r == 0 && plan.syscalls;
    if (m->filtered)
        r = recall_key(&p, &key);
    if (r == 0 && m->filtered) {
        write_bytes(m->out, "key", m->number, key.data, key.len);
        write_message(m->out, "plan", m->number, &plan.base);
        r = make_programs(m, plan.syscalls);
    }
    buf_done(&key);
    return r < 0 ? refuse(m->name, &m->err) : 0;
}

/* Of a group the loader's reading is written down, and of entries with conditions the text. */
static int make_group(FILE *out, const struct groups *groups, size_t number, struct arena *arena)
{
    const struct shipped *file = &shipped_groups[number];
    const struct group *group = &groups->list[number];
    struct crib_error err = {0};
    struct buf texts = {0};
    struct text_marks marks = {0};
    ProtobufCMessage *msg;
    int r = text_read(&crib__group__descriptor, file->name, file->data, file->len, arena, &marks,
                      &msg, &err);

    if (r < 0)
        return refuse(file->name, &err);
    fprintf(out, "static const struct ready_entry entries_%zu[] = {\n", number);
    for (size_t i = 0; i < group->count; i++) {
        const struct group_entry *entry = &group->entries[i];
        const char *text = ((const Crib__Group *)msg)->calls[i];
        bool plain = !entry->inner && !entry->rule.count;

        fprintf(out, "{%d, %d, %zu, %u},\n",
                entry->inner ? (int)(entry->inner - groups->list) : READY_NONE,
                plain ? entry->rule.call->number : READY_NONE, texts.len, entry->line);
        if (!entry->inner && !plain)
            r = buf_append(&texts, text, strlen(text) + 1);
        if (r < 0 || texts.len >= READY_NONE)
            abort();
    }
    fprintf(out, "};\n");
    write_bytes(out, "texts", number, texts.data, texts.len);
    buf_done(&texts);
    return 0;
}

static int make_groups(FILE *out)
{
    const struct groups *groups;
    struct crib_error err = {0};
    struct arena arena;
    int r = groups_shipped(&groups, &err);

    if (r < 0)
        return refuse("groups", &err);
    arena_init(&arena, 0);
    for (size_t i = 0; r == 0 && i < groups->count; i++)
        r = make_group(out, groups, i, &arena);
    fprintf(out, "const struct ready_group ready_groups[] = {\n");
    for (size_t i = 0; r == 0 && i < groups->count; i++) {
        fprintf(out, "{");
        write_text(out, groups->list[i].about);
        fprintf(out, ", entries_%zu, %zu, (const char *)texts_%zu},\n", i, groups->list[i].count,
                i);
    }
    fprintf(out, "};\nconst size_t ready_groups_count = %zu;\n", groups->count);
    arena_done(&arena);
    return r;
}

static void write_policies(FILE *out, const char *const *names)
{
    size_t count = 0;

    fprintf(out, "const struct ready_policy ready_policies[] = {\n");
    for (; names[count]; count++) {
        fprintf(out, "{");
        write_text(out, names[count]);
        fprintf(out,
                ", (const char *)made_of_%zu, {policy_%zu, sizeof(policy_%zu)}, {origins_%zu, "
                "sizeof(origins_%zu)}},\n",
                count, count, count, count, count);
    }
    fprintf(out, "};\nconst size_t ready_policies_count = %zu;\n", count);
}

static void write_filters(FILE *out, const size_t *numbers, size_t count)
{
    fprintf(out, "const struct ready_filter ready_filters[] = {\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out,
                "{(const char *)rules_%zu, listening_%zu, fallback_%zu, sizeof(listening_%zu) / 8, "
                "sizeof(fallback_%zu) / 8},\n",
                numbers[i], numbers[i], numbers[i], numbers[i], numbers[i]);
    fprintf(out, "};\nconst size_t ready_filters_count = %zu;\n", count);
    fprintf(out, "const struct ready_section ready_sections[] = {\n");
    for (size_t i = 0; i < count; i++)
        fprintf(out,
                "{{key_%zu, sizeof(key_%zu)}, {plan_%zu, sizeof(plan_%zu)}, "
                "&ready_filters[%zu]},\n",
                numbers[i], numbers[i], numbers[i], numbers[i], i);
    fprintf(out, "};\nconst size_t ready_sections_count = %zu;\n", count);
}

static int make_all(FILE *out)
{
    const char *const *names = policy_shipped();
    size_t numbers[64], count = 0;

    fprintf(out, "/* Made by crib-ready. */\n#include \"plan/ready.h\"\n\n");
    for (size_t i = 0; names[i]; i++) {
        struct making m = {.out = out, .name = names[i], .number = i};
        int r;

        arena_init(&m.arena, 0);
        r = make_policy(&m);
        if (r == 0)
            r = make_section(&m);
        if (r == 0 && m.filtered)
            numbers[count++] = i;
        arena_done(&m.arena);
        if (r < 0)
            return r;
    }
    write_policies(out, names);
    write_filters(out, numbers, count);
    return make_groups(out);
}

int main(int argc, char **argv)
{
    FILE *out = argc == 2 ? fopen(argv[1], "we") : NULL;
    int r;

    if (!out) {
        fprintf(stderr, "crib-ready: it takes a file to write\n");
        return 2;
    }
    r = make_all(out);
    if (fclose(out) != 0 || r < 0) {
        remove(argv[1]);
        return 1;
    }
    return 0;
}
