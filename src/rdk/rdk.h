/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of the RDK (docs/rdk.md): each is a name of the program, a link that `ninja install` makes, and a
 * sub-command as well. One file (or several that begin alike) a command, as in src/cmd.
 *
 * To add one: write it, name it in the list below and in src/rdk/meson.build.
 */
#ifndef RDK_RDK_H
#define RDK_RDK_H

#include "cmd/cmd.h"

#define RDK_COMMAND_LIST(X)                                                                        \
    X(batch_perf)                                                                                  \
    X(hb_mapper) X(hb_model_info) X(hb_model_modifier) X(hb_pack) X(hb_perf) X(hrt_model_exec)

#define ITX_X(name) extern const struct command command_##name;
RDK_COMMAND_LIST(ITX_X)
#undef ITX_X

#endif
