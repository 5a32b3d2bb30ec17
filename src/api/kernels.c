/* SPDX-License-Identifier: Apache-2.0
 *
 * Every kernel row that is compiled in, for people who ask what this CPU will use.
 */
#include "base/cpu.h"
#include "base/status.h"
#include "intarsia/intarsia.h"
#include "kernels/add/add.h"
#include "kernels/attention/attention.h"
#include "kernels/conv/conv.h"
#include "kernels/dwconv/dwconv.h"
#include "kernels/image/image.h"
#include "kernels/lut/lut.h"
#include "kernels/move/move.h"
#include "kernels/pool/pool.h"

struct row {
    const char *name;
    uint32_t cpu;
};

/* columns: family */
#define FAMILIES(X) X(conv) X(dwconv) X(pool) X(move) X(add) X(lut) X(attention) X(image)

#define X(family)                                                                                  \
    static bool family##_get(int i, int *n, struct row *row)                                       \
    {                                                                                              \
        const struct family##_row *rows = family##_rows(n);                                        \
        if (i >= *n) return false;                                                                 \
        *row = (struct row){rows[i].name, rows[i].cpu};                                            \
        return true;                                                                               \
    }
FAMILIES(X)
#undef X

itx_status itx_kernel_get(int i, struct itx_kernel_info *info)
{
    static const struct {
        const char *name;
        bool (*get)(int i, int *n, struct row *row);
    } families[] = {
#define X(family) {#family, family##_get},
        FAMILIES(X)
#undef X
    };
    if (info == NULL || i < 0) return ITX_E_INVAL;
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        int n;
        struct row row;
        if (families[f].get(i, &n, &row)) {
            *info = (struct itx_kernel_info){
                .family = families[f].name,
                .name = row.name,
                .needs = cpu_level_name(row.cpu),
                .available = (row.cpu & ~cpu_detect()) == 0,
            };
            return ITX_OK;
        }
        i -= n;
    }
    return ITX_E_RANGE;
}
