"""Connections that have had one answer and stay open."""

import contextlib
import socket
import struct


def connection_http1(port, fields):
    peer = socket.create_connection(("127.0.0.1", port), 10)
    head = "GET /item HTTP/1.1\r\nHost: app.example.com\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
    peer.sendall(head.encode() + b"\r\n")
    answer = b""
    while not answer.endswith(b"}\n"):
        data = peer.recv(4096)
        assert data, answer
        answer += data
    assert answer.startswith(b"HTTP/1.1 200"), answer
    return peer


def string(text):
    """A string literal of HPACK without Huffman coding (RFC 7541 section 5.2)."""
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, length = len(data) - 127, bytearray([127])
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    return bytes(length) + bytes([rest]) + data


def connection_http2(port, fields):
    """One request by prior knowledge: preface, empty SETTINGS, one HEADERS frame; then reads to the end of stream 1."""
    peer = socket.create_connection(("127.0.0.1", port), 10)
    section = b"\x82\x86" + b"".join(
        b"\x00" + string(name.lower()) + string(value)
        for name, value in [(":authority", "app.example.com"), (":path", "/item"), *fields])
    peer.sendall(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
        + struct.pack(">I", len(section))[1:] + bytes([1, 5, 0, 0, 0, 1]) + section)
    incoming = peer.makefile("rb")
    while True:
        head = incoming.read(9)
        assert len(head) == 9
        kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
        incoming.read(int.from_bytes(head[:3], "big"))
        assert kind not in (3, 7), "the stream or the connection was refused"
        if kind == 4 and not flags & 1:
            peer.sendall(bytes([0, 0, 0, 4, 1, 0, 0, 0, 0]))
        if stream == 1 and kind in (0, 1) and flags & 1:
            return peer


@contextlib.contextmanager
def held(open_one, port, fields, count):
    peers = []
    try:
        for _ in range(count):
            peers.append(open_one(port, fields))
        yield
    finally:
        for peer in peers:
            peer.close()
