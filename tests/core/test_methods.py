"""Bodies of methods are patched in classes of any kind, also where a decorator of a
library stands over them or its metaclass has taken them; what it then answers is what a
cold start answers."""

from __future__ import annotations

import textwrap

import pytest

from .harness import Project, ran, settled

MAPPED = """
    from sqlalchemy import create_engine, event, select
    from sqlalchemy.ext.hybrid import hybrid_method, hybrid_property
    from sqlalchemy.orm import (
        DeclarativeBase, Mapped, Session, mapped_column, reconstructor, validates
    )
    from sqlalchemy.pool import StaticPool

    class Base(DeclarativeBase):
        def shared(self):
            return "shared"

    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        price: Mapped[int] = mapped_column(default=lambda: 3)

        def plain(self):
            return "plain"

        @property
        def shown(self):
            return "shown"

        @classmethod
        def made(cls):
            return "made"

        @staticmethod
        def static():
            return "static"

        @hybrid_property
        def hybrid(self):
            return self.price + 10

        @hybrid.inplace.expression
        @classmethod
        def _hybrid_expression(cls):
            return cls.price + 20

        @hybrid_method
        def more(self, n):
            return self.price + 30 + n

        @validates("price")
        def check(self, key, value):
            return value + 40

        @reconstructor
        def again(self):
            self.mark = "mark"

    @event.listens_for(Item, "init")
    def on_init(target, args, kwargs):
        target.seen = "seen"

    def get_value():
        engine = create_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            item = Item(price=5)
            seen = item.seen
            session.add_all([item, Item()])
            session.commit()
            session.expunge_all()
            item, other = session.scalars(select(Item))
            asked = session.execute(select(Item.hybrid, Item.more(1))).all()
            said = [item.plain(), item.shown, Item.made(), Item.static(), item.shared()]
            return [said, item.hybrid, item.more(1), item.mark, seen, item.price,
                    other.price, [tuple(row) for row in asked]]
    """
OF_SQLALCHEMY = [
    ('"plain"', '"plain!"'),
    ('"shown"', '"shown!"'),
    ('"made"', '"made!"'),
    ('"static"', '"static!"'),
    ('"shared"', '"shared!"'),
    ("+ 10", "+ 11"),
    ("+ 20", "+ 21"),
    ("+ 30", "+ 31"),
    ("+ 40", "+ 41"),
    ('"mark"', '"mark!"'),
    ('"seen"', '"seen!"'),
    ("lambda: 3", "lambda: 4"),
]
VALIDATED = """
    from typing import Annotated

    from pydantic import (
        AfterValidator, BaseModel, Field, TypeAdapter, computed_field, field_serializer,
        field_validator, model_serializer, model_validator,
    )
    from sqlmodel import Field as Column, SQLModel

    def checked(v):
        return v + 510

    class P(BaseModel):
        a: int = 1
        b: list[int] = []
        c: Annotated[int, AfterValidator(checked)] = 1
        d: Annotated[int, AfterValidator(lambda v: v + 520)] = 1
        e: int = Field(default_factory=lambda: 530)

        def plain(self):
            return "plain"

        @property
        def shown(self):
            return "shown"

        @classmethod
        def made(cls):
            return "made"

        @computed_field
        @property
        def computed(self) -> int:
            return 540

        @field_validator("a")
        @classmethod
        def check(cls, value):
            return value + 550

        @field_validator("b", mode="wrap")
        @classmethod
        def around(cls, value, handler):
            return handler(value) + [560]

        @model_validator(mode="before")
        @classmethod
        def first(cls, data):
            return {**data, "b": [570]}

        @model_validator(mode="after")
        def last(self):
            self.a += 580
            return self

        @field_serializer("a")
        def written(self, value):
            return value + 590

        @model_serializer(mode="wrap")
        def whole(self, handler):
            return {**handler(self), "x": 600}

        def model_post_init(self, context):
            self.b.append(610)

    class T(SQLModel, table=True):
        id: int | None = Column(default=None, primary_key=True)

        def plain(self):
            return "of a table"

    adapter = TypeAdapter(list[P])

    def get_value():
        p = adapter.validate_python([{"a": 5, "b": [1], "c": 1, "d": 1}])[0]
        return [p.plain(), p.shown, P.made(), p.model_dump(), T().plain()]
    """
OF_PYDANTIC = [
    ('"plain"', '"plain!"'),
    ('"shown"', '"shown!"'),
    ('"made"', '"made!"'),
    *((f"{number}", f"{number + 1}") for number in range(510, 620, 10)),
    ('"of a table"', '"of a table!"'),
]
OTHERS = """
    import dataclasses
    import enum
    from typing import NamedTuple, Protocol

    @dataclasses.dataclass(slots=True)
    class D:
        a: int = 1

        def plain(self):
            return "dataclass"

        def __post_init__(self):
            self.a += 10

    class E(enum.Enum):
        A = 1
        B = 2

        def plain(self):
            return "enum"

        @classmethod
        def _missing_(cls, value):
            return cls.A

    class Shape(Protocol):
        def plain(self):
            return "protocol"

    class Square(Shape):
        pass

    class N(NamedTuple):
        a: int = 1

        def plain(self):
            return "tuple"

    def get_value():
        made = [D(), E.A, Square(), N()]
        return [*(each.plain() for each in made), D().a, E(7).name]
    """
