"""HTTP around the handlers: who may ask, connections, answers, and the OpenAPI document."""
