"""Measures what a request costs in each gateway, and prints a table. Started by run.sh, which says how to set it.

One run, one app (nghttpd, cleartext HTTP/2, an answer of 100 bytes), one core for the gateways and another for load and app.
All gateways run from start to end with one worker each; the rounds are interleaved (A B C A B C ...) and medians are printed,
so that whatever else the machine does falls on all of them alike: ratios hold better than the figures.

- CPU: user and system time of all threads of the gateway's process, over the requests of the round.
- Latency: of each request under full load (closed loop, as many requests as are in flight), so it is mostly queueing.
- h1: wrk for SECONDS, 32 connections, one request at a time each (h2load takes HAProxy's status line, which has no reason
  phrase, for none). h2c: h2load, REQUESTS over 8 connections with 16 streams each.
- cached: all requests carry the same token. fresh: each carries another; there are three times as many as the cache of verified
  tokens holds, taken in turn, so that none is met again while it is remembered. h2load cannot vary a field, so over h2c fresh.py
  sends them, each token once a round; it is too slow for a latency of its answers to mean anything.
- HAProxy with jwt_verify does the same job: signature, issuer, audience, expiration, two identity fields, Authorization removed.
  nghttpx, and HAProxy without, forward Authorization; "Authorization kept" is ours doing so.
- Any answer but a 2xx ends the run: the cost of refusals is no answer to the question.
"""

import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile

import fresh
import idle
from parties import Stage
from tokens import AUDIENCE, ISSUER, Issuer

ROUNDS = int(os.environ.get("ROUNDS", 5))
REQUESTS = int(os.environ.get("REQUESTS", 40000))
SECONDS = int(os.environ.get("SECONDS", 3))
FRESH_TOKENS = 3 * 4096
IDLE_CONNECTIONS = 1000
TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")

# With Host and Authorization ten field lines.
FIELDS = [
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "application/json, text/plain, */*"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://app.example.com/dashboard"),
    ("Origin", "https://app.example.com"),
    ("Sec-Fetch-Mode", "cors"),
    ("X-Request-ID", "0f8c7f0e-6d0b-4f8e-9a41-3f7c5a1f1c55"),
]

CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, APP_CORE, LOAD_CORE = CORES[-1], CORES[0], CORES[1] if len(CORES) > 2 else CORES[0]


class Measurement:
    def __init__(self, requests, user, system, p50, p99):
        self.cpu, self.user, self.system = (user + system) / requests, user / requests, system / requests
        self.p50, self.p99 = p50, p99


def loaded(command):
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}))
    if result.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {result.returncode}: {result.stdout}{result.stderr}")
    return result.stdout


def charged(party, load):
    """Runs the load; its result with the CPU time that the party spent meanwhile."""
    before = party.cpu_ticks()
    requests, p50, p99 = load()
    user, system = (after - start for after, start in zip(party.cpu_ticks(), before))
    return Measurement(requests, user * TICK, system * TICK, p50, p99)


