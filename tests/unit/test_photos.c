/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said about calibration photos: made-up ones for each warning, and the demo's, of which nothing is said.
 */
#include "api/photos.h"

#include "test.h"

#define CALIB GOLDEN_DIR "/../../data/parts/calib/images/%06d.jpg"

enum { N = 20, SIDE = 64 };
static const struct network network = {.feed.n_channels = 3, .width = SIDE, .height = SIDE};

/* Fields of 8 x 8 pixels of random shades between `low` and `high`, with colours or without. */
static void paint(struct picture *p, int side, uint64_t seed, int low, int high, bool is_grey)
{
    REQUIRE(picture_create(p, side, side, NULL) == ITX_OK);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            for (int c = 0; c < 3; c++) {
                uint64_t s =
                    seed * 7919 + (uint64_t)((y / 8 * 64 + x / 8) * 3 + (is_grey ? 0 : c)) + 1;
                for (int i = 0; i < 8; i++) test_random(&s);
                p->rgb[(size_t)y * p->stride + (size_t)(3 * x + c)] =
                    (uint8_t)(low + (int)(test_random(&s) % (uint32_t)(high - low + 1)));
            }
}

static void look(struct photo_facts *facts, int side, uint64_t seed, int low, int high,
                 bool is_grey)
{
    struct photo_scorer none = {0};
    struct picture p = {0};
    paint(&p, side, seed, low, high, is_grey);
    photo_look(facts, &none, NULL, NULL, &p);
    picture_release(&p);
}

static void look_at_ordinary(struct photo_facts *facts, int n)
{
    for (int i = 0; i < n; i++) look(&facts[i], SIDE, (uint64_t)i + 1, 0, 255, false);
}

/* Exactly one warning, with this text in it; NULL: none. */
static void expect(const struct photo_facts *facts, int n, const char *text)
{
    struct photo_warnings w;
    photos_judge(&w, facts, n, &network);
    CHECK_MSG(w.n == (text != NULL), "%d warnings, first \"%s\"", w.n, w.text[0]);
    if (text != NULL && w.n == 1)
        CHECK_MSG(strstr(w.text[0], text) != NULL, "\"%s\" instead of \"%s\"", w.text[0], text);
}

static void test_photos__number(void)
{
    struct photo_facts facts[N] = {{0}};
    expect(facts, N, NULL); /* none was used: an error elsewhere */
    look_at_ordinary(facts, 15);
    expect(facts, N, "15 calibration photos: thresholds depend");
    expect(facts, 1, "1 calibration photo: thresholds depend");
    look_at_ordinary(facts, 16);
    expect(facts, N, NULL);
}

static void test_photos__alike(void)
{
    struct photo_facts facts[N];
    for (int i = 0; i < N; i++) look(&facts[i], SIDE, 3, i % 3, 250 + i % 3, false);
    expect(facts, N, "the 20 calibration photos all show nearly the same");
    for (int i = 0; i < N; i++) look(&facts[i], SIDE, (uint64_t)i % 4 + 1, 0, 255, false);
    expect(facts, N, "the 20 calibration photos show only 4 different pictures");
    for (int i = 0; i < N; i++) look(&facts[i], SIDE, (uint64_t)i % 6 + 1, 0, 255, false);
    expect(facts, N, NULL);
}

static void test_photos__values(void)
{
    static const struct {
        int low, high;
        bool is_grey;
        const char *text;
    } cases[] = {
        {0, 35, false, "20 of 20 calibration photos are nearly black"},
        {220, 255, false, "20 of 20 calibration photos are nearly white"},
        {100, 110, false, "20 of 20 calibration photos are of nearly one shade"},
        {0, 255, true, "no calibration photo has colours"},
    };
    struct photo_facts facts[N];
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        for (int i = 0; i < N; i++)
            look(&facts[i], SIDE, (uint64_t)i + 1, cases[k].low, cases[k].high, cases[k].is_grey);
        if (k == 2) /* shades differ, or they would be alike too */
            for (int i = 0; i < N; i++)
                look(&facts[i], SIDE, (uint64_t)i + 1, 60 + 5 * i, 70 + 5 * i, false);
        if (k == 0) /* likewise */
            for (int i = 0; i < N; i++) facts[i].thumb[i] = facts[i].thumb[100 + i] = 255;
        struct photo_warnings w;
        photos_judge(&w, facts, N, &network);
        bool found = false;
        for (int i = 0; i < w.n; i++) found = found || strstr(w.text[i], cases[k].text) != NULL;
        CHECK_MSG(found, "%s", cases[k].text);
    }
    look_at_ordinary(facts, N);
    for (int i = 0; i < N / 2; i++) look(&facts[i], SIDE, (uint64_t)i + 1, 0, 35, false);
    expect(facts, N, NULL); /* half of them may be dark */
}

