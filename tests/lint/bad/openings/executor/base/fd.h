/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors.
 */
#ifndef FD_H
#define FD_H
/*
 * Runs in: too late.
 */
#endif
