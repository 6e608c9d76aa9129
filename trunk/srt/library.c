#ifdef WITH_SRT
#include "srt/library.h"

#include <dlfcn.h>
#include <stdbool.h>

#define TEXT(x) TEXT_(x)
#define TEXT_(x) #x
#define SONAME "libsrt.so." TEXT(SRT_VERSION_MAJOR) "." TEXT(SRT_VERSION_MINOR)

struct library lib;

static const char *missing;
static bool is_tried;

/* A function, by way of an object pointer, as POSIX has it. */
static void take(void *library, const char *name, void *slot)
{
	void *symbol = library ? dlsym(library, name) : NULL;
	*(void **)slot = symbol;
	if (!symbol && !missing)
		missing = name;
}

const char *library_load(void)
{
	if (is_tried)
		return missing;
	is_tried = true;
	void *library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		missing = SONAME;
#define X(f) take(library, #f, &lib.f);
	LIBRARY_CALLS(X)
#undef X
	return missing;
}
#else
typedef int nothing;
#endif
