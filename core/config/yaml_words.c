/*
 * yaml_words.c - libyaml's complaints said plainly.
 *
 * libyaml speaks of tokens, simple keys and indicators; who wrote a tab or left
 * a quote open is better served by being told that.  The texts on the left are
 * those of libyaml 0.2.5 (scanner.c, parser.c, reader.c), matched by their
 * beginning; one that is not listed is shown as it is.
 */
#include <stdlib.h>

#include "yaml_words.h"

static const struct words {
	const char *problem;
	bool at_context;  /* where the thing began says more than the end */
	const char *text; /* %u: the line where it began */
} table[] = {
	{ "mapping values are not allowed", false,
	    "a \":\" where no key can be: look at the indentation, or put the "
	    "value in quotes" },
	{ "did not find expected key", false,
	    "this does not line up with the map that begins in line %u: check "
	    "the indentation" },
	{ "did not find expected '-' indicator", false,
	    "this does not line up with the list that begins in line "
	    "%u: check the indentation" },
	{ "did not find expected ',' or ']'", false,
	    "a \",\" or \"]\" is missing before this, for the \"[\" in line "
	    "%u" },
	{ "did not find expected ',' or '}'", false,
	    "a \",\" or \"}\" is missing before this, for the \"{\" in line "
	    "%u" },
	{ "could not find expected ':'", true, "a key without its \":\"" },
	{ "found unexpected end of stream", true,
	    "a quote is opened here and never closed" },
	{ "found unexpected document indicator", true,
	    "a quote is opened here and never closed" },
	{ "block sequence entries are not allowed", false,
	    "a \"- \" list item cannot stand here: look at the indentation" },
	{ "mapping keys are not allowed", false,
	    "a \"?\" key cannot stand here: put it in quotes" },
	{ "found unknown escape character", false,
	    "no such escape: in 'single quotes' a \"\\\" is only itself" },
	{ "found invalid Unicode character escape", false,
	    "no such character" },
	{ "did not find expected hexdecimal number", false,
	    "\"\\x\", \"\\u\" and \"\\U\" need 2, 4 and 8 hex digits: in "
	    "'single quotes' a \"\\\" is only itself" },
	{ "found a tab character", false,
	    "a tab; YAML is indented with blanks only" },
	{ "did not find expected <document start>", false,
	    "nothing may follow here: the document has ended" },
	{ "did not find expected node content", false,
	    "a value is missing here" },
	{ "did not find expected alphabetic or numeric", true,
	    "\"*\" and \"&\" cannot begin a value: put it in quotes" },
	{ "found undefined tag", false,
	    "\"!\" cannot begin a value: put it in quotes" },
	{ "invalid leading UTF-8", false, "this is not UTF-8" },
	{ "invalid trailing UTF-8", false, "this is not UTF-8" },
	{ "incomplete UTF-8", false, "this is not UTF-8" },
	{ "invalid length of a UTF-8", false, "this is not UTF-8" },
	{ "invalid Unicode character", false, "this is not UTF-8" },
	{ "control characters are not allowed", false, "a control character" },
};

/* libyaml's reader knows the byte alone. */
static yaml_mark_t
mark_of_byte(struct dg_str text, size_t at)
{
	yaml_mark_t m = { at, 0, 0 };

	for (size_t i = 0; i < at && i < text.n; i++) {
		if (text.p[i] == '\n') {
			m.line++;
			m.column = 0;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			m.column++;
		}
	}
	return m;
}

/* libyaml's index counts characters; its line and column are what we have. */
static char
char_at(struct dg_str text, yaml_mark_t m)
{
	size_t line = 0, column = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (line == m.line && column == m.column)
			return text.p[i];
		if (text.p[i] == '\n') {
			line++;
			column = 0;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return '\0';
}

static char *
words_for_start(struct dg_str text, yaml_mark_t m)
{
	char c = char_at(text, m);

	if (c == '\t')
		return dg_strdup("a tab; YAML is indented with blanks only");
	return dg_sprintf("a value cannot begin with \"%c\": put it in quotes",
	    c);
}

void
dg_yaml_problem(const yaml_parser_t *p, struct dg_str text, const char *file,
    const char *set, struct dg_errors *errors)
{
	const char *problem = p->problem != NULL ? p->problem : "unreadable";
	yaml_mark_t mark = p->problem_mark;
	char *words = NULL;

	if (p->error == YAML_READER_ERROR)
		mark = mark_of_byte(text, p->problem_offset);
	if (dg_str_has_prefix(dg_str(problem), DG_STR("found character that")))
		words = words_for_start(text, mark);
	for (size_t i = 0;
	     i < sizeof(table) / sizeof(table[0]) && words == NULL; i++) {
		const char *u = strstr(table[i].text, "%u");

		if (!dg_str_has_prefix(dg_str(problem),
			dg_str(table[i].problem)))
			continue;
		if (table[i].at_context && p->context != NULL)
			mark = p->context_mark;
		if (u == NULL)
			words = dg_strdup(table[i].text);
		else
			words =
			    dg_sprintf("%.*s%zu%s", (int)(u - table[i].text),
				table[i].text, p->context_mark.line + 1, u + 2);
	}
	if (words == NULL)
		words = dg_sprintf("not YAML: %s%s%s", problem,
		    p->context != NULL ? " " : "",
		    p->context != NULL ? p->context : "");
	if (set != NULL)
		dg_errors_add(errors, set, 0, 0, false, "%s", words);
	else
		dg_errors_add(errors, file, (unsigned)mark.line + 1,
		    (unsigned)mark.column + 1, false, "%s", words);
	free(words);
}
