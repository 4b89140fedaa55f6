"""`python -m hmr_serve` is `hmr-serve`."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main(prog_name="python -m hmr_serve")
