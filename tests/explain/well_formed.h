/* A check of pages that trusts nothing: they must be well-formed XML with balanced tags and quoted
 * attributes, hold no script and no reference to anything outside, and name every id once. */
#ifndef TESTS_EXPLAIN_WELL_FORMED_H
#define TESTS_EXPLAIN_WELL_FORMED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"

enum { WELL_FORMED_DEPTH = 64, WELL_FORMED_NAME = 24 };

struct well_formed {
    const char *text;
    const char *at;
    char open[WELL_FORMED_DEPTH][WELL_FORMED_NAME];
    size_t depth;
    size_t n_elements;
};

static inline void well_formed_fail(const struct well_formed *page, const char *why)
{
    fail_msg("%s at byte %zu: %.60s", why, (size_t)(page->at - page->text), page->at);
}

static inline void well_formed_name(struct well_formed *page, char name[WELL_FORMED_NAME])
{
    size_t n = 0;
    while ((*page->at >= 'a' && *page->at <= 'z') || (*page->at >= 'A' && *page->at <= 'Z') ||
           (*page->at >= '0' && *page->at <= '9') || *page->at == '-') {
        if (n + 1 == WELL_FORMED_NAME)
            well_formed_fail(page, "a long name");
        name[n++] = *page->at++;
    }
    if (n == 0)
        well_formed_fail(page, "no name");
    name[n] = '\0';
}

/* "&amp;", "&#39;" or another reference that XML knows by itself. */
static inline void well_formed_reference(struct well_formed *page)
{
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strncmp(page->at, known[i], strlen(known[i])) == 0) {
            page->at += strlen(known[i]);
            return;
        }
    well_formed_fail(page, "an unknown reference");
}

/* A character of text: no markup, nothing that is not printable. */
static inline void well_formed_character(struct well_formed *page)
{
    const unsigned char *const s = (const unsigned char *)page->at;
    if (*page->at == '&') {
        well_formed_reference(page);
        return;
    }
    const size_t length = mer_utf8_length(s, strlen(page->at));
    if (*page->at == '<' || length == 0 || (!mer_utf8_printable(s, length) && *s != '\n'))
        well_formed_fail(page, "a character that may not stand here");
    page->at += length;
}

static inline void well_formed_attribute(struct well_formed *page)
{
    char name[WELL_FORMED_NAME];
    well_formed_name(page, name);
    if (strncmp(name, "on", 2) == 0 || strcmp(name, "style") == 0 || strcmp(name, "src") == 0)
        well_formed_fail(page, "an attribute that no page has");
    if (page->at[0] != '=' || page->at[1] != '"')
        well_formed_fail(page, "no quoted value");
    page->at += 2;
    if (strcmp(name, "href") == 0 && *page->at != '#')
        well_formed_fail(page, "a reference to somewhere else");
    if (strcmp(name, "id") == 0) {
        char wanted[64] = "";
        const size_t n = strcspn(page->at, "\"");
        assert_true(n < 40);
        (void)snprintf(wanted, sizeof wanted, " id=\"%.*s\"", (int)n, page->at);
        const char *const first = strstr(page->text, wanted);
        if (strstr(first + 1, wanted))
            well_formed_fail(page, "an id twice");
    }
    while (*page->at && *page->at != '"')
        well_formed_character(page);
    if (*page->at++ != '"')
        well_formed_fail(page, "an open value");
}

static inline void well_formed_tag(struct well_formed *page)
{
    char name[WELL_FORMED_NAME];
    page->at++;
    if (*page->at == '/') {
        page->at++;
        well_formed_name(page, name);
        if (page->depth == 0 || strcmp(page->open[page->depth - 1], name) != 0)
            well_formed_fail(page, "a tag that closes another");
        page->depth--;
        if (*page->at++ != '>')
            well_formed_fail(page, "no end of a tag");
        return;
    }
    well_formed_name(page, name);
    if (strcmp(name, "script") == 0 || strcmp(name, "iframe") == 0 || strcmp(name, "link") == 0 ||
        strcmp(name, "img") == 0 || strcmp(name, "object") == 0)
        well_formed_fail(page, "an element that no page has");
    page->n_elements++;
    while (*page->at == ' ') {
        page->at++;
        if (*page->at != '/' && *page->at != '>')
            well_formed_attribute(page);
    }
    const bool is_empty = *page->at == '/';
    page->at += is_empty;
    if (*page->at++ != '>')
        well_formed_fail(page, "no end of a tag");
    if (is_empty)
        return;
    assert_true(page->depth < WELL_FORMED_DEPTH);
    memcpy(page->open[page->depth++], name, sizeof name);
}

/* Returns how many elements the page has. */
static inline size_t assert_well_formed(const char *text)
{
    static const char doctype[] = "<!DOCTYPE html>\n";
    struct well_formed page = {.text = text, .at = text};
    assert_int_equal(strncmp(text, doctype, strlen(doctype)), 0);
    page.at += strlen(doctype);
    while (*page.at) {
        if (*page.at == '<')
            well_formed_tag(&page);
        else
            well_formed_character(&page);
    }
    assert_int_equal(page.depth, 0);
    assert_null(strstr(text, "://"));
    assert_null(strstr(text, "javascript:"));
    return page.n_elements;
}

#endif
