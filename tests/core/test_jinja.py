"""Templates of Jinja are read by requests: a changed file is read again."""

from __future__ import annotations

from .harness import Project

MAIN = """\
import os
import jinja2

folder = os.path.join(os.path.dirname(__file__), "templates")
env = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), auto_reload=False)
"""


def test_a_changed_template_is_read_again(project: Project) -> None:
    project.write({"templates/a.html": "{% include 'b.html' %}"})
    project.write({"templates/b.html": "one"})
    project.start({"main.py": MAIN}, check=False)
    render = "main.env.get_template('a.html').render()"
    assert project.eval(render) == "one"
    project.write({"templates/b.html": "another"})
    assert project.eval(render) == "another"
    project.write({"templates/a.html": "two"})
    assert project.eval(render) == "two"
    assert project.eval("main.env.auto_reload") is False
