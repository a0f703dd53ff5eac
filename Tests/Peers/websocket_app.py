"""A WebSocket app over HTTP/1.1, by the library `websockets`: it behaves as asgi_app.py does. Arguments: the port;
for TLS, the files of certificate and key."""

import asyncio
import http
import json
import ssl
import sys

import websockets


async def serve(socket):
    opening = {"path": socket.path, "version": "1.1", "headers": [[n.lower(), v] for n, v in socket.request_headers.raw_items()]}
    await socket.send(json.dumps(opening))
    if socket.path.endswith("/flood"):
        for _ in range(64):
            await socket.send(bytes(65536))
    async for message in socket:
        if socket.path.endswith("/close"):
            await socket.close(4001)
            return
        await socket.send(message)


async def refuse(path, headers):
    if path.endswith("/deny"):
        return http.HTTPStatus.FORBIDDEN, [("content-type", "text/plain")], b"no"


def choose(client, server):
    return client[0] if client else None


def security():
    if len(sys.argv) < 4:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    return context


async def main():
    async with websockets.serve(
        serve, "127.0.0.1", int(sys.argv[1]), subprotocols=["chat"], select_subprotocol=choose, process_request=refuse,
        compression=None, max_size=None, ssl=security(),
    ):
        await asyncio.Future()


asyncio.run(main())
