"""A restart under load: two processes on one inherited listening socket, the first is told to end once the second is ready.

restart.py PORT BINARY CONFIG-A PROBES-A CONFIG-B PROBES-B AUTHORIZATION

Clients go on all the while over HTTP/1.1 (http.client) and HTTP/2 (the library h2); as good clients do, they open another
connection after `Connection: close` and after GOAWAY. Prints one JSON object: requests and failures by protocol, the exit code of
the first process, and which process answered last.
"""

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

PORT, BINARY, CONFIG_A, PROBES_A, CONFIG_B, PROBES_B, AUTHORIZATION = sys.argv[1:8]
PORT = int(PORT)
counts = {"h1": 0, "h2": 0}
failures = {"h1": [], "h2": []}
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


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", PORT))
listener.listen(1024)
first = start(listener, CONFIG_A)
wait_until_ready(PROBES_A)
clients = [threading.Thread(target=target) for target in (h1_client, h1_client, h1_client, h2_client, h2_client)]
for client in clients:
    client.start()
time.sleep(0.5)
second = start(listener, CONFIG_B)
wait_until_ready(PROBES_B)
first.send_signal(signal.SIGTERM)
code = first.wait(timeout=60)
with lock:
    before = dict(counts)
time.sleep(0.5)
is_over.set()
for client in clients:
    client.join()
second.send_signal(signal.SIGTERM)
print(json.dumps({
    "requests": counts, "failures": failures, "exit": code, "second": second.wait(timeout=60),
    "afterwards": {key: counts[key] - before[key] for key in counts},
}))
