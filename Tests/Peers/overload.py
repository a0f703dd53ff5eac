"""2,000 connections with a request under way each, beside 10,000 idle ones: overload.py BINARY [SECONDS]

Starts the sidecar with two workers before an app that takes half a second for every answer of 8 KiB, and lets every active
connection ask again as soon as it was answered, for so many seconds (20). The idle ones have had one answer before. Prints one JSON
object: requests by status, failures, and the resident memory of the sidecar before, with the idle ones, and at its most. Fails
when a request failed, an idle connection was lost, or the memory went above the limit that config/kubernetes gives the container.
"""

import asyncio
import base64
import collections
import hashlib
import hmac
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

ACTIVE, IDLE = 2_000, 10_000
CEILING = 256 * 1024 * 1024
CONTENT = bytes(8192)
SECRET = "0123456789abcdef0123456789abcdef"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def token():
    def part(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"iss": "https://idp.test/", "sub": "alice", "aud": "my-app", "iat": now, "exp": now + 3600}
    signed = part({"alg": "HS256", "typ": "JWT"}) + "." + part(claims)
    return signed + "." + part(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())


class App(asyncio.Protocol):
    """HTTP/1.1 as far as the sidecar's requests without content need it."""

    def connection_made(self, transport):
        self.transport, self.pending = transport, b""

    def data_received(self, data):
        self.pending += data
        while b"\r\n\r\n" in self.pending:
            head, self.pending = self.pending.split(b"\r\n\r\n", 1)
            delay = 0 if head.startswith(b"GET /idle ") else 0.5
            asyncio.get_running_loop().call_later(delay, self.answer)

    def answer(self):
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT) + CONTENT)


class Client(asyncio.Protocol):
    """Asks again once it is answered; `left` says whether it may."""

    def __init__(self, request, outcomes, left):
        self.request, self.outcomes, self.left = request, outcomes, left
        self.ended, self.pending, self.lost = asyncio.get_running_loop().create_future(), bytearray(), False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        self.pending += data
        end = self.pending.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = bytes(self.pending[:end]).lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        if len(self.pending) < end + 4 + length:
            return
        del self.pending[:end + 4 + length]
        self.outcomes[lines[0].split()[1].decode()] += 1
        if self.left():
            self.transport.write(self.request)
        elif not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, error):
        self.lost = True
        if not self.ended.done():
            self.outcomes[f"lost: {error!r}"] += 1
            self.ended.set_result(None)


async def clients(count, port, request, outcomes, left):
    loop, opened = asyncio.get_running_loop(), []
    while len(opened) < count:
        batch = [
            loop.create_connection(lambda: Client(request, outcomes, left), "127.0.0.1", port)
            for _ in range(min(200, count - len(opened)))]
        opened += [client for _, client in await asyncio.gather(*batch)]
    return opened


def memory(process, name):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name + ":"))


async def load(process, port, seconds):
    field = f"Host: app.test\r\nAuthorization: Bearer {token()}\r\n\r\n"
    result = {"idle": IDLE, "active": ACTIVE, "seconds": seconds, "rss_before": memory(process, "VmRSS")}
    quiet, outcomes = collections.Counter(), collections.Counter()
    idle = await clients(IDLE, port, f"GET /idle HTTP/1.1\r\n{field}".encode(), quiet, lambda: False)
    await asyncio.gather(*(client.ended for client in idle))
    result["rss_idle"] = memory(process, "VmRSS")
    end = time.monotonic() + seconds
    active = await clients(ACTIVE, port, f"GET /active HTTP/1.1\r\n{field}".encode(), outcomes, lambda: time.monotonic() < end)
    await asyncio.wait_for(asyncio.gather(*(client.ended for client in active)), seconds + 60)
    result |= {"rss_most": memory(process, "VmHWM"), "ceiling": CEILING, "outcomes": dict(outcomes), "outcomes_idle": dict(quiet)}
    result["idle_lost"] = sum(client.lost for client in idle)
    result["descriptors"] = len(os.listdir(f"/proc/{process.pid}/fd"))
    return result


async def serve(port):
    server = await asyncio.get_running_loop().create_server(App, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def wait_for(port):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens on {port}")


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 2 * ACTIVE + 200:
        sys.exit(f"needs {IDLE + 2 * ACTIVE + 200} descriptors, ulimit -H -n is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, probes, admin, app = (free_port() for _ in range(4))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sidecar.yaml")
        with open(os.path.join(folder, "secret"), "w") as file:
            file.write(SECRET)
        with open(path, "w") as file:
            file.write(f"""
listen: [{{address: 127.0.0.1:{port}}}]
workers: 2
upstream: {{url: "http://127.0.0.1:{app}", protocol: http1, maxConnections: {ACTIVE}}}
corbado: {{projectID: pro-1, apiSecret: {{env: SECRET}}}}
issuers: [{{issuer: https://idp.test/, audiences: [my-app], algorithms: [HS256], keys: {{secret: {{file: secret}}}}}}]
login: {{token: {{issuer: https://app.test, audience: my-app}}}}
state: {{sqlite: state.db}}
probes: {{address: 127.0.0.1:{probes}}}
admin: {{address: 127.0.0.1:{admin}}}
limits: {{connections: {IDLE + ACTIVE + 100}, idle: 1h}}
""")
        processes = [
            subprocess.Popen([sys.executable, __file__, "app", str(app)]),
            subprocess.Popen([sys.argv[1], "run", "--config", path], env={"SECRET": "corbado1_x"}, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)]
        try:
            wait_for(app)
            wait_for(port)
            result = asyncio.run(load(processes[1], port, int(sys.argv[2]) if len(sys.argv) > 2 else 20))
        finally:
            for process in processes:
                process.send_signal(signal.SIGKILL)
                process.wait()
    print(json.dumps(result))
    failed = [name for name in result["outcomes"] | result["outcomes_idle"] if name != "200"]
    if failed or result["idle_lost"] or result["rss_most"] > CEILING:
        sys.exit(1)


if sys.argv[1] == "app":
    asyncio.run(serve(int(sys.argv[2])))
else:
    main()
