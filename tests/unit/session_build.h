/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions for tests of the runtime's public functions: on the heads of head_build.h, and a photo for them.
 */
#ifndef TESTS_SESSION_BUILD_H
#define TESTS_SESSION_BUILD_H

#include "base/mem.h"
#include "intarsia/intarsia.h"
#include "head_build.h"

enum { WIDTH = 50, HEIGHT = 30 };

static inline itx_model *open_model(const char *name)
{
    size_t size = 0;
    void *const data = make_file(&size);
    itx_model *model = NULL;
    CHECK(itx_model_open_memory(&model, data, size, name, NULL) == ITX_OK);
    mem_free(data);
    return model;
}

static inline struct itx_session_options options_of_test(void)
{
    struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
    o.n_threads = 1;
    o.cpu = BUILD_CPU == CPU_SCALAR ? "scalar" : NULL;
    o.conf = 0.01f;
    return o;
}

static inline itx_session *open_session(const itx_model *model, const struct itx_session_options *o)
{
    itx_session *session = NULL;
    struct itx_error err;
    const itx_status rc = itx_session_create(&session, model, o, &err);
    CHECK_MSG(rc == ITX_OK, "%s", err.text);
    return session;
}

static uint8_t pixels[HEIGHT * WIDTH * 3];

static inline struct itx_image photo(void)
{
    uint64_t seed = 77;
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)test_random(&seed);
    return (struct itx_image){.format = ITX_IMAGE_RGB,
                              .width = WIDTH,
                              .height = HEIGHT,
                              .plane = {pixels},
                              .stride = {(size_t)3 * WIDTH}};
}

#endif
