/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "learn/book.h"
#include "learn/flow.h"

static const char signature[] =
    "# Learnt by `crib policy learn`: behind a line are the runs that need it.\n#\n";

static const char learnt_from[] = "learnt from";

static int write_need(struct buf *out, const struct need *need)
{
    int r;

    if (need->remark)
        return buf_printf(out, " # %s\n", need->remark);
    r = need->runs ? buf_text(out, " # ") : 0;
    if (r == 0)
        r = run_set_write(out, need->runs);
    return r < 0 ? r : buf_text(out, "\n");
}

static int write_runs(struct buf *out, const struct run_list *runs)
{
    int r = buf_text(out, signature);

    for (size_t i = 0; r == 0 && i < runs->count; i++) {
        if (!runs->run[i].words)
            continue;
        r = buf_printf(out, "# run %zu: ", i + 1);
        if (r == 0)
            r = run_words_write(out, runs->run[i].words);
        if (r == 0)
            r = buf_text(out, "\n");
    }
    return r;
}

/* The name of the program of a run. */
static const char *program_of(const struct run_words *run)
{
    const char *word = "", *slash;

    for (size_t i = 0; i + 1 < run->count; i++)
        if (strcmp(run->words[i], "--") == 0) {
            word = run->words[i + 1];
            break;
        }
    slash = strrchr(word, '/');
    return slash ? slash + 1 : word;
}

static bool is_named(const struct run_list *runs, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++)
        if (runs->run[i].words && strcmp(program_of(&runs->run[i]), name) == 0)
            return true;
    return false;
}

/* `learnt from git, make`, unless a person has said something else. */
static int write_about(struct buf *out, const struct needs *needs)
{
    const struct run_list *runs = &needs->runs;
    const char *about = needs->rest->about, *comma = " ";
    AUTO(buf_done) struct buf text = {0};
    int r = buf_text(out, "about: ");

    if (about && strncmp(about, learnt_from, strlen(learnt_from)) != 0)
        r = r < 0 ? r : flow_text(&text, about, strlen(about), false);
    else {
        AUTO(buf_done) struct buf plain = {0};

        r = r < 0 ? r : buf_text(&plain, learnt_from);
        for (size_t i = 0; r == 0 && i < runs->count; i++) {
            const char *name = runs->run[i].words ? program_of(&runs->run[i]) : "";

            if (!*name || is_named(runs, i, name) || plain.len > 160)
                continue;
            r = buf_printf(&plain, "%s%s", comma, name);
            comma = ", ";
        }
        if (r == 0)
            r = flow_text(&text, plain.data, plain.len, false);
    }
    if (r == 0)
        r = buf_append(out, text.data, text.len);
    return r < 0 ? r : buf_text(out, "\n");
}

static int write_mounts(struct buf *out, const struct needs *needs)
{
    int r = needs->mount_count ? buf_text(out, "mounts:\n") : 0;

    for (size_t i = 0; r == 0 && i < needs->mount_count; i++) {
        r = buf_text(out, "  - ");
        if (r == 0)
            r = flow_message(out, &needs->mounts[i].mount->base);
        if (r == 0)
            r = write_need(out, &needs->mounts[i].need);
    }
    return r;
}

static int write_calls(struct needs *needs, struct buf *out)
{
    int r = buf_text(out, "  allow:\n");

    for (size_t i = 0; r == 0 && i < needs->call_count; i++) {
        const struct need_call *call = &needs->calls[i];
        const char *entry = call->entry ? call->entry : rule_text(call->rules, needs->arena);

        r = entry ? buf_text(out, "    - ") : -ENOMEM;
        if (r == 0)
            r = flow_text(out, entry, strlen(entry), false);
        if (r == 0)
            r = write_need(out, &call->need);
    }
    return r;
}

/* A field that no line of which has a comment. @indent: blanks before it. */
static int write_field(struct buf *out, const ProtobufCMessage *msg,
                       const ProtobufCFieldDescriptor *field, const char *indent)
{
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    size_t count = field_count(msg, field);
    int r = count ? buf_printf(out, list ? "%s%s:\n" : "%s%s: ", indent, field->name) : 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        if (list)
            r = buf_printf(out, "%s  - ", indent);
        if (r == 0)
            r = flow_element(out, msg, field, i, false);
        if (r == 0)
            r = buf_text(out, "\n");
    }
    return r;
}

static int write_syscalls(struct needs *needs, struct buf *out)
{
    static const Crib__Syscalls none = CRIB__SYSCALLS__INIT;
    const ProtobufCMessage *msg = needs->rest->syscalls ? &needs->rest->syscalls->base : &none.base;
    int r = buf_text(out, "syscalls:\n");

    for (unsigned i = 0; r == 0 && i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];

        r = strcmp(field->name, "allow") == 0 ? write_calls(needs, out)
                                              : write_field(out, msg, field, "  ");
    }
    return r;
}

static int write_namespaces(struct buf *out, const struct needs *needs)
{
    int r = needs->rest->namespaces ? buf_text(out, "namespaces: ") : 0;

    if (r < 0 || !needs->rest->namespaces)
        return r;
    r = flow_message(out, &needs->rest->namespaces->base);
    return r < 0 ? r : write_need(out, &needs->host_net);
}

int book_write(struct needs *needs, struct buf *out)
{
    const ProtobufCMessage *msg = &needs->rest->base;
    int r = buf_text(out, needs->head);

    if (r == 0)
        r = write_runs(out, &needs->runs);
    for (unsigned i = 0; r == 0 && i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];

        if (strcmp(field->name, "about") == 0)
            r = write_about(out, needs);
        else if (strcmp(field->name, "namespaces") == 0)
            r = write_namespaces(out, needs);
        else if (strcmp(field->name, "mounts") == 0)
            r = write_mounts(out, needs);
        else if (strcmp(field->name, "syscalls") == 0)
            r = write_syscalls(needs, out);
        else
            r = write_field(out, msg, field, "");
    }
    return r;
}
