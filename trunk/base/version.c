/* The Makefile defines these two for this file alone, so that a new commit compiles nothing else. */
#include "base/version.h"

#ifndef BUILD_COMMIT
#define BUILD_COMMIT "unknown"
#endif
#ifndef BUILD_DATE
#define BUILD_DATE __DATE__
#endif

const char version_commit[] = BUILD_COMMIT;
const char version_date[] = BUILD_DATE;
