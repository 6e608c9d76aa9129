/* SRS's language: words, ended by ';' or by a block in braces. It knows lines in one respect: a
 * directive ends, or opens its block, on the line where it began, so that a forgotten ';' is
 * found where it is missing. After such an error the next line is read as if nothing had
 * happened; after others the blocks can no longer be told apart and reading ends. */
#include "base/log.h"
#include "conf/parse.h"

#include <stdlib.h>

enum token {
	TOKEN_WORD,
	TOKEN_SEMICOLON,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_EOL,
	TOKEN_END,
	TOKEN_BAD
};

struct lexer {
	const char *file;
	const uint8_t *p, *end;
	int line;
};

static bool is_line_end(uint8_t c)
{
	return c == '\n' || c == '\r';
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || is_line_end(c);
}

static bool ends_word(uint8_t c)
{
	return is_blank(c) || c == ';' || c == '{';
}

static void step(struct lexer *lx)
{
	bool pair = *lx->p == '\r' && lx->p + 1 < lx->end && lx->p[1] == '\n';
	if (is_line_end(*lx->p) && !pair)
		lx->line++;
	lx->p++;
}

static void skip_comment(struct lexer *lx)
{
	while (lx->p < lx->end && !is_line_end(*lx->p))
		lx->p++;
}

static enum token quoted(struct lexer *lx, struct conf_report *report, struct span *word)
{
	uint8_t quote = *lx->p++;
	const uint8_t *start = lx->p;
	int line = lx->line;

	while (lx->p < lx->end && *lx->p != quote)
		step(lx);
	if (lx->p == lx->end) {
		report_error(report, (struct conf_place){lx->file, line},
			     "the quote %c is never closed", quote);
		return TOKEN_BAD;
	}
	*word = span_of(start, (size_t)(lx->p - start));
	lx->p++;
	if (lx->p < lx->end && !ends_word(*lx->p)) {
		report_error(report, (struct conf_place){lx->file, lx->line},
			     "a closing quote %c must be followed by a blank, ';' or '{'", quote);
		return TOKEN_BAD;
	}
	return TOKEN_WORD;
}

static enum token plain(struct lexer *lx, struct span *word)
{
	const uint8_t *start = lx->p;
	while (lx->p < lx->end && !ends_word(*lx->p))
		lx->p++;
	*word = span_of(start, (size_t)(lx->p - start));
	return TOKEN_WORD;
}

/* A line end is a token only inside a directive. */
static enum token next_token(struct lexer *lx, bool inside, struct conf_report *report,
			     struct span *word)
{
	for (; lx->p < lx->end; step(lx)) {
		if (*lx->p == '#')
			skip_comment(lx);
		if (lx->p == lx->end)
			break;
		if (is_line_end(*lx->p) && inside)
			return TOKEN_EOL;
		if (!is_blank(*lx->p))
			break;
	}
	if (lx->p == lx->end)
		return TOKEN_END;
	switch (*lx->p) {
	case ';':
		lx->p++;
		return TOKEN_SEMICOLON;
	case '{':
		lx->p++;
		return TOKEN_OPEN;
	case '}':
		lx->p++;
		return TOKEN_CLOSE;
	case '"':
	case '\'':
		return quoted(lx, report, word);
	default:
		return plain(lx, word);
	}
}

/* Reads the words of one directive into *node (NULL when there was none) and returns what ended
 * it. */
static enum token read_words(struct parse *p, struct lexer *lx, struct conf_tree **node)
{
	struct span word;
	enum token token;

	*node = NULL;
	while ((token = next_token(lx, *node, p->report, &word)) == TOKEN_WORD) {
		if (*node)
			parse_arg(p, *node, word);
		else if (word.n)
			*node = parse_node(p, word, lx->file, lx->line);
		if (p->stop)
			return TOKEN_BAD;
	}
	return token;
}

static void complain(struct parse *p, struct lexer *lx, enum token token,
		     const struct conf_tree *node, const struct conf_tree *block)
{
	struct conf_place here = {lx->file, lx->line};
	const char *name = node ? log_quote(node->name) : "";

	if (token == TOKEN_EOL)
		report_error(p->report, here,
			     "unexpected end of line after '%s'; end it with ';' or open its block "
			     "with '{' on this line",
			     name);
	else if (token == TOKEN_CLOSE && node)
		report_error(p->report, here, "unexpected '}' after '%s'; a ';' is missing", name);
	else if (token == TOKEN_CLOSE)
		report_error(p->report, here, "unexpected '}': no block is open");
	else if (token == TOKEN_END && node)
		report_error(p->report, here,
			     "the file ends in the middle of '%s'; a ';' is missing", name);
	else if (token == TOKEN_END)
		report_error(p->report, here,
			     "the file ends inside the block '%s' of line %d; a '}' is missing",
			     log_quote(block->name), block->line);
	else if (token == TOKEN_SEMICOLON)
		report_error(p->report, here, "';' without a directive before it");
	else if (token == TOKEN_OPEN)
		report_error(p->report, here, "'{' without a directive before it on the same line");
}

static bool read_block(struct parse *p, struct lexer *lx, struct conf_tree *block, bool inner);

static bool read_child(struct parse *p, struct lexer *lx, struct conf_tree *block,
		       struct conf_tree *node)
{
	if (parse_depth(block) > PARSE_DEPTH_MAX) {
		report_error(p->report, place_of(node), "blocks are nested more than %d deep",
			     PARSE_DEPTH_MAX);
		return false;
	}
	node->parent = block; /* for the depth; the tree gets it when it is complete */
	bool more = read_block(p, lx, node, true);
	node->parent = NULL;
	return more;
}

/* Everything up to the end of the block. False when reading cannot go on. */
static bool read_block(struct parse *p, struct lexer *lx, struct conf_tree *block, bool inner)
{
	while (!p->stop) {
		struct conf_tree *node;
		enum token token = read_words(p, lx, &node);

		if (!node && token == (inner ? TOKEN_CLOSE : TOKEN_END))
			return true;
		if (node && token == TOKEN_SEMICOLON) {
			parse_add(p, block, node);
		} else if (node && token == TOKEN_OPEN) {
			bool closed = read_child(p, lx, block, node);
			parse_add(p, block, node);
			if (!closed)
				return false;
		} else {
			complain(p, lx, token, node, block);
			tree_free(&node);
			if (token == TOKEN_CLOSE)
				return inner;
			if (token != TOKEN_EOL && token != TOKEN_SEMICOLON)
				return false;
		}
	}
	return false;
}

void parse_conf(struct parse *p, struct conf_tree *parent, const char *file, struct span text)
{
	if (text.n == 0)
		return;
	struct lexer lx = {.file = file, .p = text.p, .end = text.p + text.n, .line = 1};
	(void)read_block(p, &lx, parent, false);
}