def http1(party, tokens, directory, seconds=SECONDS):
    """wrk; the tokens of the file in turn."""
    def load():
        output = loaded([
            "wrk", "-t", "1", "-c", "32", "-d", f"{seconds}s", "-s", f"{os.path.dirname(os.path.abspath(__file__))}/requests.lua",
            f"http://127.0.0.1:{party.port}", "--", f"{directory}/fields", f"{directory}/{tokens}"])
        requests, errors, p50, p99 = map(int, re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", output).groups())
        if errors or not requests:
            raise SystemExit(f"{party.name}, h1: {errors} of {requests} answers are none or no 2xx\n{output}")
        return requests, p50, p99

    return charged(party, load)


def http2(party, token, directory, count=REQUESTS):
    """h2load; one token."""
    log = f"{directory}/requests.log"
    fields = [f"-H{name.lower()}: {value}" for name, value in FIELDS] + [f"-Hauthorization: Bearer {token}"]

    def load():
        with open(log, "w"):
            pass
        output = loaded([
            "h2load", "-t", "1", "-c", "8", "-m", "16", "-n", str(count), f"--log-file={log}", *fields,
            f"--connect-to=127.0.0.1:{party.port}", "http://app.example.com/item"])
        good = int(re.search(r"status codes: (\d+) 2xx", output)[1])
        if good != count:
            raise SystemExit(f"{party.name}, h2c: {good} of {count} answers are 2xx\n{output}")
        with open(log) as file:
            times = sorted(int(line.split("\t")[2]) for line in file)
        return count, times[len(times) // 2], times[len(times) * 99 // 100]

    return charged(party, load)


def http2_fresh(party, lines):
    """fresh.py; each of the authorization lines once."""
    def load():
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {LOAD_CORE})
        times = sorted(int(seconds * 1_000_000) for seconds in fresh.run(party.port, FIELDS, lines))
        os.sched_setaffinity(0, before)
        if len(times) != len(lines):
            raise SystemExit(f"{party.name}, h2c: {len(times)} answers of {len(lines)}")
        return len(times), times[len(times) // 2], times[len(times) * 99 // 100]

    return charged(party, load)


def memory(stage, token):
    """Resident size of a gateway that was just started, and what a thousand idle connections add. KiB."""
    fields = FIELDS + [("Authorization", f"Bearer {token}")]
    starts = [("ours", lambda name: stage.ours(name))]
    static = os.environ.get("BENCHMARK_STATIC_BINARY")
    if static:
        starts.append(("ours, static standard library", lambda name: stage.ours(name, binary=static)))
    starts += [
        ("nghttpx", lambda name: stage.nghttpx(name)),
        ("HAProxy", lambda name: stage.haproxy(name, False)),
    ]
    print(f"{'resident, KiB':34}{'idle':>9}{'+1000 h1':>10}{'+1000 h2c':>11}")
    for label, start in starts:
        row = []
        for protocol, open_one in [("h1", idle.connection_http1), ("h2c", idle.connection_http2)]:
            party = start(f"idle-{len(label)}-{protocol}")
            answer_awaited(party)
            row += [party.resident_kib()] if not row else []
            open_one(party.port, fields).close()
            before = party.resident_kib()
            with idle.held(open_one, party.port, fields, IDLE_CONNECTIONS):
                row.append(party.resident_kib() - before)
            stage.end(party)
        print(f"{label:34}{row[0]:9}{row[1]:10}{row[2]:11}", flush=True)


def answer_awaited(party):
    """A gateway listens before it serves: waits for any answer."""
    client = http.client.HTTPConnection("127.0.0.1", party.port, timeout=10)
    client.request("GET", "/item")
    client.getresponse().read()
    client.close()


def compare(stage, token, tokens, directory):
    ours = stage.ours("ours")
    logging = stage.ours("ours-log", access="stdout")
    lines = fresh.authorizations(tokens)
    keeping = stage.ours("ours-keep", authorization="keep")
    nghttpx = stage.nghttpx("nghttpx")
    haproxy = stage.haproxy("haproxy", False)
    verifying = stage.haproxy("haproxy-jwt", True)
    cases = {}
    for label, party in [
        ("ours, cached token", ours), ("ours, cached token, access log", logging),
        ("ours, cached token, Authorization kept", keeping),
        ("nghttpx, no auth", nghttpx), ("HAProxy, no auth", haproxy), ("HAProxy, jwt_verify", verifying),
    ]:
        cases["h1", label] = lambda party=party: http1(party, "token", directory)
        cases["h2c", label] = lambda party=party: http2(party, token, directory)
        http1(party, "token", directory, seconds=1)
        http2(party, token, directory, count=2000)
    for label, party in [("ours, fresh tokens", ours), ("HAProxy, jwt_verify, fresh tokens", verifying)]:
        cases["h1", label] = lambda party=party: http1(party, "tokens", directory)
        cases["h2c", label] = lambda party=party: http2_fresh(party, lines)
    cases = {case: cases[case] for case in sorted(cases, key=lambda case: case[0])}

    results = {case: [] for case in cases}
    for number in range(ROUNDS):
        for case, measure in cases.items():
            results[case].append(measure())
        print(f"round {number + 1} of {ROUNDS}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return results


def report(results):
    median = lambda case, name: statistics.median(getattr(one, name) for one in results[case])
    latency = lambda case, name: "-" if getattr(results[case][0], name) is None else f"{median(case, name) / 1000:.2f}"
    print(f"\n{'':42}{'CPU us/request (min-max)':>26}{'user':>7}{'system':>8}{'p50 ms':>8}{'p99 ms':>8}")
    for case, rounds in results.items():
        protocol, label = case
        span = f"{median(case, 'cpu'):.1f} ({min(r.cpu for r in rounds):.1f}-{max(r.cpu for r in rounds):.1f})"
        print(f"{protocol + ' ' + label:42}{span:>26}{median(case, 'user'):7.1f}{median(case, 'system'):8.1f}"
              f"{latency(case, 'p50'):>8}{latency(case, 'p99'):>8}")

    print("\nRatios of CPU, medians of the rounds' own ratios (below 1: ours is cheaper)")

    def ratio(ours, theirs, protocol):
        pairs = zip(results[protocol, ours], results[protocol, theirs])
        return statistics.median(one.cpu / other.cpu for one, other in pairs)

    for ours, theirs in [
        ("ours, cached token", "nghttpx, no auth"), ("ours, cached token, access log", "nghttpx, no auth"),
        ("ours, cached token, Authorization kept", "nghttpx, no auth"), ("ours, cached token", "HAProxy, no auth"),
        ("ours, cached token", "HAProxy, jwt_verify"), ("ours, fresh tokens", "HAProxy, jwt_verify, fresh tokens"),
    ]:
        figures = "  ".join(f"{p} {ratio(ours, theirs, p):.2f}" for p in ("h1", "h2c") if (p, ours) in results)
        print(f"{ours + ' / ' + theirs:62}{figures}")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    versions = [
        subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].split(" - ")[0]
        for command in (["nghttpx", "--version"], ["haproxy", "-v"])]
    print(f"{ROUNDS} rounds of {SECONDS} s over h1 and {REQUESTS} requests over h2c; {'; '.join(versions)}; "
          f"{len(CORES)} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as directory:
        issuer = Issuer()
        token = issuer.token()
        # Half of them for each protocol: what one has used last may still be remembered.
        tokens = issuer.tokens(2 * FRESH_TOKENS)
        with open(f"{directory}/token", "w") as file:
            file.write(token + "\n")
        with open(f"{directory}/tokens", "w") as file:
            file.write("\n".join(tokens[:FRESH_TOKENS]) + "\n")
        with open(f"{directory}/fields", "w") as file:
            file.write("".join(f"{name}: {value}\n" for name, value in FIELDS))
        os.sched_setaffinity(0, {APP_CORE})
        stage = Stage(directory, issuer, {"issuer": ISSUER, "audience": AUDIENCE}, APP_CORE, PROXY_CORE)
        try:
            stage.start_app()
            memory(stage, token)
            report(compare(stage, token, tokens[FRESH_TOKENS:], directory))
        finally:
            stage.end_all()
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
