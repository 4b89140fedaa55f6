from .forms import Login, Search
from .tree import TREE

__all__ = ["TREE", "Login", "Search"]
