/* schema_rows - what the parts of the table are written with. Layer: conf, for schema_*.c only.
 * A macro per kind stores the member's offset and does not compile when the member's type does not
 * fit. Defaults are texts, read by the same code as a person's, so what the help says is what happens.
 * Members that the struct keeps in milliseconds have bounds in milliseconds, whatever the unit in the
 * file. */
#pragma once
#include "base/log.h"
#include "conf/schema.h"
#include "conf/value.h"

#include <limits.h>

/* Rows of one subject. A block stands before its members, in whatever part they are; the order of the
 * parts and rows is that of the help. */
struct schema_part {
	const struct row *rows;
	size_t count;
};
extern const struct schema_part schema_process, schema_http, schema_tls, schema_vhost,
	schema_cluster, schema_remux, schema_hls, schema_dvr, schema_access, schema_outside,
	schema_programs, schema_rtc, schema_srt, schema_caster, schema_srs;

#define SCHEMA_PART(name, rows)                                                                    \
	const struct schema_part name = {rows, sizeof(rows) / sizeof((rows)[0])}

/* The offset of a member that has exactly the type `want`. */
#define FIELD(type, member, want)                                                                  \
	.offset = offsetof(struct type, member) +                                                  \
		  0 * sizeof(char[_Generic(((struct type *)NULL)->member, want : 1)])

#define BLOCK(p, text, ...)                                                                        \
	{                                                                                          \
		.path = p, .kind = ROW_BLOCK, .help = text, __VA_ARGS__                            \
	}
#define NAMED(p, type, array, array_count, array_room, text, ...)                                  \
	{                                                                                          \
		.path = p, .kind = ROW_BLOCK, .named = true,                                       \
		.items = {offsetof(struct type, array_count), offsetof(struct type, array_room),   \
			  offsetof(struct type, array), sizeof(((struct type *)NULL)->array[0])},  \
		.help = text, __VA_ARGS__                                                          \
	}
#define LACKING(p, text, ...)                                                                      \
	{                                                                                          \
		.path = p, .kind = ROW_UNSUPPORTED, .help = text, __VA_ARGS__                      \
	}
#define IDLE(p, text)                                                                              \
	{                                                                                          \
		.path = p, .kind = ROW_IGNORED, .help = text                                       \
	}
#define ONOFF(p, type, member, dflt, how, text, ...)                                               \
	{                                                                                          \
		.path = p, .kind = ROW_ONOFF, FIELD(type, member, bool), .value = dflt,            \
		.apply = APPLY_##how, .help = text, __VA_ARGS__                                    \
	}
#define INT(p, type, member, dflt, least, most, how, text)                                         \
	{                                                                                          \
		.path = p, .kind = ROW_INT, FIELD(type, member, int), .value = dflt, .min = least, \
		.max = most, .apply = APPLY_##how, .help = text                                    \
	}
#define SECONDS(p, type, member, dflt, least, most, how, text)                                     \
	{                                                                                          \
		.path = p, .kind = ROW_SECONDS, FIELD(type, member, int64_t), .value = dflt,       \
		.min = least, .max = most, .apply = APPLY_##how, .help = text                      \
	}
#define MILLIS(p, type, member, dflt, least, most, how, text, ...)                                 \
	{                                                                                          \
		.path = p, .kind = ROW_MILLIS, FIELD(type, member, int64_t), .value = dflt,        \
		.min = least, .max = most, .apply = APPLY_##how, .help = text, __VA_ARGS__         \
	}
#define TEXT(p, type, member, dflt, how, text, ...)                                                \
	{                                                                                          \
		.path = p, .kind = ROW_TEXT, FIELD(type, member, char *), .value = dflt,           \
		.max = 1023, .apply = APPLY_##how, .help = text, __VA_ARGS__                       \
	}
#define ENUM(p, type, member, enumeration, names, dflt, how, text, ...)                            \
	{                                                                                          \
		.path = p, .kind = ROW_ENUM, FIELD(type, member, enumeration), .choices = names,   \
		.value = dflt, .apply = APPLY_##how, .help = text, __VA_ARGS__                     \
	}
#define LIST(p, type, member, how, text, ...)                                                      \
	{                                                                                          \
		.path = p, .kind = ROW_LIST, FIELD(type, member, struct text_list), .max = 1000,   \
		.apply = APPLY_##how, .help = text, __VA_ARGS__                                    \
	}
#define RULES(p, type, member, n, how, text, ...)                                                  \
	{                                                                                          \
		.path = p, .kind = ROW_RULES, FIELD(type, member, struct text_list), .words = n,   \
		.max = 1000, .apply = APPLY_##how, .help = text, __VA_ARGS__                       \
	}
#define OPTIONS(p, type, member, how, text, ...)                                                   \
	{                                                                                          \
		.path = p, .kind = ROW_OPTIONS, FIELD(type, member, struct text_list),             \
		.max = 1000, .apply = APPLY_##how, .help = text, __VA_ARGS__                       \
	}
#define COMMANDS(p, type, member, how, text, ...)                                                  \
	{                                                                                          \
		.path = p, .kind = ROW_COMMANDS, FIELD(type, member, struct text_list),            \
		.max = 1000, .apply = APPLY_##how, .help = text, __VA_ARGS__                       \
	}

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

_Static_assert(sizeof(enum conf_tri) == sizeof(int), "value.c stores an enumeration as an int");
