"""Measures the service from outside: a real process, its public REST API, and a sink that receives its calls."""
