"""Which files does a brief go out as?"""

BRIEF = "executive_brief"
EXPORTS = {"deck.pptx": "Deck (PowerPoint)", "letter.html": "Letter"}
