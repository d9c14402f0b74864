/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/sandbox.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"

#define PATIENCE_MS       60000
#define MOST_PREPARING_US 1500000
#define MOST_STDIO        64
#define MOST_OUTPUT       (256u << 20)

const char *sandbox_address(void)
{
    const char *address = getenv("CRIB_TEST_ADDRESS");

    return address && *address ? address : NULL;
}

const char *sandbox_probe_path(void)
{
    const char *path = getenv("CRIB_PROBE");

    return path ? path : PROBE_PATH;
}

const char *sandbox_dynamic_path(void)
{
    const char *path = getenv("CRIB_PROBE_DYNAMIC");

    return path ? path : PROBE_DYNAMIC_PATH;
}

bool sandbox_privileged(void)
{
    return geteuid() == 0;
}

const char *const *sandbox_policies(void)
{
    static const char *names[32];
    size_t n = 0;

    for (const char *const *name = crib_policy_names(); *name && n < 31; name++)
        if (sandbox_privileged() || strcmp(*name, "judge") != 0)
            names[n++] = *name;
    names[n] = NULL;
    return names;
}

void sandbox_only_privileged(bool privileged)
{
    if (sandbox_privileged() == privileged)
        return;
    print_message("for %s callers only\n", privileged ? "privileged" : "ordinary");
    skip();
}

void sandbox_only_here(const char *why)
{
    if (!sandbox_address())
        return;
    print_message("not under a daemon: %s\n", why);
    skip();
}

void sandbox_become_ordinary(void)
{
    if (setgroups(0, NULL) < 0 || setresgid(1000, 1000, 1000) < 0 ||
        setresuid(1000, 1000, 1000) < 0)
        abort();
    prctl(PR_SET_DUMPABLE, 1); /* as after an exec */
}

unsigned sandbox_task_uid(void)
{
    return sandbox_privileged() ? 65534 : geteuid();
}

unsigned sandbox_task_gid(void)
{
    return sandbox_privileged() ? 65534 : getegid();
}

char *sandbox_public_probe(void)
{
    char *dir = test_dir(), *path = NULL, *data;
    size_t len;

    assert_int_equal(chmod(dir, 0755), 0);
    if (asprintf(&path, "%s/probe", dir) < 0)
        abort();
    data = test_read(sandbox_probe_path(), &len);
    test_write(path, data, len, 0755);
    free(data);
    free(dir);
    return path;
}

static bool has_word(pid_t pid, const char *word)
{
    char path[64], data[65536];
    ssize_t len = -1;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        len = read(fd, data, sizeof(data) - 1);
    fd_close(&fd);
    if (len <= 0)
        return false;
    data[len] = '\0';
    for (char *arg = data; arg < data + len; arg += strlen(arg) + 1)
        if (strcmp(arg, word) == 0)
            return true;
    return false;
}

int sandbox_processes_with(const char *word)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]))
            count += has_word((pid_t)atoi(entry->d_name), word);
    closedir(dir);
    return count;
}

/* --- in sandboxes prepared ahead --- */

static const char *marks_path(void)
{
    const char *path = getenv("CRIB_TEST_PREPARED");

    return path && *path && !sandbox_address() ? path : NULL;
}

/* As crib_fork() has it: the channel behind what is there. */
static struct crib_options with_channel(const struct crib_options *options, struct crib_stdio *list)
{
    struct crib_options ret = *options;

    for (size_t i = 0; i < 3; i++)
        list[i].kind = options->stdio ? CRIB_NULL : CRIB_INHERIT;
    for (size_t i = 0; i < options->stdio_count; i++)
        list[i] = options->stdio[i];
    ret.stdio_count = options->stdio_count > 3 ? options->stdio_count : 3;
    ret.stdio = list;
    list[ret.stdio_count++].kind = CRIB_CHANNEL;
    return ret;
}

/* What cannot be prepared is started all the same, and a failure is the start's to tell. */
void sandbox_prepare(crib *ex, const char *file, const char *const *args,
                     const struct crib_options *options, bool fork)
{
    const uint64_t until = clock_us() + MOST_PREPARING_US;
    struct crib_stdio list[MOST_STDIO + 1] = {{0}};
    struct crib_options asked;

    if (!marks_path())
        return;
    asked = fork && options->stdio_count < MOST_STDIO ? with_channel(options, list) : *options;
    if (crib_set_prepared(ex, 2, 0, NULL) < 0 || crib_prepare(ex, file, args, &asked, NULL) < 0)
        return;
    while (crib_prepared(ex) == 0 && clock_us() < until)
        usleep(1000);
}

