/* SPDX-License-Identifier: Apache-2.0
 *
 * A NAME.bin as the tools that read and rewrite it see it: all models of the file.
 */
#ifndef RDK_BIN_H
#define RDK_BIN_H

#include "base/file.h"
#include "base/str.h"
#include "intarsia/intarsia.h"
#include "plan/plan.h"

/* Zero-initialised is valid and empty. */
struct rdk_bin {
    struct file_bytes bytes;
    struct plan_file file; /* points into the bytes */
};

/* Messages name the path. */
itx_status rdk_bin_open(struct rdk_bin *bin, const char *path, struct itx_error *err);
/* The model as the libraries run it, out of the same bytes. */
itx_status rdk_bin_load(const struct rdk_bin *bin, const char *name, itx_model **model,
                        struct itx_error *err);
void rdk_bin_release(struct rdk_bin *bin);
/* The model called `name`, NULL or "": the only one. The error lists what there is, the nearest name first. */
itx_status rdk_bin_model(const struct rdk_bin *bin, const char *name, const struct plan **model,
                         struct itx_error *err);

/* The last part of a path, and that without its ending. */
const char *rdk_base_name(const char *path);
struct str rdk_stem(const char *path);

/* The user gives floats, which are quantised; else the integers, by their scales. Never of a picture. */
static inline bool rdk_is_float_input(const struct plan_input *input)
{
    return input->kind == PLAN_INPUT_TENSOR && !input->is_stored;
}

/* The product of dequantisation is what the user gets; else the integers as they are, with their scales. */
static inline bool rdk_is_float_output(const struct plan_output *output)
{
    return output->dequantize[0] != '\0';
}

/* "V_HzDequantize" -> "V": the value in front of the dequantise node. */
struct str rdk_dequantized_tensor(const char *dequantize);

/* The step that writes tensor `tensor`; NULL when several do or none. */
const struct plan_step *rdk_writer(const struct plan *plan, uint32_t tensor);
/* The first step that reads it; NULL when none does. */
const struct plan_step *rdk_reader(const struct plan *plan, uint32_t tensor);

#endif
