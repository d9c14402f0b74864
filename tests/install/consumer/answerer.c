/* SPDX-License-Identifier: Apache-2.0 */
/* Sends back what it is told until the parent disconnects. */
#include <crib/child.h>

int main(void)
{
    struct crib_child_message message;
    struct crib_error error;
    crib_child *child;
    int r;

    if (crib_child_open(&child, &error) < 0)
        return 1;
    while ((r = crib_child_receive(child, -1, &message, &error)) > 0)
        if (crib_child_send(child, "answer", message.data, message.len, NULL, 0) < 0)
            return 1;
    crib_child_close(child);
    return r < 0;
}
