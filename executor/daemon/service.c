/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/service.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "daemon/attach.h"
#include "daemon/cluster_call.h"
#include "daemon/daemon.h"
#include "daemon/nested.h"
#include "text/text.h"

#define SERVICE        "crib.Executor"
#define ENVELOPE_ARENA (64u << 10) /* bytes beside the payload: metadata is not our business */
#define LIST_AT_ONCE   256
#define LIST_TASK      (64u << 10) /* bytes of one task in it */
#define LIST_BYTES     (1u << 20)  /* of an answer, above which no task is added */

/* protobuf-c hands the answer's closure back; ours answers from wherever the call is then. */
static struct call *call_of(void *closure_data)
{
    return closure_data;
}

/* A method whose request names a task, and which another file carries out. */
#define METHOD(name, Name, carry_out)                                                              \
    static void name(Crib__Executor_Service *service, const Crib__##Name##Request *request,        \
                     Crib__##Name##Response_Closure closure, void *data)                           \
    {                                                                                              \
        struct entry *entry = call_entry(call_of(data), request->task);                            \
                                                                                                   \
        (void)service;                                                                             \
        (void)closure;                                                                             \
        if (entry)                                                                                 \
            carry_out(call_of(data), entry, request);                                              \
    }

static void kill_task(struct call *call, struct entry *entry, const Crib__KillRequest *request)
{
    Crib__KillResponse response = CRIB__KILL_RESPONSE__INIT;
    int r = -ESRCH;

    if (request->signal > 64)
        r = -EINVAL;
    else if (entry->task && request->abort)
        r = crib_task_abort(entry->task);
    else if (entry->task)
        r = crib_task_kill(entry->task, (int)request->signal);
    if (r < 0)
        call_fail_text(call, r == -ESRCH ? CODE_FAILED_PRECONDITION : CODE_INVALID_ARGUMENT, r,
                       "kill", r == -ESRCH ? "the task has ended" : "no such signal");
    else
        call_respond(call, &response.base);
}

static void resize_task(struct call *call, struct entry *entry, const Crib__ResizeRequest *request)
{
    Crib__ResizeResponse response = CRIB__RESIZE_RESPONSE__INIT;
    int r = entry->task ? crib_task_resize(entry->task, request->rows, request->columns) : -ESRCH;

    if (r < 0)
        call_fail_text(call, r == -EINVAL ? CODE_INVALID_ARGUMENT : CODE_FAILED_PRECONDITION, r,
                       "resize", r == -ESRCH ? "the task has ended" : "%s",
                       r == -ENOTTY ? "it has no terminal" : strerror(-r));
    else
        call_respond(call, &response.base);
}

static void inspect_task(struct call *call, struct entry *entry,
                         const Crib__InspectRequest *request)
{
    Crib__InspectResponse response = CRIB__INSPECT_RESPONSE__INIT;
    Crib__TaskInfo info = CRIB__TASK_INFO__INIT;

    (void)request;
    entry_info(entry, &info, NULL);
    response.info = &info;
    response.written = entry->inlet.taken;
    response.messages_sent = entry->mailbox.sent;
    response.messages_received = entry->mailbox.open ? entry->mailbox.number - 1 : 0;
    for (const struct outlet *outlet = entry->outlets; outlet; outlet = outlet->next) {
        Crib__StreamInfo *stream = ARENA_NEW(&call->arena, crib__stream_info, Crib__StreamInfo);

        if (!stream || arena_push(&call->arena, &response.streams, &response.n_streams, stream) < 0)
            break;
        stream->stream = (uint32_t)outlet->number;
        stream->first = outlet->ring.first;
        stream->next = outlet->ring.next;
        stream->end = outlet->end;
    }
    call_respond(call, &response.base);
}

static void forget_task(struct call *call, struct entry *entry, const Crib__ForgetRequest *request)
{
    Crib__ForgetResponse response = CRIB__FORGET_RESPONSE__INIT;

    (void)request;
    if (entry->state < CRIB__TASK_STATE__ENDING) {
        call_fail_text(call, CODE_FAILED_PRECONDITION, -EBUSY, "forget", "the task runs");
        return;
    }
    entry_forget(entry);
    call_respond(call, &response.base);
}

METHOD(wait_for, Wait, events_wait)
METHOD(kill_it, Kill, kill_task)
METHOD(resize, Resize, resize_task)
METHOD(read_stream, Read, outlet_read)
METHOD(write_stdin, Write, inlet_take)
METHOD(close_stdin, CloseStdin, inlet_close)
METHOD(send_message, Send, mailbox_send)
METHOD(receive_message, Receive, mailbox_receive)
METHOD(inspect, Inspect, inspect_task)
METHOD(forget, Forget, forget_task)

static void info(Crib__Executor_Service *service, const Crib__InfoRequest *request,
                 Crib__InfoResponse_Closure closure, void *data)
{
    Crib__InfoResponse response = CRIB__INFO_RESPONSE__INIT;
    struct call *call = call_of(data);
    struct daemon *daemon = call_daemon(call);
    uid_t uid = call->connection->peer.uid;
    const char *const *names = site_policies(daemon->held->site, uid);

    (void)service;
    (void)request;
    (void)closure;
    response.version = (char *)crib_version();
    response.instance = daemon->instance;
    response.uid = daemon->uid;
    response.peer_uid = uid;
    response.policies = (char **)names;
    while (names[response.n_policies])
        response.n_policies++;
    response.widest = (char *)site_widest(daemon->held->site, uid);
    response.tasks = quota_used(daemon->quota, uid, QUOTA_TASKS);
    response.max_tasks = site_quota_of(daemon->held->site, uid).tasks;
    response.max_message = CRIB_MAX_MESSAGE;
    response.draining = daemon->draining;
    call_respond(call, &response.base);
}

static void spawn(Crib__Executor_Service *service, const Crib__SpawnRequest *request,
                  Crib__SpawnResponse_Closure closure, void *data)
{
    (void)service;
    (void)closure;
    spawn_task(call_of(data), request);
}

static void plan(Crib__Executor_Service *service, const Crib__PlanRequest *request,
                 Crib__PlanResponse_Closure closure, void *data)
{
    (void)service;
    (void)closure;
    spawn_plan(call_of(data), request);
}

/* One task must not keep others out of the list: what is too long is in Inspect alone. */
static size_t shorten(Crib__TaskInfo *info)
{
    size_t size = crib__task_info__get_packed_size(info);

    if (size <= LIST_TASK)
        return size;
    info->n_args = 0;
    if (info->file.len > PATH_MAX)
        info->file.len = PATH_MAX;
    return crib__task_info__get_packed_size(info);
}

static void list(Crib__Executor_Service *service, const Crib__ListRequest *request,
                 Crib__ListResponse_Closure closure, void *data)
{
    Crib__ListResponse response = CRIB__LIST_RESPONSE__INIT;
    struct call *call = call_of(data);
    const struct peer *peer = &call->connection->peer;
    size_t bytes = 0;

    (void)service;
    (void)closure;
    for (struct entry *entry = call_daemon(call)->entries.all; entry; entry = entry->next_all) {
        Crib__TaskInfo *item;

        if (entry->id <= request->after || !entry_is_of(entry, peer))
            continue;
        response.more = response.n_tasks == LIST_AT_ONCE || bytes > LIST_BYTES;
        item = response.more ? NULL : ARENA_NEW(&call->arena, crib__task_info, Crib__TaskInfo);
        if (!item || arena_push(&call->arena, &response.tasks, &response.n_tasks, item) < 0)
            break;
        entry_info(entry, item, &call->arena);
        bytes += shorten(item);
    }
    call_respond(call, &response.base);
}

/* Its turn has come. */
static void check_policy(struct turn *turn)
{
    Crib__PolicyCheckResponse response = CRIB__POLICY_CHECK_RESPONSE__INIT;
    struct call *call = (struct call *)((char *)turn - offsetof(struct call, turn));
    const Crib__PolicyCheckRequest *request = (const Crib__PolicyCheckRequest *)call->request;
    const struct site *site = call_daemon(call)->held->site;
    uid_t uid = call->connection->peer.uid;
    const Crib__Policy *named = NULL;
    Crib__Policy *effective = NULL;
    struct crib_error error;
    int r;

    if (request->policy) {
        r = site_inline(site, uid, request->policy, &call->arena, &effective, &error);
    } else {
        r = site_policy(site, uid, request->name[0] ? request->name : "default", &named, &error);
        effective = (Crib__Policy *)named;
    }
    if (r == 0)
        r = nested_cut(call_daemon(call), &call->connection->peer, &call->arena, &effective, NULL,
                       &error);
    response.ok = r == 0;
    response.effective = r == 0 ? effective : NULL;
    response.error = r < 0 ? status_error(&error, &call->arena) : NULL;
    call_respond(call, &response.base);
}

static void policy_check(Crib__Executor_Service *service, const Crib__PolicyCheckRequest *request,
                         Crib__PolicyCheckResponse_Closure closure, void *data)
{
    struct call *call = call_of(data);

    (void)service;
    (void)request;
    (void)closure;
    if (turn_wait(&call_daemon(call)->turns, call->connection->peer.uid, &call->turn,
                  check_policy) < 0)
        call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -ENOMEM, "request", "out of memory");
}

