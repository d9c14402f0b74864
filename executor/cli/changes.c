/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/changes.h"

#include <errno.h>
#include <string.h>

#include "api/result.h"
#include "cli/say.h"
#include "text/utf8.h"

const char *overlay_read(const char *text, struct arena *arena, struct crib_overlay *ret)
{
    char *source = arena_text(arena, text), *colon = source ? strchr(source, ':') : NULL;

    if (!source)
        return "out of memory";
    if (colon) {
        *colon = '\0';
        ret->target = colon + 1;
    }
    ret->source = source;
    if (!*source || (ret->target && (ret->target[0] != '/' || strchr(ret->target, ':'))))
        return "is not DIR[:DST] with an absolute DST";
    if (!ret->target && source[0] != '/')
        return "a relative DIR needs a DST";
    return NULL;
}

const char *keep_read(const char *text, enum crib_keep *ret)
{
    static const char *const words[] = {"discard", "list", "commit"};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum crib_keep)i;
            return NULL;
        }
    return "is not discard, list or commit";
}

static char letter(Crib__Change__Kind kind)
{
    return kind == CRIB__CHANGE__KIND__added     ? 'A'
           : kind == CRIB__CHANGE__KIND__removed ? 'D'
                                                 : 'M';
}

static int show(const Crib__Change *change, struct arena *arena)
{
    const Crib__Error *error = change->error;
    char *path = arena_copy(arena, change->path.data, change->path.len);

    if (!path)
        return -ENOMEM;
    say("%c %s%s%s", letter(change->kind), utf8_tame(path), error ? ": " : "",
        !error          ? ""
        : error->detail ? error->detail
                        : strerror(-error->code));
    return error ? 1 : 0;
}

int changes_show_task(const crib_task *task)
{
    struct arena arena;
    Crib__Result *result = NULL;
    int r, failed = 0;

    arena_init(&arena, 0);
    r = result_message(task, &arena, &result);
    for (size_t i = 0; r >= 0 && i < result->n_changes; i++) {
        r = show(result->changes[i], &arena);
        failed += r > 0;
    }
    if (r >= 0 && result->changes_lost)
        say("and %llu more changes", (unsigned long long)result->changes_lost);
    if (r < 0)
        say("changes: %s", strerror(-r));
    arena_done(&arena);
    return r < 0 ? r : failed;
}