OF_PYTHON = [
    ('"dataclass"', '"dataclass!"'),
    ("+= 10", "+= 11"),
    ('"enum"', '"enum!"'),
    ("return cls.A", "return cls.B"),
    ('"protocol"', '"protocol!"'),
    ('"tuple"', '"tuple!"'),
]
PROGRAMS = {
    "SQLAlchemy": (MAPPED, OF_SQLALCHEMY),
    "pydantic": (VALIDATED, OF_PYDANTIC),
    "Python": (OTHERS, OF_PYTHON),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_bodies_of_methods_are_patched(project: Project, name: str) -> None:
    program, edits = PROGRAMS[name]
    # the oracle would compare addresses that pydantic shows
    project.start({"main.py": program}, check=False)
    for old, new in edits:
        project.exec("import main; main.get_value()")
        report = project.edit("main.py", old, new, check=False)
        assert ran(report) == [] and len(report.patched) == 1, (old, report)
        settled(project, "main.get_value()")


LAZY = """
    from sqlalchemy import ForeignKey, create_engine, select
    from sqlalchemy.orm import (
        DeclarativeBase, Mapped, Session, mapped_column, relationship
    )
    from sqlalchemy.pool import StaticPool

    class Base(DeclarativeBase):
        pass

    class Owner(Base):
        __tablename__ = "owner"
        id: Mapped[int] = mapped_column(primary_key=True)
        items: Mapped[list["Item"]] = relationship(order_by=lambda: Item.id.asc())

    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        owner_id: Mapped[int] = mapped_column(ForeignKey("owner.id"))

    def get_value():
        engine = create_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add(Owner(id=1, items=[Item(id=1), Item(id=2)]))
            session.commit()
            session.expunge_all()
            return [item.id for item in session.scalars(select(Owner)).one().items]
    """


def test_what_a_relationship_has_evaluated_is_evaluated_again(project: Project) -> None:
    project.start({"main.py": LAZY})
    assert project.eval("main.get_value()") == [1, 2]
    report = project.edit("main.py", "asc()", "desc()")
    assert "main: class Owner" in ran(report)
    assert settled(project, "main.get_value()") == [2, 1]


BY_NAME = {
    "its code": ("return Item.id.asc()", "return Item.id.desc()"),
    "what it calls": ("    return column.desc()", "    return column.asc()"),
    "what it reads": ("BACKWARDS = False", "BACKWARDS = True"),
}


@pytest.mark.parametrize("how", BY_NAME)
@pytest.mark.parametrize("given", ["by_id", "orders.by_id", "lambda: by_id()"])
def test_a_function_that_a_relationship_is_given_by_name(
    project: Project, given: str, how: str
) -> None:
    old, new = BY_NAME[how]
    orders = """
        BACKWARDS = False

        def backwards(column):
            return column.desc()

        def by_id():
            from main import Item
            if BACKWARDS:
                return backwards(Item.id)
            return Item.id.asc()
        """
    main = LAZY.replace("lambda: Item.id.asc()", given)
    if how == "what it calls":
        orders = orders.replace("BACKWARDS = False", "BACKWARDS = True")
    main = f"    import orders\n    from orders import by_id\n{main}"
    project.start({"orders.py": orders, "main.py": main})
    before = project.eval("main.get_value()")
    report = project.edit("orders.py", old, new)
    assert "main: class Owner" in ran(report)
    after = settled(project, "main.get_value()")
    assert after != before and sorted(after) == [1, 2]


MODELS = textwrap.dedent("""
    from sqlalchemy import ForeignKey, select
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

    class Base(DeclarativeBase):
        pass

    class P(Base):
        __tablename__ = "p"
        id: Mapped[int] = mapped_column(primary_key=True)

    class R(Base):
        __tablename__ = "r"
        id: Mapped[int] = mapped_column(primary_key=True)
        p_id: Mapped[int] = mapped_column(ForeignKey("p.id"))
        p: Mapped[P] = relationship()
    """)
TABLES = textwrap.dedent("""
    from sqlmodel import Field, Relationship, SQLModel, select

    class P(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)

    class R(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        p_id: int = Field(foreign_key="p.id")
        p: P = Relationship()
    """)
CLAUSES = {
    "a comparison": ("P.id == 1", "P.id == 2"),
    "an order": ("[P.id.desc()]", "[P.id.asc()]"),
    "a query": ("select(P)", "select(P).where(P.id == 3)"),
    "two models": ("R.p_id == P.id", "P.id == R.p_id"),
}


@pytest.mark.parametrize("models", [MODELS, TABLES], ids=["sqlalchemy", "sqlmodel"])
def test_clauses_can_be_edited_without_their_models(
    project: Project, models: str
) -> None:
    lines = [f"c{i} = {old}" for i, (old, _) in enumerate(CLAUSES.values())]
    main = "\n".join(["from models import *", *lines, ""])
    project.start({"models.py": models, "main.py": main})
    for i, (old, new) in enumerate(CLAUSES.values()):
        for before, after in ((old, new), (new, old)):
            edit = f"c{i} = {before}\n", f"c{i} = {after}\n"
            report = project.edit("main.py", *edit, check=False)
            assert ran(report) == [f"main: c{i} = {after}"]
    settled(project, "str(main.c0), str(main.c1[0]), str(main.c2), str(main.c3)")
