"""`fleet up`: keeps all servers of the description running, and obeys orders."""
import asyncio
import json
import os
import signal
import socket
import time

from .control import control_socket, order
from .description import Failed, Fleet
from .process import Process, say


class Supervisor:
    def __init__(self, fleet):
        self.fleet = fleet
        self.processes = [Process(self, m) for m in fleet.members]
        self.done = asyncio.Event()
        self.turn = asyncio.Lock() # one order at a time

    async def run(self):
        os.makedirs(self.fleet.folder, exist_ok=True)
        if os.path.exists(self.fleet.control):
            if await asyncio.to_thread(order, self.fleet, {"do": "ping"}) is not None:
                raise Failed(f"it is up already ({self.fleet.control})")
            os.unlink(self.fleet.control)
        for m in self.fleet.members:
            wrong = await asyncio.to_thread(m.check)
            if wrong:
                raise Failed(f"{m.name}: {wrong}")
        server = await asyncio.start_unix_server(self.serve, sock=control_socket(self.fleet, socket.socket.bind))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: asyncio.ensure_future(self.obey({"do": "stop"})))
        loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(self.obey({"do": "reload"})))
        for p in self.processes:
            p.start()
        await self.done.wait()
        server.close()
        os.unlink(self.fleet.control)

    async def serve(self, reader, writer):
        try:
            answer = await self.obey(json.loads(await reader.readline() or b"{}"))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            pass
        writer.close()

    async def obey(self, order):
        name = order.get("do")
        if name == "ping":
            return {}
        if name == "status":
            return {"rows": await asyncio.gather(*(self.row(p) for p in self.processes))}
        async with self.turn:
            try:
                return {"rows": await getattr(self, f"do_{name}")(order.get("only"))}
            except Failed as e:
                return {"error": str(e)}
            except AttributeError:
                return {"error": f"{name} is no order"}

    def chosen(self, only):
        names = {m.name for m in self.fleet.chosen(only)}
        return [p for p in self.processes if p.member.name in names]

    async def row(self, p):
        row = {"name": p.member.name, "pid": p.pid, "restarts": p.restarts, "cpu": p.member.cpu,
               "uptime": int(time.monotonic() - p.started) if p.pid else 0, "listen": p.member.listen or "",
               "http": p.member.http or "", "api": p.member.api, "waits": p.waits()}
        status, answer = await asyncio.to_thread(p.member.ask, "/api/v1/summaries") if p.pid else (0, None)
        row["state"] = "serves" if status in (200, 401) else "starts" if p.pid else "waits" if p.wanted else "ended"
        _, vhosts = await asyncio.to_thread(p.member.ask, "/api/v1/vhosts/") if status == 200 else (0, None)
        me = ((answer or {}).get("data") or {}).get("self") or {}
        system = ((answer or {}).get("data") or {}).get("system") or {}
        row.update(version=me.get("version", ""), cpu_percent=me.get("cpu_percent"), memory_kb=me.get("mem_kbyte"),
                   connections=system.get("conn_srs"),
                   streams=sum(v["streams"] for v in vhosts["vhosts"]) if vhosts else None)
        return row

    async def each(self, only, what):
        """One after the other; ends with the first that does not come back."""
        rows = []
        for p in self.chosen(only):
            wrong = await what(p)
            say(f"{p.member.name}: {wrong or 'serves, process ' + str(p.pid)}")
            rows.append({"name": p.member.name, "error": wrong})
            if wrong:
                break
        return rows

    async def do_restart(self, only):
        return await self.each(only, Process.restart)

    async def do_upgrade(self, only):
        return await self.each(only, Process.upgrade)

    async def do_stop(self, only):
        self.chosen(only)
        await asyncio.gather(*(p.stop() for p in self.chosen(only)))
        if only is None:
            self.done.set()
        return [{"name": p.member.name, "error": ""} for p in self.chosen(only)]

    async def do_reload(self, only):
        """What is new is started, what is gone ended, what got other settings started anew, the rest reads its
        configuration again. A configuration that is wrong changes nothing at all."""
        fleet = await asyncio.to_thread(Fleet, self.fleet.source)
        if fleet.folder != self.fleet.folder:
            raise Failed("`folder` cannot change while it is up")
        for m in fleet.members:
            wrong = await asyncio.to_thread(m.check)
            if wrong:
                raise Failed(f"{m.name}: {wrong}")
        now = {p.member.name: p for p in self.processes}
        self.fleet = fleet
        self.processes = [now.pop(m.name, None) or Process(self, m) for m in fleet.members]
        await asyncio.gather(*(p.stop() for p in now.values()))
        rows = [{"name": name, "error": "", "note": "ended"} for name in now]
        for p, m in zip(self.processes, fleet.members):
            rows.append(await self.renew(p, m, only))
        return rows

    async def renew(self, p, m, only):
        changed = not p.member.same(m) or not p.pid
        p.member = m
        if only not in (None, m.name, m.group):
            return {"name": m.name, "error": "", "note": "left alone"}
        if not changed:
            p.signal(signal.SIGHUP)
            return {"name": m.name, "error": "", "note": "reads its configuration again"}
        wrong = await p.restart()
        return {"name": m.name, "error": wrong, "note": "started"}
