/* SPDX-License-Identifier: Apache-2.0 */
#include "base/look.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/format.h"
#include "base/str.h"

enum kind {
    KIND_UNKNOWN,
    KIND_PLAN,
    KIND_ONNX,
    KIND_TORCH,   /* to be exported by Ultralytics */
    KIND_EXPORT,  /* made of a network by some other exporter */
    KIND_PICTURE, /* that can be read */
    KIND_IMAGE,   /* another picture */
    KIND_ARCHIVE,
    KIND_OTHER
};

struct look {
    enum kind kind;
    const char *what; /* "a JPEG picture" */
    const char *next; /* of KIND_OTHER: what to do, or NULL */
};

static const struct look unknown = {KIND_UNKNOWN, NULL, NULL};

/* ---- by fixed bytes ---- */

static const struct signature {
    size_t offset, size;
    const char *bytes;
    struct look look;
} signatures[] = {
#define AT(offset, bytes, ...)                                                                     \
    {                                                                                              \
        offset, sizeof bytes - 1, bytes,                                                           \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
    AT(0, "\x89ITX\r\n\x1a\n", KIND_PLAN, "a compiled model", NULL),
    AT(0, "\xff\xd8\xff", KIND_PICTURE, "a JPEG picture", NULL),
    AT(0, "\x89PNG", KIND_PICTURE, "a PNG picture", NULL),
    AT(0, "GIF8", KIND_IMAGE, "a GIF picture", NULL),
    AT(8, "WEBP", KIND_IMAGE, "a WebP picture", NULL),
    AT(0, "II*\0", KIND_IMAGE, "a TIFF picture", NULL),
    AT(0, "MM\0*", KIND_IMAGE, "a TIFF picture", NULL),
    AT(4, "ftyphei", KIND_IMAGE, "a HEIC picture", NULL),
    AT(4, "ftypmif1", KIND_IMAGE, "a HEIC picture", NULL),
    AT(4, "ftypavif", KIND_IMAGE, "an AVIF picture", NULL),
    AT(4, "ftyp", KIND_OTHER, "a video", "take single frames from it, as JPEG or PNG"),
    AT(8, "AVI ", KIND_OTHER, "a video", "take single frames from it, as JPEG or PNG"),
    AT(0, "\x1a\x45\xdf\xa3", KIND_OTHER, "a video", "take single frames from it, as JPEG or PNG"),
    AT(0, "\x80\2", KIND_TORCH, "an old PyTorch checkpoint", NULL),
    AT(0, "\x80\3", KIND_TORCH, "an old PyTorch checkpoint", NULL),
    AT(0, "\x80\4", KIND_TORCH, "an old PyTorch checkpoint", NULL),
    AT(0, "\x80\5", KIND_TORCH, "an old PyTorch checkpoint", NULL),
    AT(8, "{\"__metadata__", KIND_EXPORT, "weights in safetensors", NULL),
    AT(4, "TFL3", KIND_EXPORT, "a TensorFlow Lite model", NULL),
    AT(0, "\x89HDF\r\n", KIND_EXPORT, "a Keras model", NULL),
    AT(0, "ftrt", KIND_EXPORT, "a TensorRT engine", NULL),
    AT(0, "7767517\n", KIND_EXPORT, "an ncnn model", NULL),
    AT(0, "RKNN", KIND_EXPORT, "an RKNN model", NULL),
    AT(0, "<net", KIND_EXPORT, "an OpenVINO model", NULL),
    AT(0, "\x1f\x8b", KIND_ARCHIVE, "a gzip archive", NULL),
    AT(0, "BZh", KIND_ARCHIVE, "a bzip2 archive", NULL),
    AT(0,
       "\xfd"
       "7zXZ",
       KIND_ARCHIVE, "an xz archive", NULL),
    AT(0, "\x28\xb5\x2f\xfd", KIND_ARCHIVE, "a zstd archive", NULL),
    AT(0, "7z\xbc\xaf", KIND_ARCHIVE, "a 7z archive", NULL),
    AT(0, "Rar!", KIND_ARCHIVE, "a rar archive", NULL),
    AT(257, "ustar", KIND_ARCHIVE, "a tar archive", NULL),
    AT(0, "version https://git-lfs", KIND_OTHER, "a Git LFS pointer",
       "fetch the file itself with `git lfs pull`"),
    AT(0, "<!DOCTYPE html", KIND_OTHER, "a web page", "download the file itself"),
    AT(0, "<!doctype html", KIND_OTHER, "a web page", "download the file itself"),
    AT(0, "<html", KIND_OTHER, "a web page", "download the file itself"),
    AT(0, "\x93NUMPY", KIND_OTHER, "an array of numpy", NULL),
    AT(0,
       "\x7f"
       "ELF",
       KIND_OTHER, "a program or library", NULL),
    AT(0, "%PDF", KIND_OTHER, "a PDF document", NULL),
#undef AT
};

/* ---- by what follows ---- */

static bool has(const uint8_t *data, size_t size, const char *text)
{
    return data != NULL && size != 0 &&
           memmem(data, size < LOOK_BYTES ? size : LOOK_BYTES, text, strlen(text)) != NULL;
}

/* Protobuf with a version first: ONNX, and what begins like it. */
static struct look look_at_version(const uint8_t *p, size_t size)
{
    if (size < 6 || p[0] != 0x08 || p[1] == 0 || p[1] >= 0x20) return unknown;
    if (p[1] == 1 && p[2] == 0x12)
        return (struct look){KIND_EXPORT, "a TensorFlow SavedModel", NULL};
    if (p[2] == 0x12 && (p[4] == '\n' || p[5] == '\n')) /* a description, not a producer's name */
        return (struct look){KIND_EXPORT, "a Core ML model", NULL};
    static const uint8_t fields[] = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72};
    return memchr(fields, p[2], sizeof fields) != NULL
               ? (struct look){KIND_ONNX, "an ONNX network", NULL}
               : unknown;
}

