/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a page well formed as XML is (after its document type), and does it need nothing else? Every element is closed in its
 * turn, attributes are quoted and occur once, only known entities; no address, and no source that is not in the page.
 * Prints how often each element named on the command line occurs. arguments: page, elements
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 64, MAX_NAME = 32, MAX_ATTRIBUTES = 16 };

struct page {
    char *text;
    const char *at;
    char open[MAX_DEPTH][MAX_NAME];
    int depth;
    int n_wrong;
    int n_named; /* elements to be counted */
    char **named;
    int count[16];
};

static void wrong(struct page *p, const char *what)
{
    int line = 1;
    for (const char *c = p->text; c < p->at; c++) line += *c == '\n';
    printf("line %d: %s: %.40s\n", line, what, p->at);
    p->n_wrong++;
}

static void read_name(struct page *p, char *name)
{
    int n = 0;
    while ((isalnum((unsigned char)*p->at) || strchr("-:_", *p->at) != NULL) && *p->at != '\0') {
        if (n < MAX_NAME - 1) name[n++] = *p->at;
        p->at++;
    }
    name[n] = '\0';
    if (n == 0) wrong(p, "a name is missing");
}

static void check_entity(struct page *p)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(p->at, known[i], strlen(known[i])) == 0) return;
    wrong(p, "an unknown entity");
}

static void read_attribute(struct page *p, char *name)
{
    read_name(p, name);
    if (strncmp(p->at, "=\"", 2) != 0) {
        wrong(p, "a value is missing or not quoted");
        return;
    }
    p->at += 2;
    const bool is_reference = strcmp(name, "src") == 0 || strcmp(name, "href") == 0;
    if (is_reference && strncmp(p->at, "data:", 5) != 0) wrong(p, "a reference to elsewhere");
    for (; *p->at != '"' && *p->at != '\0'; p->at++) {
        if (*p->at == '&') check_entity(p);
        if (*p->at == '<') wrong(p, "< in a value");
    }
    if (*p->at == '"') p->at++;
}

static void count(struct page *p, const char *name)
{
    for (int i = 0; i < p->n_named; i++) p->count[i] += strcmp(p->named[i], name) == 0;
}

static void read_start(struct page *p)
{
    char name[MAX_NAME], attributes[MAX_ATTRIBUTES][MAX_NAME];
    int n = 0;
    read_name(p, name);
    count(p, name);
    while (isspace((unsigned char)*p->at)) {
        while (isspace((unsigned char)*p->at)) p->at++;
        if (*p->at == '/' || *p->at == '>') break;
        if (n == MAX_ATTRIBUTES) break;
        read_attribute(p, attributes[n]);
        for (int i = 0; i < n; i++)
            if (strcmp(attributes[i], attributes[n]) == 0) wrong(p, "an attribute twice");
        n++;
    }
    if (strncmp(p->at, "/>", 2) == 0) {
        p->at += 2;
        return;
    }
    if (*p->at != '>') wrong(p, "a tag does not end");
    p->at++;
    if (p->depth < MAX_DEPTH) snprintf(p->open[p->depth++], MAX_NAME, "%s", name);
}

static void read_end(struct page *p)
{
    char name[MAX_NAME];
    read_name(p, name);
    if (p->depth == 0 || strcmp(p->open[--p->depth], name) != 0)
        wrong(p, "closes what is not open");
    if (*p->at++ != '>') wrong(p, "a tag does not end");
}

static void read_page(struct page *p)
{
    static const char type[] = "<!DOCTYPE html>\n";
    if (strncmp(p->at, type, strlen(type)) != 0) wrong(p, "no document type");
    p->at += strlen(type);
    while (*p->at != '\0' && p->n_wrong < 10) {
        const char c = *p->at;
        if (c == '<') {
            p->at++;
            if (*p->at == '/') {
                p->at++;
                read_end(p);
            } else {
                read_start(p);
            }
            continue;
        }
        if (c == '&') check_entity(p);
        if (((unsigned char)c < 0x20 && c != '\n') || c == 0x7f) wrong(p, "a control character");
        if (p->depth == 0 && !isspace((unsigned char)c)) wrong(p, "text outside");
        p->at++;
    }
    if (p->depth != 0) wrong(p, "not everything is closed");
    static const char *const never[] = {"http:",   "https:", "//",   "url(",
                                        "@import", "<link",  "eval("};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        const char *found = p->text;
        /* base 64 has slashes */
        while ((found = strstr(found, never[i])) != NULL) {
            const char *quote = found;
            while (quote > p->text && *quote != '"' && *quote != '\n') quote--;
            if (strncmp(quote, "\"data:image/jpeg;base64,", 24) != 0) {
                p->at = found;
                wrong(p, "points elsewhere");
            }
            found++;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 17) return 2;
    FILE *f = fopen(argv[1], "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) return 2;
    const long size = ftell(f);
    rewind(f);
    struct page p = {.text = calloc((size_t)size + 1, 1), .n_named = argc - 2, .named = argv + 2};
    if (p.text == NULL || fread(p.text, 1, (size_t)size, f) != (size_t)size) return 2;
    fclose(f);
    p.at = p.text;
    if (strlen(p.text) != (size_t)size) wrong(&p, "a zero byte");
    read_page(&p);
    for (int i = 0; i < p.n_named; i++) printf("%s %d\n", p.named[i], p.count[i]);
    free(p.text);
    return p.n_wrong != 0;
}
