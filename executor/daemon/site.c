/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/site_parts.h"
#include "launch/pool.h"
#include "policy/vars.h"
#include "text/text.h"

#define GRACE_MS  5000
#define GRACE_MAX (24 * 60 * 60 * 1000) /* milliseconds */

/* What holds without a file; @uid is the daemon's own. */
static const char without_file[] =
    "rules:\n"
    "- {uids: [0, %u], policies: ['" SITE_ANY "'], widest: '" SITE_ANY "', binds: write}\n"
    "- {policies: [default, strict, worker, node], widest: default}\n";

/* A site while it is read. */
struct reading {
    struct site *site;
    struct policy_check check; /* where the file's fields stood; of no policy */
};

static int no_memory(struct reading *r)
{
    return fail_sys(r->check.err, -ENOMEM, "site", -1, r->check.name, NULL);
}

static void write_path(char path[64], size_t rule, const char *field, int index)
{
    int len = snprintf(path, 64, "rules[%zu].%s", rule, field);

    if (index >= 0)
        snprintf(path + len, 64 - (size_t)len, "[%d]", index);
}

/* Reads a policy that the file names at @path, so that a bad one is found now. */
static int read_policy(struct reading *r, const char *path, const char *name,
                       const Crib__Policy **ret)
{
    char said[sizeof(r->check.err->detail)];
    struct crib_error found = {0};
    int code;

    if (!site_is_name(name))
        return policy_refuse(&r->check, path, -EINVAL,
                             "this is no name of a policy: it has only a-z, 0-9, . _ and -, and is "
                             "no path");
    code = site_shelf_get(r->site->shelf, name, ret, &found);
    if (code == 0)
        return 0;
    found.step = NULL;
    return policy_refuse(&r->check, path, code, "%s", crib_error_text(&found, said, sizeof(said)));
}

static int read_names(struct reading *r, size_t n, struct site_rule *rule)
{
    const Crib__Site__Rule *message = rule->message;
    const char **names = arena_alloc(&r->site->arena, (message->n_policies + 1) * sizeof(*names));
    size_t count = 0;

    if (!names)
        return no_memory(r);
    for (size_t i = 0; i < message->n_policies; i++) {
        const Crib__Policy *policy;
        char path[64];
        int code;

        if (strcmp(message->policies[i], SITE_ANY) == 0) {
            rule->any = true;
            continue;
        }
        write_path(path, n, "policies", (int)i);
        code = read_policy(r, path, message->policies[i], &policy);
        if (code < 0)
            return code;
        names[count++] = message->policies[i];
    }
    site_sort(names, &count);
    rule->names = rule->any ? r->site->shelf->names : names;
    return 0;
}

/* Nobody gives a widest policy's variables values: its own count. */
static int put_values(struct reading *r, const char *path, const Crib__Policy **policy)
{
    char said[sizeof(r->check.err->detail)];
    struct crib_error found = {0};
    Crib__Policy *with;
    int code = policy_expand_vars(*policy, NULL, 0, &r->site->arena, &with, &found);

    if (code == 0) {
        *policy = with;
        return 0;
    }
    return policy_refuse(&r->check, path, code, "as the widest policy: %s",
                         crib_error_text(&found, said, sizeof(said)));
}

static int read_widest(struct reading *r, size_t n, struct site_rule *rule)
{
    char path[64];
    int code;

    rule->widest = rule->message->widest ? rule->message->widest : "";
    if (!rule->message->widest || strcmp(rule->widest, SITE_ANY) == 0)
        return 0;
    write_path(path, n, "widest", -1);
    code = read_policy(r, path, rule->widest, &rule->policy);
    return code < 0 ? code : put_values(r, path, &rule->policy);
}