/* Protobuf with a name, or a node with a name, first. */
static struct look look_at_name(const uint8_t *p, size_t size)
{
    if (size < 8 || p[0] != 0x0a || p[1] == 0 || p[1] >= 0x80) return unknown;
    const size_t end = 2 + (size_t)p[1];
    if (p[2] == 0x0a && p[3] > 0 && p[3] < p[1])
        return (struct look){KIND_EXPORT, "a TensorFlow graph", NULL};
    if (size < end + 2 || p[2] < 0x20) return unknown;
    const bool has_layer = p[end] == 0x12 || p[end] == 0x1a || (p[end] == 0xa2 && p[end + 1] == 6);
    return has_layer ? (struct look){KIND_EXPORT, "a Caffe network", NULL} : unknown;
}

/* A description of a network in text, after comments. */
static bool is_prototxt(const uint8_t *p, size_t size)
{
    static const char *const first[] = {"name:", "layer", "input:", "input_dim:"};
    size_t at = 0;
    while (at < size && strchr("# \r\n", p[at]) != NULL && p[at] != '\0') {
        const uint8_t *const end = p[at] == '#' ? memchr(p + at, '\n', size - at) : p + at;
        if (end == NULL) return false;
        at = (size_t)(end - p) + 1;
    }
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        if (size - at >= strlen(first[i]) && memcmp(p + at, first[i], strlen(first[i])) == 0)
            return has(p, size, "layer") && has(p, size, "{");
    return false;
}

static struct look look_at(const uint8_t *p, size_t size)
{
    if (size >= 4 && memcmp(p, "PK\3\4", 4) == 0)
        return has(p, size, ".pkl")   ? (struct look){KIND_TORCH, "a PyTorch checkpoint", NULL}
               : has(p, size, ".npy") ? (struct look){KIND_OTHER, "arrays of numpy", NULL}
               : has(p, size, ".keras") || has(p, size, ".weights.h5")
                   ? (struct look){KIND_EXPORT, "a Keras model", NULL}
                   : (struct look){KIND_OTHER, "a zip archive or a PyTorch checkpoint",
                                   "unpack it, or export it with `yolo export model=X.pt "
                                   "format=onnx`"};
    if (size >= 5 && memcmp(p, "<?xml", 5) == 0)
        return has(p, size, "<svg") ? (struct look){KIND_IMAGE, "an SVG picture", NULL}
                                    : (struct look){KIND_EXPORT, "an OpenVINO model", NULL};
    if (size >= 14 && memcmp(p, "BM", 2) == 0 && load_le32(p + 6) == 0)
        return (struct look){KIND_IMAGE, "a BMP picture", NULL};
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++) {
        const struct signature *const s = &signatures[i];
        if (size >= s->offset + s->size && memcmp(p + s->offset, s->bytes, s->size) == 0)
            return s->look;
    }
    if (is_prototxt(p, size)) return (struct look){KIND_EXPORT, "a Caffe network", NULL};
    /* Ultralytics puts its metadata before TensorRT's own */
    if (size >= 6 && load_le32(p) < 65536 && memcmp(p + 4, "{\"", 2) == 0)
        return (struct look){KIND_EXPORT, "a TensorRT engine", NULL};
    const struct look look = look_at_version(p, size);
    return look.kind != KIND_UNKNOWN ? look : look_at_name(p, size);
}

/* ---- what to do ---- */

static bool is_wanted(enum look_wanted wanted, enum kind kind)
{
    return (wanted == LOOK_FOR_PLAN && kind == KIND_PLAN) ||
           (wanted == LOOK_FOR_ONNX && kind == KIND_ONNX) ||
           (wanted == LOOK_FOR_PICTURE && kind == KIND_PICTURE);
}

