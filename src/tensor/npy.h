/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of numbers as they lie in files: NumPy's .npy, versions 1 to 3, little-endian, C order; and elements of the
 * usual types as floats.
 */
#ifndef TENSOR_NPY_H
#define TENSOR_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum number_type {
    NUMBER_F32,
    NUMBER_F64,
    NUMBER_U8,
    NUMBER_S8,
    NUMBER_U16,
    NUMBER_S16,
    NUMBER_S32,
    NUMBER_S64,
    NUMBER_TYPE_COUNT
};
const char *number_type_name(enum number_type type); /* "float32", ... */
size_t number_size(enum number_type type);
/* n elements, little-endian. */
void numbers_to_floats(enum number_type type, const uint8_t *data, size_t n, float *out);

#define NPY_MAX_RANK 8

struct npy {
    enum number_type type;
    int rank; /* 0: one number */
    int64_t dim[NPY_MAX_RANK];
    size_t n;            /* elements */
    const uint8_t *data; /* in the file */
};
bool npy_is(const void *data, size_t size);
/* Refuses what is not a whole file of one of the types: ITX_E_FORMAT or ITX_E_UNSUPPORTED. */
itx_status npy_open(struct npy *npy, const void *data, size_t size, struct itx_error *err);

#endif