static void attach(Crib__Executor_Service *service, const Crib__AttachInput *input,
                   Crib__AttachOutput_Closure closure, void *data)
{
    (void)service;
    (void)closure;
    attach_begin(call_of(data), input);
}

static void cluster(Crib__Executor_Service *service, const Crib__ClusterInput *input,
                    Crib__ClusterEvent_Closure closure, void *data)
{
    (void)service;
    (void)closure;
    cluster_begin(call_of(data), input);
}

static Crib__Executor_Service methods = {
    .base = {.descriptor = &crib__executor__descriptor,
             .invoke = protobuf_c_service_invoke_internal},
    .info = info,
    .spawn = spawn,
    .wait = wait_for,
    .kill = kill_it,
    .resize = resize,
    .read = read_stream,
    .write = write_stdin,
    .close_stdin = close_stdin,
    .send = send_message,
    .receive = receive_message,
    .list = list,
    .inspect = inspect,
    .forget = forget,
    .policy_check = policy_check,
    .plan = plan,
    .attach = attach,
    .cluster = cluster,
};

static void carry_out(struct call *call, const Crib__Ttrpc__Request *request)
{
    const ProtobufCServiceDescriptor *service = &crib__executor__descriptor;
    const ProtobufCMethodDescriptor *method =
        protobuf_c_service_descriptor_get_method_by_name(service, request->method);
    ProtobufCMessage *message;
    struct crib_error error;

    if (strcmp(request->service, SERVICE) != 0 || !method) {
        call_fail_text(call, CODE_UNIMPLEMENTED, -ENOSYS, "request", "there is no method %s/%s",
                       request->service, request->method);
        return;
    }
    call->method = (unsigned)(method - service->methods);
    message = protobuf_c_message_unpack(method->input, &call->arena.pb, request->payload.len,
                                        request->payload.data);
    if (!message) {
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EPROTO, "request",
                       "the payload is no %s, or needs too much memory", method->input->name);
        return;
    }
    if (call_charge(call, 0) < 0) {
        call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -EDQUOT, "request",
                       "its %zu bytes would be too many queued bytes", call->arena.used);
        return;
    }
    if (text_unknown(message, &error) < 0) {
        call_fail(call, CODE_INVALID_ARGUMENT, &error);
        return;
    }
    call->request = message;
    methods.base.invoke(&methods.base, call->method, message, NULL, call);
}

bool service_request(struct connection *connection, uint32_t stream, const void *data, size_t len)
{
    struct daemon *daemon = connection->daemon;
    Crib__Ttrpc__Request *request;
    struct arena arena;
    struct call *call;
    bool fits;

    arena_init(&arena, len + ENVELOPE_ARENA);
    request = crib__ttrpc__request__unpack(&arena.pb, len, data);
    if (!request) {
        arena_done(&arena);
        return false;
    }
    daemon->metrics.requests++;
    fits = quota_charge(daemon->quota, connection->peer.uid, QUOTA_IN_FLIGHT, 1) == 0;
    call = fits ? call_new(connection, stream, request->timeout_nano) : NULL;
    if (call) {
        carry_out(call, request);
    } else {
        if (fits)
            quota_release(daemon->quota, connection->peer.uid, QUOTA_IN_FLIGHT, 1);
        connection_refuse(connection, stream, CODE_RESOURCE_EXHAUSTED,
                          "too many requests are in flight");
    }
    arena_done(&arena);
    return true;
}
