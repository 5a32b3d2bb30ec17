/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a program for the board would declare layers of its own. Intarsia's files hold no such layers, so there is
 * nothing to declare; the header is here because programs include it.
 */
#ifndef DNN_PLUGIN_HB_DNN_LAYER_H
#define DNN_PLUGIN_HB_DNN_LAYER_H

#include "../hb_dnn.h"

#endif
