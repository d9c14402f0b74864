/* SPDX-License-Identifier: Apache-2.0 */
#include "node/notes.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct {
    const char *name;
    enum node_act act;
} acts[] = {
    {"online", NODE_ACT_ONLINE},
    {"queryServer", NODE_ACT_QUERY},
    {"listening", NODE_ACT_LISTENING},
    {"close", NODE_ACT_CLOSE},
    {"suicide", NODE_ACT_LEAVING}, /* as it was called before Node 6 */
    {"exitedAfterDisconnect", NODE_ACT_LEAVING},
};

static enum node_act act_of(struct node_json act)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        if (node_json_is(act, acts[i].name))
            return acts[i].act;
    return NODE_ACT_OTHER;
}

/* A number, null or false, which are @otherwise, as is one that is left out. */
static int read_number(struct node_json json, const char *name, int64_t otherwise, int64_t *ret)
{
    struct node_json value;

    *ret = otherwise;
    if (!node_json_get(json, name, &value) || node_json_word(value, "null") ||
        node_json_word(value, "false"))
        return 0;
    return node_json_integer(value, ret);
}

static int read_text(struct node_json json, const char *name, char *ret, size_t size)
{
    struct node_json value;
    int r;

    ret[0] = '\0';
    if (!node_json_get(json, name, &value) || node_json_word(value, "null"))
        return 0;
    r = node_json_string(value, ret, size);
    return r < 0 ? -EINVAL : 0;
}

static int read_kind(struct node_json json, enum node_kind *ret)
{
    struct node_json kind;
    int64_t number;

    if (!node_json_get(json, "addressType", &kind))
        return -EINVAL;
    if (node_json_is(kind, "udp4") || node_json_is(kind, "udp6")) {
        *ret = node_json_is(kind, "udp4") ? NODE_UDP4 : NODE_UDP6;
        return 0;
    }
    if (node_json_integer(kind, &number) < 0 || (number != 4 && number != 6 && number != -1))
        return -EINVAL;
    *ret = number == 4 ? NODE_TCP4 : number == 6 ? NODE_TCP6 : NODE_UNIX;
    return 0;
}

static int read_socket(struct node_json json, struct node_note *note)
{
    int r = read_number(json, "fd", -1, &note->fd);

    if (r == 0 && note->fd >= 0)
        return 0; /* then nothing else is said */
    if (r == 0)
        r = read_text(json, "address", note->address, sizeof(note->address));
    if (r == 0)
        r = read_kind(json, &note->kind);
    if (r == 0)
        r = read_number(json, "port", -1, &note->port);
    if (r == 0)
        r = read_number(json, "flags", 0, &note->flags);
    if (r == 0)
        r = read_number(json, "backlog", 0, &note->backlog);
    if (r == 0)
        r = read_number(json, "index", 0, &note->index);
    if (r == 0 && note->kind != NODE_UNIX && (note->port < 0 || note->port > 65535))
        r = -EINVAL;
    if (note->act == NODE_ACT_QUERY && !node_json_get(json, "data", &note->data))
        note->data = (struct node_json){0};
    return r;
}

int node_note_read(struct node_json json, struct node_note *ret)
{
    struct node_json act, accepted;
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->fd = -1;
    r = read_number(json, "seq", -1, &ret->seq);
    if (r == 0)
        r = read_number(json, "ack", -1, &ret->ack);
    if (r < 0)
        return r;
    if (node_json_get(json, "act", &act))
        ret->act = act_of(act);
    else if (ret->ack >= 0 && node_json_get(json, "accepted", &accepted)) {
        ret->act = NODE_ACT_TAKEN;
        ret->accepted = node_json_word(accepted, "true");
    }
    if (ret->act == NODE_ACT_QUERY || ret->act == NODE_ACT_LISTENING)
        return read_socket(json, ret);
    return ret->act == NODE_ACT_CLOSE ? read_text(json, "key", ret->key, sizeof(ret->key)) : 0;
}

#define NOTE "{\"cmd\":\"NODE_CLUSTER\""

/* Keys are ours, and have nothing in them that needs an escape. */
static int begin_answer(struct buf *out, int64_t ack, const char *key)
{
    return buf_printf(out, NOTE ",\"ack\":%" PRId64 ",\"key\":\"%s\",\"errno\":null", ack, key);
}

static int end_with_data(struct buf *out, struct node_json data)
{
    int r = 0;

    if (data.len)
        r = buf_text(out, ",\"data\":");
    if (r == 0 && data.len)
        r = buf_append(out, data.text, data.len);
    return r < 0 ? r : buf_text(out, "}");
}

int node_say_key(struct buf *out, int64_t ack, const char *key, const char *name,
                 struct node_json data)
{
    int r = begin_answer(out, ack, key);

    if (r == 0 && name)
        r = buf_printf(out, ",\"sockname\":%s", name);
    return r < 0 ? r : end_with_data(out, data);
}

int node_say_socket(struct buf *out, int64_t ack, const char *key, struct node_json data)
{
    return node_say_key(out, ack, key, NULL, data);
}

int node_say_error(struct buf *out, int64_t ack, int code)
{
    return buf_printf(out, NOTE ",\"ack\":%" PRId64 ",\"errno\":%d}", ack, code);
}

int node_say_connection(struct buf *out, int64_t seq, const char *key)
{
    return buf_printf(out, NOTE ",\"act\":\"newconn\",\"key\":\"%s\",\"seq\":%" PRId64 "}", key,
                      seq);
}

int node_say_ack(struct buf *out, int64_t ack)
{
    return buf_printf(out, NOTE ",\"ack\":%" PRId64 "}", ack);
}

int node_say_disconnect(struct buf *out, int64_t seq)
{
    return buf_printf(out, NOTE ",\"act\":\"disconnect\",\"seq\":%" PRId64 "}", seq);
}
