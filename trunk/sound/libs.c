#ifdef WITH_SOUND
#include "sound/libs.h"

#include <dlfcn.h>
#include <pthread.h>

#define TEXT(x) TEXT_(x)
#define TEXT_(x) #x
#define SONAME(name, major) "lib" name ".so." TEXT(major)

struct libs libs;

static const char *missing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A function, by way of an object pointer, as POSIX has it. */
static void take(void *library, const char *name, void *slot)
{
	void *symbol = library ? dlsym(library, name) : NULL;
	*(void **)slot = symbol;
	if (!symbol && !missing)
		missing = name;
}

static void *load_one(const char *soname)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	if (!library && !missing)
		missing = soname; /* "libavcodec.so.59" says enough */
	return library;
}

static void load(void)
{
	void *codec = load_one(SONAME("avcodec", LIBAVCODEC_VERSION_MAJOR));
	void *util = load_one(SONAME("avutil", LIBAVUTIL_VERSION_MAJOR));
	void *resample = load_one(SONAME("swresample", LIBSWRESAMPLE_VERSION_MAJOR));
	void *opus = load_one("libopus.so.0");
#define X(f) take(codec, #f, &libs.f);
	LIBS_CODEC(X)
#undef X
#define X(f) take(util, #f, &libs.f);
	LIBS_UTIL(X)
#undef X
#define X(f) take(resample, #f, &libs.f);
	LIBS_RESAMPLE(X)
#undef X
#define X(f) take(opus, #f, &libs.f);
	LIBS_OPUS(X)
#undef X
	if (!missing)
		libs.av_log_set_level(AV_LOG_QUIET); /* it writes to standard error */
}

const char *libs_load(void)
{
	pthread_once(&once, load);
	return missing;
}
#else
typedef int nothing;
#endif
