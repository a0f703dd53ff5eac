"""Large contents through the gateway, downwards and upwards, and its memory while they pass. Argument: its binary.

BYTES (5,000,000,000) of each. Fails if a transfer is not whole, or if memory grows by more than 32 MiB while it runs.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

BYTES = int(os.environ.get("BYTES", 5 * 1000**3))
GROWTH_LIMIT = 32 << 20

CONFIGURATION = """
listen: [{{address: 127.0.0.1:{port}}}]
workers: 1
upstream: {{url: "http://127.0.0.1:{app}", protocol: {protocol}}}
corbado: {{projectID: pro-1, apiSecret: {{env: CORBADO_API_SECRET}}}}
issuers:
  - {{issuer: "https://idp.example.com/", audiences: [a], keys: {{url: "http://127.0.0.1:1/jwks"}}}}
login: {{token: {{issuer: "https://app.example.com", audience: a}}}}
routes: [{{path: /**, access: public}}]
state: {{sqlite: state.db}}
probes: {{address: 127.0.0.1:{probes}}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reaches(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def resident(process):
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class HTTP1App:
    """GET: so many bytes as the target says. Anything else: the content is read and counted."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                piece = connection.recv(65536)
                if not piece:
                    return
                pending += piece
            head, pending = pending.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:])
            if "100-continue" in fields.get("expect", ""):
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            if lines[0].startswith("GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BYTES)
                block, left = bytes(1 << 20), BYTES
                while left:
                    left -= connection.send(block[: min(left, len(block))])
                continue
            left = int(fields["content-length"]) - len(pending)
            while left:
                piece = connection.recv(min(left, 1 << 20))
                if not piece:
                    return
                left -= len(piece)
            pending = b""
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def transfer(version, direction, port, process, file):
    command = ["curl", "-sS", version, "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{size_upload}"]
    if direction == "up":
        command += ["-T", file, "-H", "Expect:", "-X", "POST"]
    before, most = resident(process), 0
    began = time.monotonic()
    client = subprocess.Popen(command + [f"http://127.0.0.1:{port}/content"], stdout=subprocess.PIPE, text=True)
    while client.poll() is None:
        most = max(most, resident(process))
        time.sleep(0.1)
    seconds = time.monotonic() - began
    status, down, up = client.communicate()[0].split()
    is_whole = client.returncode == 0 and status == "200" and int(down if direction == "down" else up) == BYTES
    return is_whole, before, most, seconds


def main():
    failed = False
    print(f"{BYTES:,} bytes each; memory in MiB: before, most while they pass")
    print(f"{'client':8} {'app':6} {'way':5} {'whole':6} {'before':>7} {'most':>7} {'MB/s':>6}")
    with tempfile.TemporaryDirectory() as folder:
        content = folder + "/content"
        with open(content, "wb") as file:
            file.truncate(BYTES)
        http1 = HTTP1App()
        http2 = free_port()
        nghttpd = subprocess.Popen(
            ["/usr/sbin/nghttpd", "--no-tls", "--address=127.0.0.1", f"--htdocs={folder}", "-w20", "-W24", str(http2)],
            stdout=subprocess.DEVNULL)
        reaches(http2)
        for name, app in (("http1", http1.port), ("http2", http2)):
            port, probes = free_port(), free_port()
            with open(folder + "/sidecar.yaml", "w") as file:
                file.write(CONFIGURATION.format(port=port, probes=probes, app=app, protocol=name))
            sidecar = subprocess.Popen(
                [sys.argv[1], "run", "--config", folder + "/sidecar.yaml"],
                env={**os.environ, "CORBADO_API_SECRET": "corbado1_x"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            reaches(port)
            time.sleep(0.5)
            for version in ("--http1.1", "--http2-prior-knowledge"):
                for direction in ("down", "up"):
                    is_whole, before, most, seconds = transfer(version, direction, port, sidecar.pid, content)
                    is_bounded = most - before <= GROWTH_LIMIT
                    failed = failed or not is_whole or not is_bounded
                    print(
                        f"{'h1' if version == '--http1.1' else 'h2':8} {name:6} {direction:5} {'yes' if is_whole else 'NO':6} "
                        f"{before / 1048576:7.1f} {most / 1048576:7.1f} {BYTES / 1e6 / seconds:6.0f}{'' if is_bounded else '  GREW'}",
                        flush=True)
            sidecar.kill()
            sidecar.wait()
        nghttpd.kill()
    sys.exit(1 if failed else 0)


main()
