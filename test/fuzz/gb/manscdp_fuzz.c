/* Any bytes as a control message, and as a catalogue's items: texts are fit for people, ids are ids. */
#include "base/check.h"
#include "base/utf8.h"
#include "gb/devices.h"
#include "gb/invite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(struct span item)
{
	char text[GB_TEXT];
	manscdp_text(text, sizeof(text), item, "Name");
	for (size_t i = 0; text[i];) {
		size_t one = utf8_printable(text + i, strlen(text + i));
		check(one > 0);
		i += one;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct gb_devices devices;
	struct gb_answer answer;
	struct manscdp m = {0};
	gb_devices_init(&devices);
	struct gb_device *d = gb_device_get(&devices, "34020000001180000001", 0);
	if (manscdp_read(&m, span_of(data, n))) {
		struct span rest = manscdp_field(m.inside, "DeviceList"), name, item;
		while (manscdp_next(&rest, &name, &item)) {
			look(item);
			(void)gb_channel_take(&devices, d, item);
		}
		look(m.inside);
		(void)manscdp_number(m.inside, "SN");
		gb_channels_settle(&devices, d);
	}
	gb_answer_read(&answer, span_of(data, n));
	check(answer.port >= 0 && answer.port <= 65535);
	manscdp_fini(&m);
	gb_devices_fini(&devices);
	return 0;
}
