from ..decorators import with_attributes
from ..fields import Number, Text
from .base import Form


class Login(Form):
    user = Text(default="guest", help="your name")
    age = Number(help="in years")


@with_attributes(icon="lens", hot=True)
class Search(Form):
    method = "post"
    text = Text(help="what to look for")
    page = Number(default=1)


class Advanced(Search):
    depth = Number(default=2, help="how deep")


LOGIN = Login(user=" ann ", age="3")
