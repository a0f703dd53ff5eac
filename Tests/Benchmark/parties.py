"""The app and the gateways that are compared: how each is configured, started, read and ended."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time

OURS = """\
listen: [{{address: 127.0.0.1:{port}}}]
workers: 1
upstream: {{url: http://127.0.0.1:{app}, protocol: http2}}
corbado: {{projectID: pro-1, apiSecret: {{env: CORBADO_API_SECRET}}}}
issuers:
  - {{issuer: {issuer}, audiences: [{audience}], algorithms: [RS256], keys: {{url: {jwks}}}, emailsAreVerified: true}}
login: {{token: {{issuer: https://app.example.com, audience: {audience}}}}}
identity: {{fields: {{X-User-ID: sub, X-User-Email: email}}, authorization: {authorization}}}
state: {{sqlite: {directory}/{name}.db}}
probes: {{address: 127.0.0.1:{probes}}}
log: {{access: {access}, level: error}}
limits: {{lameDuck: 100ms, drain: 1s}}
"""

HAPROXY = """\
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 75s
  timeout server 60s
frontend clients
  bind 127.0.0.1:{port}
{verification}  default_backend app
backend app
  server app 127.0.0.1:{app} proto h2
"""

# The same job as ours: signature, issuer, audience and expiration; two identity fields in place of what the client sent.
VERIFICATION = """\
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.algorithm) var(txn.token),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.algorithm) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.iss') -m str {issuer} }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.aud') -m str {audience} }}
  http-request set-var(txn.now) date()
  http-request set-var(txn.expiration) var(txn.token),jwt_payload_query('$.exp','int')
  http-request deny deny_status 401 if {{ var(txn.expiration),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.algorithm,"{key}") 1 }}
  http-request set-header X-User-ID %[var(txn.token),jwt_payload_query('$.sub')]
  http-request set-header X-User-Email %[var(txn.token),jwt_payload_query('$.email')]
  http-request del-header Authorization
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def signals_held():
    """A signal between a start and the note of who was started would leave a process behind."""
    came = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


class Party:
    """A process that listens on a port. It is ended by its ID."""

    def __init__(self, name, port, command, core, started, output=subprocess.DEVNULL, environment=None):
        def prepare():
            os.sched_setaffinity(0, {core})
            resource.setrlimit(resource.RLIMIT_NOFILE, (16384, 16384))

        self.name, self.port = name, port
        with signals_held():
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, preexec_fn=prepare, env=dict(os.environ, **environment or {}))
            started.append(self)
        self.await_listener(command)

    def await_listener(self, command):
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{self.name} does not listen: {' '.join(command)}")
                time.sleep(0.05)

    def cpu_ticks(self):
        """User and system time of all threads, in clock ticks: proc(5), fields 14 and 15 of /proc/PID/stat."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]), int(fields[12])

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Stage:
    """Starts parties and ends whatever it started."""

    def __init__(self, directory, issuer, names, app_core, proxy_core):
        self.directory, self.names, self.app_core, self.proxy_core = directory, names, app_core, proxy_core
        self.parties, self.readers = [], []
        self.key = f"{directory}/key.pem"
        with open(self.key, "wb") as file:
            file.write(issuer.public_pem())
        self.jwks = issuer.publish()
        os.mkdir(f"{directory}/www")
        with open(f"{directory}/www/item", "w") as file:
            file.write('{"id":"42","name":"a hundred bytes of an answer","state":"ready","links":["a","b","c"],"n":1234}\n')
        self.app_port = free_port()

    def start_app(self):
        directory = self.directory
        self.start("app", self.app_port, [
            "nghttpd", "--no-tls", "-a", "127.0.0.1", "-n", "1", "-m", "1000", "-d", f"{directory}/www", str(self.app_port),
        ], self.app_core)

    def start(self, *arguments, **others):
        return Party(*arguments, self.parties, **others)

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w") as file:
            file.write(text)
        return f"{self.directory}/{name}"

    def ours(self, name, access="off", authorization="remove", binary=None):
        port = free_port()
        file = self.write(f"{name}.yaml", OURS.format(
            port=port, app=self.app_port, jwks=self.jwks, directory=self.directory, name=name, probes=free_port(),
            access=access, authorization=authorization, **self.names))
        # The access log goes through a pipe, as a container's does.
        command = [binary or os.environ["BENCHMARK_BINARY"], "run", "--config", file]
        environment = {"CORBADO_API_SECRET": "corbado1_none"}
        if access == "off":
            return self.start(name, port, command, self.proxy_core, environment=environment)
        with signals_held():
            reader = subprocess.Popen(
                ["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, {self.app_core}))
            self.readers.append(reader)
        return self.start(name, port, command, self.proxy_core, output=reader.stdin, environment=environment)

    def nghttpx(self, name):
        port = free_port()
        return self.start(name, port, [
            "nghttpx", f"--conf={self.directory}/none", "--single-process", "--single-thread", "--log-level=ERROR",
            "--add-x-forwarded-for",
            f"--frontend=127.0.0.1,{port};no-tls", f"--backend=127.0.0.1,{self.app_port};;proto=h2"], self.proxy_core)

    def haproxy(self, name, verifying):
        port = free_port()
        verification = VERIFICATION.format(key=self.key, **self.names) if verifying else ""
        file = self.write(f"{name}.cfg", HAPROXY.format(port=port, app=self.app_port, verification=verification))
        return self.start(name, port, ["haproxy", "-db", "-q", "-f", file], self.proxy_core)

    def end(self, party):
        party.end()
        self.parties.remove(party)

    def end_all(self):
        for party in reversed(list(self.parties)):
            self.end(party)
        for reader in self.readers:
            reader.kill()
            reader.wait()
