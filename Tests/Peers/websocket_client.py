"""A WebSocket client over HTTP/1.1 (the library `websockets`) or HTTP/2 (the library `h2`, RFC 8441).

websocket_client.py h1|h2 PORT PATH ACTION [-H 'name: value'] [-S subprotocol]

Actions: echo (messages of many sizes), close (until the app closes), wait (until either side ends it), slow (reads
nothing for a while, then everything), leave (ends without a close frame). Prints one JSON object: status, opening
message, subprotocol, close code, what went wrong.
"""

import argparse
import asyncio
import json
import os
import struct
import sys

import h2.config
import h2.connection
import h2.events
import h2.settings
import websockets

SIZES = [0, 1, 125, 126, 127, 65535, 65536, 200000]


class OverHTTP1:
    async def open(self, arguments, headers):
        self.socket = await websockets.connect(
            f"ws://127.0.0.1:{arguments.port}{arguments.path}", extra_headers=headers, subprotocols=arguments.S or None,
            compression=None, max_size=None, open_timeout=20, close_timeout=1)
        return 101, self.socket.subprotocol

    async def send(self, message):
        await self.socket.send(message)

    async def receive(self):
        return await self.socket.recv()

    async def close(self):
        await self.socket.close()
        return self.socket.close_code

    async def ended(self):
        try:
            while True:
                await self.socket.recv()
        except websockets.ConnectionClosed:
            return self.socket.close_code

    def leave(self):
        self.socket.transport.abort()


class OverHTTP2:
    """One stream; frames are written by hand, as the library knows HTTP/2 only."""

    async def open(self, arguments, headers):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", arguments.port)
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.content, self.stream, self.status, self.fields, self.reset, self.over = b"", None, None, {}, None, False
        self.flush()
        while not self.connection.remote_settings.enable_connect_protocol:
            await self.turn()
        fields = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", arguments.path),
            (":authority", f"127.0.0.1:{arguments.port}"), ("sec-websocket-version", "13"),
        ] + [(name.lower(), value) for name, value in headers]
        if arguments.S:
            fields.append(("sec-websocket-protocol", ", ".join(arguments.S)))
        self.stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(self.stream, fields)
        self.flush()
        while self.status is None:
            await self.turn()
        return self.status, self.fields.get("sec-websocket-protocol")

    def flush(self):
        self.writer.write(self.connection.data_to_send())

    async def turn(self):
        data = await self.reader.read(65536)
        if not data:
            self.over = True
            raise EOFError("connection ended")
        for event in self.connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.fields = dict(event.headers)
                self.status = int(self.fields[":status"])
            elif isinstance(event, h2.events.DataReceived):
                self.content += event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length, self.stream)
            elif isinstance(event, h2.events.StreamReset):
                self.reset, self.over = int(event.error_code), True
            elif isinstance(event, h2.events.StreamEnded):
                self.over = True
        self.flush()

    async def write(self, data):
        while data:
            room = min(self.connection.local_flow_control_window(self.stream), self.connection.max_outbound_frame_size)
            if room <= 0:
                await self.turn()
                continue
            self.connection.send_data(self.stream, data[:room])
            data = data[room:]
            self.flush()

    async def send_frame(self, opcode, payload):
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        key = (mask * (length // 4 + 1))[:length]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big") if length else b""
        await self.write(head + mask + masked)

    async def take(self, count):
        while len(self.content) < count:
            if self.over:
                raise EOFError("stream ended")
            await self.turn()
        taken, self.content = self.content[:count], self.content[count:]
        return taken

    async def receive_frame(self):
        first, second = await self.take(2)
        length = second & 127
        if length == 126:
            length = struct.unpack("!H", await self.take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", await self.take(8))[0]
        return first & 15, await self.take(length)

    async def send(self, message):
        if isinstance(message, str):
            await self.send_frame(1, message.encode())
        else:
            await self.send_frame(2, message)

    async def receive(self):
        while True:
            opcode, payload = await self.receive_frame()
            if opcode == 9:
                await self.send_frame(10, payload)
            elif opcode == 8:
                self.code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                raise ConnectionResetError("closed")
            elif opcode in (1, 2):
                return payload.decode() if opcode == 1 else payload

    async def close(self):
        await self.send_frame(8, struct.pack("!H", 1000))
        return await self.ended(answers=False)

    async def ended(self, answers=True):
        self.code = 1006
        try:
            while True:
                await self.receive()
        except ConnectionResetError:
            if answers:
                await self.send_frame(8, struct.pack("!H", self.code))
        except EOFError:
            return self.code
        self.connection.end_stream(self.stream)
        self.flush()
        try:
            while not self.over:
                await self.turn()
        except EOFError:
            pass
        return self.code

    def leave(self):
        self.writer.transport.abort()


async def run(arguments, peer, seen):
    headers = [tuple(part.strip() for part in field.split(":", 1)) for field in arguments.H]
    seen["status"], seen["subprotocol"] = await peer.open(arguments, headers)
    if seen["status"] not in (101, 200):
        return
    seen["opening"] = json.loads(await peer.receive())
    print("open", file=sys.stderr, flush=True)
    if arguments.action == "echo":
        for size in SIZES:
            for message in (os.urandom(size), "a" * size):
                await peer.send(message)
                assert await peer.receive() == message, size
        seen["echoed"] = True
        seen["code"] = await peer.close()
    elif arguments.action == "close":
        await peer.send("now")
        seen["code"] = await peer.ended()
    elif arguments.action == "wait":
        seen["code"] = await peer.ended()
        seen["reset"] = getattr(peer, "reset", None)
    elif arguments.action == "slow":
        await asyncio.sleep(1)
        seen["bytes"] = 0
        for _ in range(64):
            seen["bytes"] += len(await peer.receive())
        seen["code"] = await peer.close()
    elif arguments.action == "leave":
        peer.leave()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("version", choices=["h1", "h2"])
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("action")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-S", action="append", default=[])
    arguments = parser.parse_args()
    peer = OverHTTP1() if arguments.version == "h1" else OverHTTP2()
    seen = {}
    try:
        await asyncio.wait_for(run(arguments, peer, seen), 60)
    except websockets.InvalidStatusCode as error:
        seen["status"] = error.status_code
    except Exception as error:
        seen["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(seen, sort_keys=True))


asyncio.run(main())