/* Lays what a message sets over a quota. */
static void lay_quota(struct site_quota *onto, const Crib__Site__Quota *over)
{
#define QUOTA(kind, field, name, each, total)                                                      \
    if (over && over->has_##field)                                                                 \
        onto->field = over->field;
#include "daemon/quota.def"
#undef QUOTA
}

static const struct site_quota each_default = {
#define QUOTA(kind, field, name, each, total) .field = (each),
#include "daemon/quota.def"
#undef QUOTA
};

static const struct site_quota total_default = {
#define QUOTA(kind, field, name, each, total) .field = (total),
#include "daemon/quota.def"
#undef QUOTA
};

static int check_uids(struct reading *r, size_t n)
{
    const Crib__Site__Rule *message = r->site->message->rules[n];
    char path[64];

    for (size_t i = 0; i < message->n_uids; i++)
        if (message->uids[i] == UINT32_MAX) {
            write_path(path, n, "uids", (int)i);
            return policy_refuse(&r->check, path, -EINVAL, "4294967295 is nobody's uid");
        }
    snprintf(path, sizeof(path), "rules[%zu]", n + 1);
    if (message->n_uids == 0 && n + 1 < r->site->message->n_rules)
        return policy_refuse(&r->check, path, -EINVAL,
                             "this rule never counts: the one before it has no `uids`, and so fits "
                             "everybody");
    return 0;
}

static int read_rule(struct reading *r, size_t n)
{
    struct site_rule *rule = &r->site->rules[n];
    int code = check_uids(r, n);

    rule->message = r->site->message->rules[n];
    if (code == 0)
        code = read_names(r, n, rule);
    if (code == 0)
        code = read_widest(r, n, rule);
    rule->quota = each_default;
    lay_quota(&rule->quota, r->site->message->each);
    lay_quota(&rule->quota, rule->message->quota);
    return code;
}

static int check_rest(struct reading *r)
{
    const Crib__Site *message = r->site->message;
    const char *at = message->metrics;

    if (at && strncmp(at, "unix:/", 6) != 0 && strncmp(at, "file:/", 6) != 0)
        return policy_refuse(&r->check, "metrics", -EINVAL,
                             "it must read unix:/PATH or file:/PATH");
    if (message->has_grace && message->grace > GRACE_MAX)
        return policy_refuse(&r->check, "grace", -EINVAL, "it is longer than 24h");
    if (message->prepared > POOL_MOST)
        return policy_refuse(&r->check, "prepared", -EINVAL, "it is more than %d", POOL_MOST);
    return 0;
}

static int read_text(struct reading *r, const char *text, size_t len)
{
    struct site *site = r->site;
    struct text_marks marks = {0};
    ProtobufCMessage *message;
    int code = text_read(&crib__site__descriptor, r->check.name, text, len, &site->arena, &marks,
                         &message, r->check.err);

    if (code < 0)
        return code;
    r->check.marks = &marks;
    site->message = (const Crib__Site *)message;
    site->rules = arena_alloc(&site->arena, (site->message->n_rules + 1) * sizeof(*site->rules));
    if (!site->rules)
        return no_memory(r);
    for (; code == 0 && site->count < site->message->n_rules; site->count++)
        code = read_rule(r, site->count);
    return code < 0 ? code : check_rest(r);
}

static int read_site(struct reading *r, const char *config, const char *policies)
{
    struct site *site = r->site;
    const char *text = NULL;
    size_t len = 0;
    int code;

    site->shelf = arena_alloc(&site->arena, sizeof(*site->shelf));
    if (!site->shelf)
        return no_memory(r);
    code = site_shelf_open(site->shelf, policies, &site->arena, r->check.err);
    if (code == 0 && config)
        code = site_read_file(config, &site->arena, &text, &len, r->check.err);
    if (code == 0 && !config) {
        text = arena_printf(&site->arena, without_file, (unsigned)geteuid());
        if (!text)
            return no_memory(r);
        len = strlen(text);
    }
    return code < 0 ? code : read_text(r, text, len);
}

int site_load(const char *config, const char *policies, struct site **ret, struct crib_error *err)
{
    struct reading r = {.check = {.name = config ? config : "site", .err = err}};
    int code;

    r.site = calloc(1, sizeof(*r.site));
    if (!r.site)
        return no_memory(&r);
    arena_init(&r.site->arena, 0);
    code = read_site(&r, config, policies);
    if (code < 0)
        site_free(r.site);
    else
        *ret = r.site;
    return code;
}

void site_free(struct site *site)
{
    if (!site)
        return;
    if (site->shelf)
        site_shelf_done(site->shelf);
    arena_done(&site->arena);
    free(site);
}

const struct site_rule *site_rule_of(const struct site *site, uid_t uid)
{
    for (size_t i = 0; i < site->count; i++) {
        const Crib__Site__Rule *message = site->rules[i].message;
        bool fits = message->n_uids == 0;

        for (size_t n = 0; n < message->n_uids && !fits; n++)
            fits = message->uids[n] == uid;
        if (fits)
            return &site->rules[i];
    }
    return NULL;
}

struct site_quota site_quota_total(const struct site *site)
{
    struct site_quota quota = total_default;

    lay_quota(&quota, site->message->total);
    return quota;
}

struct site_quota site_quota_of(const struct site *site, uid_t uid)
{
    const struct site_rule *rule = site_rule_of(site, uid);

    return rule ? rule->quota : (struct site_quota){0};
}

const char *site_metrics(const struct site *site)
{
    return site->message->metrics;
}

const char *site_log_level(const struct site *site)
{
    Crib__Site__Level level =
        site->message->has_log_level ? site->message->log_level : CRIB__SITE__LEVEL__info;

    return protobuf_c_enum_descriptor_get_value(&crib__site__level__descriptor, (int)level)->name;
}

bool site_log_values(const struct site *site)
{
    return site->message->has_log_values && site->message->log_values;
}

unsigned site_grace_ms(const struct site *site)
{
    return site->message->has_grace ? (unsigned)site->message->grace : GRACE_MS;
}

unsigned site_prepared(const struct site *site)
{
    return site->message->prepared;
}
