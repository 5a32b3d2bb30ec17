/* SPDX-License-Identifier: Apache-2.0
 *
 * What both sub-commands of hb_mapper say of a network, out of itx_check's report.
 */
#ifndef RDK_MAPPER_NETWORK_H
#define RDK_MAPPER_NETWORK_H

#include <jansson.h>

#include "rdk/rdk_log.h"

/* "Input ONNX Model Information", with inputs and outputs. */
void mapper_say_network(struct rdk_log *log, const json_t *check);
/* How many nodes and parameters are left once constants are computed. */
void mapper_say_folding(struct rdk_log *log, const json_t *check);
/* An ERROR for each node that cannot run; how many. */
int mapper_say_refused(struct rdk_log *log, const json_t *check);

/* The board's name of a kind of node or step, "HzSQuantizedConv"; itself where it has none. */
const char *mapper_type_name(const char *kind);

#endif
