"""A server of gRPC, and a client that tries everything it has: `serve [key cert]` and `call address`."""

import sys
import threading
from concurrent import futures

import grpc

SERVICE = "test.Calls"
# How long anything here may take, in seconds.
PATIENCE = 20


class Calls(grpc.GenericRpcHandler):
    """Methods whose messages are bytes as they are."""

    def __init__(self):
        self.over = threading.Semaphore(0)

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        kind = {
            "Echo": grpc.unary_unary_rpc_method_handler,
            "Fail": grpc.unary_unary_rpc_method_handler,
            "Wait": grpc.unary_stream_rpc_method_handler,
            "Ended": grpc.unary_unary_rpc_method_handler,
            "Count": grpc.unary_stream_rpc_method_handler,
            "Sum": grpc.stream_unary_rpc_method_handler,
            "Chat": grpc.stream_stream_rpc_method_handler,
        }.get(name)
        return kind and kind(getattr(self, name.lower()))

    def ended(self, request, context):
        return str(self.over.acquire(timeout=PATIENCE)).encode()

    def echo(self, request, context):
        said = dict(context.invocation_metadata())
        context.set_trailing_metadata((("x-said-bin", said.get("x-said-bin", b"")),))
        return request

    def fail(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no such thing: ü")

    def wait(self, request, context):
        over = threading.Event()

        def end():
            over.set()
            self.over.release()

        # A call that is over before it is gone on with is never gone on with: only this hears of it.
        if not context.add_callback(end):
            end()
        yield b"begun"
        over.wait()

    def count(self, request, context):
        for i in range(int(request)):
            yield str(i).encode()

    def sum(self, requests, context):
        return str(sum(len(request) for request in requests)).encode()

    def chat(self, requests, context):
        for request in requests:
            yield request.upper()


def serve(key=None, certificate=None):
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=(Calls(),))
    if key:
        pair = (open(key, "rb").read(), open(certificate, "rb").read())
        port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()


def call(address):
    options = [("grpc.default_authority", "calls.test")]
    channel = grpc.insecure_channel(address, options)

    def method(kind, name):
        return getattr(channel, kind)(f"/{SERVICE}/{name}")

    echo, count = method("unary_unary", "Echo"), method("unary_stream", "Count")
    said = (("x-said-bin", bytes(range(256))),)
    answer, ended = echo.with_call(b"hello", timeout=PATIENCE, metadata=said)
    assert answer == b"hello", answer
    trailers = dict(ended.trailing_metadata())
    assert trailers["x-said-bin"] == bytes(range(256)), trailers
    # More than any window.
    large = b"x" * (3 << 20)
    assert echo(large, timeout=PATIENCE) == large
    assert echo(b"", timeout=PATIENCE) == b""

    assert len(list(count(b"5000", timeout=PATIENCE))) == 5000
    assert list(count(b"0", timeout=PATIENCE)) == []
    pieces = (b"x" * 1000 for _ in range(2000))
    assert method("stream_unary", "Sum")(pieces, timeout=PATIENCE) == b"2000000"

    # Each word is said only when the one before was answered.
    answered = threading.Semaphore(1)

    def words():
        for word in (b"one", b"two", b"three"):
            answered.acquire()
            yield word

    heard = []
    for word in method("stream_stream", "Chat")(words(), timeout=PATIENCE):
        heard.append(word)
        answered.release()
    assert heard == [b"ONE", b"TWO", b"THREE"], heard

    failed = refused(lambda: method("unary_unary", "Fail")(b"", timeout=PATIENCE))
    assert failed.code() == grpc.StatusCode.NOT_FOUND, failed
    assert failed.details() == "there is no such thing: ü", failed
    unknown = refused(lambda: method("unary_unary", "Nothing")(b"", timeout=PATIENCE))
    assert unknown.code() == grpc.StatusCode.UNIMPLEMENTED, unknown

    # A client that has had enough, and one whose time is over: the server hears of both.
    wait = method("unary_stream", "Wait")
    waiting = wait(b"")
    assert next(waiting) == b"begun"
    waiting.cancel()
    assert method("unary_unary", "Ended")(b"", timeout=PATIENCE) == b"True"
    waiting = wait(b"", timeout=1)
    late = refused(lambda: list(waiting))
    assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED, late
    assert method("unary_unary", "Ended")(b"", timeout=PATIENCE) == b"True"

    # Many at once, in one connection.
    asked = [echo.future(str(i).encode(), timeout=PATIENCE) for i in range(200)]
    assert [it.result() for it in asked] == [str(i).encode() for i in range(200)]


def refused(asking):
    try:
        said = asking()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"it was answered: {said}")


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