void sandbox_mark_prepared(crib_task *task)
{
    AUTO_FD int marks = -1;
    char *json = NULL;

    if (!marks_path() || crib_task_result_json(task, &json) < 0)
        return;
    if (json && strstr(json, "prepared ahead")) {
        marks = open(marks_path(), O_WRONLY | O_APPEND | O_CLOEXEC);
        if (marks < 0 || write(marks, ".", 1) != 1)
            abort();
    }
    free(json);
}

/* --- events --- */

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    (void)stream;
    if (data && len > 0)
        buf_append(user, data, (size_t)len);
}

static void on_spawn(crib_task *task, void *data)
{
    struct sandbox *box = data;

    (void)task;
    box->spawned = true;
    if (box->meanwhile)
        box->meanwhile(box);
}

static void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    struct sandbox *box = data;

    (void)task;
    buf_printf(&box->denied_buf, "%s %s %llu\n", denial->text, denial->answer,
               (unsigned long long)denial->count);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    struct sandbox *box = data;

    (void)task;
    box->error = *error;
}

static void on_exit_event(crib_task *task, const struct crib_result *result, void *data)
{
    struct sandbox *box = data;

    (void)task;
    box->exited = true;
    box->result = *result;
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct sandbox *box = data;

    box->closed = true;
    box->task = NULL;
    box->result = *result;
    crib_task_result_json(task, &box->json);
    sandbox_mark_prepared(task);
}

static void on_impatience(uv_timer_t *timer)
{
    struct sandbox *box = timer->data;

    box->impatient = true;
    if (box->task)
        crib_task_kill(box->task, SIGKILL);
}

/* --- a run --- */

void sandbox_init(struct sandbox *box)
{
    memset(box, 0, sizeof(*box));
    crib_options_init(&box->options);
}

void sandbox_done(struct sandbox *box)
{
    free(box->out);
    free(box->err);
    free(box->denied);
    free(box->json);
    memset(box, 0, sizeof(*box));
}

static void forget(struct sandbox *box)
{
    struct sandbox asked = *box;

    sandbox_done(box);
    box->options = asked.options;
    box->rules = asked.rules;
    box->input = asked.input;
    box->patience_ms = asked.patience_ms;
    box->fork = asked.fork;
    box->before = asked.before;
    box->around = asked.around;
    box->meanwhile = asked.meanwhile;
    box->user = asked.user;
}

static void set_events(struct sandbox *box)
{
    struct crib_options *options = &box->options;

    options->data = box;
    options->on.spawn = on_spawn;
    options->on.denied = on_denied;
    options->on.error = on_error;
    options->on.exit = on_exit_event;
    options->on.close = on_close;
}

static void start(struct sandbox *box, crib *ex, const char *file, const char *const *args)
{
    crib_stream *stream;

    box->code = (box->fork ? crib_fork : crib_spawn)(ex, file, args, &box->options, &box->task,
                                                     &box->error);
    if (box->code < 0)
        return;
    box->pid = crib_task_pid(box->task);
    if ((stream = crib_task_stream(box->task, 1)))
        crib_stream_read_start(stream, on_data, &box->out_buf);
    if ((stream = crib_task_stream(box->task, 2)))
        crib_stream_read_start(stream, on_data, &box->err_buf);
    if ((stream = crib_task_stream(box->task, 0))) {
        if (box->input)
            crib_stream_write(stream, box->input, strlen(box->input), NULL, NULL);
        crib_stream_close(stream);
    }
}

static char *take_text(struct buf *buf, size_t *ret_len)
{
    char *text = malloc(buf->len + 1);

    if (!text)
        abort();
    if (buf->len)
        memcpy(text, buf->data, buf->len);
    text[buf->len] = '\0';
    if (ret_len)
        *ret_len = buf->len;
    buf_done(buf);
    return text;
}

static void run_loop(struct sandbox *box, uv_loop_t *loop, crib *ex, const char *file,
                     const char *const *args)
{
    uv_timer_t timer;

    uv_timer_init(loop, &timer);
    timer.data = box;
    uv_timer_start(&timer, on_impatience, box->patience_ms ? box->patience_ms : PATIENCE_MS, 0);
    uv_unref((uv_handle_t *)&timer);
    if (!box->before && !box->around)
        sandbox_prepare(ex, file, args, &box->options, box->fork);
    if (box->around)
        box->around(box, true);
    start(box, ex, file, args);
    while (box->code == 0 && !box->closed && uv_run(loop, UV_RUN_ONCE))
        ;
    if (box->around)
        box->around(box, false);
    uv_close((uv_handle_t *)&timer, NULL);
    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
}

