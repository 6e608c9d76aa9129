#!/usr/bin/env python3
"""A web service for hooks that takes its time: hook_service.py PORT SECONDS. When it is ended it prints how many connections
it had, and the numbers (?n=N) of those it was asked about, in that order. One thread: it costs its machine little."""
import asyncio
import json
import re
import signal
import sys

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"code":0}'
seen = {"connections": 0, "most": 0, "asked": []}
open_now = 0


async def serve(reader, writer):
    global open_now
    seen["connections"] += 1
    open_now += 1
    seen["most"] = max(seen["most"], open_now)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head, re.I).group(1)))
            number = re.search(r"[?&]n=(\d+)", json.loads(body)["param"])
            if number:
                seen["asked"].append(int(number.group(1)))
            await asyncio.sleep(float(sys.argv[2]))
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    open_now -= 1
    writer.close()


async def main():
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    async with server:
        await end.wait()
    print(json.dumps(seen), flush=True)


asyncio.run(main())
