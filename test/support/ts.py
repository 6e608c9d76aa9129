"""MPEG-TS taken apart, and judged: packets, counters, tables with their checksums, clock, times."""
import struct

PACKET = 188
WRAP = 1 << 33


class TsError(AssertionError):
    pass


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def _time(b):
    return (b[0] >> 1 & 7) << 30 | (b[1] << 8 | b[2]) >> 1 << 15 | (b[3] << 8 | b[4]) >> 1


class Unit:
    """One PES packet: its times in 90 kHz and what it carries."""

    def __init__(self, pid, raw, is_random):
        if raw[:3] != b"\0\0\1":
            raise TsError(f"PID {pid:#x}: no PES start code")
        self.pid, self.stream_id, self.is_random = pid, raw[3], is_random
        length, flags, size = struct.unpack(">H", raw[4:6])[0], raw[7] >> 6, raw[8]
        self.pts = _time(raw[9:14])
        self.dts = _time(raw[14:19]) if flags == 3 else self.pts
        self.data = bytes(raw[9 + size:])
        if length and length != len(raw) - 6:
            raise TsError(f"PID {pid:#x}: a PES packet of {len(raw) - 6} bytes says {length}")
        if not length and self.stream_id != 0xE0:
            raise TsError("only video may leave its length out")


class Ts:
    """A reader over segments of one stream; feed() takes them one after the other and checks what
    must hold over their borders too. `new` forgets counters and times: behind a discontinuity."""

    def __init__(self):
        self.counters, self.clock, self.last_dts = {}, None, {}
        self.types, self.clock_pid = {}, None
        self.gap = 0

    def new(self):
        self.clock, self.last_dts = None, {}

    def feed(self, data):
        """The PES packets of a segment. It must begin with its tables, and with a key frame."""
        if len(data) % PACKET or not data:
            raise TsError(f"{len(data)} bytes are no whole packets")
        parts, units = {}, []
        for at in range(0, len(data), PACKET):
            self._packet(memoryview(data)[at:at + PACKET], at // PACKET, parts, units)
        for pid, (raw, is_random) in sorted(parts.items()):
            units.append(Unit(pid, raw, is_random))
        for unit in units:
            self._order(unit)
        return units

    def _packet(self, p, index, parts, units):
        if p[0] != 0x47 or p[1] & 0x80:
            raise TsError(f"packet {index} is no packet")
        pid, start, control, counter = (p[1] & 31) << 8 | p[2], p[1] & 0x40, p[3] >> 4 & 3, p[3] & 15
        if index < 2 and pid != (0, 0x1001)[index]:
            raise TsError(f"packet {index} of a segment is PID {pid:#x}")
        at, is_random, has_payload = 4, False, control & 1
        if control & 2:
            at, is_random = 5 + p[4], self._field(pid, bytes(p[4:5 + p[4]]))
        before = self.counters.get(pid)
        if has_payload and before is not None and counter != (before + 1) % 16:
            raise TsError(f"PID {pid:#x}: counter {counter} follows {before}")
        if not has_payload and before is not None and counter != before:
            raise TsError(f"PID {pid:#x}: a packet without payload has counter {counter} behind {before}")
        self.counters[pid] = counter
        if not has_payload:
            return
        if pid in (0, 0x1001):
            self._table(pid, bytes(p[at:]))
        elif start:
            if pid in parts:
                units.append(Unit(pid, *parts[pid]))
            parts[pid] = (bytearray(p[at:]), is_random)
        elif pid in parts:
            parts[pid][0].extend(p[at:])
        else:
            raise TsError(f"PID {pid:#x} begins in the middle")

    def _field(self, pid, field):
        if field[0] == 0:
            return False
        flags = field[1]
        if flags & 0x10:
            if pid != self.clock_pid:
                raise TsError(f"a clock on PID {pid:#x}")
            clock = int.from_bytes(field[2:8], "big") >> 15
            if self.clock is not None:
                step = (clock - self.clock) % WRAP
                if step > WRAP // 2:
                    raise TsError(f"the clock goes back from {self.clock} to {clock}")
                self.gap = max(self.gap, step)
            self.clock = clock
        if any(b != 0xFF for b in field[(8 if flags & 0x10 else 2):]):
            raise TsError("stuffing that is not 0xFF")
        return bool(flags & 0x40)

    def _table(self, pid, raw):
        size = (raw[2] & 15) << 8 | raw[3]
        section = raw[1:4 + size]
        if raw[0] != 0 or crc32(section) != 0:
            raise TsError(f"the section of PID {pid:#x} has a wrong checksum")
        if pid == 0:
            return
        self.clock_pid = (section[8] & 31) << 8 | section[9]
        at, self.types = 12 + ((section[10] & 15) << 8 | section[11]), {}
        while at < len(section) - 4:
            more = (section[at + 3] & 15) << 8 | section[at + 4]
            self.types[(section[at + 1] & 31) << 8 | section[at + 2]] = section[at]
            at += 5 + more

    def _order(self, unit):
        last = self.last_dts.get(unit.pid)
        if last is not None and (unit.dts - last) % WRAP > WRAP // 2:
            raise TsError(f"PID {unit.pid:#x}: time {unit.dts} follows {last}")
        if (unit.pts - unit.dts) % WRAP > WRAP // 2 and unit.dts - unit.pts > 90000:
            raise TsError(f"PID {unit.pid:#x} is shown at {unit.pts} and decoded at {unit.dts}")
        self.last_dts[unit.pid] = unit.dts


def nals(data):
    """The NAL units of Annex B."""
    out, start = [], data.find(b"\0\0\1")
    while start >= 0:
        end = data.find(b"\0\0\1", start + 3)
        piece = data[start + 3:end if end >= 0 else len(data)]
        out.append(piece.rstrip(b"\0") if end >= 0 else piece)
        start = end
    return out


def adts_frames(data):
    """The frames of a PES packet with ADTS, without their headers."""
    out = []
    while data:
        if data[:2] != b"\xff\xf1":
            raise TsError("no ADTS header")
        size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
        out.append(data[7:size])
        data = data[size:]
    return out
