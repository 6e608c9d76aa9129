/* psi - the tables of an MPEG transport stream: which programs there are, and what one has (ISO 13818-1 2.4.4).
 * Layer: codec. */
#pragma once
#include "codec/elementary.h"

enum { PSI_SECTION_MAX = 1024, PSI_PROGRAMS = 16, PSI_STREAMS = 32 };

/* A section as packets bring it. Zeroed memory. */
struct psi_section {
	uint8_t bytes[PSI_SECTION_MAX];
	size_t n;
	bool begun;
};
/* The payload of a packet of this PID; `starts`: a section begins in it. True: `*section` is the next whole one
 * whose checksum is right and which applies now; call it again with an empty payload for others. */
bool psi_take(struct psi_section *s, struct span *payload, bool *starts, struct span *section);

struct psi_program {
	uint16_t number, pid; /* of its map */
};
/* Program association table; returns how many, network information left out. False: it is another table. */
bool psi_read_pat(struct span section, struct psi_program out[static PSI_PROGRAMS], size_t *n);

struct psi_stream {
	uint16_t pid;
	uint8_t type; /* stream_type */
	enum es_kind kind;
	uint8_t channels; /* of Opus */
};
/* Program map table, of the program that its bytes 3 and 4 number. */
bool psi_read_pmt(struct span section, struct psi_stream out[static PSI_STREAMS], size_t *n);
/* CRC-32 of MPEG (ISO 13818-1 annex B); 0 over a section with its checksum. */
uint32_t psi_crc(struct span s);
