/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/say.h"
#include "text/text.h"

#define MAX_COMMANDS 32

static const char status_text[] =
    "\nExit status: the program's own; 128+n when signal n ended it; 124 its wall or processor time\n"
    "was up; 137 it was ended for memory, pids or output; 125 crib failed; 126 the program cannot be\n"
    "executed; 127 there is no such program.\n";

static int add_option(struct buf *out, const struct option_row *row)
{
    char left[64], letter[8] = "    ";

    if (row->letter)
        snprintf(letter, sizeof(letter), "-%c, ", row->letter);
    snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
             row->argument ? row->argument : "");
    return buf_printf(out, "  %-31s %s\n", left, row->help);
}

static int add_options(struct buf *out, const struct command *command)
{
    int r = buf_text(out, "\nOptions:\n");

    for (int i = 0; i < OPTION_COUNT && r >= 0; i++)
        if (option_rows[i].commands & command->bit)
            r = add_option(out, &option_rows[i]);
    return r;
}

static int one_command(struct buf *out, const struct command *command)
{
    int r = buf_printf(out, "crib %s [options] %s\n\n%s.\n", command->name, command->operands,
                       command->about);

    if (r >= 0 && command->more)
        r = buf_text(out, command->more);
    if (r >= 0)
        r = add_options(out, command);
    if (r >= 0 && (command->bit & (IN_TASKS | IN_WAIT | IN_ATTACH)))
        r = buf_text(out, status_text);
    return r;
}

static int overview(struct buf *out)
{
    int r = buf_text(out, "crib runs programs in sandboxes.\n\n");

    for (const struct command *command = commands(); command->name && r >= 0; command++) {
        char left[64];

        snprintf(left, sizeof(left), "%s %s", command->name, command->operands);
        r = buf_printf(out, "  crib %-40s %s\n", left, command->about);
    }
    return r < 0 ? r : buf_text(out, "\n'crib help COMMAND' shows a command's options.\n");
}

int help_show(const struct command *command)
{
    struct buf out = {0};
    int r = command ? one_command(&out, command) : overview(&out);

    if (r < 0)
        say("out of memory");
    else
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    return r < 0 ? STATUS_FAILED : 0;
}

int help_unknown(const char *name)
{
    const char *known[MAX_COMMANDS + 1];
    const char *near;
    size_t count = 0;

    for (const struct command *c = commands(); c->name && count < MAX_COMMANDS; c++)
        known[count++] = c->name;
    known[count] = NULL;
    near = text_nearest(name, known);
    if (near)
        say("unknown command '%s', did you mean '%s'? (see 'crib help')", name, near);
    else
        say("unknown command '%s' (see 'crib help')", name);
    return STATUS_FAILED;
}

int command_help(struct request *request)
{
    const char *name = request->operands[0];
    const struct command *command;

    if (!name)
        return help_show(NULL);
    command = command_find(name);
    return command ? help_show(command) : help_unknown(name);
}
