/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the small models of tests/unit/head_build.h into a file. usage: tiny_models FILE
 */
#include "head_build.h"

#include "base/mem.h"

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    size_t size = 0;
    void *const data = make_file(&size);
    FILE *const f = fopen(argv[1], "wb");
    int failed = data == NULL || f == NULL || fwrite(data, 1, size, f) != size;
    if (f != NULL && fclose(f) != 0) failed = 1;
    mem_free(data);
    return failed;
}
