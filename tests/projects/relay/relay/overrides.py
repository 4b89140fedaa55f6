LIMIT = 9
COLOR = "red"