static void test_photos__small(void)
{
    struct photo_facts facts[N];
    for (int i = 0; i < N; i++) look(&facts[i], SIDE / 2 - 1, (uint64_t)i + 1, 0, 255, false);
    expect(facts, N, "20 of 20 calibration photos have less than half the size");
    for (int i = 0; i < N; i++) look(&facts[i], SIDE / 2, (uint64_t)i + 1, 0, 255, false);
    expect(facts, N, NULL);
}

static void test_photos__nothing_found(void)
{
    struct photo_facts facts[N];
    look_at_ordinary(facts, N);
    for (int i = 0; i < N; i++) {
        facts[i].has_score = true;
        facts[i].best_score = 0.04f;
    }
    expect(facts, N, "finds nothing in any calibration photo (best score 0.040)");
    facts[7].best_score = 0.06f;
    expect(facts, N, NULL);
}

static void test_photos__colors_exchanged(void)
{
    struct photo_facts facts[N];
    look_at_ordinary(facts, N);
    for (int i = 0; i < N; i++) {
        facts[i].has_score = facts[i].was_swapped = true;
        facts[i].best_score = 0.5f;
        facts[i].swapped_score =
            0.5f + 0.02f * (float)(i % 5 - 1); /* surer by 0.02, give or take */
    }
    expect(facts, N,
           "red and blue of the calibration photos look exchanged: with both swapped the "
           "float network is surer in 12 of 20 photos (mean of the best scores 0.52, not "
           "0.50)");
    for (int i = 0; i < N; i++)
        facts[i].swapped_score = 0.5f + 0.02f * (float)(i % 5 - 2); /* neither */
    expect(facts, N, NULL);
    for (int i = 0; i < N; i++)
        facts[i].swapped_score = 0.5f - 0.02f * (float)(i % 5 - 1); /* less sure */
    expect(facts, N, NULL);
}

static void test_photos__blue(void)
{
    struct photo_facts facts[2] = {{.is_used = true}, {.is_used = true}};
    CHECK(!photos_are_blue(facts, 2));
    for (size_t i = 2; i < sizeof facts[0].thumb; i += 3) facts[0].thumb[i] = 12;
    CHECK(photos_are_blue(facts, 2)); /* by 6 */
    facts[1].is_used = false;
    CHECK(photos_are_blue(facts, 2));
    for (size_t i = 0; i < sizeof facts[0].thumb; i += 3) facts[0].thumb[i] = 10;
    CHECK(!photos_are_blue(facts, 2)); /* by 2 */
}

static void test_photos__nothing_to_say_of_the_demos(void)
{
    enum { DEMO = 40 };
    static struct photo_facts facts[DEMO];
    struct photo_scorer none = {0};
    for (int i = 0; i < DEMO; i++) {
        char path[300];
        struct picture p = {0};
        snprintf(path, sizeof path, CALIB, i);
        REQUIRE(picture_read(&p, path, 0, NULL) == ITX_OK);
        photo_look(&facts[i], &none, NULL, NULL, &p);
        picture_release(&p);
    }
    struct photo_warnings w;
    const struct network demo = {.feed.n_channels = 3, .width = 320, .height = 320};
    photos_judge(&w, facts, DEMO, &demo);
    CHECK_MSG(w.n == 0, "%s", w.text[0]);
    CHECK(!photos_are_blue(facts, DEMO));
}

TEST_MAIN(TEST(test_photos__number), TEST(test_photos__alike), TEST(test_photos__values),
          TEST(test_photos__small), TEST(test_photos__nothing_found),
          TEST(test_photos__colors_exchanged), TEST(test_photos__blue),
          TEST(test_photos__nothing_to_say_of_the_demos))
