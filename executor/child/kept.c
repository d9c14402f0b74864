/* SPDX-License-Identifier: Apache-2.0 */
#include "child/kept.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "wire/rights.h"

struct kept {
    struct kept *next;
    size_t len, nfds;
    int fds[FRAME_MAX_FDS];
    char type[FRAME_MAX_TYPE + 1];
    _Alignas(max_align_t) unsigned char data[]; /* and a NUL, as the reader gives it */
};

static void kept_free(struct kept *kept)
{
    if (!kept)
        return;
    rights_close(kept->fds, kept->nfds);
    free(kept);
}

int kept_add(struct kept_list *list, struct frame *frame)
{
    struct kept *kept = malloc(sizeof(*kept) + frame->len + 1);

    if (!kept)
        return -ENOMEM;
    kept->next = NULL;
    kept->len = frame->len;
    kept->nfds = frame->nfds;
    memcpy(kept->fds, frame->fds, frame->nfds * sizeof(kept->fds[0]));
    frame->nfds = 0;
    memcpy(kept->type, frame->type, strlen(frame->type) + 1);
    if (frame->len > 0)
        memcpy(kept->data, frame->payload, frame->len);
    kept->data[frame->len] = '\0';
    if (list->last)
        list->last->next = kept;
    else
        list->first = kept;
    list->last = kept;
    return 0;
}

bool kept_show(struct kept_list *list, struct crib_child_message *ret)
{
    struct kept *kept = list->first;

    kept_free(list->shown);
    list->shown = kept;
    if (!kept)
        return false;
    list->first = kept->next;
    if (!list->first)
        list->last = NULL;
    *ret = (struct crib_child_message){.type = kept->type,
                                       .data = kept->data,
                                       .len = kept->len,
                                       .fds = kept->fds,
                                       .nfds = kept->nfds};
    return true;
}

void kept_done(struct kept_list *list)
{
    struct crib_child_message message;

    while (kept_show(list, &message))
        ;
}
