"""The text that made-up records are made of: scripts, punctuation and sizes that exports have stumbled over."""

from __future__ import annotations

NAMES = (
    "Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra", "Barbara Liskov", "Donald Knuth",
    "Tony Hoare", "Radia Perlman", "Ken Thompson", "Frances Allen", "Niklaus Wirth", "John Backus",
    "Ayşe Yılmaz", "Çağrı Öztürk", "İsmail Güneş", "Şule Iğdır", "Νίκος Παπαδόπουλος", "Ελένη Κωνσταντίνου",
    "Иван Петров", "Ольга Щербакова", "Jürgen Müßig", "Zoë Brontë", "Łukasz Żółw", "Seán O'Brien",
    "王小明", "佐藤花子", "김민수", "Trần Thị Hòa",
)  # fmt: skip
FARTHER_NAMES = ("שרה כהן", "محمد علي", "สมชาย ใจดี", "अमित शर्मा", "გიორგი მაისურაძე", "አበበ ቢቂላ")
"""Scripts that a text file holds as well as any, and few fonts."""
DATE_TEXTS = (
    "2026-01-05", "2026-01-05T10:30:00+03:00", "2026-01-05T10:30:00.123456Z", "05.01.2026", "1/2/2026", "10:30",
)  # fmt: skip
"""Texts that a reader of dates would write otherwise."""
DIGIT_TEXTS = (
    "1.10", "4111111111111111111", "+491234567", "TRUE", "1e5", "00123", "0x1A", "1,5", "-0", " 7", "NaN", "Infinity",
)  # fmt: skip
"""Texts that a reader of numbers would write otherwise."""
TYPED_NOTES = ("12 € – 30 ₺", "“so it is”…", "Brand™ © ‘24", "½ × 3 ≤ 2 → no")
"""Currencies and marks that the old one-byte encodings lack, in part."""
COMBINED_NOTES = (
    "cafe\u0301 cre\u0300me",
    "Vie\u0323\u0302t Nam",
    "x\u0304 = y\u0307 + q\u0303",
    "m\u0302 und n\u0308",
)
"""Letters with marks of their own behind them, some of which make one letter and some of which do not."""
MARKUP_NOTES = ("<b>x</b>", "a < b > c", "&lt;", "&amp;amp;", "<!-- -->", "%3Cp%3E", "${x} {{y}} %s \\u0041")
UNSEEN_NOTES = ("می\u200cخواهم", "a\u200bb", "soft\u00adhyphen", "a\u2060b", "Ａ１", "ﬁ", "\ttab first")
"""Letters that normalising removes or replaces."""
DEPARTMENTS = ("Sales", "Ops", "Legal", "R&D", "HR", "Finanzen", "Müşteri", "Склад", "営業")
PLAIN_NOTES = ("paid", "open", "on hold", "second reminder", "ok", "see file", "новый", "εντάξει", "tamamlandı", "済み")
QUOTED_NOTES = (
    'said "yes"', "a, b, c", '"', '""', ",", 'ends with "', "semi;colon", "tab\there", "it's; fine, \"really\"",
    "=1+2", "@home", "-5 %", "+49 30 1234",
)  # fmt: skip
MARKED_NOTES = ("<b>bold</b> & co", "(left open", "50 % \\(of it\\)", "C:\\temp\\new")
"""What a page description or a markup language would take for its own."""
BROKEN_NOTES = ("line one\nline two", "dos\r\nbreak", "lone\rreturn", "\nleading", "trailing\n", "two\n\nbreaks")
SPACED_NOTES = ("  leading", "trailing  ", "  both  ", "   ", "wide\u3000space")
EMOJI_NOTES = ("👍", "🚀 launched", "family 👨\u200d👩\u200d👧", "flag 🇹🇷", "naïve café ☕")
NESTED_NOTES: tuple[object, ...] = (
    ["red", "green"],
    {"street": "Hauptstraße 5", "zip": 10115},
    [1, 2.5, None, True],
    {"a": [{"b": 'quoted "c"'}]},
    [],
    {},
    {"id": 9007199254740993, "share": 0.1},
    [[[[[[1]]]]]],
    {"gone": None, "empty": "", "zero": 0, "no": False, "in": [None, {"gone": None}], "yes": True},
)
SENTENCES = (
    "Delivered late because the bridge was closed.",
    "Müşteri faturayı ödedi, teşekkür etti.",
    "Ο πελάτης ζήτησε νέα προσφορά.",
    "Клиент просит перезвонить завтра утром.",
    "請確認收貨地址後再出貨。",
    "Größe und Farbe wie besprochen.",
    "The second parcel follows next week.",
)
BIG_INTEGERS = (2**53 + 1, -(2**53) - 1, 2**63 - 1, 10**18 + 7, 123456789012345678901234567890)
ODD_FLOATS = (1e-7, 1.5e300, 0.1, -273.15, 5e-324, 1e21, 123456.789012345, 2.5e-5, 0.30000000000000004, 1 / 3)
