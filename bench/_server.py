"""Answers chats alike after a fixed time: the server of bench.endpoint, as precise as it can be.

    python -m bench._server        # prints its port, and serves until it is ended

Every answer takes the same time, so those that wait are a queue. An event loop of asyncio rounds its
waits up to milliseconds; this one sleeps short of the time that is due, and then looks at the clock.
"""

import json
import select
import socket
import time
from collections import deque

LATENCY = 0.05
"""Seconds."""
_SHORT = 0.0015
"""Seconds before an answer is due in which it does not sleep."""
_BODY = json.dumps(
    {
        "id": "x",
        "model": "fixed",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Yes."},
            }
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 2, "total_tokens": 22},
    }
).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


class Server:
    """Keeps what was read of each connection, and which answers are due."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listening.setblocking(False)
        self.poll = select.epoll()
        self.poll.register(self.listening, select.EPOLLIN)
        self.clients: dict[int, socket.socket] = {}
        self.read: dict[int, bytes] = {}
        self.due: deque[tuple[float, socket.socket]] = deque()

    def serve(self) -> None:
        """Serves until it is ended."""
        while True:
            rest = self.due[0][0] - time.perf_counter() - _SHORT if self.due else -1
            for number, _ in self.poll.poll(max(0, rest) if self.due else -1):
                if number == self.listening.fileno():
                    self._accept()
                else:
                    self._receive(number)
            while self.due and self.due[0][0] <= time.perf_counter():
                self._answer(self.due.popleft()[1])

    def _accept(self) -> None:
        client, _ = self.listening.accept()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients[client.fileno()], self.read[client.fileno()] = client, b""
        self.poll.register(client, select.EPOLLIN)

    def _receive(self, number: int) -> None:
        client = self.clients[number]
        try:
            data = client.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.poll.unregister(client)
            client.close()
            del self.clients[number], self.read[number]
            return
        text = self.read[number] + data
        head, mark, body = text.partition(b"\r\n\r\n")
        if mark and len(body) >= int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            text = b""  # a client sends its next request when it has the answer
            self.due.append((time.perf_counter() + LATENCY, client))
        self.read[number] = text

    def _answer(self, client: socket.socket) -> None:
        try:
            client.sendall(_ANSWER)
        except OSError:  # it has gone
            return


if __name__ == "__main__":
    server = Server()
    print(server.listening.getsockname()[1], flush=True)
    server.serve()
