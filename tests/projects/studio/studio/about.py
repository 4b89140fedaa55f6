NAME = "studio"
AUTHORS = ["ann", "bob"]


def banner(*, mark: str = "*", width: int = 3) -> str:
    return f"{mark * width} {NAME} {mark * width}"
