/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/match.h"

#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "harness/show.h"

#define FLAGS (REG_EXTENDED | REG_NEWLINE)
#define SHOWN 5 /* lines of a text that was not as it should be */

/* Multiplies what `{n,m}` repeat, wherever they stand: each may be inside the next. A few bytes of
 * regular expression can need gigabytes otherwise. */
static bool repeats_too_often(const char *regex)
{
    unsigned long all = 1;

    for (const char *brace = strchr(regex, '{'); brace; brace = strchr(brace + 1, '{')) {
        char *end;
        unsigned long low = strtoul(brace + 1, &end, 10), high = low;

        if (*end == ',')
            high = strtoul(end + 1, NULL, 10);
        high = high > low ? high : low;
        if (high > MATCH_REPEATS)
            return true;
        all *= high ? high : 1;
        if (all > MATCH_REPEATS)
            return true;
    }
    return false;
}

static bool refers_back(const char *regex)
{
    for (; *regex; regex++) {
        if (*regex != '\\')
            continue;
        regex++;
        if (*regex >= '1' && *regex <= '9')
            return true;
        if (!*regex)
            break;
    }
    return false;
}

int match_check(const char *regex, char why[MATCH_WHY])
{
    regex_t compiled;
    int r;

    if (strlen(regex) > MATCH_LONGEST)
        snprintf(why, MATCH_WHY, "longer than %d bytes", MATCH_LONGEST);
    else if (refers_back(regex))
        snprintf(why, MATCH_WHY, "a back reference, which can take for ever");
    else if (repeats_too_often(regex))
        snprintf(why, MATCH_WHY, "its {…} come to over %d repetitions", MATCH_REPEATS);
    else {
        r = regcomp(&compiled, regex, FLAGS | REG_NOSUB);
        if (r == 0) {
            regfree(&compiled);
            return 0;
        }
        regerror(r, NULL, why, MATCH_WHY);
    }
    return -EINVAL;
}

bool match_regex(const char *regex, const void *data, size_t len)
{
    AUTO_FREE char *text = malloc(len + 1);
    regmatch_t range = {0, (regoff_t)len};
    regex_t compiled;
    bool found;

    if (!text || regcomp(&compiled, regex, FLAGS) != 0)
        return false;
    if (len)
        memcpy(text, data, len);
    text[len] = '\0'; /* nobody needs it but those who watch regexec() */
    /* with the length given, a NUL is a byte as any other */
    found = regexec(&compiled, text, 1, &range, REG_STARTEND) == 0;
    regfree(&compiled);
    return found;
}

bool match_glob(const char *glob, const char *text)
{
    return !glob || (text && fnmatch(glob, text, 0) == 0);
}

static int say_part(struct buf *why, const char *what, const char *fault, const void *part,
                    size_t part_len)
{
    int r = buf_printf(why, "%s %s \"", what, fault);

    if (r == 0)
        r = show_text(why, part, part_len);
    return r < 0 ? r : buf_text(why, "\"\n");
}

static int check_exact(const char *what, const Crib__Case__Text *wanted, const void *data,
                       size_t len, struct buf *why)
{
    int r;

    if (!wanted->has_exact ||
        (wanted->exact.len == len && (len == 0 || memcmp(wanted->exact.data, data, len) == 0)))
        return 0;
    r = show_difference(why, what, wanted->exact.data, wanted->exact.len, data, len);
    return r < 0 ? r : 1;
}

static bool holds(const void *data, size_t len, const ProtobufCBinaryData *part)
{
    return part->len == 0 || (len && memmem(data, len, part->data, part->len));
}

/* Return: how many faults were told; negative errno. */
static int check_parts(const char *what, const Crib__Case__Text *wanted, const void *data,
                       size_t len, struct buf *why)
{
    int faults = 0, r = 0;

    for (size_t i = 0; r >= 0 && i < wanted->n_contains; i++)
        if (!holds(data, len, &wanted->contains[i])) {
            faults++;
            r = say_part(why, what, "does not contain", wanted->contains[i].data,
                         wanted->contains[i].len);
        }
    for (size_t i = 0; r >= 0 && i < wanted->n_regex; i++)
        if (!match_regex(wanted->regex[i], data, len)) {
            faults++;
            r = say_part(why, what, "does not match", wanted->regex[i], strlen(wanted->regex[i]));
        }
    if (r >= 0 && faults) {
        r = len ? buf_printf(why, "%s is:\n", what) : buf_printf(why, "%s is empty\n", what);
        if (r >= 0)
            r = show_some(why, "    ", data, len, SHOWN);
    }
    return r < 0 ? r : faults;
}

static int check_lacks(const char *what, const Crib__Case__Text *wanted, const void *data,
                       size_t len, struct buf *why)
{
    int faults = 0, r = 0;

    for (size_t i = 0; r >= 0 && i < wanted->n_lacks; i++)
        if (holds(data, len, &wanted->lacks[i])) {
            faults++;
            r = say_part(why, what, "contains what it must not:", wanted->lacks[i].data,
                         wanted->lacks[i].len);
        }
    return r < 0 ? r : faults;
}

int match_text(const char *what, const Crib__Case__Text *wanted, const void *data, size_t len,
               struct buf *why)
{
    int exact, parts, lacks;

    if (!wanted)
        return 0;
    exact = check_exact(what, wanted, data, len, why);
    parts = exact < 0 ? exact : check_parts(what, wanted, data, len, why);
    lacks = parts < 0 ? parts : check_lacks(what, wanted, data, len, why);
    return lacks < 0 ? lacks : exact + parts + lacks > 0;
}
