/* SPDX-License-Identifier: Apache-2.0 */
/* strcpy(a, b) in a comment is no call */
int fd_bad(char *a, const char *b, struct task *task)
{
    strcpy(a, b);
    my_strcpy(a, "strcat(a, b)");
    task->on.exit(task);
    if (a)
        exit (1);
    task->system(a);
    int fd = open(b,
                  O_RDONLY);
    int other = openat(fd, b, O_RDONLY | O_CLOEXEC);
    /* no CLOEXEC: the reason */
    open(b, O_RDONLY);
    fprintf(stderr, "no");
    return system(b) + other;
}
