/* SPDX-License-Identifier: Apache-2.0 */
#include "refused/confined.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/text.h"

/* 272 is unshare: of a user namespace anybody may, whom no filter keeps from it. */
#define PROBES                                                                                     \
    "write /marker/ran yes , open w /proc/self/fd/0 , cat /proc/self/status , ids , ns , mounts "  \
    ", "                                                                                           \
    "interfaces , session , limits , syscall 272 0x10000000 , open r /proc/1/environ , echo ENV "  \
    ", env , echo END , exit 3"

/* So that there are some to clear. */
static void take_groups(void)
{
    static const gid_t groups[] = {1, 2};

    if (geteuid() == 0 && setgroups(2, groups) < 0)
        abort();
}

void confined_init(struct confined *c)
{
    memset(c, 0, sizeof(*c));
    sandbox_init(&c->box);
    c->box.before = take_groups;
    arena_init(&c->arena, 0);
    c->outer = 1;
}

/* A directory for all runs of this process, which every id may use. Return: its path; static. */
static const char *place(void)
{
    static char path[256];
    char *dir;

    if (path[0])
        return path;
    dir = test_dir();
    snprintf(path, sizeof(path), "%s", dir);
    free(dir);
    assert_int_equal(chmod(path, 0777), 0);
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "/box");
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    return path;
}

void confined_done(struct confined *c)
{
    sandbox_done(&c->box);
    arena_done(&c->arena);
    free(c->rules);
}

/* As fd 0, beside what is bound. */
static void give_file(struct confined *c)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/../given", place());
    test_write(path, "given\n", 6, 0666);
    c->stdio[0] = (struct crib_stdio){.kind = CRIB_FD, .from = open(path, O_RDONLY | O_CLOEXEC)};
    c->stdio[1].kind = c->stdio[2].kind = CRIB_PIPE;
    c->box.options.stdio = c->stdio;
    c->box.options.stdio_count = 3;
}

static void read_result(struct confined *c)
{
    ProtobufCMessage *message = NULL;
    struct crib_error err;
    char text[1024];

    if (!c->got.json[0])
        return;
    if (text_read(&crib__result__descriptor, "result", c->got.json, strlen(c->got.json), &c->arena,
                  NULL, &message, &err) < 0)
        fail_msg("%s\n%s", crib_error_text(&err, text, sizeof(text)), c->got.json);
    c->result = (Crib__Result *)message;
}

void confined_run(struct confined *c, const struct starve *rules)
{
    char path[512];

    if (asprintf(&c->rules,
                 "extends: [default]\n%smounts:\n"
                 "  - {source: '%s', target: /marker, write: true}\n",
                 c->more ? c->more : "", place()) < 0)
        abort();
    c->box.rules = c->rules;
    give_file(c);
    starve_probe(&c->box, PROBES, rules, NULL, NULL, &c->got);
    close(c->stdio[0].from);
    snprintf(path, sizeof(path), "%s/ran", place());
    c->ran = unlink(path) == 0;
    read_result(c);
}

void confined_refused(const struct confined *c, const char *what, const char *step,
                      const char *part)
{
    const struct starved *got = &c->got;

    if (c->ran || got->spawned || got->out[0])
        fail_msg("%s: the program ran: %s\n%s", what, got->text, got->out);
    if (got->error_code >= 0 || (got->code == 0 && got->verdict != CRIB_SETUP_FAILED))
        fail_msg("%s: code %d, verdict %d", what, got->error_code, got->verdict);
    if (strcmp(got->step, step) != 0 || !strstr(got->text, part))
        fail_msg("%s: step '%s', not '%s', or no '%s': %s", what, got->step, step, part, got->text);
    for (size_t i = 0; c->result && i < c->result->n_receipt; i++)
        if (strncmp(c->result->receipt[i]->applied, "refused: ", 9) == 0)
            return;
    if (c->result)
        fail_msg("%s: no line of the receipt is refused: %s", what, got->json);
}

const char *confined_applied(const struct confined *c, const char *mechanism)
{
    const char *found = NULL;

    assert_non_null(c->result);
    for (size_t i = 0; i < c->result->n_receipt; i++) {
        if (strcmp(c->result->receipt[i]->mechanism, mechanism) != 0)
            continue;
        if (found)
            fail_msg("two lines of %s: %s", mechanism, c->got.json);
        found = c->result->receipt[i]->applied;
    }
    if (!found)
        fail_msg("no line of %s: %s", mechanism, c->got.json);
    return found;
}

/* --- each line that can be seen from inside --- */

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static const char *line(const struct confined *c, const char *key)
{
    const char *found = sandbox_line(c->got.out, key);

    if (!found)
        fail_msg("the program did not say '%s': %s", key, c->got.out);
    return found;
}

/* A line of /proc/self/status, whose key ends with a colon and a tab. */
static const char *status(const struct confined *c, const char *key)
{
    char start[64];
    const char *at;

    snprintf(start, sizeof(start), "\n%s:\t", key);
    at = strstr(c->got.out, start);
    if (!at)
        fail_msg("/proc/self/status has no %s: %s", key, c->got.out);
    return at + strlen(start);
}

