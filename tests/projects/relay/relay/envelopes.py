"""The other half of the cycle."""

import relay.messages as messages


class Envelope:
    stamp = "1 EUR"

    def __init__(self, content):
        self.content = content

    def open(self):
        return messages.decode_message(str(self.content))

    def __str__(self):
        return f"[{self.stamp} {self.content}]"


def wrap(message):
    return Envelope(message)
