"""Another token with each request over HTTP/2, which h2load cannot do: as many requests in flight as there, sections coded as
it codes them (fields indexed, Authorization never, strings in Huffman code). Slower than h2load, so its latencies are mostly
its own: what means something is the gateway's CPU time."""

import itertools
import selectors
import socket
import struct
import time

from hpack import Encoder
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
WINDOW = 2**31 - 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, first, bits):
    """RFC 7541 section 5.1."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    data, value = bytearray([first | limit]), value - limit
    while value >= 128:
        data.append(value % 128 + 128)
        value //= 128
    return bytes(data + bytes([value]))


def authorizations(tokens):
    """Authorization lines, never indexed: the name is entry 23 of the static table."""
    coder = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
    lines = []
    for token in tokens:
        value = coder.encode(f"Bearer {token}".encode())
        lines.append(integer(23, 0x10, 4) + integer(len(value), 0x80, 7) + value)
    return lines


class Connection:
    """Keeps `streams` requests in flight as long as `take` gives lines."""

    def __init__(self, port, fields, streams, take):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.take, self.next_stream, self.in_flight = take, 1, 0
        self.buffer = b""
        self.sent, self.latencies = {}, []
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "app.example.com"), (":path", "/item")]
        head += [(name.lower(), value) for name, value in fields]
        encoder = Encoder()
        self.first = encoder.encode(head)
        self.section = encoder.encode(head)
        self.socket.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, WINDOW))
            + frame(8, 0, 0, struct.pack(">I", WINDOW - 65535)))
        self.request(streams)

    def request(self, count):
        output = []
        for line in itertools.islice(self.take, count):
            section = self.first if self.next_stream == 1 else self.section
            output.append(frame(HEADERS, 5, self.next_stream, section + line))
            self.sent[self.next_stream] = time.perf_counter()
            self.next_stream += 2
            self.in_flight += 1
        if output:
            self.socket.sendall(b"".join(output))

    def read(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise SystemExit("fresh.py: the gateway closed a connection")
        data, offset, ended = self.buffer + data, 0, 0
        while len(data) - offset >= 9:
            length = int.from_bytes(data[offset:offset + 3], "big")
            if len(data) - offset < 9 + length:
                break
            kind, flags, payload = data[offset + 3], data[offset + 4], data[offset + 9:offset + 9 + length]
            offset += 9 + length
            if kind in (DATA, HEADERS) and flags & 1:
                ended += 1
                stream = int.from_bytes(data[offset - length - 4:offset - length], "big")
                self.latencies.append(time.perf_counter() - self.sent.pop(stream))
            if kind == HEADERS:
                self.check_status(payload)
            elif kind == SETTINGS and not flags & 1:
                self.socket.sendall(frame(SETTINGS, 1, 0))
            elif kind == PING and not flags & 1:
                self.socket.sendall(frame(PING, 1, 0, payload))
            elif kind in (RST_STREAM, GOAWAY):
                raise SystemExit(f"fresh.py: the gateway sent frame {kind}")
        self.buffer = data[offset:]
        self.in_flight -= ended
        self.request(ended)

    def check_status(self, section):
        """`:status: 200` is entry 8 of the static table and comes first, but for changes of the table's size."""
        first = next(byte for byte in section if byte & 0xE0 != 0x20)
        if first != 0x88:
            raise SystemExit("fresh.py: an answer is no 200")


def run(port, fields, lines, connections=8, streams=16):
    """Sends one request for each of the lines; returns the seconds that each answer took, all of them 200."""
    take = iter(lines)
    opened = [Connection(port, fields, streams, take) for _ in range(connections)]
    with selectors.DefaultSelector() as selector:
        for one in opened:
            selector.register(one.socket, selectors.EVENT_READ, one)
        while any(one.in_flight for one in opened):
            ready = selector.select(30)
            if not ready:
                raise SystemExit("fresh.py: no answer for 30 s")
            for key, _ in ready:
                key.data.read()
    for one in opened:
        one.socket.close()
    return [latency for one in opened for latency in one.latencies]
