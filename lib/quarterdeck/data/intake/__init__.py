"""How does an export become a company's source.yaml, without an analyst who writes it by hand?

`look` finds tables and how their files are written, `mappings` and `shapes` say what they are, and `draft` writes it down.
"""
