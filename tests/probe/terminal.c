/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal that the process is on, and the ptys that it can see and have. */
#include "probe/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static void print_size(const char *what)
{
    struct winsize size;

    if (ioctl(0, TIOCGWINSZ, &size) < 0)
        say(what, -1);
    else
        printf("%s %u %u\n", what, size.ws_row, size.ws_col);
    fflush(stdout);
}

/* terminal: whether fds 0 to 2 are one, whether it is the controlling one, name and size. */
static int verb_terminal(int argc, char **argv)
{
    struct stat st[3];
    const char *name;

    (void)argc;
    (void)argv;
    for (int fd = 0; fd < 3; fd++)
        printf("isatty%d %d\n", fd, isatty(fd));
    printf("same %d\n", fstat(0, &st[0]) == 0 && fstat(1, &st[1]) == 0 && fstat(2, &st[2]) == 0 &&
                            st[0].st_rdev == st[1].st_rdev && st[1].st_rdev == st[2].st_rdev);
    /* of the controlling terminal only */
    printf("foreground %d\n", tcgetpgrp(0) == getpid());
    name = ttyname(0);
    printf("name %s\n", name ? name : errno_name(errno));
    print_size("size");
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* ptys DIR: its entries in one line. */
static int verb_ptys(int argc, char **argv)
{
    struct dirent **names;
    int count = scandir(argv[1], &names, NULL, by_name);

    (void)argc;
    if (count < 0)
        return !say("ptys", -1);
    printf("ptys");
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.')
            printf(" %s", names[i]->d_name);
        free(names[i]);
    }
    free(names);
    printf("\n");
    return 0;
}

/* newptys PTMX MOST: opens pairs until it is refused, tells the last one's name, and how many. */
static int verb_newptys(int argc, char **argv)
{
    char name[64] = "none";
    long most = number(argv[2]), count = 0;

    (void)argc;
    for (; count < most; count++) {
        int master = open(argv[1], O_RDWR | O_NOCTTY), locked = 0;

        if (master < 0)
            break;
        if (ioctl(master, TIOCSPTLCK, &locked) < 0 || ptsname_r(master, name, sizeof(name)) != 0 ||
            open(name, O_RDWR | O_NOCTTY) < 0)
            return !say(name, -1);
    }
    if (count < most)
        say("refused", -1);
    printf("newest %s\nnew %ld\n", name, count);
    return 0;
}

/* say PATH TEXT: written to a terminal or another file that is there. */
static int verb_say(int argc, char **argv)
{
    int fd = open(argv[1], O_WRONLY | O_NOCTTY | O_CLOEXEC);

    (void)argc;
    return !say(argv[1], fd < 0 ? -1 : write(fd, argv[2], strlen(argv[2])));
}

static void on_winch(int signo)
{
    (void)signo;
}

/* winch: waits for one SIGWINCH, and tells the size before and after. */
static int verb_winch(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_winch};
    sigset_t winch, before;

    (void)argc;
    (void)argv;
    sigemptyset(&winch);
    sigaddset(&winch, SIGWINCH);
    sigprocmask(SIG_BLOCK, &winch, &before);
    sigaction(SIGWINCH, &action, NULL);
    print_size("before");
    sigsuspend(&before);
    print_size("after");
    return 0;
}

const struct verb terminal_verbs[] = {
    {"terminal", verb_terminal, 0}, {"ptys", verb_ptys, 1},   {"newptys", verb_newptys, 2},
    {"say", verb_say, 2},           {"winch", verb_winch, 0}, {NULL},
};
