/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child of fork_hello. A file descriptor travels with its answer.
 */
#include <crib/child.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int greet(crib_child *child)
{
    static const char answer[] = "hello, parent", written[] = "this came through a pipe";
    int ends[2], r;

    if (pipe(ends) < 0)
        return -1;
    r = write(ends[1], written, strlen(written)) < 0 ? -1 : 0;
    if (r == 0)
        r = crib_child_send(child, "text", answer, strlen(answer), ends, 1);
    close(ends[0]);
    close(ends[1]);
    return r;
}

int main(void)
{
    struct crib_child_message message;
    struct crib_error error = {0};
    crib_child *child;
    char text[512];
    int r;

    if (crib_child_open(&child, &error) < 0) {
        fprintf(stderr, "hello_child: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    while ((r = crib_child_receive(child, -1, &message, &error)) > 0) {
        printf("child got (%s): %.*s\n", message.type, (int)message.len,
               (const char *)message.data);
        fflush(stdout);
        if (greet(child) < 0)
            break;
    }
    crib_child_close(child); /* 0: the parent has disconnected */
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
