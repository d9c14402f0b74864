/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib, the command line: finds the command, reads its options, carries it out.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/say.h"

static const struct command table[] = {
    {"run", IN_RUN, "FILE [ARG...]", 1, -1, "run a program in a sandbox",
     "FILE is a path, or a name that is searched in PATH inside. Options end at FILE: what "
     "follows\n"
     "is the program's. Standard input, output and error are handed on; SIGINT, SIGTERM and "
     "SIGHUP\n"
     "are passed to the program.\n",
     command_run},
    {"exec", IN_EXEC, "LINE", 1, 1, "run a command line with /bin/sh in a sandbox",
     "As run, through the shell inside the sandbox.\n", command_exec},
    {"fork", IN_FORK, "MODULE [ARG...]", 1, -1, "start a module and exchange messages with it",
     "MODULE uses crib/child.h, or is a script of Node's, NAME.js, .cjs or .mjs: then the policy "
     "is\n"
     "`node` unless you name another, and it can read the directory that it is in. Each line of "
     "standard\ninput is JSON and becomes a message of type `json`; the end of input disconnects. "
     "Each message from the module becomes a line of "
     "standard\n"
     "output: its JSON, or {\"type\":…,\"base64\":…} where it is of another type. The module's "
     "own\n"
     "output goes to standard error, its input is empty.\n",
     command_fork},
    {"cluster", IN_CLUSTER, "MODULE [ARG...]", 1, -1,
     "keep workers of a module alive, which share sockets",
     "MODULE is as with fork, or knows of sockets that it inherits (LISTEN_FDS). Workers need no "
     "right to\n"
     "the network: crib binds what they serve, if their policy lists it under `listen` or it is "
     "named\n"
     "here. A worker that ends is replaced. SHARING is socket, reuseport or round-robin.\n"
     "SIGHUP replaces all workers, one after the other; SIGTTIN and SIGTTOU have one more and one "
     "fewer;\n"
     "SIGTERM and SIGINT let them finish, and a second one ends them at once. docs/cluster.md "
     "explains it,\n"
     "and lists the events.\n",
     command_cluster},
    {"plan", IN_PLAN, "FILE [ARG...]", 1, -1, "show what run would do, as YAML; nothing is run",
     NULL, command_plan},
    {"policy", IN_OTHER,
     "check FILE... | show NAME | list | groups [@NAME] | explain FILE CALL | diff A B | fmt FILE "
     "| prove FILE | lint FILE... | learn -o FILE -- PROGRAM... | export --oci NAME",
     1, -1, "check policies, and look into them",
     "check reads each file with its bases, holds it to its own 'expect', tells what is wrong, "
     "and\n"
     "exits with 1 if anything was.\n"
     "show prints the effective policy, bases merged, of a name or file. list names what is "
     "shipped.\nWhere a daemon is named they tell what it lets you use.\n"
     "groups lists the groups of calls, or what is in one of them.\n"
     "explain says whether a call, as 'socket(AF_INET, SOCK_STREAM)', is let through, by which "
     "line, and\nthrough which bases and groups; it exits with 1 if it is not. diff says what two "
     "policies grant\ndifferently. fmt prints a policy in its canonical form. lint wants a reason "
     "for what is dangerous.\n"
     "prove compiles a policy's filter, runs it on the calls that could tell it from the policy, "
     "and\nshows what was run.\n"
     "learn runs a program and writes the policy that it needs; 'crib policy learn --help' has "
     "its\n"
     "options. export writes a seccomp profile for other runtimes.\n",
     command_policy},
    {"test", IN_TEST, "PATH...", 1, -1,
     "run test cases, and tell which do not come out as declared",
     "PATH is a case file, a policy with `expect`, or a directory of them. Ends with 0 when all "
     "passed,\n1 when some failed, 2 when there is something wrong with the command line or a "
     "file.\n"
     "docs/testing.md says what is in a case file.\n",
     command_test},
    {"doctor", IN_DOCTOR, "", 0, 0, "say what this host can enforce, and what to do about the rest",
     "Looks at what sandboxes are made of, and starts a task under the policy. Changes nothing. A "
     "line\nthat is not `ok` has its remedy below it. Ends with 0 when the policy can be enforced "
     "in full, 1\nwhen it cannot, 125 when something is wrong with the command line or the "
     "policy. docs/doctor.md\nexplains each line.\n",
     command_doctor},
    {"ps", IN_ASK, "", 0, 0, "show the daemon's tasks",
     "Root sees everybody's. A task that has ended is shown until it is forgotten.\n", command_ps},
    {"wait", IN_WAIT, "TASK", 1, 1, "wait for the end of a daemon's task",
     "Ends with the status that run would have ended with.\n", command_wait},
    {"kill", IN_KILL, "TASK...", 1, -1, "send a signal to a daemon's tasks",
     "KILL ends a task with all that it has started; other signals are its program's to handle.\n",
     command_kill},
    {"logs", IN_LOGS, "TASK", 1, 1, "show what a detached task has written",
     "Standard output goes to standard output, standard error to standard error. The daemon keeps "
     "the\nlast MiB of each; what is lost is told.\n",
     command_logs},
    {"attach", IN_ATTACH, "TASK", 1, 1, "talk to a detached task until it ends",
     "Standard input goes to the task; what it has written and writes comes as with logs. Ends as "
     "wait\ndoes. SIGINT ends attach alone, and the task goes on; where the task has a terminal "
     "of its\nown, that is ctrl-p ctrl-q.\n",
     command_attach},
    {"inspect", IN_ASK, "TASK", 1, 1, "show all about a daemon's task, as JSON", NULL,
     command_inspect},
    {"forget", IN_ASK, "TASK...", 1, -1, "have the daemon forget tasks that have ended", NULL,
     command_forget},
    {"info", IN_ASK, "", 0, 0, "show what the daemon is and lets you do", NULL, command_info},
    {"version", IN_OTHER, "", 0, 0, "show the version", NULL, command_version},
    {"help", IN_OTHER, "[COMMAND]", 0, 1, "show help", NULL, command_help},
    {NULL},
};

const struct command *commands(void)
{
    return table;
}

const struct command *command_find(const char *name)
{
    for (const struct command *command = table; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

/* A closed fd 0, 1 or 2 would be given to the next open(). Opened the wrong way round, its use
 * fails as that of a closed one does. */
static void hold_standard_fds(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            /* the lowest free number is fd itself; no CLOEXEC: it stands for an inherited one */
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int carry_out(const struct command *command, char *const *words)
{
    struct crib_error err = {0};
    struct request request;
    int status = command->bit == IN_TEST ? STATUS_TEST_USAGE : STATUS_FAILED;

    if (request_read(&request, command, words, &err) < 0) {
        char text[1024];

        say("%s: %s (see 'crib help %s')", command->name, crib_error_text(&err, text, sizeof(text)),
            command->name);
    } else if (request.help) {
        status = help_show(command);
    } else {
        status = command->run(&request);
    }
    cli_request_done(&request);
    return status;
}

int main(int argc, char **argv)
{
    const struct command *command;

    hold_standard_fds();
    /* What the caller left open is no task's business; --result-fd stays ours alone. */
    (void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);

    if (argc < 2) {
        say("no command given; see 'crib help'");
        return STATUS_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_show(NULL);
    command = command_find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!command)
        return help_unknown(argv[1]);
    return carry_out(command, argv + 2);
}
