HEADERS = [(b"content-type", b"application/json")]


class Answer:
    def __init__(self, text, status=200):
        self.text = text
        self.status = status

    async def send(self, send):
        start = {"type": "http.response.start", "status": self.status}
        await send({**start, "headers": [*HEADERS]})
        await send({"type": "http.response.body", "body": self.text.encode()})


def missing(query):
    return "nothing here"
