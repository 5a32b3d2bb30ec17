/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CHECK_CHECK_CONV_EVEX_H
#define TESTS_CHECK_CHECK_CONV_EVEX_H

#include "kernels/conv/conv.h"

enum { CONV_EVEX_ROWS = 2 };

extern const struct conv_row conv_evex_rows[CONV_EVEX_ROWS];

#endif
