/* The Makefile defines these three for this file alone, so that a new commit compiles nothing else. */
#include "base/version.h"

#ifndef BUILD_NUMBER
#define BUILD_NUMBER "unknown"
#endif
#ifndef BUILD_COMMIT
#define BUILD_COMMIT "unknown"
#endif
#ifndef BUILD_DATE
#define BUILD_DATE __DATE__
#endif

const char version_number[] = BUILD_NUMBER;
const char version_commit[] = BUILD_COMMIT;
const char version_date[] = BUILD_DATE;
