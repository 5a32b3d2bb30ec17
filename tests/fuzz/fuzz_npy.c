/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_open refuses or accepts any bytes; what it accepts lies in the file and can be read.
 */
#include "base/mem.h"
#include "tensor/npy.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy npy;
    struct itx_error err;
    if (npy_open(&npy, data, size, &err) != ITX_OK) return 0;
    FUZZ_REQUIRE(npy.data >= data);
    FUZZ_REQUIRE(npy.n * number_size(npy.type) == (size_t)(data + size - npy.data));
    size_t n = 1;
    for (int i = 0; i < npy.rank; i++) n *= (size_t)npy.dim[i];
    FUZZ_REQUIRE(n == npy.n);
    float *const values = mem_calloc(npy.n, sizeof *values);
    FUZZ_REQUIRE(values != NULL);
    numbers_to_floats(npy.type, npy.data, npy.n, values);
    mem_free(values);
    return 0;
}
