/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the golden vectors that scripts/golden writes: .npy, version 1, little-endian, C order, up to four dimensions.
 */
#ifndef TESTS_UNIT_NPY_H
#define TESTS_UNIT_NPY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct npy {
    char type[4]; /* "f4", "i4", "u1", ... */
    int n_dims, dim[4];
    size_t n; /* elements */
    void *data;
};

/* tests/golden/NAME.npy; ends the program with a message when it is not what it should be. */
static inline struct npy npy_load(const char *name, const char *type)
{
    struct npy a = {.n = 1};
    char path[512], header[512];
    snprintf(path, sizeof path, "%s/%s.npy", GOLDEN_DIR, name);
    FILE *f = fopen(path, "rb");
    uint8_t start[10];
    size_t len = 0;
    if (f != NULL && fread(start, 1, 10, f) == 10) len = start[8] | (size_t)start[9] << 8;
    if (f == NULL || len == 0 || len >= sizeof header || memcmp(start, "\x93NUMPY\x01", 7) != 0 ||
        fread(header, 1, len, f) != len) {
        printf("%s: not a readable npy file\n", path);
        exit(1);
    }
    header[len] = 0;
    const char *descr = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
    if (descr == NULL || shape == NULL || strstr(header, "'fortran_order': False") == NULL) {
        printf("%s: unexpected header %s\n", path, header);
        exit(1);
    }
    memcpy(a.type, descr + 11, 2);
    char *p = (char *)shape + 10;
    while (*p != ')' && a.n_dims < 4) {
        a.dim[a.n_dims] = (int)strtol(p, &p, 10);
        a.n *= (size_t)a.dim[a.n_dims++];
        while (*p == ',' || *p == ' ') p++;
    }
    const size_t size = (size_t)(a.type[1] - '0');
    a.data = malloc(a.n * size + 1);
    if (strcmp(a.type, type) != 0 || a.data == NULL || fread(a.data, size, a.n, f) != a.n) {
        printf("%s: type %s, expected %s, or cut short\n", path, a.type, type);
        exit(1);
    }
    fclose(f);
    return a;
}

#endif
