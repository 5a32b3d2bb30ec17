/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/npy.h"

#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *name, *code; /* as NumPy writes it, without the byte order */
    size_t size;
} types[] = {
    [NUMBER_F32] = {"float32", "f4", 4}, [NUMBER_F64] = {"float64", "f8", 8},
    [NUMBER_U8] = {"uint8", "u1", 1},    [NUMBER_S8] = {"int8", "i1", 1},
    [NUMBER_U16] = {"uint16", "u2", 2},  [NUMBER_S16] = {"int16", "i2", 2},
    [NUMBER_S32] = {"int32", "i4", 4},   [NUMBER_S64] = {"int64", "i8", 8},
};

const char *number_type_name(enum number_type type)
{
    return types[type].name;
}

size_t number_size(enum number_type type)
{
    return types[type].size;
}

static float number_at(enum number_type type, const uint8_t *p)
{
    double wide;
    uint64_t bits;
    switch (type) {
    case NUMBER_F32:
        return float_of_bits(load_le32(p));
    case NUMBER_F64:
        bits = load_le64(p);
        memcpy(&wide, &bits, sizeof wide);
        return (float)wide;
    case NUMBER_U8:
        return *p;
    case NUMBER_S8:
        return (int8_t)*p;
    case NUMBER_U16:
        return load_le16(p);
    case NUMBER_S16:
        return (int16_t)load_le16(p);
    case NUMBER_S32:
        return (float)(int32_t)load_le32(p);
    case NUMBER_S64:
        return (float)(int64_t)load_le64(p);
    case NUMBER_TYPE_COUNT:
        break;
    }
    ITX_BUG();
}

void numbers_to_floats(enum number_type type, const uint8_t *data, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) out[i] = number_at(type, data + i * types[type].size);
}

/* ---- the header: a Python dictionary with three keys, in any order ---- */

struct header {
    struct str left; /* of the text */
    struct str descr;
    bool has_order, is_fortran, has_shape;
};

static void skip_spaces(struct header *h)
{
    while (h->left.len > 0 && strchr(" \t\r\n", h->left.data[0]) != NULL) {
        h->left.data++;
        h->left.len--;
    }
}

static bool take(struct header *h, const char *text)
{
    const size_t n = strlen(text);
    skip_spaces(h);
    if (h->left.len < n || memcmp(h->left.data, text, n) != 0) return false;
    h->left.data += n;
    h->left.len -= n;
    return true;
}

static bool take_quoted(struct header *h, struct str *text)
{
    skip_spaces(h);
    if (h->left.len == 0 || (h->left.data[0] != '\'' && h->left.data[0] != '"')) return false;
    const char *const end = memchr(h->left.data + 1, h->left.data[0], h->left.len - 1);
    if (end == NULL) return false;
    *text = (struct str){h->left.data + 1, (size_t)(end - h->left.data) - 1};
    h->left.len -= (size_t)(end + 1 - h->left.data);
    h->left.data = end + 1;
    return true;
}

static bool take_number(struct header *h, int64_t *v)
{
    bool any = false;
    skip_spaces(h);
    for (*v = 0; h->left.len > 0 && h->left.data[0] >= '0' && h->left.data[0] <= '9'; any = true) {
        if (*v > INT64_MAX / 10 - 1) return false;
        *v = *v * 10 + (h->left.data[0] - '0');
        h->left.data++;
        h->left.len--;
    }
    return any;
}

static bool take_shape(struct header *h, struct npy *npy)
{
    if (!take(h, "(")) return false;
    for (npy->rank = 0; !take(h, ")"); npy->rank++) {
        if (npy->rank == NPY_MAX_RANK || !take_number(h, &npy->dim[npy->rank])) return false;
        if (!take(h, ",")) return npy->rank++ > 0 ? take(h, ")") : false;
    }
    return true;
}

static bool take_entry(struct header *h, struct npy *npy)
{
    struct str key;
    if (!take_quoted(h, &key) || !take(h, ":")) return false;
    if (str_eq(key, "descr")) return take_quoted(h, &h->descr);
    if (str_eq(key, "shape")) {
        h->has_shape = true;
        return take_shape(h, npy);
    }
    if (!str_eq(key, "fortran_order")) return false;
    h->has_order = true;
    h->is_fortran = take(h, "True");
    return h->is_fortran || take(h, "False");
}

static bool read_header(struct header *h, struct npy *npy)
{
    if (!take(h, "{")) return false;
    while (!take(h, "}"))
        if (!take_entry(h, npy) || (!take(h, ",") && (h->left.len == 0 || h->left.data[0] != '}')))
            return false;
    skip_spaces(h);
    return h->left.len == 0 && h->descr.len > 0 && h->has_order && h->has_shape;
}

static itx_status find_type(struct npy *npy, struct str descr, struct itx_error *err)
{
    if (descr.len > 1 && descr.data[0] != '>')
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
            if (str_eq((struct str){descr.data + 1, descr.len - 1}, types[i].code)) {
                npy->type = (enum number_type)i;
                return ITX_OK;
            }
    const int n = descr.len < 20 ? (int)descr.len : 20;
    return itx_fail(err, ITX_E_UNSUPPORTED,
                    "npy file of type '%.*s': little-endian float32, float64 and integers are "
                    "possible",
                    n, descr.data);
}

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

bool npy_is(const void *data, size_t size)
{
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

itx_status npy_open(struct npy *out, const void *data, size_t size, struct itx_error *err)
{
    const uint8_t *const p = data;
    struct npy npy = {.n = 1};
    if (!npy_is(data, size)) return itx_fail(err, ITX_E_FORMAT, "not an npy file");
    const int version = size > 8 ? p[6] : 0;
    if (version < 1 || version > 3 || p[7] != 0)
        return itx_fail(err, ITX_E_FORMAT, "npy file: version %d is not one of 1 to 3", version);
    const size_t begin = version == 1 ? 10 : 12;
    if (size < begin) return itx_fail(err, ITX_E_FORMAT, "npy file: it ends within the header");
    const size_t len = version == 1 ? load_le16(p + 8) : load_le32(p + 8);
    if (len > size - begin)
        return itx_fail(err, ITX_E_FORMAT, "npy file: it ends within the header");
    struct header h = {.left = {(const char *)p + begin, len}};
    if (!read_header(&h, &npy))
        return itx_fail(err, ITX_E_FORMAT,
                        "npy file: the header is not a type, an order and a shape of up to %d "
                        "dimensions",
                        NPY_MAX_RANK);
    ITX_TRY(find_type(&npy, h.descr, err));
    if (h.is_fortran && npy.rank > 1)
        return itx_fail(err, ITX_E_UNSUPPORTED,
                        "npy file in Fortran order: save numpy.ascontiguousarray of it");
    size_t bytes;
    for (int i = 0; i < npy.rank; i++)
        if ((uint64_t)npy.dim[i] > SIZE_MAX || !size_mul(npy.n, (size_t)npy.dim[i], &npy.n))
            return itx_fail(err, ITX_E_FORMAT, "npy file: its shape is too large");
    if (!size_mul(npy.n, types[npy.type].size, &bytes) || bytes != size - begin - len)
        return itx_fail(err, ITX_E_FORMAT,
                        "npy file: %zu bytes follow the header, its shape of %zu numbers of type "
                        "%s asks for another number",
                        size - begin - len, npy.n, types[npy.type].name);
    npy.data = p + begin + len;
    *out = npy;
    return ITX_OK;
}
