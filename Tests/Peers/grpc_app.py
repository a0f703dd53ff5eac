"""A gRPC app of the four kinds, with bytes for messages, so that nothing has to be generated. Argument: the port.

Unary, ClientStream, ServerStream and Both tell in the initial metadata who the caller is. Fail ends with a status of its
own; Forever streams a message every tenth of a second.
"""

import sys
import time
from concurrent import futures

import grpc


def tell(context):
    fields = dict(context.invocation_metadata())
    context.send_initial_metadata([("x-caller", fields.get("x-user-id", "nobody")), ("x-had-token", str("authorization" in fields))])
    context.set_trailing_metadata([("x-sum", "7")])


def unary(message, context):
    tell(context)
    return message[::-1]


def client_stream(messages, context):
    tell(context)
    return b"".join(messages)


def server_stream(message, context):
    tell(context)
    for index in range(int(message)):
        yield b"%d" % index


def both(messages, context):
    tell(context)
    for message in messages:
        yield message + message


def fail(message, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: 100 %")


def forever(message, context):
    tell(context)
    while context.is_active():
        yield b"tick"
        time.sleep(0.1)


METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "Both": grpc.stream_stream_rpc_method_handler(both),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Forever": grpc.unary_stream_rpc_method_handler(forever),
}

server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", -1)])
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", METHODS),))
assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