static const char *next_step(const struct look *look, enum look_wanted wanted)
{
    static const char first[] = "the model comes first, then the photos";
    switch (look->kind) {
    case KIND_PLAN:
        return wanted == LOOK_FOR_PICTURE
                   ? first
                   : "show it with `intarsia info`, run it with `intarsia segment`";
    case KIND_ONNX:
        return wanted == LOOK_FOR_PICTURE ? first
                                          : "compile it first with `intarsia build`, to a NAME.bin";
    case KIND_TORCH:
        return wanted == LOOK_FOR_PLAN
                   ? "export it first with `yolo export model=X.pt format=onnx`, then compile that "
                     "with `intarsia build`"
                   : "export it first with `yolo export model=X.pt format=onnx`";
    case KIND_EXPORT:
        return wanted == LOOK_FOR_PLAN
                   ? "export the original network as ONNX, then compile that with `intarsia build`"
                   : "export the original network as ONNX";
    case KIND_PICTURE:
        return first;
    case KIND_IMAGE:
        return wanted == LOOK_FOR_PICTURE ? "convert it to JPEG or PNG" : first;
    case KIND_ARCHIVE:
        return "unpack it first";
    case KIND_OTHER:
    case KIND_UNKNOWN:
        break;
    }
    return look->next;
}

bool look_is_other(enum look_wanted wanted, const void *data, size_t size)
{
    const struct look look = look_at(data, size);
    return look.kind != KIND_UNKNOWN && !is_wanted(wanted, look.kind);
}

itx_status look_refuse(enum look_wanted wanted, const void *data, size_t size,
                       struct itx_error *err)
{
    static const char *const names[] = {"not an Intarsia file", "not an ONNX file",
                                        "not a JPEG or PNG picture"};
    const struct look look = look_at(data, size);
    if (size == 0) return itx_fail(err, ITX_E_FORMAT, "%s: it is empty", names[wanted]);
    if (look.kind == KIND_UNKNOWN || is_wanted(wanted, look.kind))
        return itx_fail(err, ITX_E_FORMAT, "%s", names[wanted]);
    const char *const next = next_step(&look, wanted);
    return itx_fail(err, ITX_E_FORMAT, "%s: looks like %s%s%s", names[wanted], look.what,
                    next != NULL ? ": " : "", next != NULL ? next : "");
}

/* ---- folders ---- */

/* What a folder holds: the first name of each kind. */
struct content {
    char model[NAME_MAX + 1];
    bool has_picture;
    const char *what; /* an exporter's folder */
};

static void note(struct content *c, enum look_wanted wanted, const char *name)
{
    static const struct {
        const char *ending, *what;
    } exports[] = {
        {".xml", "an OpenVINO model"},           {"saved_model.pb", "a TensorFlow SavedModel"},
        {".mlmodel", "a Core ML model"},         {".param", "an ncnn model"},
        {"model.json", "a TensorFlow.js model"}, {".pdmodel", "a PaddlePaddle model"}};
    for (size_t i = 0; i < ARRAY_LEN(exports); i++)
        if (str_has_ending(name, exports[i].ending) || strcmp(name, exports[i].ending) == 0)
            c->what = exports[i].what;
    const bool is_model =
        str_has_ending(name, ".onnx") || (wanted == LOOK_FOR_PLAN && str_has_ending(name, ".bin"));
    if (is_model && (c->model[0] == '\0' || strcmp(name, c->model) < 0))
        format_text(c->model, sizeof c->model, "%s", name);
    c->has_picture = c->has_picture || str_has_ending(name, ".jpg") ||
                     str_has_ending(name, ".jpeg") || str_has_ending(name, ".png");
}

itx_status look_no_folder(enum look_wanted wanted, const char *path, struct itx_error *err)
{
    struct stat st;
    struct content c = {.what = NULL};
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return ITX_OK;
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        note(&c, wanted, entry->d_name);
    if (dir != NULL) closedir(dir);
    if (c.what != NULL)
        itx_fail(err, ITX_E_IO,
                 "is a folder, a file is needed: looks like %s: export the original "
                 "network as ONNX",
                 c.what);
    else if (c.model[0] != '\0')
        itx_fail(err, ITX_E_IO, "is a folder, a file is needed: name %s in it", c.model);
    else if (c.has_picture)
        itx_fail(err, ITX_E_IO,
                 "is a folder, a file is needed: it holds pictures, and the model "
                 "comes first, then the photos");
    else
        itx_fail(err, ITX_E_IO, "is a folder, a file is needed");
    itx_error_prefix(err, "%s", path);
    return ITX_E_IO;
}
