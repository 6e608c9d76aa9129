/* version - what this server says it is. Layer: base.
 * Other nodes of a cluster read these words: the number is that of the SRS protocol we speak. */
#pragma once

#define SRS_VERSION_MAJOR 6
#define SRS_VERSION_MINOR 0
#define SRS_VERSION_REVISION 0
#define SRS_VERSION "6.0.0"
#define SERVER_SIG "SRS"
#define SERVER_NAME "SRS/" SRS_VERSION "(Mesh)"
