"""A model that takes its time to load, in the same file as the route that uses it."""

import os
import time

from fastapi import APIRouter
from pydantic import BaseModel

LOAD_SECONDS = float(os.environ.get("EXAMPLE_LOAD_SECONDS", "5"))


class SentimentModel:
    """Stands in for a few gigabytes of weights: loading is slow, asking is fast."""

    def __init__(self, layers: int = 50) -> None:
        self.weights: dict[str, float] = {}
        for layer in range(layers):
            time.sleep(LOAD_SECONDS / layers)
            self.weights[f"layer{layer}"] = 1 / (layer + 1)
        self.words = {"good": 1.0, "great": 2.0, "fine": 0.5, "bad": -1.0}
        self.loaded_at = time.time()

    def score(self, text: str) -> float:
        return sum(self.words.get(word, 0.0) for word in text.lower().split())


model = SentimentModel()
router = APIRouter(tags=["sentiment"])


class Sentiment(BaseModel):
    text: str
    score: float
    mood: str


@router.get("/sentiment")
def sentiment(text: str) -> Sentiment:
    score = model.score(text)
    mood = "happy" if score > 0 else "sad" if score < 0 else "neutral"
    return Sentiment(text=text, score=score, mood=mood)


@router.get("/sentiment/model")
def about_model() -> dict[str, float]:
    return {"loaded_at": model.loaded_at, "layers": len(model.weights)}
