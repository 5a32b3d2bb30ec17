/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as NumPy wrote them (tests/fuzz/corpus/npy), and headers that are not right.
 */
#include "tensor/npy.h"

#include <math.h>

#include "base/bytes.h"
#include "base/file.h"
#include "test.h"

#define CORPUS GOLDEN_DIR "/../fuzz/corpus/npy/"

static void test_npy__as_numpy_writes(void)
{
    static const struct {
        const char *name;
        itx_status rc;
        enum number_type type;
        int rank;
        int64_t dim[3];
        size_t n;
        float last;
    } files[] = {
        {"f4", ITX_OK, NUMBER_F32, 3, {1, 2, 3}, 6, 5},
        {"i4_v2", ITX_OK, NUMBER_S32, 1, {4}, 4, 3},
        {"i8_v3", ITX_OK, NUMBER_S64, 1, {4}, 4, 3},
        {"i2_empty", ITX_OK, NUMBER_S16, 2, {0, 3}, 0, 0},
        {"u1_scalar", ITX_OK, NUMBER_U8, 0, {0}, 1, 3},
        {"f8_fortran", ITX_E_UNSUPPORTED, NUMBER_F64, 0, {0}, 0, 0},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[300];
        struct file_bytes map = {0};
        struct npy npy;
        struct itx_error err;
        snprintf(path, sizeof path, CORPUS "%s.npy", files[i].name);
        REQUIRE(file_read(&map, path, SIZE_MAX, &err) == ITX_OK);
        CHECK(npy_is(map.data, map.size));
        const itx_status rc = npy_open(&npy, map.data, map.size, &err);
        CHECK_MSG(rc == files[i].rc, "%s: %d", path, (int)rc);
        if (rc != ITX_OK) {
            CHECK(strstr(err.text, "ascontiguousarray") != NULL);
            file_bytes_release(&map);
            continue;
        }
        CHECK(npy.type == files[i].type && npy.rank == files[i].rank && npy.n == files[i].n);
        for (int k = 0; k < npy.rank; k++) CHECK(npy.dim[k] == files[i].dim[k]);
        float v = 0;
        if (npy.n > 0)
            numbers_to_floats(npy.type, npy.data + (npy.n - 1) * number_size(npy.type), 1, &v);
        CHECK(v == files[i].last);
        file_bytes_release(&map);
    }
}

static void test_npy__elements(void)
{
    static const uint8_t bytes[] = {0x00, 0xff, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t half[] = {0, 0, 0, 0, 0, 0, 0xe0, 0xbf}; /* -0.5 of 64 bits */
    float v;
    numbers_to_floats(NUMBER_U8, bytes + 2, 1, &v);
    CHECK(v == 128);
    numbers_to_floats(NUMBER_S8, bytes + 2, 1, &v);
    CHECK(v == -128);
    numbers_to_floats(NUMBER_U16, bytes, 1, &v);
    CHECK(v == 65280);
    numbers_to_floats(NUMBER_S16, bytes, 1, &v);
    CHECK(v == -256);
    numbers_to_floats(NUMBER_S32, bytes + 4, 1, &v);
    CHECK(v == -1);
    numbers_to_floats(NUMBER_S64, bytes, 1, &v);
    CHECK(v == -8323328.0f);
    numbers_to_floats(NUMBER_F64, half, 1, &v);
    CHECK(v == -0.5f);
}

/* A version 1 file with this header and n bytes of data. */
static size_t make(uint8_t *to, const char *header, size_t n)
{
    const size_t len = strlen(header);
    memcpy(to, "\x93NUMPY\x01\x00", 8);
    store_le16(to + 8, (uint16_t)len);
    memcpy(to + 10, header, len);
    memset(to + 10 + len, 0, n);
    return 10 + len + n;
}

static void test_npy__headers(void)
{
    static const struct {
        const char *header;
        size_t n;
        const char *text; /* NULL: accepted */
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, NULL},
        {"{\"shape\":(2,3),\"descr\":\"<f4\",\"fortran_order\":False}\n", 24, NULL},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}", 24, NULL},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "23 bytes follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "25 bytes follow"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "type '>f4'"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", 24, "type '<c8'"},
        {"{'descr': '<f4', 'fortran_order': False, }", 24, "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6), }", 24, "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }", 24, "header is not"},
        {"{'descr': '<f4', 'fortran_order': None, 'shape': (6,), }", 24, "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)", 24, "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", 24, "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6)}", 24,
         "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", 24,
         "header is not"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999)}", 24,
         "too large"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}", 24, "header is not"},
        {"", 24, "header is not"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t file[300];
        struct npy npy;
        struct itx_error err = {.text = ""};
        const size_t size = make(file, cases[i].header, cases[i].n);
        const itx_status rc = npy_open(&npy, file, size, &err);
        if (cases[i].text == NULL)
            CHECK_MSG(rc == ITX_OK && npy.n == 6, "%s: %s", cases[i].header, err.text);
        else
            CHECK_MSG(rc != ITX_OK && strstr(err.text, cases[i].text) != NULL, "%s: %s",
                      cases[i].header, err.text);
        for (size_t cut = 0; cut < size && cases[i].text == NULL; cut++)
            CHECK(npy_open(&npy, file, cut, &err) != ITX_OK);
        file[6] = 4; /* a version that does not exist */
        CHECK(npy_open(&npy, file, size, &err) == ITX_E_FORMAT);
    }
}

TEST_MAIN(TEST(test_npy__as_numpy_writes), TEST(test_npy__elements), TEST(test_npy__headers))
