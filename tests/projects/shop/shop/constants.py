"""Values that half of the shop imports."""

from decimal import Decimal

VERSION = "1.4"
CURRENCY = "EUR"
PAGE_SIZE = 3
MAX_PAGE_SIZE = PAGE_SIZE * 10
VAT = Decimal("0.20")
COUNTRIES = ("at", "ch", "de")
GREETINGS = {"at": "servus", "ch": "grüezi", "de": "moin"}
