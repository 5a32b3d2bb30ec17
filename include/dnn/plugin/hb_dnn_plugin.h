/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a program for the board would register layers of its own: as hb_dnn_layer.h, for programs that include it.
 */
#ifndef DNN_PLUGIN_HB_DNN_PLUGIN_H
#define DNN_PLUGIN_HB_DNN_PLUGIN_H

#include "hb_dnn_layer.h"

#endif
