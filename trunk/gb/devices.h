/* devices - the cameras and recorders that have registered, and the channels that each of them has. Layer: gb.
 *
 * A device is known by its id as long as somebody may ask for it: one that has left stays, off line, for a day. */
#pragma once
#include "base/map.h"
#include "gb/manscdp.h"
#include "sip/flow.h"

enum {
	GB_DEVICES_MAX = 10000,
	GB_CHANNELS_MAX = 1024, /* of a device */
	GB_CHANNELS_IN_ALL = 100000,
	GB_OFFLINE_KEPT_MS = 86400000, /* how long one that has left is remembered */
};

struct gb_channel {
	char id[GB_ID + 1];
	char name[GB_TEXT], maker[64], model[64];
	char parent[GB_ID + 1];
	bool is_on;  /* by its own words */
	unsigned sn; /* of the catalogue that has named it last */
	struct gb_device *device;
	struct gb_channel *prev,
		*next; /* of all that have this id, of several devices: the oldest claim first */
};

struct gb_device {
	char id[GB_ID + 1];
	char agent[64];
	struct sip_flow *flow; /* where it was heard last */
	char call_id[128];     /* of its registration: another one is another life of the device */
	bool is_online;
	const char *left_why;            /* while it is not; a literal */
	int64_t since_ms, since_wall_ms; /* on line, or off line */
	int64_t heard_ms, expires_ms;    /* the last sign of life; the end of its registration */
	int64_t quiet_until_ms; /* it has said good-bye: nobody calls it of his own accord */
	struct {
		unsigned sn;
		int64_t wanted; /* channels that it says it has; -1: it was not heard */
		int64_t got;
		int64_t asked_ms; /* 0: never */
	} catalog;
	struct gb_channel **channels;
	size_t channel_count, channel_room;
	bool claims_others; /* it names channels that another device has; told once */
};

struct gb_devices {
	struct map *by_id;    /* of devices */
	struct map *channels; /* by their ids: the list of those that have it */
	size_t channel_count;
};

void gb_devices_init(struct gb_devices *devices);
void gb_devices_fini(struct gb_devices *devices);

/* NULL: none is known. */
struct gb_device *gb_device_find(const struct gb_devices *devices, const char *id);
/* The one with that id, made if need be. NULL: there is no room for another one. */
struct gb_device *gb_device_get(struct gb_devices *devices, const char *id, int64_t now_ms);
/* Forgets it, and its channels. */
void gb_device_remove(struct gb_devices *devices, struct gb_device *device);

/* The channel of a catalogue's item, made if need be; NULL: there is no room, or it has no id. */
struct gb_channel *gb_channel_take(struct gb_devices *devices, struct gb_device *device,
				   struct span item);
/* The catalogue is complete: what it did not name is no channel any more. */
void gb_channels_settle(struct gb_devices *devices, struct gb_device *device);
/* Which device to ask for the pictures of that id, and which channel of it: of a device, it itself, or the only one
 * there is. Of several that name one channel the first that is on line has it. NULL: nobody has it. `*channel` is
 * `id`, or a text of the device. */
struct gb_device *gb_devices_route(const struct gb_devices *devices, const char *id,
				   const char **channel);
