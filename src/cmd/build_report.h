/* SPDX-License-Identifier: Apache-2.0
 *
 * The report of a build on the terminal: the layers that lose most, what to do about them, and the outputs.
 */
#ifndef CMD_BUILD_REPORT_H
#define CMD_BUILD_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

/* Layers of a report by falling damage: by rising signal-to-noise of the layer alone. Layers that were not compared, and
 * those that only move values, are left out. Borrowed references, *list freed with mem_free; 0 when out of memory. */
size_t build_report_worst(const json_t *report, const json_t ***list);

/* `all_layers`: every one, in order, instead of the worst. */
void build_report_print(const json_t *report, bool all_layers, FILE *out);

#endif
