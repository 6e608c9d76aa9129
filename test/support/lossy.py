"""A bad line for datagrams: a proxy that loses, delays and repeats them, by a seed.

    line = t.keep(Lossy(lose=0.1, reorder=0.1))
    server = …                      # candidate 127.0.0.1:{line.port}; api_as_candidates off
    line.connect(server.rtc)

Each client has a socket of its own on the way to the server, which so sees each at its address. DTLS and STUN go
through, unless `every` says otherwise: a handshake would only make the case longer.

What is overtaken is late by some time, as on a long line; with `behind` it is let go behind so many further ones, together
with them, however long a busy machine takes to send those."""
import heapq
import random
import select
import socket
import threading
import time

from .server import wait_for


class Lossy(threading.Thread):
    def __init__(self, port=0, lose=0.0, reorder=0.0, repeat=0.0, delay=0.0, late=0.03, behind=0, every=False, seed=1):
        super().__init__(daemon=True)
        self.to, self.every = ("127.0.0.1", port), every
        self.lose, self.reorder, self.repeat, self.delay, self.late, self.behind = lose, reorder, repeat, delay, late, behind
        self.random = random.Random(seed)
        self.near = self._socket()
        self.port = self.near.getsockname()[1]
        self.far, self.clients = {}, {}         # client -> socket, socket -> client
        self.queue, self.number = [], 0
        self.held = {}                          # way -> one that is overtaken and those that overtake it
        self.lost = self.carried = 0
        self.over = False
        self.start()

    def connect(self, port):
        self.to = ("127.0.0.1", port)

    def lose_some(self, count):
        """Loses all media for a while: until so many packets more are lost."""
        before, usual = self.lost, self.lose
        self.lose = 1.0
        try:
            wait_for(lambda: self.lost >= before + count, 10, f"{count} lost packets")
        finally:
            self.lose = usual

    @staticmethod
    def _socket():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        s.setblocking(False)
        return s

    def _far(self, client):
        if client not in self.far:
            self.far[client] = self._socket()
            self.clients[self.far[client]] = client
        return self.far[client]

    def _carry(self, data, sock, to):
        is_media = 128 <= data[0] <= 191
        times = 1
        after, is_overtaken = self.delay, False
        if is_media or self.every:
            if self.random.random() < self.lose:
                self.lost += 1
                return
            is_overtaken = self.random.random() < self.reorder
            times += self.random.random() < self.repeat
        if not self.behind:
            after += self.late if is_overtaken else 0
        elif is_overtaken or (sock, to) in self.held:
            held = self.held.setdefault((sock, to), [])
            held += [data] * times
            if len(held) > self.behind:
                for one in held[1:] + held[:1]:
                    self._queue(one, after, sock, to)
                del self.held[sock, to]
            return
        for _ in range(times):
            self._queue(data, after, sock, to)

    def _queue(self, data, after, sock, to):
        self.number += 1
        heapq.heappush(self.queue, (time.monotonic() + after, self.number, data, sock, to))

    def _receive(self, sock):
        for _ in range(64):
            try:
                data, peer = sock.recvfrom(2048)
            except (BlockingIOError, ConnectionError):
                return
            if not data:
                continue
            if sock is self.near:
                self._carry(data, self._far(peer), self.to)
            else:
                self._carry(data, self.near, self.clients[sock])

    def _send_due(self):
        while self.queue and self.queue[0][0] <= time.monotonic():
            _, _, data, sock, to = heapq.heappop(self.queue)
            self.carried += 1
            try:
                sock.sendto(data, to)
            except OSError:
                pass

    def run(self):
        while not self.over:
            wait = max(0.0, min(0.05, self.queue[0][0] - time.monotonic())) if self.queue else 0.05
            readable, _, _ = select.select([self.near, *self.clients], [], [], wait)
            for sock in readable:
                self._receive(sock)
            self._send_due()
        for sock in (self.near, *self.clients):
            sock.close()

    def close(self):
        self.over = True
        self.join(5)
