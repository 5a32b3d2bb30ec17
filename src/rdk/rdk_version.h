/* SPDX-License-Identifier: Apache-2.0
 *
 * The versions of the RDK's tools whose texts and options are followed here. They are printed where the tools print
 * theirs, since programs read those lines.
 */
#ifndef RDK_VERSION_H
#define RDK_VERSION_H

#define RDK_BUILDER_VERSION "1.24.3" /* hb_mapper, hb_perf, ... */
#define RDK_HORIZON_NN_VERSION "1.1.0"
#define RDK_HBDK_VERSION "3.49.15"
#define RDK_HBRT_VERSION "3.15.55"
#define RDK_DNN_VERSION "1.24.5"
#define RDK_MARCH "bayes-e"

#endif
