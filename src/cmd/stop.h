/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGINT, SIGTERM and SIGHUP between two photos: what is at hand is ended first. A second one ends the program at once.
 */
#ifndef CMD_STOP_H
#define CMD_STOP_H

#include <stdbool.h>

/* From here on these signals are only noted. Those that are ignored stay so. */
void stop_begin(void);
/* Whether one has come. */
bool stop_wanted(void);
/* Its name, "SIGINT". */
const char *stop_name(void);
/* The signals do again what they did; one that has come is sent again, which ends the program. */
void stop_end(void);

#endif
