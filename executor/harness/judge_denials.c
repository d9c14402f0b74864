/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filter refused, and whether it is what was expected.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "crib/crib.h"
#include "harness/judge.h"
#include "harness/match.h"
#include "harness/names.h"
#include "harness/show.h"
#include "text/field.h"

#define SHOWN 8 /* denials */

static size_t count_of(const struct findings *o)
{
    return o->result ? o->result->n_denials : 0;
}

/* A field as a text; bytes are ended by NUL, as the reader leaves them. NULL: it is not set. */
static const char *field_text(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
    const void *item = field_count(msg, field) ? field_item(msg, field, 0) : NULL;
    const ProtobufCEnumValue *word;

    if (!item)
        return NULL;
    switch (field_kind(field)) {
    case FIELD_STRING:
        return *(char *const *)item;
    case FIELD_BYTES:
        item = ((const ProtobufCBinaryData *)item)->data;
        return item ? item : "";
    case FIELD_WORD:
        word = protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)item);
        return word ? word->name : NULL;
    default:
        return NULL;
    }
}

/* The denial's field of a name, as a text. */
static const char *denial_text(const Crib__Denial *denial, const char *name)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(&crib__denial__descriptor, name);
    const char *text = field ? field_text(&denial->base, field) : NULL;

    return !text && strcmp(name, "by") == 0 ? "filter" : text;
}

/* `        by files; object: /etc/shadow; program: cat; rule: work.yaml:7:5`, of what is known */
static int show_cause(const Crib__Denial *denial, struct buf *why)
{
    static const char *const names[] = {"by", "object", "program", "rule", "edit"};
    const char *between = "        ";
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = denial_text(denial, names[i]);

        if (!text || !text[0] || (i == 0 && strcmp(text, "filter") == 0))
            continue;
        r = buf_printf(why, "%s%s: ", between, names[i]);
        if (r == 0)
            r = show_text(why, text, strlen(text));
        between = "; ";
    }
    return r < 0 || between[0] == ' ' ? r : buf_text(why, "\n");
}

static int show_denial(const Crib__Denial *denial, struct buf *why)
{
    int r = buf_text(why, "    ");

    if (r == 0)
        r = show_text(why, denial->text, denial->text ? strlen(denial->text) : 0);
    if (r == 0)
        r = buf_printf(why, ": %s", denial->answer ? denial->answer : "?");
    if (r == 0 && denial->has_count && denial->count > 1)
        r = buf_printf(why, " (%" PRIu64 " times)", denial->count);
    if (r == 0)
        r = buf_text(why, "\n");
    return r < 0 ? r : show_cause(denial, why);
}

int judge_show_denials(const struct findings *o, struct buf *why)
{
    size_t count = count_of(o);
    int r = count ? buf_text(why, "denied:\n") : 0;

    for (size_t i = 0; r == 0 && i < count && i < SHOWN; i++)
        r = show_denial(o->result->denials[i], why);
    if (r == 0 && count > SHOWN)
        r = buf_printf(why, "    ... %zu more\n", count - SHOWN);
    return r;
}

/* Each glob of @wanted over the field of the same name. */
static bool meets(const Crib__Denial *denial, const Crib__Case__Denied *wanted)
{
    const ProtobufCMessageDescriptor *type = wanted->base.descriptor;

    for (unsigned i = 0; i < type->n_fields; i++) {
        const char *glob = field_text(&wanted->base, &type->fields[i]);

        if (glob && !match_glob(glob, denial_text(denial, type->fields[i].name)))
            return false;
    }
    return true;
}

/* `{call: socket, answer: EPERM}` */
static int say_wanted(const Crib__Case__Denied *wanted, struct buf *why)
{
    const ProtobufCMessageDescriptor *type = wanted->base.descriptor;
    const char *between = "";
    int r = buf_text(why, "denials: none is {");

    for (unsigned i = 0; r == 0 && i < type->n_fields; i++) {
        const char *glob = field_text(&wanted->base, &type->fields[i]);

        if (!glob)
            continue;
        r = buf_printf(why, "%s%s: ", between, type->fields[i].name);
        if (r == 0)
            r = show_text(why, glob, strlen(glob));
        between = ", ";
    }
    return r < 0 ? r : buf_text(why, "}\n");
}

static int judge_wanted(const Crib__Case__Denied *wanted, const struct findings *o, struct buf *why)
{
    int r;

    for (size_t i = 0; i < count_of(o); i++)
        if (meets(o->result->denials[i], wanted))
            return 0;
    r = say_wanted(wanted, why);
    return r < 0 ? r : 1;
}

