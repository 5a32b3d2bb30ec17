/* SPDX-License-Identifier: Apache-2.0 */
#include "float/gemm.h"

#include "base/compiler.h"
#include "float/internal.h"

/* As in exec.c: oneDNN is threaded by GNU OpenMP; these act on the calling thread. */
void omp_set_num_threads(int n);
int omp_get_max_threads(void);

void float_gemm(const struct float_product *p)
{
    if (p->m <= 0 || p->n <= 0 || p->k <= 0) return;
    const int before = omp_get_max_threads();
    omp_set_num_threads(1);
    const dnnl_status_t status = dnnl_sgemm(
        p->a.form == MATRIX_TRANSPOSED ? 'T' : 'N', p->b.form == MATRIX_TRANSPOSED ? 'T' : 'N',
        p->m, p->n, p->k, p->alpha, p->a.data, (dnnl_dim_t)p->a.stride, p->b.data,
        (dnnl_dim_t)p->b.stride, p->beta, p->c, (dnnl_dim_t)p->c_stride);
    omp_set_num_threads(before);
    if (status != dnnl_success) ITX_BUG(); /* sizes or strides are wrong */
}
