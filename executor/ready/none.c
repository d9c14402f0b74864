/* SPDX-License-Identifier: Apache-2.0 */
/* For crib-ready itself: nothing is ready yet. */
#include "plan/ready.h"

const struct ready_policy ready_policies[1];
const size_t ready_policies_count = 0;
const struct ready_group ready_groups[1];
const size_t ready_groups_count = 0;
const struct ready_filter ready_filters[1];
const size_t ready_filters_count = 0;
const struct ready_section ready_sections[1];
const size_t ready_sections_count = 0;
