"""How fast the dashboard is in Chromium, and what open pages cost: `python -m benchmarks.dashboard`."""
