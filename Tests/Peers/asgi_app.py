"""An ASGI app for hypercorn, which serves WebSockets over HTTP/1.1 and, by extended CONNECT, over HTTP/2.

A WebSocket gets the opening request as JSON in its first message, then each of its messages back.
/deny refuses, /close ends with 4001 after one message, /flood sends 4 MiB in frames of 64 KiB.
HTTP: the content comes back, or the request as JSON where there is none. /events sends fifty events in half a second and more,
/events/held one after the other until somebody asks for /events/release, then a last one, `released`.
"""

import asyncio
import json

# Once released, for good.
released = []


def opening(scope):
    return {
        "path": scope["path"], "version": scope["http_version"], "subprotocols": scope.get("subprotocols", []),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
    }


async def websocket(scope, receive, send):
    await receive()
    if scope["path"].endswith("/deny"):
        await send({"type": "websocket.close"})
        return
    offered = scope.get("subprotocols", [])
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    await send({"type": "websocket.send", "text": json.dumps(opening(scope))})
    if scope["path"].endswith("/flood"):
        for _ in range(64):
            await send({"type": "websocket.send", "bytes": bytes(65536)})
    while True:
        event = await receive()
        if event["type"] != "websocket.receive":
            return
        if scope["path"].endswith("/close"):
            await send({"type": "websocket.close", "code": 4001})
            return
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


async def events(scope, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    is_held, number = scope["path"].endswith("/held"), 0
    while not released if is_held else number < 50:
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        number += 1
        await asyncio.sleep(0.01)
    await send({"type": "http.response.body", "body": b"data: released\n\n" if is_held else b""})


async def http(scope, receive, send):
    if scope["path"] in ("/events", "/events/held"):
        await events(scope, send)
        return
    if scope["path"] == "/events/release":
        released.append(True)
    content = b""
    while True:
        event = await receive()
        content += event.get("body", b"")
        if not event.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": content or json.dumps(opening(scope)).encode()})


async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await websocket(scope, receive, send)
    elif scope["type"] == "http":
        await http(scope, receive, send)
    else:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
