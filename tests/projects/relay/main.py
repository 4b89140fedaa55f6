"""The relay's entry: pure ASGI, imports of every kind."""

import relay
from relay import router

app = router.Router(relay.routes())
said = [relay.shout("started"), relay.whisper("Started"), relay.Tracer("{}{}")]

if __name__ == "__main__":
    raise SystemExit("serve it")
