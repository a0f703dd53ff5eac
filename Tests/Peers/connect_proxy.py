"""A proxy that opens tunnels (RFC 9110 section 9.3.6), whatever name is asked for, to one port of this machine.

usage: connect_proxy.py PORT TARGET-PORT: prints each request's first line and Proxy-Authorization.
"""

import asyncio
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return writer.close()
    credential = [line for line in head if line.lower().startswith("proxy-authorization:")]
    print(head[0], *credential, flush=True)
    if not head[0].startswith("CONNECT "):
        writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        return writer.close()
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


asyncio.run(main())
