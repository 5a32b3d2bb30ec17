/* SPDX-License-Identifier: Apache-2.0
 *
 * How a model was made, as hb_model_info says it and hb_mapper at its end.
 */
#ifndef RDK_MODEL_INFO_H
#define RDK_MODEL_INFO_H

#include "plan/plan.h"
#include "rdk/rdk_log.h"

/* Versions, and the parameters of model, input, calibration and compiler. */
void rdk_say_parameters(struct rdk_log *log, const struct plan *plan);

#endif
