class Codec:
    name = "base"

    def encode(self, text):
        return text

    def twice(self, text):
        return self.encode(self.encode(text))
