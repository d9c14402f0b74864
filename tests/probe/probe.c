/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct verb *const families[] = {
    state_verbs,  file_verbs, call_verbs,    net_verbs,      ipc_verbs,
    attack_verbs, life_verbs, channel_verbs, terminal_verbs,
    pair_verbs,   handed_verbs,
};

const char *errno_name(int code)
{
    const char *name = strerrorname_np(code);

    return name ? name : "E?";
}

int say(const char *what, long result)
{
    int code = errno;

    printf("%s %s\n", what, result < 0 ? errno_name(code) : "ok");
    fflush(stdout);
    return result >= 0;
}

long number(const char *text)
{
    char *end;
    long value;

    errno = 0;
    value = (long)strtoul(text, &end, 0);
    if (*text == '-')
        value = strtol(text, &end, 0);
    if (end == text || *end || errno) {
        fprintf(stderr, "probe: no number: %s\n", text);
        exit(99);
    }
    return value;
}

int print_file(const char *path)
{
    char data[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    while ((n = read(fd, data, sizeof(data))) > 0)
        fwrite(data, 1, (size_t)n, stdout);
    fflush(stdout);
    close(fd);
    return n < 0 ? -1 : 0;
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        for (const struct verb *verb = families[i]; verb->name; verb++)
            if (strcmp(verb->name, name) == 0)
                return verb;
    return NULL;
}

static int run(int argc, char **argv);

/* forked VERB…: in a child, which is waited for: `forked exited N`, `forked signaled N`. */
static int run_forked(int argc, char **argv)
{
    int status = 0;
    pid_t pid;

    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(run(argc - 1, argv + 1));
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return !say("forked", -1);
    printf("forked %s %d\n", WIFEXITED(status) ? "exited" : "signaled",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    return 0;
}

static int run(int argc, char **argv)
{
    const struct verb *verb = argc > 0 ? find(argv[0]) : NULL;
    int status;

    if (argc > 1 && strcmp(argv[0], "forked") == 0)
        return run_forked(argc, argv);
    if (!verb || argc - 1 < verb->args) {
        fprintf(stderr, "probe: %s: %s\n", argc > 0 ? argv[0] : "(nothing)",
                verb ? "too few arguments" : "no such verb");
        return 99;
    }
    status = verb->run(argc, argv);
    fflush(stdout);
    return status;
}

int main(int argc, char **argv)
{
    int status = 0;

    for (int start = 1; start < argc || start == 1;) {
        int end = start;

        while (end < argc && strcmp(argv[end], ",") != 0)
            end++;
        status = run(end - start, argv + start);
        start = end + 1;
    }
    return status;
}
