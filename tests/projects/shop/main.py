"""The shop's entry."""

from shop.app import create_app
from shop.settings import get_settings

app = create_app(get_settings())


@app.get("/")
def index():
    return {"name": app.title, "routes": len(app.routes)}
