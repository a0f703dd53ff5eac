"""A gRPC client. grpc_client.py PORT CALL [TOKEN]; prints one JSON object: status, message, what came back. Of a
stream it says `open` on standard error when the first message is there."""

import json
import queue
import sys

import grpc

port, call = sys.argv[1], sys.argv[2]
metadata = [("authorization", "Bearer " + sys.argv[3])] if len(sys.argv) > 3 else []
channel = grpc.insecure_channel(
    f"127.0.0.1:{port}", options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
seen = {"received": []}


def finish(response):
    seen["initial"] = dict(response.initial_metadata())
    seen["trailing"] = dict(response.trailing_metadata())


try:
    if call in ("Unary", "Fail", "Large"):
        message = b"abc" * 2_000_000 if call == "Large" else b"abc"
        method = channel.unary_unary(f"/test.Echo/{'Unary' if call == 'Large' else call}")
        answer, response = method.with_call(message, metadata=metadata, timeout=60)
        seen["received"] = [answer.decode()] if call != "Large" else [len(answer)]
        finish(response)
    elif call == "ClientStream":
        method = channel.stream_unary("/test.Echo/ClientStream")
        answer, response = method.with_call(iter([b"a", b"b", b"c"]), metadata=metadata, timeout=60)
        seen["received"] = [answer.decode()]
        finish(response)
    elif call == "Both":
        # Each message is sent when the answer to the one before is here: both directions are open together.
        outgoing = queue.Queue()
        response = channel.stream_stream("/test.Echo/Both")(iter(outgoing.get, None), metadata=metadata, timeout=60)
        for text in ("a", "b", "c"):
            outgoing.put(text.encode())
            seen["received"].append(next(response).decode())
        outgoing.put(None)
        seen["received"] += [message.decode() for message in response]
        finish(response)
    else:
        message = b"1000" if call == "ServerStream" else b""
        response = channel.unary_stream(f"/test.Echo/{call}")(message, metadata=metadata, timeout=60)
        for answer in response:
            if not seen["received"]:
                print("open", file=sys.stderr, flush=True)
            seen["received"].append(answer.decode())
        finish(response)
    seen["status"] = "OK"
except grpc.RpcError as error:
    seen["status"], seen["message"] = error.code().name, error.details()
print(json.dumps(seen))