static bool is_wanted(const Crib__Denial *denial, const Crib__Case__Expect *expect)
{
    for (size_t i = 0; i < expect->n_denials; i++)
        if (meets(denial, expect->denials[i]))
            return true;
    return false;
}

static int judge_others(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int faults = 0, r = 0;

    for (size_t i = 0; r == 0 && i < count_of(o); i++)
        if (!is_wanted(o->result->denials[i], expect) && faults++ < SHOWN) {
            r = faults == 1 ? buf_text(why, "denials: not expected:\n") : 0;
            if (r == 0)
                r = show_denial(o->result->denials[i], why);
        }
    if (r == 0 && o->result && o->result->denials_lost) {
        faults++;
        r = buf_printf(why, "denials: %" PRIu64 " more, which are not known\n",
                       o->result->denials_lost);
    }
    return r < 0 ? r : faults > 0;
}

int judge_denials(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int missing = 0, r = 0;

    for (size_t i = 0; r >= 0 && i < expect->n_denials; i++) {
        r = judge_wanted(expect->denials[i], o, why);
        missing += r > 0;
    }
    if (r >= 0 && missing)
        r = count_of(o) ? judge_show_denials(o, why) : buf_text(why, "denials: there was none\n");
    if (r < 0)
        return r;
    if (expect->has_no_other_denials && expect->no_other_denials)
        r = judge_others(expect, o, why);
    return r < 0 ? r : missing + r > 0;
}

/* --- lines of a policy's `expect` --- */

/* Nobody reports what was denied: the errno is all there is. */
static bool is_unreported(const struct findings *o)
{
    for (size_t i = 0; o->result && i < o->result->n_receipt; i++) {
        const Crib__Receipt *line = o->result->receipt[i];

        if (line->mechanism && line->applied && strcmp(line->mechanism, "syscalls.reasons") == 0)
            return strncmp(line->applied, "not available", strlen("not available")) == 0;
    }
    return false;
}

/* What the prober's end tells. @proven: what the compiled filter says of the same call. */
static bool has_reached(const struct item *item, const struct findings *o, bool proven)
{
    if (o->verdict == CRIB_FILTER)
        return false;
    for (size_t i = 0; i < count_of(o); i++) {
        const Crib__Denial *denial = o->result->denials[i];

        if (denial->call && strcmp(denial->call, item->call.call->name) == 0)
            return denial->answer && strcmp(denial->answer, "let through") == 0;
    }
    if (o->verdict != CRIB_EXITED)
        return true; /* it was ended by the call, or is still in it */
    if (is_unreported(o) && (o->status == EPERM || (o->status && !proven)))
        return false;
    return o->status != ENOSYS || proven; /* filters say ENOSYS too, and nobody reports it */
}

static int say_line(const char *who, bool reached, const char *call, const struct findings *o,
                    struct buf *why)
{
    int r = buf_printf(why, "%s: expected %s, got %s: %s", who, reached ? "denied" : "allowed",
                       reached ? "allowed" : "denied", call);

    if (r == 0 && o && o->verdict == CRIB_EXITED && o->status)
        r = buf_printf(why, " gave %s", names_of_errno(o->status));
    return r < 0 ? r : buf_text(why, "\n");
}

int judge_line(const struct item *item, struct findings *o, struct buf *why)
{
    uint64_t args[CALLS_ARGS];
    int proven = filtered_ask(&item->suite->filtered, &item->call, item->allow, args), r = 0;
    struct concrete_call made = item->call;
    const char *text;
    bool reached, said;

    if (proven < 0)
        return proven;
    text = filtered_text(&item->call, proven ? args : item->call.args, &o->arena);
    if (!text)
        return -ENOMEM;
    if (proven)
        r = say_line("the compiled filter", !item->allow, text, NULL, why);
    if (r == 0 && o->verdict == CRIB_SETUP_FAILED) {
        r = buf_text(why, "the kernel: not tried: ");
        if (r == 0)
            r = show_text(why, o->error, strlen(o->error));
        if (r == 0)
            r = buf_text(why, "\n");
        return r < 0 ? r : 1;
    }
    made.any = false;
    said = filtered_ask(&item->suite->filtered, &made, true, args) == 0;
    reached = has_reached(item, o, said);
    text = filtered_text(&item->call, item->call.args, &o->arena);
    if (r == 0 && reached != item->allow)
        r = text ? say_line("the kernel", reached, text, o, why) : -ENOMEM;
    return r < 0 ? r : proven || reached != item->allow;
}
