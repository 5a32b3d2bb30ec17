/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the small models of tests/unit/head_build.h and of tests/dnn/network.h into two files.
 * usage: tiny_models HEADS NETWORKS
 */
#include "head_build.h"
#include "network.h"

#include "base/mem.h"

static int write_file(const char *path, void *data, size_t size)
{
    FILE *const f = fopen(path, "wb");
    int failed = data == NULL || f == NULL || fwrite(data, 1, size, f) != size;
    if (f != NULL && fclose(f) != 0) failed = 1;
    mem_free(data);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    size_t size = 0;
    void *const heads = make_file(&size);
    if (write_file(argv[1], heads, size)) return 1;
    void *const networks = net_file(&size);
    return write_file(argv[2], networks, size);
}
