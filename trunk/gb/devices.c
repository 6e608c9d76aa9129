#include "gb/devices.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void gb_devices_init(struct gb_devices *devices)
{
	*devices = (struct gb_devices){.by_id = map_new(), .channels = map_new()};
}

static void channel_free(struct gb_devices *all, struct gb_channel *c)
{
	struct gb_channel *all_of_id = map_remove(all->channels, c->id);
	DL_DELETE(all_of_id, c);
	if (all_of_id)
		map_set(all->channels, all_of_id->id, all_of_id);
	all->channel_count--;
	free(c);
}

static void free_channels(struct gb_devices *all, struct gb_device *d)
{
	for (size_t i = 0; i < d->channel_count; i++)
		channel_free(all, d->channels[i]);
	free(d->channels);
	d->channels = NULL;
	d->channel_count = d->channel_room = 0;
}

static void device_free(struct gb_devices *all, struct gb_device *d)
{
	free_channels(all, d);
	sip_flow_unref(&d->flow);
	free(d);
}

void gb_devices_fini(struct gb_devices *devices)
{
	for (struct map_iter it = map_begin(devices->by_id); map_next(&it);)
		device_free(devices, it.value);
	map_free(&devices->by_id);
	map_free(&devices->channels);
}

struct gb_device *gb_device_find(const struct gb_devices *devices, const char *id)
{
	return map_get(devices->by_id, id);
}

/* The one that left first makes room. */
static bool make_room(struct gb_devices *devices)
{
	struct gb_device *oldest = NULL;
	for (struct map_iter it = map_begin(devices->by_id); map_next(&it);) {
		struct gb_device *d = it.value;
		if (!d->is_online && (!oldest || d->since_ms < oldest->since_ms))
			oldest = d;
	}
	if (oldest)
		gb_device_remove(devices, oldest);
	return oldest != NULL;
}

struct gb_device *gb_device_get(struct gb_devices *devices, const char *id, int64_t now_ms)
{
	struct gb_device *d = gb_device_find(devices, id);
	if (d)
		return d;
	if (map_count(devices->by_id) >= GB_DEVICES_MAX && !make_room(devices))
		return NULL;
	d = mem_new(struct gb_device);
	snprintf(d->id, sizeof(d->id), "%s", id);
	d->since_ms = now_ms;
	d->since_wall_ms = clock_wall_ms();
	d->catalog.wanted = -1;
	map_set(devices->by_id, id, d);
	return d;
}

void gb_device_remove(struct gb_devices *devices, struct gb_device *device)
{
	(void)map_remove(devices->by_id, device->id);
	device_free(devices, device);
}

/* ---- channels ---- */

static struct gb_channel *find_own(const struct gb_device *d, const char *id)
{
	for (size_t i = 0; i < d->channel_count; i++)
		if (strcmp(d->channels[i]->id, id) == 0)
			return d->channels[i];
	return NULL;
}

/* One id of two devices is a mistake of those who gave them, or worse: who was first keeps it while it is there, so
 * that nobody takes the pictures of another. */
static void claim(struct gb_devices *devices, struct gb_channel *c)
{
	struct gb_channel *all_of_id = map_remove(devices->channels, c->id);
	const struct gb_channel *first = all_of_id;
	DL_APPEND(all_of_id, c);
	map_set(devices->channels, c->id, all_of_id);
	if (!first || c->device->claims_others)
		return;
	c->device->claims_others = true;
	log_warn("GB28181: device %s names the channel %s, which device %s has already; that one "
		 "keeps it while it is "
		 "on line",
		 c->device->id, c->id, first->device->id);
}

static struct gb_channel *channel_new(struct gb_devices *devices, struct gb_device *d,
				      const char *id)
{
	if (d->channel_count >= GB_CHANNELS_MAX || devices->channel_count >= GB_CHANNELS_IN_ALL)
		return NULL;
	if (d->channel_count == d->channel_room) {
		d->channel_room = d->channel_room ? 2 * d->channel_room : 4;
		d->channels = mem_realloc(d->channels, d->channel_room * sizeof(*d->channels));
	}
	struct gb_channel *c = mem_new(struct gb_channel);
	snprintf(c->id, sizeof(c->id), "%s", id);
	c->device = d;
	d->channels[d->channel_count++] = c;
	devices->channel_count++;
	claim(devices, c);
	return c;
}

struct gb_channel *gb_channel_take(struct gb_devices *devices, struct gb_device *device,
				   struct span item)
{
	char id[GB_ID + 1];
	struct span text = manscdp_field(item, "DeviceID");
	if (!gb_is_id(text))
		return NULL;
	manscdp_text(id, sizeof(id), item, "DeviceID");
	struct gb_channel *c = find_own(device, id);
	if (!c)
		c = channel_new(devices, device, id);
	if (!c)
		return NULL;
	manscdp_text(c->name, sizeof(c->name), item, "Name");
	manscdp_text(c->maker, sizeof(c->maker), item, "Manufacturer");
	manscdp_text(c->model, sizeof(c->model), item, "Model");
	manscdp_text(c->parent, sizeof(c->parent), item, "ParentID");
	c->is_on = !span_is(manscdp_field(item, "Status"), "OFF");
	c->sn = device->catalog.sn;
	return c;
}

void gb_channels_settle(struct gb_devices *devices, struct gb_device *device)
{
	size_t kept = 0;
	for (size_t i = 0; i < device->channel_count; i++) {
		struct gb_channel *c = device->channels[i];
		if (c->sn == device->catalog.sn)
			device->channels[kept++] = c;
		else
			channel_free(devices, c);
	}
	device->channel_count = kept;
}

/* Types 131 and 132 are cameras, the digits 11 to 13 of an id. */
static bool is_camera(const char *id)
{
	enum { TYPE = 10, TYPE_DIGITS = 3 };
	return strncmp(id + TYPE, "131", TYPE_DIGITS) == 0 ||
	       strncmp(id + TYPE, "132", TYPE_DIGITS) == 0;
}

/* A camera without a channel of its own id has its pictures in the only one. */
static const char *own_channel(const struct gb_device *d)
{
	const char *only = NULL;
	int cameras = 0;
	for (size_t i = 0; i < d->channel_count; i++) {
		if (!is_camera(d->channels[i]->id))
			continue;
		only = d->channels[i]->id;
		cameras++;
	}
	return cameras == 1 && !find_own(d, d->id) ? only : d->id;
}

struct gb_device *gb_devices_route(const struct gb_devices *devices, const char *id,
				   const char **channel)
{
	struct gb_device *d = gb_device_find(devices, id);
	if (d) {
		*channel = own_channel(d);
		return d;
	}
	struct gb_channel *first = map_get(devices->channels, id), *c = first;
	*channel = id;
	while (c && !c->device->is_online)
		c = c->next;
	return c ? c->device : first ? first->device : NULL;
}
