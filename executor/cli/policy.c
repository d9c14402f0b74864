/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/policies.h"
#include "base/arena.h"
#include "base/auto.h"
#include "base/buf.h"
#include "cli/command.h"
#include "cli/policy_remote.h"
#include "cli/policy_tools.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "harness/expected.h"
#include "policy/load.h"
#include "text/text.h"

/* @text: whole lines. */
static void say_lines(char *text, size_t len)
{
    for (char *line = text, *end; line < text + len; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        say("%s", line);
    }
}

/* Return: 0; 1 when something is wrong with a file, and the person has been told. */
static int check(char *const *files)
{
    int status = 0;

    for (; *files; files++) {
        AUTO(buf_done) struct buf why = {0};
        struct crib_error err = {0};
        crib_policy *policy;
        int r = crib_policy_load(*files, &policy, &err);

        if (r == 0) {
            crib_policy_free(policy);
            r = expected_check(*files, policies_dirs, &why, &err);
        }
        if (r < 0)
            say_error(&err);
        else if (r > 0)
            say_lines((char *)why.data, why.len);
        if (r != 0)
            status = STATUS_INVALID;
    }
    return status;
}

static int show(const char *name)
{
    struct crib_error err = {0};
    crib_policy *policy;
    char *text = NULL;
    int r = crib_policy_load(name, &policy, &err);

    if (r < 0) {
        say_error(&err);
        return STATUS_FAILED;
    }
    r = crib_policy_text(policy, &text);
    crib_policy_free(policy);
    if (r < 0)
        say("%s", strerror(-r));
    else
        r = say_out(text, strlen(text));
    free(text);
    return r < 0 ? STATUS_FAILED : 0;
}

static int add_line(struct buf *out, const char *name)
{
    struct crib_error err = {0};
    Crib__Policy *policy;
    struct arena arena;
    int r;

    arena_init(&arena, 0);
    r = policy_load(name, NULL, &arena, &policy, NULL, &err);
    if (r < 0)
        say_error(&err);
    else
        r = buf_printf(out, "%-10s %s\n", name, policy->about ? policy->about : "");
    arena_done(&arena);
    return r;
}

static int list(void)
{
    struct buf out = {0};
    int r = 0;

    for (const char *const *name = crib_policy_names(); *name && r >= 0; name++)
        r = add_line(&out, *name);
    if (r >= 0)
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    return r < 0 ? STATUS_FAILED : 0;
}

/* What needs no daemon, and asks none. */
static int look_into(const char *what, char *const *words)
{
    static const struct {
        const char *name;
        int least, most;
        int (*run)(char *const *words);
    } tools[] = {
        {"explain", 2, 2, policy_explain_call}, {"diff", 2, 2, policy_diff},
        {"fmt", 1, 1, policy_format},           {"lint", 1, 1000, policy_lint},

        {"prove", 1, 1, policy_prove},
        {"export", 2, 2, policy_export},        {"groups", 0, 1, policy_groups},
    };
    int count = 0;

    while (words[count])
        count++;
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
        if (strcmp(tools[i].name, what) == 0 && count >= tools[i].least && count <= tools[i].most)
            return tools[i].run(words);
    say("policy: say check FILE..., show NAME, list, groups [@NAME], explain FILE CALL, diff A B, "
        "fmt FILE, prove FILE, lint FILE..., learn or export --oci NAME (see 'crib help policy')");
    return STATUS_FAILED;
}

int command_policy(struct request *request)
{
    char *const *words = request->operands + 1;
    const char *what = request->operands[0];
    bool remote = remote_path(request) != NULL;

    if (strcmp(what, "learn") == 0)
        return policy_learn(request);
    if (words[0] && strcmp(words[0], "--") == 0)
        words++; /* so that a name may begin with a dash */
    if (strcmp(what, "check") == 0 && words[0])
        return remote ? policy_remote(request, POLICY_CHECK, words) : check(words);
    if (strcmp(what, "show") == 0 && words[0] && !words[1])
        return remote ? policy_remote(request, POLICY_SHOW, words) : show(words[0]);
    if (strcmp(what, "list") == 0 && !words[0])
        return remote ? policy_remote(request, POLICY_LIST, words) : list();
    return look_into(what, words);
}
