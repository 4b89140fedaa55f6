from .about import NAME as name

__version__ = "2.0"
