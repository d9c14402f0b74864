/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child of fork_doubler: doubles even numbers, refuses odd ones, leaves when it is told `done`
 * or when the parent disconnects.
 */
#include <crib/child.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doubler.pb-c.h"

static void double_it(int64_t number, Doubler__Answer *ret)
{
    static char odd[] = "the number is odd", large[] = "the number is too large";

    if (number % 2 != 0) {
        ret->error = odd;
    } else if (__builtin_mul_overflow(number, 2, &ret->answer)) {
        ret->error = large;
    } else {
        ret->has_answer = 1;
    }
}

static int answer(crib_child *child, const Doubler__Ask *ask)
{
    Doubler__Answer message = DOUBLER__ANSWER__INIT;
    uint8_t packed[256];
    size_t len;

    double_it(ask->number, &message);
    len = doubler__answer__pack(&message, packed);
    return crib_child_send(child, "Answer", packed, len, NULL, 0);
}

/* Return: 1 go on; 0 done; -1 the parent talks nonsense, or is gone. */
static int serve(crib_child *child, const struct crib_child_message *message)
{
    Doubler__Ask *ask = NULL;
    int r;

    if (strcmp(message->type, "Ask") == 0)
        ask = doubler__ask__unpack(NULL, message->len, message->data);
    if (!ask)
        return -1;
    r = ask->cmd == DOUBLER__ASK__CMD__done ? 0 : answer(child, ask) < 0 ? -1 : 1;
    doubler__ask__free_unpacked(ask, NULL);
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
        fprintf(stderr, "doubler_child: %s\n", crib_error_text(&error, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    do {
        r = crib_child_receive(child, -1, &message, &error);
        if (r > 0)
            r = serve(child, &message);
    } while (r > 0);
    crib_child_close(child);
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
