"""The metrics: gathers what the parts of the service count, and writes the lines of Prometheus.

Imported by the API. May import all of the service.
"""
