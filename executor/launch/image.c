/* SPDX-License-Identifier: Apache-2.0 */
#include "base/image.h"

#include "launch/parts.h"

extern const char launch_image[], launch_image_end[]; /* image.S */

struct image init_image = {.name = "crib-init",
                           .step = "init",
                           .data = launch_image,
                           .end = launch_image_end,
                           .installed = CRIB_INIT_PATH,
                           .kept = -1};
