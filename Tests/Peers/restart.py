"""A restart under load: two processes on one inherited listening socket, the first is told to end once the second is ready.

restart.py PORT BINARY CONFIG-A PROBES-A CONFIG-B PROBES-B AUTHORIZATION

Clients go on all the while: requests over HTTP/1.1 (http.client) and HTTP/2 (the library h2), streams of server-sent events and
WebSockets (the library websockets), before asgi_app.py. As good clients do, they open another connection after
`Connection: close` and after GOAWAY. One stream and one WebSocket are held by the first process until it drains, used then, and ended.
Prints one JSON object: requests and failures by protocol, what the held ones still did, the exit codes, and how much the second
process served alone.
"""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import h2.config
import h2.connection
import h2.events
import websockets

PORT, BINARY, CONFIG_A, PROBES_A, CONFIG_B, PROBES_B, AUTHORIZATION = sys.argv[1:8]
PORT = int(PORT)
PROTOCOLS = ("h1", "h2", "sse", "websocket")
counts = {protocol: 0 for protocol in PROTOCOLS}
failures = {protocol: [] for protocol in PROTOCOLS}
is_over = threading.Event()
lock = threading.Lock()


def start(listener, config):
    # The descriptor becomes the third after the standard streams; the process ID is known only to the process itself.
    def prepare():
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)

    return subprocess.Popen(
        ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', "sh", BINARY, "run", "--config", config],
        preexec_fn=prepare, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=open(config + ".events", "wb"))


def wait_until_ready(port):
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit("not ready: " + port)


def record(protocol, failure=None):
    with lock:
        counts[protocol] += 1
        if failure:
            failures[protocol].append(failure)


def h1_client():
    connection = None
    while not is_over.is_set():
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
            connection.request("GET", "/h1", headers={"Authorization": AUTHORIZATION})
            response = connection.getresponse()
            response.read()
            record("h1", None if response.status == 200 else f"status {response.status}")
            if response.will_close:
                connection.close()
                connection = None
        except (OSError, http.client.HTTPException) as error:
            record("h1", repr(error))
            connection = None


class H2Client:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=20)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.socket.sendall(self.connection.data_to_send())
        self.is_going_away = False

    def get(self):
        """None for 200, else what went wrong. A stream above the last one of a GOAWAY was not processed: "again"."""
        stream = self.connection.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/h2"), ("authorization", AUTHORIZATION)]
        self.connection.send_headers(stream, fields, end_stream=True)
        self.socket.sendall(self.connection.data_to_send())
        status = None
        while True:
            data = self.socket.recv(65536)
            if not data:
                return "closed"
            # The library forbids streams after any GOAWAY, so that of the first step is taken note of and kept from it.
            for event in self.connection.receive_data(self.without_goaway(data)):
                if isinstance(event, h2.events.ResponseReceived):
                    status = dict(event.headers)[":status"]
                elif isinstance(event, h2.events.DataReceived):
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamReset):
                    return f"reset {event.error_code}"
                elif isinstance(event, h2.events.StreamEnded):
                    return None if status == "200" else f"status {status}"
            self.socket.sendall(self.connection.data_to_send())
            if self.last_stream is not None and stream > self.last_stream:
                return "again"

    pending = b""
    last_stream = None

    def without_goaway(self, data):
        self.pending += data
        passed = b""
        while len(self.pending) >= 9:
            length = int.from_bytes(self.pending[:3], "big")
            if len(self.pending) < 9 + length:
                break
            frame, self.pending = self.pending[:9 + length], self.pending[9 + length:]
            if frame[3] == 7:
                self.is_going_away = True
                self.last_stream = int.from_bytes(frame[9:13], "big") & 0x7FFFFFFF
            else:
                passed += frame
        return passed


