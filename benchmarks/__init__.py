"""Measured beside the peers: ./dev bench NAME. See docs/benchmarks.md."""
