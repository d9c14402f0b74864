/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/status.h"

#include <errno.h>
#include <stdbool.h>

#include "text/utf8.h"

#define TEXT_ROOM 1024

enum status_code status_of(int code)
{
    switch (-code) {
    case 0:
        return CODE_OK;
    case ECANCELED:
        return CODE_CANCELLED;
    case EINVAL:
    case E2BIG:
    case EBADF:
    case EISDIR:
    case ENAMETOOLONG:
    case EPROTO:
    case EMSGSIZE:
    case EFBIG:
    case ELOOP:
    case EADDRNOTAVAIL:
        return CODE_INVALID_ARGUMENT;
    case ETIMEDOUT:
        return CODE_DEADLINE_EXCEEDED;
    case ENOENT:
    case ESRCH:
        return CODE_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE:
        return CODE_ALREADY_EXISTS;
    case EPERM:
    case EACCES:
        return CODE_PERMISSION_DENIED;
    case EDQUOT:
    case ENOSPC:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
        return CODE_RESOURCE_EXHAUSTED;
    case EBUSY:
    case EPIPE:
    case ENOTCONN:
    case ENOTTY:
    case ENOTDIR:
    case ENOEXEC:
        return CODE_FAILED_PRECONDITION;
    case ERANGE:
        return CODE_OUT_OF_RANGE;
    case EOPNOTSUPP:
    case ENOSYS:
        return CODE_UNIMPLEMENTED;
    case ESHUTDOWN:
    case ECONNRESET:
        return CODE_UNAVAILABLE;
    default:
        return CODE_UNKNOWN;
    }
}

/* A copy for a field that must be UTF-8: a path is not. */
static char *tame(struct arena *arena, const char *text)
{
    char *copy = arena_text(arena, text);

    return copy ? utf8_tame(copy) : NULL;
}

Crib__Error *status_error(const struct crib_error *error, struct arena *arena)
{
    Crib__Error *message = ARENA_NEW(arena, crib__error, Crib__Error);
    char text[TEXT_ROOM];

    if (!message)
        return NULL;
    message->has_code = true;
    message->code = error->code;
    message->text = arena_text(arena, utf8_tame(crib_error_text(error, text, sizeof(text))));
    message->step = error->step ? arena_text(arena, error->step) : NULL;
    message->has_index = error->index >= 0;
    message->index = error->index;
    message->subject = error->subject[0] ? tame(arena, error->subject) : NULL;
    message->detail = error->detail[0] ? tame(arena, error->detail) : NULL;
    message->has_sys = error->sys != 0;
    message->sys = error->sys;
    return message;
}

static Crib__Ttrpc__Any *detail_of(const struct crib_error *error, struct arena *arena)
{
    Crib__Ttrpc__Any *any = ARENA_NEW(arena, crib__ttrpc__any, Crib__Ttrpc__Any);
    Crib__Error *message = status_error(error, arena);

    if (!any || !message)
        return NULL;
    any->type_url = (char *)"type.googleapis.com/crib.Error";
    any->value.len = crib__error__get_packed_size(message);
    any->value.data = arena_alloc(arena, any->value.len + 1);
    if (!any->value.data)
        return NULL;
    crib__error__pack(message, any->value.data);
    return any;
}

Crib__Ttrpc__Status *status_new(enum status_code code, const struct crib_error *error,
                                struct arena *arena)
{
    Crib__Ttrpc__Status *status = ARENA_NEW(arena, crib__ttrpc__status, Crib__Ttrpc__Status);
    Crib__Ttrpc__Any *detail = detail_of(error, arena);
    char text[TEXT_ROOM];

    if (!status)
        return NULL;
    status->code = code;
    status->message = arena_text(arena, utf8_tame(crib_error_text(error, text, sizeof(text))));
    if (detail && arena_push(arena, &status->details, &status->n_details, detail) < 0)
        return NULL;
    return status;
}
