"""loguru is configured as the edited code says. With the real library."""

from __future__ import annotations

import pytest

from .harness import Project, settled

TEXT = """\
from loguru import logger

logger.remove()
told = []
logger.add(told.append, level=20, format="{{level}} {{message}} {{extra}}")
{line}
log = logger.bind(a=1)

def shown():
    told.clear()
    for level in ("DEBUG", "INFO", *(["NEW"] if "NEW" in logger._core.levels else [])):
        log.log(level, "x")
    return [str(each) for each in told]
"""
LINES = {
    "nothing": "",
    "a sink": "logger.add(told.append, level=10, format='second {message}')",
    "another": "logger.add(told.append, level=5, format='third {message}')",
    "none": "logger.remove()",
    "a level": "logger.level('NEW', no=33)",
    "another number": "logger.level('NEW', no=3)",
    "another icon": "logger.level('INFO', icon='!', color='<red>')",
    "a module": "logger.disable(__name__)",
    "on again": "logger.disable('')\nlogger.enable(__name__)",
    "extra": "logger.configure(extra={'b': 2})",
    "a patcher": "logger.configure(patcher=lambda r: r.update(message='y'))",
}
SINKS = (
    "[(h._levelno, h._stopped, h._is_formatter_dynamic) "
    "for h in main.logger._core.handlers.values()]"
)
LEAST = "main.logger._core.min_level"


@pytest.mark.parametrize("before", LINES)
def test_loguru_is_configured_as_the_edited_code_says(
    project: Project, before: str
) -> None:
    project.start({"main.py": TEXT.format(line=LINES[before])})
    project.exec("main.shown()")
    for after in LINES.values():
        for line in (after, LINES[before]):
            report = project.save({"main.py": TEXT.format(line=line)}, check=False)
            assert report.error is None and report.restart is None
            for expr in ("main.shown()", SINKS, LEAST, "main.logger._core.levels"):
                settled(project, f"repr({expr})")


def test_a_failed_edit_leaves_the_sinks(project: Project) -> None:
    project.start({"main.py": TEXT.format(line=LINES["a sink"])})
    shown = settled(project, "main.shown()")
    ids = "sorted(map(id, main.logger._core.handlers.values()))"
    before = project.eval(ids)
    for text in ("logger.remove()", "", LINES["another"], "logger.disable('')"):
        failing = TEXT.format(line=text) + "1 / 0\n"
        assert project.save({"main.py": failing}, check=False).error
        assert (project.eval("main.shown()"), project.eval(ids)) == (shown, before)
