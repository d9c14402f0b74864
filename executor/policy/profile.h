/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles of the OCI runtime specification and of Docker, as a policy.
 *
 * Theory of operation: each rule that counts on this architecture, for a task with these
 * capabilities, becomes entries of `syscalls`. `SCMP_ACT_ALLOW` is `allow`, `_ERRNO` is `deny` with
 * the errno, `_KILL…` is `kill`, `_LOG` is `log`; the default action, which must be an errno,
 * `_ALLOW` or `_LOG`, is `otherwise`, or all calls in that list. Arguments are compared in the
 * width in which the kernel looks at them. Names that are no calls of x86-64 are left out. Of
 * several rules for all of one call the first counts, and no other of that call, as in libseccomp;
 * otherwise deny wins.
 *
 * Runs in: library.
 * Owns: nothing.
 * Source: the OCI runtime specification, config-linux.md; containers/common pkg/seccomp
 */
#ifndef POLICY_PROFILE_H
#define POLICY_PROFILE_H

#include "oci.pb-c.h"
#include "policy/find.h"
#include "policy.pb-c.h"
#include "text/text.h"

/**
 * profile_read() - Read a profile
 * @text:      borrows
 * @caps:      borrows; the capabilities of the task
 * @ret:       set to a policy in @arena that has `syscalls` alone
 * @ret_marks: filled, in @arena: where the entries come from, `syscalls.allow[3]`
 * @err:       subject "file:line:column"
 *
 * Return: 0; -EINVAL; -E2BIG; -ENOMEM
 */
int profile_read(const struct policy_text *text, char *const *caps, size_t n_caps,
                 struct arena *arena, Crib__Policy **ret, struct text_marks *ret_marks,
                 struct crib_error *err);

/**
 * profile_write() - Say what a policy says of system calls as a profile
 * @policy: borrows; effective
 * @ret:    in @arena
 *
 * A profile has no order among its rules, so each is cut down to what no stronger one takes away.
 *
 * Return: 0; -E2BIG it takes too many rules; -EINVAL the policy has no filter; -ENOMEM
 */
int profile_write(const Crib__Policy *policy, struct arena *arena, Crib__SeccompProfile **ret,
                  struct crib_error *err);

#endif
