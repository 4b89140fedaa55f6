from ..models import User
from ..models.users import ANONYMOUS
from .base import Repository


class Users(Repository[User]):
    model = User

    def search(self, text: str) -> list[User]:
        return sorted((u for u in self if text in u.name), key=lambda u: u.name)


users = Users()
users.add(ANONYMOUS)
ann = users.add(User(1, "ann", admin=True))
bob = users.add(User(2, "bob"))
bob.address.city = "Graz"