void sandbox_run(struct sandbox *box, const char *file, const char *const *args)
{
    crib_policy *policy = NULL;
    crib *ex = NULL;
    uv_loop_t loop;
    int busy;

    forget(box);
    set_events(box);
    box->out_buf.max = box->err_buf.max = box->denied_buf.max = MOST_OUTPUT;
    assert_int_equal(uv_loop_init(&loop), 0);
    if (box->rules)
        box->code =
            crib_policy_parse("rules.yaml", box->rules, strlen(box->rules), &policy, &box->error);
    if (policy)
        box->options.policy_message = policy;
    if (box->code == 0)
        memset(&box->error, 0, sizeof(box->error));
    if (box->code == 0)
        box->code = crib_open(&ex, &loop, sandbox_address(), &box->error);
    if (box->code == 0)
        run_loop(box, &loop, ex, file, args);
    busy = uv_loop_close(&loop);
    if (policy)
        box->options.policy_message = NULL;
    crib_policy_free(policy);
    box->out = take_text(&box->out_buf, &box->out_len);
    box->err = take_text(&box->err_buf, &box->err_len);
    box->denied = take_text(&box->denied_buf, NULL);
    assert_int_equal(busy, 0);
    if (box->impatient)
        fail_msg("the task did not end; stdout: %.2000s\nstderr: %.2000s", box->out, box->err);
}

/* Words of @line, cut apart in place. Return: the list, ended by NULL; the caller frees it. */
static const char **split(char *line)
{
    const char **words = calloc(strlen(line) / 2 + 2, sizeof(*words));
    size_t count = 0;
    char *rest = NULL;

    if (!words)
        abort();
    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    return words;
}

void sandbox_probe(struct sandbox *box, const char *verbs)
{
    char *line = strdup(verbs);
    const char **words = split(line);

    sandbox_run(box, sandbox_probe_path(), words);
    free(words);
    free(line);
}

void sandbox_expect(struct sandbox *box, const char *verbs, int status)
{
    char text[1024];

    sandbox_probe(box, verbs);
    if (box->code < 0 || box->error.code)
        fail_msg("%s: %s", verbs, crib_error_text(&box->error, text, sizeof(text)));
    if (box->result.verdict != CRIB_EXITED || box->result.status != status)
        fail_msg("%s: verdict %d, status %d, signal %d\nstdout: %.4000s\nstderr: %.2000s\n"
                 "denied: %.2000s",
                 verbs, (int)box->result.verdict, box->result.status, box->result.signal, box->out,
                 box->err, box->denied);
}

char *sandbox_output(const char *policy, const char *verbs)
{
    struct sandbox box;
    char *out, text[1024];

    sandbox_init(&box);
    box.options.policy = policy;
    sandbox_probe(&box, verbs);
    if (box.code < 0 || box.error.code)
        fail_msg("%s under %s: %s", verbs, policy ? policy : "default",
                 crib_error_text(&box.error, text, sizeof(text)));
    out = box.out;
    box.out = NULL;
    sandbox_done(&box);
    return out;
}

/* --- looking at what it said --- */

const char *sandbox_line(const char *text, const char *key)
{
    static char lines[16][1024];
    static unsigned next;
    size_t len = strlen(key);

    for (const char *line = text; line && *line;) {
        const char *end = strchrnul(line, '\n');

        if (strncmp(line, key, len) == 0 && (line[len] == ' ' || line + len == end)) {
            char *ret = lines[next++ % 16];

            snprintf(ret, sizeof(lines[0]), "%.*s",
                     line + len == end ? 0 : (int)(end - line - (long)len - 1), line + len + 1);
            return ret;
        }
        line = *end ? end + 1 : end;
    }
    return NULL;
}

void sandbox_says(const char *text, const char *key, const char *value)
{
    const char *got = sandbox_line(text, key);

    if (!got || strcmp(got, value) != 0)
        fail_msg("'%s' says '%s', not '%s', in:\n%s", key, got ? got : "(nothing)", value, text);
}

void sandbox_says_one(const char *text, const char *key, const char *values)
{
    const char *got = sandbox_line(text, key), *found = got ? strstr(values, got) : NULL;

    if (!found || !*got || (found != values && found[-1] != ' ') ||
        (found[strlen(got)] != ' ' && found[strlen(got)]))
        fail_msg("'%s' says '%s', none of '%s', in:\n%s", key, got ? got : "(nothing)", values,
                 text);
}

void sandbox_warm(void)
{
    struct crib_sync sync = {0};
    struct crib_error err;
    char text[1024];
    crib *ex;
    uv_loop_t loop;
    const char *const args[] = {"exit", "0", NULL};

    uv_loop_init(&loop);
    if (crib_open(&ex, &loop, sandbox_address(), &err) == 0) {
        if (crib_exec_file_sync(ex, sandbox_probe_path(), args, NULL, 0, NULL, &sync, &err) == 0)
            crib_sync_done(&sync);
        else
            fprintf(stderr, "no sandbox here: %s\n", crib_error_text(&err, text, sizeof(text)));
        crib_close(ex, NULL, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&loop);
}
