"""What idle connections cost: idle_connections.py BINARY

Starts the sidecar with one worker, opens connections that have had one request and now do nothing, and compares the resident memory of
the process before and after: 10,000 over HTTP/1.1, then, in a new process, 2,000 over HTTP/2. Prints one JSON object and fails when a
connection costs more than the design grants it (20 KiB and 40 KiB) or when a request beside them is not answered.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

import h2.config
import h2.connection
import h2.events

BINARY = sys.argv[1]
COUNTS = {"h1": 10_000, "h2": 2_000}
LIMITS = {"h1": 20 * 1024, "h2": 40 * 1024}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def resident(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def start(folder):
    port, probes, nowhere, admin = (free_port() for _ in range(4))
    path = os.path.join(folder, f"{port}.yaml")
    with open(path, "w") as file:
        file.write(f"""
listen: [{{address: 127.0.0.1:{port}}}]
workers: 1
upstream: {{url: "http://127.0.0.1:{nowhere}", protocol: http1}}
corbado: {{projectID: pro-1, apiSecret: {{env: SECRET}}}}
issuers: [{{issuer: https://idp.test/, audiences: [a], keys: {{url: "http://127.0.0.1:{nowhere}/jwks"}}}}]
login: {{token: {{issuer: https://app.test, audience: a}}}}
state: {{sqlite: {port}.db}}
probes: {{address: 127.0.0.1:{probes}}}
admin: {{address: 127.0.0.1:{admin}}}
limits: {{idle: 1h}}
log: {{access: off}}
""")
    process = subprocess.Popen(
        [BINARY, "run", "--config", path], env={"SECRET": "corbado1_x"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process, port
        except OSError:
            time.sleep(0.05)
    sys.exit("the sidecar did not start")


REQUEST = b"GET /idle HTTP/1.1\r\nHost: app.test\r\n\r\n"


def h1(port):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 401"), answer
    return connection


def h2_idle(port):
    connection = socket.create_connection(("127.0.0.1", port))
    session = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    session.initiate_connection()
    stream = session.get_next_available_stream_id()
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "app.test"), (":path", "/idle")]
    session.send_headers(stream, fields, end_stream=True)
    connection.sendall(session.data_to_send())
    while True:
        events = session.receive_data(connection.recv(65536))
        connection.sendall(session.data_to_send())
        if any(isinstance(event, h2.events.StreamEnded) for event in events):
            return connection


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    result, failed = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name, opener in (("h1", h1), ("h2", h2_idle)):
            process, port = start(folder)
            try:
                # What the first requests make once is no connection's.
                warm = [opener(port) for _ in range(20)]
                time.sleep(0.5)
                before = resident(process)
                idle = [opener(port) for _ in range(COUNTS[name])]
                time.sleep(1)
                after = resident(process)
                h1(port).close()
                each = (after - before) / COUNTS[name]
                result[name] = {"connections": COUNTS[name], "rss_before": before, "rss_after": after, "bytes_each": round(each)}
                if each > LIMITS[name]:
                    failed.append(f"{name}: {each:.0f} bytes a connection")
                for connection in warm + idle:
                    connection.close()
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
    print(json.dumps(result))
    if failed:
        sys.exit("; ".join(failed))


main()
