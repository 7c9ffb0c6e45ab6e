"""A collector that takes OTLP over HTTP as the specification has it, and says all that it was told.

Messages are read by the types of the OpenTelemetry project; what is in them beyond those, or breaks
a rule of them, is a problem. Each line it prints is one JSON document: what was told, or a problem.
Each line it reads is how it answers from then on: a status, or `hang` until the next line.
"""

import importlib
import json
import pkgutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable
from google.protobuf.json_format import MessageToDict
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

TYPES = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
}


def names_of(package):
    """The attributes that the conventions name."""
    for module in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{module.name}")
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str):
                yield value


NAMES = {*names_of(stable), *names_of(incubating)}
lock = threading.Condition()
behaviour = "200"
# What every series had come to, and since when, by process, metric and labels.
known = {}


def say(document):
    with lock:
        print(json.dumps(document), flush=True)


def unknown_fields(message):
    if len(UnknownFieldSet(message)) > 0:
        yield f"{message.DESCRIPTOR.name} has fields that are not known"
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in value if hasattr(value, "append") or hasattr(value, "add") else [value]:
                yield from unknown_fields(one)


def attributes(of):
    names = [pair.key for pair in of]
    if len(set(names)) != len(names):
        yield f"attributes are repeated: {names}"
    for pair in of:
        if not pair.key.startswith("greentic.") and pair.key not in NAMES:
            yield f"no convention names {pair.key}"
        if pair.value.WhichOneof("value") is None:
            yield f"{pair.key} has no value"


def resource(of):
    yield from attributes(of.attributes)
    names = {pair.key for pair in of.attributes}
    for needed in ("service.name", "service.version", "service.instance.id"):
        if needed not in names:
            yield f"{needed} is missing"


def span(of):
    if len(of.trace_id) != 16 or not any(of.trace_id):
        yield "the trace id is none"
    if len(of.span_id) != 8 or not any(of.span_id):
        yield "the span id is none"
    if len(of.parent_span_id) not in (0, 8):
        yield "the parent is none"
    if not 0 < of.start_time_unix_nano <= of.end_time_unix_nano:
        yield "it ends before it begins"
    if of.kind != of.SPAN_KIND_SERVER or not of.name:
        yield "it is no named span of a server"
    names = {pair.key for pair in of.attributes}
    for needed in ("http.request.method", "url.path", "url.scheme"):
        if needed not in names:
            yield f"{needed} is missing"
    yield from attributes(of.attributes)


def point(process, metric, of, value):
    """A cumulative series goes on from what it was, or says that it began anew."""
    labels = tuple(sorted((pair.key, pair.value.string_value) for pair in of.attributes))
    start, at = of.start_time_unix_nano, of.time_unix_nano
    if not 0 < start <= at:
        yield f"{metric} begins after it was read"
    before = known.get((process, metric, labels))
    known[(process, metric, labels)] = (start, at, value)
    if before is not None:
        began, read, was = before
        if at <= read or start < began:
            yield f"{metric} goes back in time"
        if start == began and any(now < then for now, then in zip(value, was)):
            yield f"{metric}{labels} went from {was} to {value} without beginning anew"
    yield from attributes(of.attributes)


def metric(process, of):
    if not (of.name and of.description and of.unit):
        yield f"{of.name} is not described"
    kind = of.WhichOneof("data")
    data = getattr(of, kind)
    if kind != "gauge" and data.aggregation_temporality != 2:
        yield f"{of.name} is not cumulative"
    if kind == "sum" and not data.is_monotonic:
        yield f"{of.name} may go down"
    seen = set()
    for one in data.data_points:
        labels = tuple(sorted((pair.key, pair.value.string_value) for pair in one.attributes))
        if labels in seen:
            yield f"{of.name}{labels} is there twice"
        seen.add(labels)
        if kind == "histogram":
            counts, bounds = list(one.bucket_counts), list(one.explicit_bounds)
            if len(counts) != len(bounds) + 1 or sum(counts) != one.count:
                yield f"the buckets of {of.name} do not agree"
            if bounds != sorted(set(bounds)):
                yield f"the bounds of {of.name} do not rise"
            yield from point(process, of.name, one, [*counts, one.sum])
        elif kind == "sum":
            yield from point(process, of.name, one, [one.as_int])
        else:
            yield from attributes(one.attributes)


def problems(message):
    yield from unknown_fields(message)
    for group in getattr(message, "resource_spans", []):
        yield from resource(group.resource)
        for one in (one for scope in group.scope_spans for one in scope.spans):
            yield from span(one)
    for group in getattr(message, "resource_metrics", []):
        yield from resource(group.resource)
        process = group.resource.SerializeToString()
        for one in (one for scope in group.scope_metrics for one in scope.metrics):
            yield from metric(process, one)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with lock:
            lock.wait_for(lambda: behaviour != "hang")
            status = int(behaviour)
        answer = b""
        if status == 200:
            request, response = TYPES[self.path]
            if self.headers["content-type"] != "application/x-protobuf":
                say({"problem": "it does not say that it is protobuf"})
            message = request.FromString(body)
            for problem in problems(message):
                say({"problem": problem})
            say({"path": self.path, "headers": dict(self.headers), "told": MessageToDict(message)})
            answer = response().SerializeToString()
        else:
            say({"refused": self.path})
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        # Who was kept waiting may have gone.
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            say({"problem": repr(error)})


server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
say({"port": server.server_port})
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    with lock:
        behaviour = line.strip()
        lock.notify_all()
