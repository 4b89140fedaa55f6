"""The Python examples of Starlette's own documentation, from the sdist of the installed
version; none of it is part of this repository."""

from __future__ import annotations

import re
import tarfile

from .fastapi_docs import sdist_of

_BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documentation_example(page: str, *words: str) -> str:
    """The one example on a page in which all the words stand. Raises Unavailable."""
    sdist = sdist_of("starlette")
    name = f"{sdist.name.removesuffix('.tar.gz')}/docs/{page}.md"
    with tarfile.open(sdist) as archive:
        file = archive.extractfile(name)
        assert file is not None, name
        text = file.read().decode()
    found = [
        block for block in _BLOCK.findall(text) if all(word in block for word in words)
    ]
    assert len(found) == 1, f"{len(found)} examples on {page} with {words}"
    return found[0]
