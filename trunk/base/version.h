/* version - what this server says it is. Layer: base.
 * Other nodes of a cluster read these words: the number is that of the SRS protocol we speak. */
#pragma once

/* Our own, by which an operator tells builds apart: that of the release, "1.2.0", and "1.2.0+3" three
 * commits behind it. */
extern const char version_number[];
/* The commit it was built from, abbreviated, "-dirty" behind it when the tree differed; "unknown" outside
 * of a repository. And that commit's day, "2026-01-31"; else the day of the build. */
extern const char version_commit[], version_date[];

/* The version of SRS that the wire and the API are compatible with. */
#define SRS_VERSION_MAJOR 6
#define SRS_VERSION_MINOR 0
#define SRS_VERSION_REVISION 0
#define SRS_VERSION "6.0.0"
#define SERVER_SIG "SRS"
#define SERVER_NAME "SRS/" SRS_VERSION "(Mesh)"
