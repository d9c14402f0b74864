/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "text/utf8.h"

static int write_policies(struct buf *out, const Crib__InfoResponse *info)
{
    int r = buf_text(out, "policies: [");

    for (size_t i = 0; i < info->n_policies && r == 0; i++) {
        char shown[UTF8_SHOWN];

        r = buf_printf(out, "%s%s", i ? ", " : "",
                       utf8_shown(shown, info->policies[i], strlen(info->policies[i])));
    }
    return r < 0 ? r : buf_text(out, "]\n");
}

/* By hand, where the codec would leave out what is 0: a uid of 0 is worth knowing. */
static int write_info(struct buf *out, const char *path, const Crib__InfoResponse *info)
{
    char shown[UTF8_SHOWN];
    int r = buf_printf(out, "socket: %s\nversion: %s\n", path,
                       utf8_shown(shown, info->version, strlen(info->version)));

    if (r == 0)
        r = buf_printf(out, "instance: %016" PRIx64 "\nuid: %" PRIu32 "\npeer_uid: %" PRIu32 "\n",
                       info->instance, info->uid, info->peer_uid);
    if (r == 0)
        r = write_policies(out, info);
    if (r == 0)
        r = buf_printf(out, "widest: '%s'\n",
                       utf8_shown(shown, info->widest, strlen(info->widest)));
    return r < 0 ? r
                 : buf_printf(out,
                              "tasks: %" PRIu64 "\nmax_tasks: %" PRIu64 "\nmax_message: %" PRIu64
                              "\ndraining: %s\n",
                              info->tasks, info->max_tasks, info->max_message,
                              info->draining ? "true" : "false");
}

int command_info(struct request *request)
{
    Crib__InfoRequest info = CRIB__INFO_REQUEST__INIT;
    const void *answer = NULL;
    struct buf out = {0};
    struct asked asked;
    int r = -1;

    if (remote_open(&asked, request, NULL, NULL, NULL) == 0)
        answer = remote_ask(&asked, RPC_INFO, &info);
    if (answer)
        r = write_info(&out, asked.path, answer);
    if (answer && r < 0)
        say("%s", strerror(-r));
    if (r == 0)
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    remote_close(&asked);
    return r < 0 ? STATUS_FAILED : 0;
}
