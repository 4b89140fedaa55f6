WORDS = {"plain": "sent"}


def sent(backend, message):
    return f"{backend} {WORDS.get(backend, 'shouted')} {message}"
