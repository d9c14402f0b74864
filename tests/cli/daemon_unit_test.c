/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit leaves to cribd is enough: it runs under the unit's bounding set, with no new
 * privileges, and serves another user. */
#include "cli/daemon.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static const char *cribd_path(void)
{
    static char path[4096];
    const char *probe = getenv("CRIB_PROBE"); /* where the suite was copied together */

    snprintf(path, sizeof(path), "%s", probe ? probe : CRIBD_PATH);
    strcpy(strrchr(path, '/') + 1, "cribd");
    return path;
}

/* `CAP_SYS_ADMIN CAP_KILL` of the unit as setpriv wants it: `-all,+sys_admin,+kill`. Without root
 * there is nothing to bound. */
static void read_bounding_set(char *out, size_t size)
{
    char *text = test_read(TEST_SOURCE_DIR "/packaging/cribd.service", NULL);
    char *at = strstr(text, "\nCapabilityBoundingSet="), *end, *word;
    size_t len = (size_t)snprintf(out, size, "-all");

    assert_non_null(at);
    at = strchr(at, '=') + 1;
    end = strchr(at, '\n');
    *end = '\0';
    while ((word = strsep(&at, " "))) {
        assert_int_equal(strncmp(word, "CAP_", 4), 0);
        len += (size_t)snprintf(out + len, size - len, ",+");
        for (word += 4; *word && len + 1 < size; word++)
            out[len++] = (char)tolower((unsigned char)*word);
        out[len] = '\0';
    }
    test_contains(out, ",+sys_admin");
    free(text);
}

/* A program that becomes cribd with no more rights than the unit gives. */
static void bound(const char *site, char **ret_dir)
{
    char path[4096], script[8192], set[256] = "";

    *ret_dir = cli_dir();
    if (geteuid() == 0)
        read_bounding_set(set, sizeof(set));
    snprintf(path, sizeof(path), "%s/bound", *ret_dir);
    snprintf(script, sizeof(script), "#!/bin/sh\nexec setpriv --no-new-privs %s%s '%s' \"$@\"\n",
             set[0] ? "--bounding-set " : "", set, cribd_path());
    test_write(path, script, strlen(script), 0755);
    setenv("CRIBD", path, 1);
    daemon_begin(site);
}

static void unbound(char *dir)
{
    daemon_end();
    unsetenv("CRIBD");
    free(dir);
}

static void test_tasks(void **state)
{
    struct cli cli = {.input = "{\"a\": 1}\n"};
    char *dir, *task, bind[4200];

    (void)state;
    bound(NULL, &dir);
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, "{\"a\": 1}\n");
    snprintf(bind, sizeof(bind), "%s:/data:rw", dir);
    CLI_EXPECT(&cli, 0, "run", "--bind", bind, "sh", "-c", "echo kept > /data/new; cat /data/new");
    assert_string_equal(cli.out, "kept\n");
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "run", "--timeout", "100ms", "sh", "-c",
               "trap '' TERM; while :; do sleep 0.02; done");
    task = DAEMON_DETACH("-t", "sh", "-c", "tty; exit 3");
    CLI_EXPECT(&cli, 3, "wait", task);
    CLI_EXPECT(&cli, 0, "logs", task);
    test_contains(cli.out, "/dev/pts/");
    free(task);
    task = DAEMON_DETACH("sleep", "1000");
    CLI_EXPECT(&cli, 0, "kill", "-s", "KILL", task);
    CLI_EXPECT(&cli, 128 + 9, "wait", task);
    cli_done(&cli);
    free(task);
    unbound(dir);
}

#define AS_ANOTHER "--reuid=1000", "--regid=1000", "--clear-groups", cli_program("crib")

/* Root's daemon opens a client's files as that client: its own that root alone could not name
 * otherwise, and none of root's. The process that does so is another user's, and ends with it. */
static void test_another_user(void **state)
{
    struct cli cli = {.program = "/usr/bin/setpriv"};
    char *dir, theirs[4096], ours[4096], bind[4200];

    (void)state;
    bound("rules:\n- {policies: ['*'], widest: '*', binds: write}\n", &dir);
    if (geteuid() == 0) { /* without root there is nobody else */
        assert_int_equal(chmod(cribd.socket, 0666), 0);
        snprintf(theirs, sizeof(theirs), "%s/theirs", dir);
        test_write(theirs, "theirs\n", 7, 0400);
        assert_int_equal(chown(theirs, 1000, 1000), 0);
        snprintf(ours, sizeof(ours), "%s/ours", dir);
        test_write(ours, "ours\n", 5, 0400);
        CLI_EXPECT(&cli, 0, AS_ANOTHER, "exec", "id -u; echo error >&2");
        assert_string_equal(cli.out, "1000\n");
        assert_string_equal(cli.err, "error\n");
        snprintf(bind, sizeof(bind), "%s:/tmp/data", theirs);
        CLI_EXPECT(&cli, 0, AS_ANOTHER, "run", "--bind", bind, "cat", "/tmp/data");
        assert_string_equal(cli.out, "theirs\n");
        snprintf(bind, sizeof(bind), "%s:/tmp/data", ours);
        CLI_EXPECT(&cli, 1, AS_ANOTHER, "run", "--bind", bind, "cat", "/tmp/data");
        test_contains(cli.err, "Permission denied");
    }
    cli_done(&cli);
    unbound(dir);
}

static long number_of(const char *status, const char *name)
{
    const char *at = strstr(status, name);

    return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

/* Return: a child of the daemon's with that uid; 0: none, or not any more. */
static pid_t find_child(long uid)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    assert_non_null(proc);
    while (!found && (entry = readdir(proc))) {
        char path[300], status[4096] = "";
        int fd;

        snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (read(fd, status, sizeof(status) - 1) > 0 &&
            number_of(status, "\nPPid:\t") == cribd.pid && number_of(status, "\nUid:\t") == uid)
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        close(fd);
    }
    closedir(proc);
    return found;
}

static bool is_gone(void *data)
{
    return kill(*(pid_t *)data, 0) < 0;
}

/* A path that hangs: the process that opens it, another user's, is killed at its deadline. */
static void test_ends_another_users_process(void **state)
{
    struct cli cli = {.program = "/usr/bin/setpriv"};
    char *dir, data[4096], bind[4200];
    pid_t opener = 0;

    (void)state;
    bound("rules:\n- {policies: ['*'], widest: '*', binds: write}\n", &dir);
    if (geteuid() == 0) {
        assert_int_equal(chmod(cribd.socket, 0666), 0);
        snprintf(data, sizeof(data), "%s/data", dir);
        test_write(data, "data\n", 5, 0644);
        snprintf(bind, sizeof(bind), "%s:/tmp/data", data);
        /* It is there for a while after its work: not long enough for a slow machine, sometimes. */
        for (int i = 0; i < 100 && cli.status != STATUS_FAILED; i++) {
            CLI_EXPECT(&cli, 0, AS_ANOTHER, "run", "--bind", bind, "cat", "/tmp/data");
            opener = find_child(1000);
            if (opener)
                kill(opener, SIGSTOP);
            CLI(&cli, AS_ANOTHER, "run", "--bind", bind, "cat", "/tmp/data");
        }
        cli_status(&cli, STATUS_FAILED, __FILE__, __LINE__);
        cribd_until(is_gone, &opener, "the process that hangs is killed");
        CLI_EXPECT(&cli, 0, AS_ANOTHER, "run", "--bind", bind, "cat", "/tmp/data");
    }
    cli_done(&cli);
    unbound(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_another_user),
        cmocka_unit_test(test_ends_another_users_process),
    };

    return test_run(tests);
}