static bool see_ids(const struct confined *c, const char *applied)
{
    unsigned uid, gid;
    char inside[64];

    if (sscanf(applied, "uid %u, gid %u", &uid, &gid) != 2)
        return false;
    snprintf(inside, sizeof(inside), "%u %u %u", uid, uid, uid);
    if (strcmp(line(c, "uid"), inside) != 0)
        return false;
    snprintf(inside, sizeof(inside), "%u %u %u", gid, gid, gid);
    return strcmp(line(c, "gid"), inside) == 0;
}

static bool see_groups(const struct confined *c, const char *applied)
{
    unsigned kept = 0;

    (void)sscanf(applied, "kept %u", &kept);
    return (unsigned)atoi(line(c, "groups")) == kept;
}

static bool see_caps(const struct confined *c, const char *applied)
{
    static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};
    bool none = true;

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        none = none && begins(status(c, sets[i]), "0000000000000000\n");
    return none && strcmp(applied, "none") == 0;
}

static bool see_privileges(const struct confined *c, const char *applied)
{
    return begins(applied, "no new ones") && begins(status(c, "NoNewPrivs"), "1\n");
}

/* One filter more than there is around it, and it answers. */
static bool see_filter(const struct confined *c, const char *applied)
{
    bool is_on = begins(applied, "on:");

    if (!begins(status(c, "Seccomp"), "2\n"))
        return false;
    return (unsigned)atoi(status(c, "Seccomp_filters")) == c->outer + is_on &&
           (strcmp(line(c, "272"), "EPERM") == 0) == is_on;
}

static bool see_reasons(const struct confined *c, const char *applied)
{
    return (c->got.denials > 0) == begins(applied, "reported") &&
           begins(applied, "not available") != (c->got.denials > 0);
}

/* A file that was given for reading lies on the host's own mount: only Landlock keeps the task from
 * opening it again for writing. */
static bool see_landlock(const struct confined *c, const char *applied)
{
    return (strcmp(line(c, "/proc/self/fd/0"), "EACCES") == 0) == begins(applied, "ABI ");
}

static bool see_namespaces(const struct confined *c, const char *applied)
{
    static const char *const names[][2] = {{"user", "user"},    {"pid", "pid"}, {"mnt", "mount"},
                                           {"net", "net"},      {"ipc", "ipc"}, {"uts", "uts"},
                                           {"cgroup", "cgroup"}};
    const char *kept = strstr(applied, "; the host's:");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *said = strstr(applied, names[i][1]);
        char path[64], here[64];
        ssize_t len;

        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i][0]);
        len = readlink(path, here, sizeof(here) - 1);
        here[len < 0 ? 0 : len] = 0;
        if (!said || (strcmp(line(c, names[i][0]), here) == 0) != (kept && said > kept))
            return false;
    }
    return begins(applied, "new: ");
}

static bool see_mounts(const struct confined *c, const char *applied)
{
    return begins(applied, "a root built from nothing") && begins(line(c, "/"), "tmpfs ro");
}

static bool see_loopback(const struct confined *c, const char *applied)
{
    return strcmp(line(c, "lo"), applied) == 0;
}

static bool see_session(const struct confined *c, const char *applied)
{
    return strcmp(applied, "its own") == 0 && strcmp(line(c, "pgid"), line(c, "sid")) == 0;
}

static bool see_init(const struct confined *c, const char *applied)
{
    return begins(applied, "undumpable") && strcmp(line(c, "/proc/1/environ"), "ok") != 0;
}

static bool see_open_files(const struct confined *c, const char *applied)
{
    return atoi(applied) == atoi(line(c, "nofile"));
}

static bool see_core(const struct confined *c, const char *applied)
{
    return strcmp(line(c, "core"), "1 1") == 0 && strcmp(applied, "none") == 0;
}

static bool see_env(const struct confined *c, const char *applied)
{
    const char *start = strstr(c->got.out, "\nENV\n"), *end = strstr(c->got.out, "\nEND\n");
    int count = 0;

    for (const char *at = start ? start + 4 : NULL; at && at < end; at = strchr(at + 1, '\n'))
        count++;
    return start && end && atoi(applied) == count;
}

static const struct {
    const char *mechanism;
    bool (*see)(const struct confined *c, const char *applied);
} seen[] = {
    {"ids", see_ids},
    {"ids.groups", see_groups},
    {"caps", see_caps},
    {"privileges", see_privileges},
    {"syscalls", see_filter},
    {"syscalls.reasons", see_reasons},
    {"landlock", see_landlock},
    {"namespaces", see_namespaces},
    {"mounts", see_mounts},
    {"net.loopback", see_loopback},
    {"session", see_session},
    {"init", see_init},
    {"limits.open_files", see_open_files},
    {"limits.core", see_core},
    {"env", see_env},
};

void confined_true(const struct confined *c, const char *what)
{
    if (!c->ran || c->got.status != 3 || !c->result)
        fail_msg("%s: status %d, step '%s': %s\n%s", what, c->got.status, c->got.step, c->got.text,
                 c->got.out);
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        const char *applied = confined_applied(c, seen[i].mechanism);

        if (!seen[i].see(c, applied))
            fail_msg("%s: the receipt says %s: %s, and the program saw otherwise", what,
                     seen[i].mechanism, applied);
    }
}