def h2_client():
    client = None
    while not is_over.is_set():
        try:
            client = client or H2Client()
            outcome = client.get()
            if outcome == "again":
                client = None
                continue
            record("h2", outcome)
            if outcome or client.is_going_away:
                client = None
        except OSError as error:
            record("h2", repr(error))
            client = None


def expected_events(count):
    return b"".join(b"data: %d\n\n" % number for number in range(count))


def sse_client():
    while not is_over.is_set():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
            connection.request("GET", "/events", headers={"Authorization": AUTHORIZATION})
            response = connection.getresponse()
            # A stream that is cut raises IncompleteRead: its last chunk is missing.
            content = response.read()
            record("sse", None if content == expected_events(50) else f"status {response.status}, {len(content)} bytes")
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            record("sse", repr(error))


def open_websocket():
    return websockets.connect(
        f"ws://127.0.0.1:{PORT}/socket", extra_headers={"Authorization": AUTHORIZATION}, compression=None, open_timeout=20)


async def websocket_session(messages):
    async with open_websocket() as connection:
        await connection.recv()
        for number in range(messages):
            await connection.send(f"message {number}")
            if await connection.recv() != f"message {number}":
                return "another message"
            await asyncio.sleep(0.02)
    return None if connection.close_code == 1000 else f"close code {connection.close_code}"


def websocket_client():
    while not is_over.is_set():
        try:
            record("websocket", asyncio.run(websocket_session(20)))
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            record("websocket", repr(error))


class Held:
    """A stream of events and a WebSocket that were open before the first process was told to end."""

    def __init__(self):
        self.stream = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        self.stream.request("GET", "/events/held", headers={"Authorization": AUTHORIZATION})
        self.response = self.stream.getresponse()
        self.first = self.response.readline()
        self.loop = asyncio.new_event_loop()
        self.socket = self.loop.run_until_complete(self.opened())

    async def opened(self):
        connection = await open_websocket()
        await connection.recv()
        return connection

    async def exchange(self):
        await self.socket.send("while draining")
        answer = await self.socket.recv()
        await self.socket.close()
        return answer == "while draining" and self.socket.close_code == 1000

    def use_and_end(self):
        websocket = self.loop.run_until_complete(self.exchange())
        release = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        release.request("GET", "/events/release", headers={"Authorization": AUTHORIZATION})
        release.getresponse().read()
        # All events, in order, and the end that the app gave it.
        lines = [line for line in (self.first + self.response.read()).split(b"\n\n") if line]
        numbers = [b"data: %d" % number for number in range(len(lines) - 1)]
        return {"websocket": websocket, "sse": lines == numbers + [b"data: released"]}


def wait_until_draining(port):
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == 503:
                return
        except OSError:
            return
        time.sleep(0.02)
    sys.exit("does not drain: " + port)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", PORT))
listener.listen(1024)
first = start(listener, CONFIG_A)
wait_until_ready(PROBES_A)
clients = [threading.Thread(target=target) for target in (
    h1_client, h1_client, h1_client, h2_client, h2_client, sse_client, sse_client, websocket_client, websocket_client)]
for client in clients:
    client.start()
held = Held()
second = start(listener, CONFIG_B)
wait_until_ready(PROBES_B)
first.send_signal(signal.SIGTERM)
wait_until_draining(PROBES_A)
was_running = first.poll() is None
kept = held.use_and_end()
code = first.wait(timeout=60)
with lock:
    before = dict(counts)
# Until every protocol was served by the second process alone: at most one that counts can have begun before.
for _ in range(600):
    with lock:
        if all(counts[protocol] - before[protocol] > 10 for protocol in PROTOCOLS):
            break
    time.sleep(0.05)
is_over.set()
for client in clients:
    client.join()
second.send_signal(signal.SIGTERM)
print(json.dumps({
    "requests": counts, "failures": failures, "held": kept, "was_running": was_running, "exit": code, "second": second.wait(timeout=60),
    "afterwards": {key: counts[key] - before[key] for key in counts},
}))
