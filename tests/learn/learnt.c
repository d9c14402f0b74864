/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/learnt.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define MOST_WORDS 32

static const struct {
    const char *name, *text;
} files[] = {
    {"words", "banana\napple\ncherry\nfig\nblueberry\n"},
    {"hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"},
    {"data.json", "{\"a\": [1, 2, 3]}\n"},
    {"Makefile", "made: words\n\t@sort words > made\n"},
    {"macros.m4", "define(`greet', `hello $1')greet(X)\n"},
};

/* --- a server outside the sandbox --- */

static void answer(int fd)
{
    static const char text[] = "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    char request[4096];
    size_t len = 0;

    while (len < sizeof(request) - 1) {
        ssize_t n = read(fd, request + len, sizeof(request) - 1 - len);

        if (n <= 0)
            return;
        len += (size_t)n;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    (void)fd_write_all(fd, text, sizeof(text) - 1);
}

static void *serve(void *data)
{
    const struct learnt *learnt = data;

    for (;;) {
        int fd = accept4(learnt->server, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            return NULL; /* shut down */
        answer(fd);
        close(fd);
    }
}

static void start_server(struct learnt *learnt)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);

    learnt->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(learnt->server >= 0);
    assert_int_equal(bind(learnt->server, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(learnt->server, 16), 0);
    assert_int_equal(getsockname(learnt->server, (struct sockaddr *)&at, &len), 0);
    learnt->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&learnt->thread, NULL, serve, learnt), 0);
}

/* --- the command lines --- */

/* The words of the program, PORT replaced. Return: how many; the caller frees those in @made. */
static size_t add_program(const struct learnt *learnt, const char **words, char **made)
{
    size_t count = 0;

    *made = NULL;
    for (; learnt->program[count]; count++) {
        const char *word = learnt->program[count], *port = strstr(word, "PORT");

        assert_true(count < MOST_WORDS);
        if (port)
            assert_true(
                asprintf(made, "%.*s%u%s", (int)(port - word), word, learnt->port, port + 4) > 0);
        words[count] = port ? *made : word;
    }
    words[count] = NULL;
    return count;
}

void learnt_learn(struct learnt *learnt, const char *const *options)
{
    const char *words[2 * MOST_WORDS] = {"policy",       "learn", "-o",
                                         learnt->policy, "-C",    learnt->work};
    size_t count = 6;
    char *made;

    for (; options && *options; options++)
        words[count++] = *options;
    words[count++] = "--";
    add_program(learnt, words + count, &made);
    cli_run(&learnt->cli, words);
    free(made);
    cli_status(&learnt->cli, 0, __FILE__, __LINE__);
}

void learnt_run(struct learnt *learnt, const char *policy, bool why)
{
    const char *words[2 * MOST_WORDS] = {"run", "-p", policy, "-C", learnt->work,
                                         /* some wait for ever for what was denied */
                                         "--timeout", "10s"};
    size_t count = 7;
    char *made;

    if (why)
        words[count++] = "--why";
    add_program(learnt, words + count, &made);
    cli_run(&learnt->cli, words);
    free(made);
}

bool learnt_is_alike(const struct learnt *learnt)
{
    return learnt->cli.status == 0 && strcmp(learnt->cli.out, learnt->said) == 0;
}

/* --- the place --- */

static void make_files(const struct learnt *learnt)
{
    char path[1024];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", learnt->work, files[i].name);
        test_write(path, files[i].text, strlen(files[i].text), 0644);
    }
}

void learnt_start(struct learnt *learnt, const char *const *program, unsigned times)
{
    *learnt = (struct learnt){.program = program, .dir = cli_dir()};
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    assert_true(asprintf(&learnt->work, "%s/work", learnt->dir) > 0);
    assert_int_equal(mkdir(learnt->work, 0777), 0);
    assert_int_equal(chmod(learnt->work, 0777), 0);
    snprintf(learnt->policy, sizeof(learnt->policy), "%s/learnt.yaml", learnt->dir);
    snprintf(learnt->less, sizeof(learnt->less), "%s/less.yaml", learnt->dir);
    make_files(learnt);
    start_server(learnt);
    for (unsigned i = 0; i < times; i++) {
        learnt_learn(learnt, NULL);
        free(learnt->said);
        learnt->said = strdup(learnt->cli.out);
    }
    learnt->text = test_read(learnt->policy, NULL);
}

void learnt_end(struct learnt *learnt)
{
    shutdown(learnt->server, SHUT_RDWR);
    pthread_join(learnt->thread, NULL);
    close(learnt->server);
    cli_done(&learnt->cli);
    free(learnt->text);
    free(learnt->said);
    free(learnt->work);
    free(learnt->dir);
}
