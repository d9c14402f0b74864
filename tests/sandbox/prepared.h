/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks of one executor that keeps sandboxes ready, each with its output, its receipt and its first
 * process.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_PREPARED_H
#define SANDBOX_PREPARED_H

#include "sandbox/live.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREPARED_PATIENCE_US 20000000

struct one {
    struct live_task task;
    char *out, *json;
    pid_t pid; /* init's */
};

static inline void one_keep(struct live_task *task, const char *word)
{
    struct one *one = task->user;

    if (strcmp(word, "close") == 0)
        crib_task_result_json(task->task, &one->json);
}

/* With the default options. */
static inline void one_init(struct one *one)
{
    memset(one, 0, sizeof(*one));
    live_task(&one->task);
    one->task.then = one_keep;
    one->task.user = one;
}

static inline void one_done(struct one *one)
{
    free(one->out);
    free(one->json);
}

/* Words of @line, cut apart in place. */
static inline void one_split(char *line, const char **words, size_t most)
{
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " ", &rest); word && count + 1 < most;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
}

/* Starts @file (NULL: the probe) with the words of @line. */
static inline void one_start(struct live *live, struct one *one, const char *file, const char *line)
{
    const char *words[64];
    struct crib_error error;
    char copy[2048];

    snprintf(copy, sizeof(copy), "%s", line);
    one_split(copy, words, 64);
    live_started(&one->task,
                 crib_spawn(live->ex, file ? file : sandbox_probe_path(), words, &one->task.options,
                            &one->task.task, &error),
                 &error);
    one->pid = crib_task_pid(one->task.task);
    live_read(&one->task);
}

static inline void one_end(struct live *live, struct one *one)
{
    char text[1024];

    live_until(live, &one->task, "close ");
    buf_append(&one->task.out, "", 1);
    one->out = strdup((char *)one->task.out.data);
    buf_done(&one->task.out);
    buf_done(&one->task.err);
    if (one->task.error.code)
        fail_msg("%s", crib_error_text(&one->task.error, text, sizeof(text)));
}

static inline void one_run(struct live *live, struct one *one, const char *line)
{
    one_start(live, one, NULL, line);
    one_end(live, one);
}

static inline bool one_was_ahead(const struct one *one)
{
    assert_non_null(one->json);
    return strstr(one->json, "\"applied\":\"prepared ahead\"") != NULL;
}

static inline void one_must_be(const struct one *one, bool ahead)
{
    test_contains(one->json,
                  ahead ? "\"applied\":\"prepared ahead\"" : "\"applied\":\"made for this task\"");
}

/* Until so many wait. */
static inline void prepared_await(struct live *live, unsigned count)
{
    const uint64_t until = clock_us() + PREPARED_PATIENCE_US;

    while (crib_prepared(live->ex) != count) {
        if (clock_us() > until)
            fail_msg("%u sandboxes wait, not %u", crib_prepared(live->ex), count);
        usleep(1000);
    }
}

/* Has @count made for tasks like @one, and waits for them. */
static inline void prepared_like(struct live *live, const struct one *one, unsigned count)
{
    const char *const args[] = {"exit", "0", NULL};
    struct crib_error error;
    char text[1024];

    if (crib_set_prepared(live->ex, count, 0, &error) < 0 ||
        crib_prepare(live->ex, sandbox_probe_path(), args, &one->task.options, &error) < 0)
        fail_msg("%s", crib_error_text(&error, text, sizeof(text)));
    prepared_await(live, count);
}

/* The same, and then runs @one in one of them. */
static inline void prepared_run(struct live *live, struct one *one, const char *line)
{
    prepared_like(live, one, 1);
    one_run(live, one, line);
    one_must_be(one, true);
}

/* Return: the parent of a process; 0: there is none of that pid; a zombie counts when @dead. */
static inline pid_t prepared_parent(pid_t pid, bool dead)
{
    char path[64], text[512] = "", *end, state = 0;
    int parent = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fgets(text, sizeof(text), file) && (end = strrchr(text, ')')))
        sscanf(end + 1, " %c %d", &state, &parent);
    fclose(file);
    return state == 'Z' && !dead ? 0 : parent;
}

/* Return: how many children @parent has, the first 64 in @ret. */
static inline size_t prepared_children(pid_t parent, pid_t ret[64])
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]) && count < 64 &&
            prepared_parent((pid_t)atoi(entry->d_name), true) == parent)
            ret[count++] = (pid_t)atoi(entry->d_name);
    closedir(dir);
    return count;
}

#endif
