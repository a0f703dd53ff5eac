"""Lets a peer that speaks bytes speak TLS. tls_bridge.py PORT TARGET CA NAME [ALPN]: connections to PORT go on to TARGET, both of
127.0.0.1, under TLS with the server name NAME, whose certificate must be of CA."""

import asyncio
import ssl
import sys

port, target, authority, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
context = ssl.create_default_context(cafile=authority)
if len(sys.argv) > 5:
    context.set_alpn_protocols([sys.argv[5]])


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
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target, ssl=context, server_hostname=name)
    except OSError:
        writer.close()
        return
    await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", port) as server:
        await server.serve_forever()


asyncio.run(main())
