"""Decodes requests of OTLP with OpenTelemetry's own package, and prints their spans as one JSON array.

Usage: otel_spans.py FILE..., the body of a request in each.
"""

import json
import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def values(attributes):
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


spans = []
for path in sys.argv[1:]:
    request = ExportTraceServiceRequest()
    with open(path, "rb") as body:
        request.ParseFromString(body.read())
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                spans.append(
                    {
                        "resource": values(resource.resource.attributes),
                        "name": span.name,
                        "kind": Span.SpanKind.Name(span.kind),
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "links": [link.span_id.hex() for link in span.links],
                        "events": [event.name for event in span.events],
                        "status": span.status.message,
                        "attributes": values(span.attributes),
                    }
                )
print(json.dumps(spans, default=str))
