/* The assembler takes the files in as they are; the Makefile makes this object anew when one changes. */
#include "service/page_files.h"

#include <string.h>

/* name_start and name_end of a file below trunk/page. */
#define EMBED(name, file)                                                                          \
	__asm__(".pushsection .rodata\n" #name "_start: .incbin \"trunk/page/" file "\"\n" #name   \
		"_end: .byte 0\n.popsection\n");                                                   \
	extern const char name##_start[] __asm__(#name "_start");                                  \
	extern const char name##_end[] __asm__(#name "_end")

EMBED(page_index, "index.html");
EMBED(page_console, "console.html");
EMBED(page_style, "page.css");
EMBED(page_watch, "watch.js");
EMBED(page_play, "play.js");
EMBED(page_boxes, "boxes.js");
EMBED(page_rtc, "rtc.js");
EMBED(page_dom, "dom.js");
EMBED(page_console_script, "console.js");
EMBED(page_api, "api.js");
EMBED(page_picture, "picture.js");

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"

static const struct {
	const char *name, *type, *start, *end;
} files[] = {
	{"index.html", HTML, page_index_start, page_index_end},
	{"console.html", HTML, page_console_start, page_console_end},
	{"page.css", CSS, page_style_start, page_style_end},
	{"watch.js", SCRIPT, page_watch_start, page_watch_end},
	{"play.js", SCRIPT, page_play_start, page_play_end},
	{"boxes.js", SCRIPT, page_boxes_start, page_boxes_end},
	{"rtc.js", SCRIPT, page_rtc_start, page_rtc_end},
	{"dom.js", SCRIPT, page_dom_start, page_dom_end},
	{"console.js", SCRIPT, page_console_script_start, page_console_script_end},
	{"api.js", SCRIPT, page_api_start, page_api_end},
	{"picture.js", SCRIPT, page_picture_start, page_picture_end},
};

bool page_file_find(struct page_file *out, const char *name)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(files[i].name, *name ? name : "index.html") != 0)
			continue;
		out->type = files[i].type;
		out->text = span_of(files[i].start, (size_t)(files[i].end - files[i].start));
		return true;
	}
	return false;
}
