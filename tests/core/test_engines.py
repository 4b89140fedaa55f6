"""SQLAlchemy engines are disposed of once they are no more; models below a base of the
program's own follow it."""

from __future__ import annotations

from .harness import Project, ran, settled

DATABASE = """\
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

class Database:
    def __init__(self, name):
        self.engine = create_engine(f"sqlite:///{name}.db")

database = Database("a")

def use():
    with Session(database.engine) as session:
        session.execute(text("select 1"))
    return str(database.engine.url), database.engine.pool.checkedin()

x = 1
"""
# As the server does when an edit is over; how many engines were disposed of.
RETIRE = """
from hmr_serve import adapters
ends = adapters.retired()
for end in ends:
    end()
"""


def test_an_engine_that_is_replaced_is_disposed_of(project: Project) -> None:
    project.start({"main.py": DATABASE})
    assert project.eval("main.use()") == ("sqlite:///a.db", 1)
    old = '"a"'
    for number in range(20):
        new = f'"a{number}"'
        project.exec("last = sys.modules['main'].database.engine")
        project.edit("main.py", old, new, check=False)
        assert project.eval("last.pool.checkedin()") == 1  # a request may use it
        project.exec(RETIRE)
        assert project.eval("(len(ends), last.pool.checkedin())") == (1, 0)
        settled(project, "main.use()")
        old = new
    report = project.edit("main.py", "x = 1", "x = 2", check=False)
    project.exec(RETIRE)
    assert ran(report) == ["main: x = 2"]
    assert project.eval("(len(ends), main.database.engine.pool.checkedin())") == (0, 1)
    project.exec("last = sys.modules['main'].database.engine")
    project.edit("main.py", 'database = Database("a19")\n', "", check=False)
    project.exec(RETIRE)
    assert project.eval("(len(ends), last.pool.checkedin())") == (1, 0)


def test_a_failed_edit_leaves_the_engine(project: Project) -> None:
    project.start({"main.py": DATABASE})
    project.eval("main.use()")
    project.exec("last = sys.modules['main'].database.engine")
    text = DATABASE.replace('"a"', '"b"') + "database.engine.connect()\n1 / 0\n"
    assert project.save({"main.py": text}, check=False).error
    project.exec(RETIRE)  # the edit's own engine, unless it was collected already
    assert project.eval("len(ends) < 2 and last.pool.checkedin() == 1")
    assert project.eval("main.database.engine is last")
    project.save({"main.py": DATABASE.replace('"a"', '"b"')}, check=False)
    project.exec(RETIRE)
    assert project.eval("(len(ends), last.pool.checkedin())") == (1, 0)


BASE = """\
from sqlalchemy.orm import DeclarativeBase

class Base(DeclarativeBase):
    pass
"""
TEAMS = """\
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship
from base import Base

class Team(Base):
    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    heroes: Mapped[list["Hero"]] = relationship(back_populates="team")
"""
HEROES = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship
from base import Base

class Hero(Base):
    __tablename__ = "hero"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    team: Mapped["Team"] = relationship(back_populates="heroes")
"""
MAIN = """\
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from base import Base
from teams import Team
from heroes import Hero

def use():
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Hero(name="A", team=Team()))
        session.flush()
        hero = session.scalars(select(Hero)).one()
        tables = {t.name: list(t.columns.keys()) for t in Base.metadata.sorted_tables}
        return hero.team.heroes[0] is hero, type(hero.team) is Team, tables
"""


def test_models_of_a_base_elsewhere_are_edited(project: Project) -> None:
    files = {"base.py": BASE, "teams.py": TEAMS, "heroes.py": HEROES, "main.py": MAIN}
    project.start(files)
    settled(project, "main.use()")
    old = "    name: Mapped[str]\n"
    for number in range(20):
        new = f"    name: Mapped[str]\n    n{number}: Mapped[int | None]\n"
        report = project.edit("heroes.py", old, new, check=False)
        assert report.error is None and report.restart is None
        assert settled(project, "main.use()")[:2] == (True, True)
        old = new
    project.edit("teams.py", '= "team"', '= "teams"', check=False)
    project.edit("heroes.py", '"team.id"', '"teams.id"', check=False)
    assert "teams" in settled(project, "main.use()")[2]
