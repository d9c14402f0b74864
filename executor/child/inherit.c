/* SPDX-License-Identifier: Apache-2.0 */
#include "child/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "child/socket.h"

#define NAME   "CRIB_CHANNEL_FD"
#define WORKER "CRIB_WORKER_ID"

/* Digits alone, as crib writes them: no sign, no space, no leading zero. Return: -1 for others. */
static int parse_number(const char *text)
{
    int number = 0;

    if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || number > (INT_MAX - (*text - '0')) / 10)
            return -1;
        number = number * 10 + (*text - '0');
    }
    return number;
}

int inherit_channel(int *ret_fd, struct crib_error *err)
{
    const char *text = getenv(NAME);
    int fd = text ? parse_number(text) : -1;

    if (!text)
        return fail_text(err, -ENOTCONN, "channel", -1, NULL,
                         "no " NAME ": this program was not started by crib_fork()");
    if (fd < 0 || socket_option(fd, SO_DOMAIN) != AF_UNIX ||
        socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return fail_text(err, -ENOTCONN, "channel", -1, text, NAME " names no channel");
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_RDWR) < 0)
        return fail_sys(err, -errno, "channel", -1, text, "take over");
    unsetenv(NAME);
    unsetenv(WORKER);
    *ret_fd = fd;
    return 0;
}

unsigned inherit_worker(void)
{
    const char *text = getenv(WORKER);
    int id = text ? parse_number(text) : 0;

    return id > 0 ? (unsigned)id : 0;
}
